"""Word files to headings and blocks of text."""
