"""Readers of people's files: Markdown, HTML, Word and plain text to headings and blocks of text.

`read_data` is the one door. A reader says what it left out (`Reading.left_out`), so that nothing goes without a word.
"""

from concepts.corpus.readers.data import READABLE_SUFFIXES, read_data
from concepts.corpus.readers.elements import Collector, Element, to_sections
from concepts.corpus.readers.encodings.decode import EncodingError
from concepts.corpus.readers.reading import Metadata, NestingError, Reading, TooLargeError
from concepts.corpus.readers.word.document import KindError

__all__ = [
    "READABLE_SUFFIXES",
    "Collector",
    "Element",
    "EncodingError",
    "KindError",
    "Metadata",
    "NestingError",
    "Reading",
    "TooLargeError",
    "read_data",
    "to_sections",
]
