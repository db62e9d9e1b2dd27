"""What people feed to Longhand, made up: strategies of hypothesis, and for each the function that reads it.

Every target either returns or raises a LonghandError; anything else is a fault, as is more than `MAX_S` seconds.
`test_fuzz.py` tries each for a moment, `benchmarks/faults/fuzz_inputs.py` for minutes.
"""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from concepts.errors import LonghandError

MAX_S = 10.0
MAX_TIMES = 4000
"""How often a fragment may stand in a row: what is read in squares or cubes of its length shows there."""
LONG_CHARS = 100_000
LONG = {
    "growing runs of backticks": "".join("`" * num + "a" for num in range(1, 450)),
    **{
        f"{fragment!r} in a row": f"# Tea\n{fragment * (LONG_CHARS // len(fragment))}"
        for fragment in ("\n", "[", "![", "[a](", "~")
    },
}
"""Long texts by name. Many patterns are quick on a few thousand marks and take minutes on these."""

Target = Callable[[Any], object]


@dataclass(frozen=True)
class Fuzz:
    """One kind of input."""

    name: str
    inputs: st.SearchStrategy[Any]
    read: Target

    def check(self, given: object) -> None:
        """Read an input; what is wrong with it may be said in one line."""
        try:
            self.read(given)
        except LonghandError as error:
            assert str(error).strip(), "an error says something"


def _rows(fragments: list[str], max_parts: int = 12) -> st.SearchStrategy[str]:
    """Return texts of fragments, some of them many times in a row, with any text between them."""
    many = st.tuples(st.sampled_from(fragments), st.integers(1, MAX_TIMES)).map(
        lambda pair: pair[0] * pair[1]
    )
    part = st.one_of(st.sampled_from(fragments), st.text(max_size=12), many)
    return st.lists(part, max_size=max_parts).map("".join)


MARKDOWN = [
    "# ", "## ", "###### ", "- ", "  - ", "* ", "1. ", "10) ", "\t", "    ", "> ", "\n", "\n\n", "\r\n",
    "```\n", "~~~", "---\n", "***\n", "===\n", "[", "](", ")", "![", "[^1]", "[^1]: ", "**", "*", "_", "`",
    "~~", "|a|b|\n", "|-|-|\n", "<div>", "</div>", "<!--", "-->", "::: tip\n", ":::\n", "{#a length=3}",
    "{: .b}", "&amp;", "&#0;", "\\", "- [ ] ", ": ", "title: a\n", "a: [b, {c: d}]\n", "&x ", "*x ",
    "Tea is made.", "Bienen. ", "\u2028", "\ufeff", "\u0000", "\u202e", "\U0001f41d", "http://a.b/",
]  # fmt: skip
HTML = [
    "<div>", "</div>", "<p>", "<li>", "<ol>", "<ul>", "<table>", "<tr>", "<td>", "</table>", "<h1>", "</h1>",
    "<h7>", "<b>", "<i>", "<a href='#x'>", "</a>", "<span hidden>", "<svg>", "<path/>", "</svg>", "<script>",
    "</script>", "<!--", "-->", "<![CDATA[", "<?xml ", "?>", "<sup><a href='#n'>1</a></sup>", "<li id=n>",
    "<ol class=references>", "<main>", "<nav>", "<header>", "<form>", "<select>", "<br>", "<br><br>",
    "<template>", "<math>", "<frameset>", "<title>", "<meta charset=utf-16>", "&lt;", "&#x110000;", "&", "<",
    ">", "'", "{% a %}", "{{", "}}", "Tea is made. ", "\u00b6", "<dt>", "<dd>", "<div class=note>",
    "<p role=heading aria-level=9>", "<pre>",
]  # fmt: skip
WORD = [
    "<w:p>", "</w:p>", "<w:r>", "</w:r>", "<w:t>", "</w:t>", "<w:t>Tea.</w:t>",
    "<w:p><w:r><w:t>Tea is made.</w:t></w:r></w:p>", "<w:tbl>", "</w:tbl>", "<w:tc>", "</w:tc>", "<w:ins>",
    "</w:ins>", "<w:del/>", "<mc:AlternateContent/>", "<mc:AlternateContent>", "</mc:AlternateContent>",
    "<mc:Choice/>", "<w:txbxContent/>", "<w:fldChar w:fldCharType='begin'/>",
    "<w:fldChar w:fldCharType='end'/>", "<w:fldChar w:fldCharType='separate'/>",
    "<w:instrText>TOC</w:instrText>", "<w:footnoteReference w:id='1'/>", "<w:sdt/>",
    "<w:pPr><w:outlineLvl w:val='1'/></w:pPr>", "<w:pPr><w:outlineLvl w:val='\u00b2'/></w:pPr>",
    "<w:pPr><w:pStyle w:val='a'/></w:pPr>", "<w:pPr><w:numPr><w:numId w:val='1'/></w:numPr></w:pPr>", "<?pi?>",
    "<!-- -->", "&a;", "&#9;", "<drawing/>", "<altChunk/>",
]  # fmt: skip
STYLES = [
    "<w:style w:styleId='a'><w:basedOn w:val='a'/></w:style>", "<w:style/>", "<w:name w:val='heading 1'/>",
    "<w:abstractNum/>", "<w:num w:numId='1'/>", "<w:footnote w:id='1'><w:p/></w:footnote>", "<w:comment/>",
    "<?pi?>", "<x>", "</x>",
]  # fmt: skip
SPACES = "xmlns:w='http://schemas.openxmlformats.org/wordprocessingml/2006/main' xmlns:mc='x'"
URLS = [
    "sqlite:///", "sqlite://", "postgresql://", "postgresql+psycopg://", "mysql://", "user", ":", "secret", "@",
    "host", "/", "//", "?", "mode=ro", "&", "password=x", "%40", "%", "[::1]", ":5432", "longhand.db",
    ":memory:", "..", "~", "\u00fc", " ", "#", "\x00",
]  # fmt: skip
RULES = [
    "FREQ=", "DAILY", "WEEKLY", "YEARLY", "HOURLY", "MINUTELY", ";", "INTERVAL=", "BYDAY=", "MO", ",TU", "+1FR",
    "BYMONTH=", "BYMONTHDAY=", "BYSETPOS=", "BYMINUTE=", "COUNT=", "UNTIL=", "20300131T020000", "Z", "DTSTART:",
    "\n", "RRULE:", "EXDATE:", "1", "-1", "30", "0", "99999999999", "\u0663", " ", "=", ",", ":", "WKST=SU",
    "TZID=Europe/Paris",
]  # fmt: skip
CRON = [
    "*",
    " ",
    "0",
    "5",
    "59",
    "/",
    "-",
    ",",
    "L",
    "#",
    "?",
    "mon",
    "jan",
    "@daily",
    "H",
    "R",
    "99",
    "\u0663",
    "*/7",
    "1-5",
]


