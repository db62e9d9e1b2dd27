"""The models of this repository as an engine: how they are loaded, and what they answer."""
