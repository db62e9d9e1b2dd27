"""The engine of this repository's models: loading and calling them."""
