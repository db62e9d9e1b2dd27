"""sonar-mini: a small concept space on sonar-space's own model classes, trained by this repository."""
