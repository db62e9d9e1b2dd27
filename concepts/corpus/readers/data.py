"""Reading a file's bytes by the kind of file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from concepts.corpus.readers.encodings.decode import decode
from concepts.corpus.readers.html.page import read_html
from concepts.corpus.readers.markdown.document import read_markdown
from concepts.corpus.readers.plain.text import read_text
from concepts.corpus.readers.reading import Reading
from concepts.corpus.readers.word.document import read_word

WORD_SUFFIX = ".docx"
_READERS: dict[str, Callable[[str], Reading]] = {
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".html": read_html,
    ".htm": read_html,
    ".xhtml": read_html,
    ".txt": read_text,
    ".text": read_text,
    "": read_text,
}
READABLE_SUFFIXES: tuple[str, ...] = (WORD_SUFFIX, *_READERS)


def read_data(data: bytes, suffix: str) -> Reading:
    """Read a file's bytes; `suffix` is one of `READABLE_SUFFIXES`.

    Raises EncodingError if they are no text, ValueError if the markup is broken.
    """
    if suffix == WORD_SUFFIX:
        return read_word(data)
    decoded = decode(data)
    reading = _READERS[suffix](decoded.text)
    remarks = (decoded.remark, reading.metadata.problem)
    left_out = {name: num for name, num in reading.left_out.items() if num}
    return replace(reading, left_out=left_out, remarks=tuple(filter(None, remarks)))
