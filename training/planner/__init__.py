"""Training and measuring the outline model."""
