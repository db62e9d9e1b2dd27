"""HTML pages to headings and blocks of text."""
