"""Backup, export and deletion by age."""
