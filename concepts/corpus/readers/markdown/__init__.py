"""Markdown to headings and blocks of text."""