def _json() -> st.SearchStrategy[str]:
    names = [
        "prompt",
        "sections",
        "depth",
        "lang",
        "seed",
        "goal",
        "outline",
        "priority",
        "key",
        "length",
        "title",
        "steps",
    ]
    text = st.one_of(st.text(max_size=20), st.sampled_from(["Tea", "eng_Latn", "# A\n\n## B"]))
    leaf = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), text)
    value = st.recursive(leaf, lambda inner: st.lists(inner, max_size=4), max_leaves=6)
    line = st.dictionaries(st.sampled_from(names), value, max_size=6).map(json.dumps)
    fragments = [
        "{",
        "}",
        "[",
        "]",
        '"',
        "prompt",
        ":",
        ",",
        "\\ud800",
        "1",
        "e",
        "\n",
        "null",
        '{"prompt": "Tea"}\n',
        " ",
    ]
    return st.one_of(st.lists(line, max_size=4).map("\n".join), _rows(fragments))


def _read_file(suffix: str) -> Target:
    def read(given: object) -> object:
        from concepts.corpus.importers import read_bytes

        data = given if isinstance(given, bytes) else str(given).encode("utf-8", "surrogatepass")
        return read_bytes(data, suffix, f"given{suffix}")

    return read


def _word(parts: tuple[str, str, bool]) -> bytes:
    body, styles, is_whole = parts
    inner = f"<w:body>{body}</w:body>" if is_whole else body
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, root, content in (
            ("document", "document", inner),
            ("styles", "styles", styles),
            ("footnotes", "footnotes", styles),
        ):
            text = f"<w:{root} {SPACES}>{content}</w:{root}>"
            archive.writestr(f"word/{name}.xml", text.encode("utf-8", "replace"))
    return data.getvalue()


def _outline(given: object) -> object:
    from longhand.outline.outlines import parse_outline

    return parse_outline(str(given))


def _prompts(given: object) -> object:
    from longhand.asking.requests import read_documents

    with tempfile.TemporaryDirectory(prefix="longhand-fuzz-") as folder:
        path = Path(folder) / "prompts.jsonl"
        path.write_bytes(str(given).encode("utf-8", "surrogatepass"))
        return read_documents(path)


def _url(given: object) -> object:
    from storage.database.pool import resolve_url

    return resolve_url(str(given))


def _rule(name: str) -> Target:
    def read(given: object) -> object:
        from flows.prefect.rules import make_rule

        typed = {"cron": None, "every": None, "rrule": None, "at": None, name: str(given)}
        return make_rule(**typed, timezone=None)

    return read


def _texts_or_bytes(fragments: list[str]) -> st.SearchStrategy[str | bytes]:
    return st.one_of(
        _rows(fragments),
        st.binary(max_size=200),
        _rows(fragments, 3).map(lambda text: text.encode("utf-16", "ignore")),
    )


FUZZES = (
    Fuzz("outline", _rows(MARKDOWN), _outline),
    Fuzz("prompts", _json(), _prompts),
    Fuzz("markdown", _texts_or_bytes(MARKDOWN), _read_file(".md")),
    Fuzz("text", _texts_or_bytes(MARKDOWN), _read_file(".txt")),
    Fuzz("html", _texts_or_bytes(HTML), _read_file(".html")),
    Fuzz(
        "word",
        st.one_of(st.tuples(_rows(WORD), _rows(STYLES, 4), st.booleans()).map(_word), st.binary(max_size=80)),
        _read_file(".docx"),
    ),
    Fuzz("url", _rows(URLS, 8), _url),
    Fuzz("rrule", st.lists(st.sampled_from(RULES), max_size=12).map("".join), _rule("rrule")),
    Fuzz("cron", st.lists(st.sampled_from(CRON), max_size=14).map("".join), _rule("cron")),
    Fuzz("at", st.one_of(st.text(max_size=20), st.datetimes().map(str)), _rule("at")),
)
