"""One file a command group; each has `register(app)` and imports nothing heavy."""
