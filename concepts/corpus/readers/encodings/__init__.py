"""Bytes to text: the encoding of a file from its marks, its declaration or its letters."""
