"""Outlines as people write and edit them."""
