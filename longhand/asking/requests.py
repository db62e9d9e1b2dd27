"""A user's request for one document, or a file of them, checked completely before anything is stored or loaded.

A file is JSON Lines: each line is a prompt as a JSON string, or an object with `prompt` and any other of `FIELDS`.
Command line options are the defaults of all lines.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, cast

from concepts.counting import counted
from concepts.errors import InputError, LonghandError, SpaceMismatchError, UsageError, shorten
from flows.document.asked.prompts import (
    MAX_OUTLINE_DEPTH,
    check_choice,
    check_key,
    check_language,
    check_prompt,
    check_translation,
    known_languages,
)
from flows.document.asked.wishes import DEFAULT_LANG, DEFAULT_SEED, FILE_WISHES, WISHES, Wish
from longhand.showing.terminal import say

if TYPE_CHECKING:
    from typing import TypeAlias, Unpack

    import numpy as np
    from numpy.typing import NDArray

    from concepts.models.card import Kind
    from flows.document.asked.options import Length, SpokenPrompt
    from longhand.outline.outlines import UserOutline
    from storage import DocumentRecord, NewDocument, Store

    Sound: TypeAlias = NDArray[np.float32]

KINDS: tuple[Kind, ...] = ("space", "planner", "writer")
MAX_LINES = 100_000
MAX_FILE_BYTES = 100_000_000


class CommonWishes(TypedDict, total=False):
    """Wishes for any document, described in `flows.document.asked.wishes`; None: no wish."""

    sections: int | None
    depth: int | None
    lang: str | None
    prompt_lang: str | None
    seed: int | None
    goal: str | None
    space: str | None
    planner: str | None
    writer: str | None
    steps: int | None
    guidance: float | None
    review: bool | None
    priority: int | None
    key: str | None


class Wishes(CommonWishes, total=False):
    """Wishes for a document with a prompt (a test compares them with the table)."""

    length: str | None
    outline: UserOutline | Path | str | list[str] | None
    """A parsed outline, a file, Markdown, or a list of headings."""
    voice: str | None
    library: str | None
    speech: Path | None
    """An audio file instead of a prompt."""
    plan_only: bool | None


class GivenWishes(CommonWishes, total=False):
    """Wishes for a document made from a file (a test compares them with the table)."""

    title: str | None
    sentences: int | None


FIELDS = tuple(name for name, wish in WISHES.items() if wish.is_field)
"""Fields of a line."""
_TYPE_NAMES = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    list: "a list of texts",
    bool: "true or false",
    Path: "a pathlib.Path",
}
_OUTLINE = "a Path, Markdown or a list of headings"


def check_wishes(wishes: Mapping[str, object], table: Mapping[str, Wish]) -> dict[str, Any]:
    """Return the wishes that are not None, with names and types checked; for calls from Python.

    Raises UsageError.
    """
    checked: dict[str, Any] = {}
    for name, value in wishes.items():
        check_choice("the name of an argument", name, [known for known in table if known != "prompt"])
        kinds = table[name].types
        if value is None:
            continue
        if name == "outline":
            is_right, expected = isinstance(value, (*kinds, Path)) or hasattr(value, "headings"), _OUTLINE
        else:
            # isinstance counts a bool as a number
            is_right = isinstance(value, kinds) and (kinds == (bool,) or type(value) is not bool)
            expected = name_types(kinds)
        if not is_right:
            raise UsageError(f"{name} is {value!r:.40}: expected {expected}")
        checked[name] = value
    return checked


def name_types(kinds: tuple[type, ...]) -> str:
    """Return the names of types for a message."""
    # A float includes whole numbers: leave out int.
    return " or ".join(_TYPE_NAMES[kind] for kind in kinds if kind is not int or float not in kinds)


def make_document(prompt: str, **wishes: Unpack[Wishes]) -> NewDocument:
    """Return a document to store; raise InputError, UsageError or ModelError for the first error."""
    from concepts.languages.codes import language_name
    from concepts.languages.detection import (
        check_readable,
        detect_language,
        document_language,
        possible_language,
    )
    from flows.document.asked.options import WritingOptions
    from storage import NewDocument

    outline = _read_outline(wishes.get("outline"), wishes.get("depth"))
    speech = wishes.get("speech")
    text = check_prompt(prompt) if speech is None else f"Speech: {speech.name}"
    sound = None if speech is None else _listen(speech)
    models = {kind: _installed(kind, cast("str | None", wishes.get(kind))) for kind in KINDS}
    plan_only = wishes.get("plan_only") or False
    _check_one_space(models, needs_writer=not plan_only)
    note_left_out()
    languages = known_languages(models["space"])
    asked_lang, prompt_lang = read_languages(wishes, languages)
    check_limits(wishes)
    sections, length, voice = wishes.get("sections"), wishes.get("length"), wishes.get("voice")
    depth, guidance = wishes.get("depth"), wishes.get("guidance")
    title: str | None = None
    entries: tuple[tuple[str, str], ...] = ()
    points: tuple[tuple[str, tuple[str, ...]], ...] = ()
    lengths: tuple[tuple[str, int], ...] = ()
    if outline is not None:
        if sections is not None:
            raise UsageError("--outline names the sections itself: leave --sections out")
        title, depth = outline.title, outline.depth
        entries = tuple((heading.path, heading.text) for heading in outline.headings)
        points = tuple((heading.path, heading.points) for heading in outline.headings if heading.points)
        lengths = tuple((h.path, h.length) for h in outline.headings if h.length is not None)
    goal, key, seed = wishes.get("goal"), wishes.get("key"), wishes.get("seed")
    written = text if speech is None else ""
    spoken_in = None
    if speech is not None:
        from concepts.codecs.speech import check_speech

        spoken_in = check_speech(models["space"], prompt_lang or asked_lang or DEFAULT_LANG)
    goal = None if goal is None else check_prompt(goal, "the goal")
    outline_lang = prompt_lang
    if prompt_lang is None:
        for what, said in (("the prompt", written), ("the goal", goal or "")):
            check_readable(said, languages, what)
        check_readable(". ".join(heading for _, heading in entries), languages, "the outline")
    lang = asked_lang or prompt_lang or document_language(written, languages)
    if entries and outline_lang is None:
        outline_lang = detect_language(". ".join(heading for _, heading in entries), languages, lang)
    read_as = prompt_lang or (
        detect_language(f"{written} {goal or ''}", languages, lang) if written or goal else lang
    )
    if prompt_lang is None:
        for what, said in (("the prompt", written), ("the goal", goal or "")):
            if (other := possible_language(said, languages)) is not None:
                taken = f"{what} is read as {language_name(read_as)}"
                say(f"{taken}, though it may be {other}, which the space does not know")
    typed_in = outline_lang if entries and outline_lang is not None else read_as
    if asked_lang is None and lang != DEFAULT_LANG:
        reads = "reads as" if prompt_lang is None else "is in"
        own, english = language_name(lang), language_name(DEFAULT_LANG)
        say(
            f"the prompt {reads} {own}: the document is in {own} where the library tells of the subject in {own}, else "
            f"in {english}; --lang says which"
        )
    elif asked_lang is None and typed_in != lang == DEFAULT_LANG:
        what, typed = "outline" if entries else "prompt", language_name(typed_in)
        say(
            f"the {what} reads as {typed}, the document is written in {language_name(lang)}: "
            f"--lang {typed_in} writes it in {typed}"
        )
    options = WritingOptions(
        sections=sections,
        depth=depth,
        length=cast("Length | None", length),
        goal=goal,
        outline=entries,
        points=points,
        lengths=lengths,
        prompt_lang=read_as,
        lang_of_prompt=asked_lang is None and lang != DEFAULT_LANG and speech is None and not entries,
        outline_lang=outline_lang,
        review=wishes.get("review") or False,
        plan_only=plan_only,
        space=models["space"],
        planner=models["planner"],
        writer=models["writer"],
        # A folder's full path: a worker may run in another folder.
        voice=str(Path(voice).resolve()) if voice is not None and Path(voice).is_dir() else voice,
        library=_installed_library(wishes.get("library")),
        steps=wishes.get("steps"),
        guidance=None if guidance is None else float(guidance),
        # Last: this loads a model.
        speech=None
        if speech is None
        else _encode_speech(speech, sound, str(models["space"]), str(spoken_in)),
    )
    return NewDocument(
        prompt=text,
        lang=lang,
        seed=DEFAULT_SEED if seed is None else seed,
        title=title,
        params=options.to_params(),
        priority=wishes.get("priority") or 0,
        idempotency_key=None if key is None else check_key(key),
    )


def read_languages(wishes: Mapping[str, Any], known: Sequence[str]) -> tuple[str | None, str | None]:
    """Return the codes of the wishes for languages, of the document and of what is typed; raise UsageError."""
    asked, typed = (
        None if wish is None else check_language(wish, known, say)
        for wish in (wishes.get("lang"), wishes.get("prompt_lang"))
    )
    return asked, typed


def check_limits(wishes: Mapping[str, object]) -> None:
    """Raise UsageError for the first invalid number or choice."""
    for name, value in wishes.items():
        wish = FILE_WISHES[name] if name in FILE_WISHES else WISHES[name]
        if wish.limits is not None:
            wish.check(cast("float | None", value))
        elif wish.choices and value is not None:
            check_choice(wish.flag, str(value), tuple(wish.choices))


def _installed(kind: Kind, name: str | None) -> str | None:
    """Return a model's name as stored, a folder as its full path: a worker may run in another folder.

    Raises ModelError for a name that is not installed.
    """
    from concepts.models.installed import find_card

    if name is None:
        return None
    card = find_card(kind, name, verify=False)
    return name if name == card.name else str(card.folder)


def _installed_library(name: str | None) -> str | None:
    """Return a library's name as stored, like `_installed`; None and `NO_LIBRARY` stay unchanged.

    If documents are named instead, print what was left out of them.
    """
    from flows.document.asked.options import NO_LIBRARY

    if name is None or name == NO_LIBRARY:
        return name
    path = Path(name)
    if not path.exists():
        return _installed("library", name)
    from concepts.library.own import is_own, read_own

    if not is_own(path):
        return _installed("library", str(path.resolve()))
    _, left_out = read_own(path)
    if left_out:
        say(f"{path}: {', '.join(f'{reason} ({count})' for reason, count in left_out.rows())}")
    return str(path.resolve())


def _check_one_space(models: dict[Kind, str | None], *, needs_writer: bool) -> None:
    """Raise ModelError if a space is named without its planner and writer, or with models of another space."""
    from concepts.models.card import find_name_in_space
    from concepts.models.installed import find_card

    if not any(models.values()):
        return
    space = find_card("space", models["space"], verify=False)
    for kind in ("planner", "writer") if needs_writer else ("planner",):
        name = models[kind]
        if name is None:
            find_name_in_space(kind, space.space_id)
            continue
        card = find_card(kind, name, verify=False)
        if card.space != space.space_id:
            raise SpaceMismatchError(
                f"the {kind} {card.name} belongs to the space {card.space}, asked for is {space.space_id}: name "
                f"another one, or train one with `longhand train {kind} --space {space.name}`"
            )


def _listen(path: Path) -> Sound:
    from concepts.codecs.speech import read_audio

    return read_audio(path)


def _encode_speech(path: Path, sound: Sound | None, space: str, lang: str) -> SpokenPrompt:
    """Return the concept of a sound in a published space."""
    from concepts.codecs.speech import encode_speech
    from concepts.models.installed import find_card
    from concepts.models.published import PublishedCard
    from concepts.neural.devices import device_of_process
    from flows.document.asked.options import SpokenPrompt

    card = find_card("space", space, verify=False)
    assert isinstance(card, PublishedCard) and sound is not None
    vector = encode_speech(sound, card, lang, device=device_of_process(), on_note=say)
    return SpokenPrompt.pack(path.name, card.space_id, vector.numpy())


def _read_outline(said: UserOutline | Path | str | list[str] | None, depth: int | None) -> UserOutline | None:
    """Return an outline, parsed and checked if it is not yet; print what was left out of it on stderr.

    Levels below `depth` (None: the deepest level that is written) become points. Raises InputError or UsageError.
    """
    if said is None or not isinstance(said, Path | str | list):
        return said
    from longhand.outline.outlines import parse_outline, read_outline

    max_depth = WISHES["depth"].check(depth) or MAX_OUTLINE_DEPTH
    if isinstance(said, Path):
        outline = read_outline(said, max_depth=max_depth)
    else:
        if isinstance(said, list):
            if not all(isinstance(heading, str) and "\n" not in heading for heading in said):
                raise InputError("outline is no list of texts of one line each")
            said = "\n".join(said)
        outline = parse_outline(said, name="the outline", max_depth=max_depth)
    for line in outline.told:
        say(line)
    return outline


def read_translation(store: Store, document: DocumentRecord, typed: str) -> tuple[str, bool]:
    """Return the code of a typed language, and whether a document lacks text in it.

    Raises UsageError for a language that its space does not know, FlowError if the document is not written yet.
    """
    from flows.run import check_translatable, is_translated

    space = None if document.space is None else document.space.name
    lang = check_translation(typed, known_languages(space), space or "", document.lang, say)
    check_translatable(document, lang)
    return lang, not is_translated(store, document.id, lang)


def note_left_out() -> None:
    """Say on stderr, once, which models of `$LONGHAND_MODELS` cannot be used."""
    from concepts.models.card import MODELS_VARIABLE

    _note_left_out(os.environ.get(MODELS_VARIABLE, ""))


@cache
def _note_left_out(_models: str) -> None:
    # Cached for each value of the variable: a file of prompts may hold thousands of lines.
    from concepts.models.card import examine_cards

    problems = examine_cards()[1]
    if problems:
        more = (
            f"; and {counted(len(problems) - 1, 'other')}, see longhand models" if len(problems) > 1 else ""
        )
        say(f"left out: {problems[0].message}{more}")


def check_models() -> None:
    """Raise ModelError if a model of new documents is not installed; loads none."""
    from concepts.models.installed import find_card

    for kind in KINDS:
        card = find_card(kind, verify=False)
        card.verify(())  # checks whether a model for download is there
        for file in card.files:
            if not card.path(file).is_file():
                raise InputError(f"{card.name}: {card.path(file)} is missing: run `longhand doctor`")


def read_documents(path: Path, **defaults: Unpack[Wishes]) -> list[tuple[NewDocument, bool]]:
    """Read and check a whole file of prompts (`-`: stdin); raise InputError with line and reason.

    Each document comes with whether its line or the defaults set a seed. If the defaults have a `key`, lines
    without a key get `KEY/LINE`.
    """
    name = "stdin" if str(path) == "-" else str(path)
    lines = list(_lines(_read_text(path, name)))
    if not lines:
        raise InputError(f"{name} holds no prompt: write one JSON string or object a line")
    if len(lines) > MAX_LINES:
        raise InputError(f"{name} holds {len(lines):,} prompts, at most {MAX_LINES:,} are read: split it")
    languages = known_languages(defaults.get("space"))
    # Once for all lines, so that a region is noted once.
    defaults["lang"], defaults["prompt_lang"] = read_languages(defaults, languages)
    defaults["outline"] = _read_outline(defaults.get("outline"), defaults.get("depth"))
    found: list[tuple[NewDocument, bool]] = []
    line_of: dict[str, int] = {}
    for number, line in lines:
        try:
            prompt, wishes = _parse_line(line, number, defaults)
            new = make_document(prompt, **wishes)
        except LonghandError as error:
            raise InputError(f"{name}, line {number}: {error}; nothing was queued") from error
        key = new.idempotency_key
        if key is not None and line_of.setdefault(key, number) != number:
            raise InputError(
                f"{name}, line {number}: the key {key!r} is there already (line {line_of[key]}): "
                "give each line its own; nothing was queued"
            )
        found.append((new, wishes.get("seed") is not None))
    return found


def _read_text(path: Path, name: str) -> str:
    try:
        if name == "stdin":
            data = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
        else:
            with open(path, "rb") as file:
                data = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise InputError(f"there is no file {name}: name one with a JSON prompt a line") from error
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror or error}") from error
    if len(data) > MAX_FILE_BYTES:
        raise InputError(f"{name} is larger than {MAX_FILE_BYTES:,} bytes: split it")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError(f"{name}, line {line}: not UTF-8 text: save the file as UTF-8") from error


def _lines(text: str) -> Iterator[tuple[int, str]]:
    # Only a line feed ends a JSON line; str.splitlines also splits at characters that texts may contain.
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, line


def _parse_line(line: str, number: int, defaults: Wishes) -> tuple[str, Wishes]:
    try:
        value = json.loads(line, object_pairs_hook=_distinct)
    except (ValueError, RecursionError) as error:
        raise InputError(f"not JSON ({error}): write a text in quotes, or an object") from error
    if isinstance(value, str):
        value = {"prompt": value}
    if not isinstance(value, dict):
        raise InputError(
            f'got {line.strip()[:40]}: expected a text, or an object such as {{"prompt": "Tea"}}'
        )
    wishes: dict[str, Any] = {**defaults}
    if wishes.get("key") is not None:
        wishes["key"] = f"{wishes['key']}/{number}"
    for field, said in value.items():
        check_choice("the name of a field", field, FIELDS)
        if type(said) not in WISHES[field].types:  # isinstance counts a bool as a number
            raise InputError(
                f"{field} is {json.dumps(said)[:40]}: expected {name_types(WISHES[field].types)}"
            )
    if "prompt" not in value:
        raise InputError('there is no "prompt": say what the document is about')
    for one, other in (("outline", "sections"), ("sections", "outline")):
        if one in value and other not in value:
            wishes[other] = None
    wishes |= value
    return wishes.pop("prompt"), cast("Wishes", wishes)


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return an object's fields; raise InputError for a repeated field, of which only the last would count."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"the field {shorten(twice)!r} is there twice: leave one of them out")
    return fields
