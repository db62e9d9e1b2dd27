"""Text to concepts and back: spaces by name, speech, translation."""
