"""Outlines in the forms that people write and edit."""
