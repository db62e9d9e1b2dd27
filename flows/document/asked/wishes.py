"""The wishes that a document accepts: one table for the command line, files of prompts, Python and two forms.

A wish is declared here and nowhere else. `longhand.asking.options` makes command line options from the table,
`longhand.asking.requests` checks lines of a file and arguments in Python against it, and the forms of
`longhand.web.pages.creating` and `flows.prefect.work_pool` show its label and its choices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeVar

from concepts.errors import UsageError

DEFAULT_LANG = "eng_Latn"
DEFAULT_SEED = 7
MAX_SECTIONS = 200
MAX_PRIORITY = 1_000_000

WishKind = Literal[
    "text", "outline", "number", "decimal", "choice", "language", "model", "switch", "key", "audio"
]
TYPES: dict[WishKind, tuple[type, ...]] = {
    "outline": (str, list),
    "number": (int,),
    "decimal": (float, int),
    "switch": (bool,),
    "audio": (Path,),
}
"""Types of a wish's value in JSON and in Python, by kind; values of all other kinds are texts."""
_SCHEMA_TYPES: dict[WishKind, str] = {"number": "integer", "decimal": "number", "switch": "boolean"}
Value = TypeVar("Value", bound=float | None)


@dataclass(frozen=True)
class Wish:
    """One wish that a document accepts."""

    name: str
    """Name of the JSON field, the Python argument and the form field."""
    kind: WishKind
    help: str
    """Help text on the command line."""
    _: KW_ONLY
    label: str = ""
    """Label of its field in a form; empty: no form has it."""
    blank: str = ""
    """Text in a form for an empty value; "": the field starts with the default."""
    default: str | int | bool | None = None
    option: str = ""
    """Option on the command line; empty: `--` and the name."""
    metavar: str | None = None
    called: str = ""
    """Its name in messages; empty: its option."""
    limits: tuple[float, float, str] | None = None
    """Least and greatest value of a number, and a description of valid values for messages."""
    choices: Mapping[str, str] = field(default_factory=dict)
    """Valid values, each with its label in a form."""
    is_field: bool = True
    """Whether a line of a prompt file may hold it."""

    @property
    def types(self) -> tuple[type, ...]:
        """Types of its value in JSON and in Python."""
        return TYPES.get(self.kind, (str,))

    @property
    def flag(self) -> str:
        """Its option on the command line."""
        return self.option or f"--{self.name.replace('_', '-')}"

    def check(self, value: Value) -> Value:
        """Return `value`, None for no wish; raise UsageError if a number is out of its limits."""
        if self.limits is None or value is None:
            return value
        least, most, expected = self.limits
        is_number = isinstance(value, self.types) and not isinstance(value, bool)
        if not is_number or not least <= value <= most:
            raise UsageError(f"{self.called or self.flag} is {value}: give {expected}")
        return value

    def to_json_schema(self) -> dict[str, object]:
        """Return its form field as JSON Schema."""
        schema: dict[str, object] = {
            "type": _SCHEMA_TYPES.get(self.kind, "string"),
            "title": self.label,
            "description": self.help,
        }
        if self.default is not None:
            schema["default"] = self.default
        if self.limits is not None:
            schema["minimum"], schema["maximum"], _ = self.limits
        if self.kind == "choice":
            schema["enum"] = list(self.choices)
        return schema


def _table(*wishes: Wish) -> dict[str, Wish]:
    return {wish.name: wish for wish in wishes}


