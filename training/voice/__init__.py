"""Training the adapter of a voice."""
