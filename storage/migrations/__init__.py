"""Frozen migrations: none imports this project's code, each has an upgrade test from an old file."""