_MODEL = "the usual one"
WISHES = _table(
    Wish(
        "prompt",
        "text",
        "What the document is about; a word is enough.",
        label="What the document is about",
        default="",
    ),
    Wish("speech", "audio", "Say the prompt: WAV, FLAC, Ogg or MP3.", metavar="FILE", is_field=False),
    Wish(
        "sections",
        "number",
        f"Number of sections, 1 to {MAX_SECTIONS}; else as the prompt says, or as needed.",
        label="Sections",
        blank="any",
        limits=(1, MAX_SECTIONS, f"a number from 1 to {MAX_SECTIONS}"),
    ),
    Wish(
        "depth",
        "number",
        "1: sections; 2: parts with sections; else parts if the prompt asks for a book.",
        label="Levels",
        blank="as the prompt says",
        limits=(1, 2, "1 (sections) or 2 (parts with sections)"),
        choices={"1": "sections", "2": "parts with sections"},
    ),
    Wish(
        "length",
        "choice",
        "Of sections: short, medium or long; else as planned.",
        label="Length of sections",
        blank="as planned",
        choices={"short": "short", "medium": "medium", "long": "long"},
    ),
    Wish(
        "lang",
        "language",
        "Language of the document, by code or name; else the prompt's, or English.",
        label="Language",
        blank="the prompt's",
    ),
    Wish(
        "prompt_lang",
        "language",
        "Language of prompt, goal and outline, where it is not seen by itself.",
        label="Language of what is typed",
        blank="as it reads",
    ),
    Wish(
        "seed",
        "number",
        "The same seed gives the same document.",
        label="Seed",
        default=DEFAULT_SEED,
        limits=(0, 2**63 - 1, "a whole number from 0 to 2**63 - 1"),
    ),
    Wish("goal", "text", "Where the document should arrive.", label="Where it should arrive, if you like"),
    Wish(
        "outline",
        "outline",
        "Your own headings instead of a plan: Markdown, or a list.",
        label="Your own headings instead of a plan, if you like: Markdown, or a list, one a line",
    ),
    Wish("plan_only", "switch", "Stop after the outline.", default=False, is_field=False),
    Wish(
        "review",
        "switch",
        "Stop after the outline until `longhand approve`.",
        label="show me the plan first: nothing is written until I approve it",
        default=False,
    ),
    Wish(
        "space",
        "model",
        "Concept space: a name of `longhand models`, or a folder.",
        label="Concept space",
        blank=_MODEL,
    ),
    Wish("planner", "model", "Planner, where not the space's own.", label="Planner", blank=_MODEL),
    Wish("writer", "model", "Writer, where not the space's own.", label="Writer", blank=_MODEL),
    Wish(
        "voice",
        "model",
        "Voice, where not the space's own: a name, or a language model's folder.",
        label="Voice",
        blank=_MODEL,
    ),
    Wish(
        "library",
        "model",
        "What it is written from, instead of the documents that ship.",
        label="Library",
        blank=_MODEL,
        metavar="NAME|PATH|none",
    ),
    Wish(
        "steps",
        "number",
        "Diffusion steps, 1 to 100; else the models' own.",
        label="Diffusion steps",
        blank="usual",
        limits=(1, 100, "a number of diffusion steps from 1 to 100"),
    ),
    Wish(
        "guidance",
        "decimal",
        "How strongly plan and text follow what they are told, 1 to 10; else the models' own.",
        label="Guidance",
        blank="usual",
        limits=(1.0, 10.0, "a number from 1 (none) to 10"),
    ),
    Wish(
        "priority",
        "number",
        "Above 0: before all others; below 0: after them.",
        label="Priority",
        blank="0",
        default=0,
        called="the priority",
        limits=(-MAX_PRIORITY, MAX_PRIORITY, f"a whole number from -{MAX_PRIORITY:,} to {MAX_PRIORITY:,}"),
    ),
    Wish("key", "key", "The same key never makes a second document.", option="--idempotency-key"),
)
"""Wishes for a document made from a prompt."""
FILE_WISHES = _table(
    Wish("title", "text", "A title, where not the document's own."),
    Wish("sentences", "number", "Length of the summary; else a fifth of the document, at most 20."),
    replace(
        WISHES["sections"], help=f"Group notes without headings into so many sections, 1 to {MAX_SECTIONS}."
    ),
    replace(WISHES["depth"], help="1: sections; 2: parts with sections (the default under headings)."),
    replace(WISHES["lang"], help="Language to write in, where not that of the file."),
    replace(WISHES["prompt_lang"], help="Language of the file, where it is not seen by itself."),
    *(WISHES[name] for name in ("seed", "goal", "space", "planner", "writer", "steps", "guidance")),
    *(WISHES[name] for name in ("review", "priority", "key")),
)
"""Wishes for a document made from a file."""
