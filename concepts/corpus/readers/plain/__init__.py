"""Plain text to headings and blocks of text."""
