"""What a user asks for, checked whole before anything is stored or loaded: one document, or a file of them.

A file is JSON Lines: each line a prompt as a JSON string, or an object with `prompt` and any of the
fields of `FIELDS`. Options of the command line hold for the lines that do not say otherwise.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, cast

from concepts.errors import InputError, LonghandError, SpaceMismatchError, UsageError, shorten
from longhand.prompts import (
    DEFAULT_LANG,
    DEFAULT_SEED,
    MAX_OUTLINE_DEPTH,
    check_choice,
    check_depth,
    check_key,
    check_language,
    check_priority,
    check_prompt,
    check_sections,
    check_seed,
    check_translation,
)
from longhand.showing.terminal import say

if TYPE_CHECKING:
    from typing import TypeAlias, Unpack

    import numpy as np
    from numpy.typing import NDArray

    from concepts.models.card import Kind
    from flows.document.options import Length, SpokenPrompt
    from longhand.outline.outlines import UserOutline
    from storage import DocumentRecord, NewDocument, Store

    Sound: TypeAlias = NDArray[np.float32]

KINDS: tuple[Kind, ...] = ("space", "planner", "writer")
MAX_LINES = 100_000
MAX_FILE_BYTES = 100_000_000


class Wishes(TypedDict, total=False):
    """What may be said about a document beside its prompt."""

    sections: int | None
    depth: int | None
    length: str | None
    """Of sections: short, medium or long."""
    lang: str
    prompt_lang: str | None
    seed: int
    goal: str | None
    outline: UserOutline | None
    space: str | None
    planner: str | None
    writer: str | None
    voice: str | None
    library: str | None
    """What sections are written from; "none": nothing."""
    steps: int | None
    """Diffusion steps of planner and writer."""
    guidance: float | None
    """Classifier-free guidance of planner and writer."""
    review: bool
    priority: int
    key: str | None
    speech: Path | None
    """An audio file instead of a prompt."""
    plan_only: bool
    """Whether to stop after the outline; no writer is needed then."""


FIELDS: dict[str, tuple[type, ...]] = {
    "prompt": (str,),
    "sections": (int,),
    "depth": (int,),
    "length": (str,),
    "lang": (str,),
    "prompt_lang": (str,),
    "seed": (int,),
    "goal": (str,),
    "outline": (str, list),
    "space": (str,),
    "planner": (str,),
    "writer": (str,),
    "voice": (str,),
    "library": (str,),
    "steps": (int,),
    "guidance": (float, int),
    "review": (bool,),
    "priority": (int,),
    "key": (str,),
}
"""Fields of a line, with the JSON types they take; an outline is Markdown, or a list of headings."""
_TYPE_NAMES = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    list: "a list of texts",
    bool: "true or false",
    Path: "a pathlib.Path",
}
_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "speech": (Path,),
    "plan_only": (bool,),
    "title": (str,),
    "sentences": (int,),
}
"""What is no field of a line."""


def check_wishes(wishes: Mapping[str, object], known: Collection[str]) -> dict[str, Any]:
    """Return what was given by name in Python, names and types checked; None is as good as not given.

    An outline is an outline, the Path of a file, or what a line holds: Markdown, or a list of headings.
    Raises UsageError for a name or type, InputError for an outline.
    """
    checked: dict[str, Any] = {}
    for name, given in wishes.items():
        check_choice("the name of an argument", name, tuple(known))
        if given is None:
            continue
        kinds = _PYTHON_TYPES.get(name) or FIELDS[name]
        if name == "outline" and isinstance(given, Path):
            given = read_outline_file(given, None)
        elif name == "outline" and type(given) in kinds:
            given = _parse_outline(cast("str | list[object]", given), None)
        elif name == "outline" and not hasattr(given, "headings"):
            raise UsageError(f"outline is {given!r:.40}: expected a Path, Markdown or a list of headings")
        elif name != "outline" and not (
            isinstance(given, kinds) and (kinds == (bool,) or type(given) is not bool)
        ):
            wanted = _name_types(kinds)
            raise UsageError(f"{name} is {given!r:.40}: expected {wanted}")
        checked[name] = given
    return checked


def _name_types(kinds: tuple[type, ...]) -> str:
    # A whole number is a number.
    return " or ".join(_TYPE_NAMES[kind] for kind in kinds if kind is not int or float not in kinds)


def make_document(prompt: str, **wishes: Unpack[Wishes]) -> NewDocument:
    """Return a document to be stored; raise InputError, UsageError or ModelError for the first thing wrong."""
    from concepts.languages import check_readable, detect_language
    from flows.document.options import LENGTHS, WritingOptions, check_guidance, check_steps
    from storage import NewDocument

    speech = wishes.get("speech")
    text = check_prompt(prompt) if speech is None else f"Speech: {speech.name}"
    sound = None if speech is None else _listen(speech)
    models = {kind: _installed(kind, wishes.get(kind)) for kind in KINDS}
    lang, prompt_lang = wishes.get("lang", DEFAULT_LANG), wishes.get("prompt_lang")
    _check_one_space(models, needs_writer=not wishes.get("plan_only", False))
    languages = known_languages(models["space"])
    for code in (lang, prompt_lang):
        if code is not None:
            check_language(code, languages)
    sections, depth, outline = wishes.get("sections"), wishes.get("depth"), wishes.get("outline")
    length, voice = wishes.get("length"), wishes.get("voice")
    chosen_depth = check_depth(1 if depth is None else depth)
    check_sections(sections)
    steps, guidance = wishes.get("steps"), wishes.get("guidance")
    check_steps(steps)
    check_guidance(guidance)
    if length is not None:
        check_choice("--length", length, tuple(LENGTHS))
    title: str | None = None
    entries: tuple[tuple[str, str], ...] = ()
    points: tuple[tuple[str, tuple[str, ...]], ...] = ()
    lengths: tuple[tuple[str, int], ...] = ()
    if outline is not None:
        if sections is not None:
            raise UsageError("--outline names the sections itself: leave --sections away")
        title, chosen_depth = outline.title, outline.depth
        entries = tuple((heading.path, heading.text) for heading in outline.headings)
        points = tuple((heading.path, heading.points) for heading in outline.headings if heading.points)
        lengths = tuple((h.path, h.length) for h in outline.headings if h.length is not None)
    goal, key = wishes.get("goal"), wishes.get("key")
    written = text if speech is None else ""
    spoken_in = None
    if speech is not None:
        from concepts.codecs.speech import check_speech

        spoken_in = check_speech(models["space"], prompt_lang or lang)
    goal = None if goal is None else check_prompt(goal, "the goal")
    outline_lang = prompt_lang
    if prompt_lang is None:
        for what, said in (("the prompt", written), ("the goal", goal or "")):
            check_readable(said, languages, what)
        check_readable(". ".join(heading for _, heading in entries), languages, "the outline")
    if entries and outline_lang is None:
        outline_lang = detect_language(". ".join(heading for _, heading in entries), languages, lang)
    options = WritingOptions(
        sections=sections,
        depth=chosen_depth,
        length=cast("Length | None", length),
        goal=goal,
        outline=entries,
        points=points,
        lengths=lengths,
        prompt_lang=prompt_lang
        or (detect_language(f"{written} {goal or ''}", languages, lang) if written or goal else lang),
        outline_lang=outline_lang,
        review=wishes.get("review", False),
        plan_only=wishes.get("plan_only", False),
        space=models["space"],
        planner=models["planner"],
        writer=models["writer"],
        # A folder by its whole path: a worker may start elsewhere.
        voice=str(Path(voice).resolve()) if voice is not None and Path(voice).is_dir() else voice,
        library=_installed_library(wishes.get("library")),
        steps=steps,
        guidance=None if guidance is None else float(guidance),
        # Last: this loads a model.
        speech=None
        if speech is None
        else _encode_speech(speech, sound, str(models["space"]), str(spoken_in)),
    )
    return NewDocument(
        prompt=text,
        lang=lang,
        seed=check_seed(wishes.get("seed", DEFAULT_SEED)),
        title=title,
        params=options.to_params(),
        priority=check_priority(wishes.get("priority", 0)),
        idempotency_key=None if key is None else check_key(key),
    )


def _installed(kind: Kind, name: str | None) -> str | None:
    """Return a model's name as it is stored, a folder by its whole path: a worker may start elsewhere.

    Raises ModelError for a name that is not installed.
    """
    from concepts.models.installed import find_card

    if name is None:
        return None
    card = find_card(kind, name, verify=False)
    return name if name == card.name else str(card.folder)


def _installed_library(name: str | None) -> str | None:
    """Return a library's name as it is stored, as `_installed` does, or that there is to be none.

    Of documents that are named instead, what was left out of them is said.
    """
    from flows.document.options import NO_LIBRARY

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
    """Raise ModelError where a space was named without planner and writer for it, or with those of another."""
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
    from flows.document.options import SpokenPrompt

    card = find_card("space", space, verify=False)
    assert isinstance(card, PublishedCard) and sound is not None
    vector = encode_speech(sound, card, lang, device=device_of_process(), on_note=say)
    return SpokenPrompt.pack(path.name, card.space_id, vector.numpy())


def read_outline_file(path: Path, depth: int | None) -> UserOutline:
    """Read and check an outline for `--outline`, and say on stderr what was left out.

    Levels below `depth` (None: below those that are written) become points. Raises InputError.
    """
    from longhand.outline.outlines import read_outline

    outline = read_outline(path, max_depth=MAX_OUTLINE_DEPTH if depth is None else depth)
    for line in outline.told:
        say(line)
    return outline


def known_languages(space: str | None = None) -> tuple[str, ...]:
    """Return the languages of documents in a space (None: the default one): its card's, and those that texts are
    translated from and into."""
    from concepts.models.card import MODELS_VARIABLE

    return _languages(space, os.environ.get(MODELS_VARIABLE, ""))


@cache
def _languages(space: str | None, _models: str) -> tuple[str, ...]:
    # Once for each setting of the variable that `find_card` reads: a file may hold thousands of lines.
    from concepts.errors import ModelError
    from concepts.models.installed import space_languages
    from concepts.space.config import LANGS

    try:
        return tuple(dict.fromkeys((*(space_languages(space) or ()), *LANGS)))
    except ModelError:
        # Whoever loads the space says what is wrong with it.
        return LANGS


def is_translation_due(store: Store, document: DocumentRecord, lang: str) -> bool:
    """Return whether a document lacks text in a language that it can have.

    Raises UsageError for one that its space does not know, FlowError where it is not written yet.
    """
    from flows.run import check_translatable, is_translated

    space = None if document.space is None else document.space.name
    check_translation(lang, known_languages(space), space or "", document.lang)
    check_translatable(document, lang)
    return not is_translated(store, document.id, lang)


def check_models() -> None:
    """Raise ModelError where one of the models that new documents get is not installed; loads none."""
    from concepts.models.installed import find_card

    for kind in KINDS:
        card = find_card(kind, verify=False)
        card.verify(())  # of one that is to be downloaded: whether it is
        for file in card.files:
            if not card.path(file).is_file():
                raise InputError(f"{card.name}: {card.path(file)} is missing: run `longhand doctor`")


def read_documents(path: Path, **defaults: Unpack[Wishes]) -> list[tuple[NewDocument, bool]]:
    """Read and check a file of prompts (`-`: stdin), all of it; raise InputError with line and reason.

    With each document comes whether its line or the defaults name a seed. With a `key` among the defaults,
    lines without one of their own get `KEY/LINE`.
    """
    name = "stdin" if str(path) == "-" else str(path)
    lines = list(_lines(_read_text(path, name)))
    if not lines:
        raise InputError(f"{name} holds no prompt: write one JSON string or object a line")
    if len(lines) > MAX_LINES:
        raise InputError(f"{name} holds {len(lines):,} prompts, at most {MAX_LINES:,} are read: split it")
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
        found.append((new, "seed" in wishes))
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
    # Only a line feed ends a line of JSON; str.splitlines knows more, which may stand inside texts.
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
    wishes: Wishes = {**defaults}
    key = wishes.get("key")
    if key is not None:
        wishes["key"] = f"{key}/{number}"
    for field, given in value.items():
        check_choice("the name of a field", field, tuple(FIELDS))
        if type(given) not in FIELDS[field]:  # to isinstance a truth value is a number
            wanted = _name_types(FIELDS[field])
            raise InputError(f"{field} is {json.dumps(given)[:40]}: expected {wanted}")
    if "prompt" not in value:
        raise InputError('there is no "prompt": say what the document is about')
    if "outline" in value:
        wishes["outline"] = _parse_outline(value["outline"], value.get("depth"))
        if "sections" not in value:
            wishes["sections"] = None
    elif "sections" in value:
        wishes["outline"] = None
    wishes.update(_rest(value))
    return value["prompt"], wishes


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return an object's fields; raise InputError where one is there twice, of which only the last would count."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"the field {shorten(twice)!r} is there twice: leave one of them away")
    return fields


def _rest(value: Mapping[str, object]) -> Wishes:
    return {k: v for k, v in value.items() if k not in ("prompt", "outline")}  # type: ignore[return-value]


def _parse_outline(given: str | list[object], depth: int | None) -> UserOutline:
    from longhand.outline.outlines import parse_outline

    if isinstance(given, list):
        if not all(isinstance(heading, str) and "\n" not in heading for heading in given):
            raise InputError("outline is no list of texts of one line each")
        given = "\n".join(map(str, given))
    outline = parse_outline(
        given, name="the outline", max_depth=MAX_OUTLINE_DEPTH if depth is None else check_depth(depth)
    )
    for line in outline.told:
        say(line)
    return outline
