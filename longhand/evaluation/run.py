"""An evaluation from its request to its table: write the missing documents, then measure all."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from concepts.counting import counted, is_or_are
from concepts.errors import InputError
from longhand.asking.files import write_atomic
from longhand.evaluation.judges import Materials, load_judges, measure_all
from longhand.evaluation.judging import Judge, Sample
from longhand.evaluation.known_systems import make_system
from longhand.evaluation.prompts import Prompt, PromptSet, load_prompts
from longhand.evaluation.systems import LONGHAND, System, SystemOptions, default_systems, folder_name
from longhand.evaluation.table import Cell, Values, make_table, to_json
from longhand.evaluation.texts import DocumentText, read_text, write_text

FIGURES_FILE = "figures.json"
MIN_MEASURED = 10
"""Least number of documents for meaningful figures."""
OnProgress = Callable[[str, int, int], None]
"""Gets a label, the number done, and the total."""


@dataclass(frozen=True, kw_only=True)
class EvaluationRequest:
    """Options of `longhand evaluate documents`."""

    corpus: Path
    prompts: str
    """`general`, `titles` or a file."""
    num_prompts: int
    systems: tuple[str, ...]
    """Names of systems; empty: the usual ones for these prompts."""
    out: Path
    """Folder of the texts and figures; existing texts are not written again."""
    seed: int
    options: SystemOptions


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The figures of an evaluation."""

    table: Mapping[str, Mapping[str, Cell]]
    """Cells by system and figure."""
    judges: Sequence[tuple[str, tuple[str, ...]]]
    """Names of the judges with their figures, in the order of the table."""
    left_out: Sequence[str]
    """A line for each missing judge."""
    baseline: str | None
    """The system to which the others are compared."""


def evaluate_documents(
    request: EvaluationRequest, *, on_progress: OnProgress, on_missing: Callable[[str], None]
) -> Evaluation:
    """Write the missing documents, measure all, and store texts and figures in `request.out`.

    Fewer than `MIN_MEASURED` documents are only written, for reading. `on_missing` gets a line for each part left out.
    Raises UsageError and InputError, if possible before the first document is written, and the systems' errors;
    written documents stay.
    """
    names = request.systems or default_systems(request.prompts, request.options)
    systems = [make_system(name, request.options) for name in dict.fromkeys(names)]
    prompts = load_prompts(request.prompts, request.corpus, request.num_prompts)
    if request.out.exists() and not request.out.is_dir():
        raise InputError(f"{request.out} is a file: name a folder with --out")
    left_out: list[str] = []
    judges: list[Judge] = []
    if (num := len(prompts.prompts)) < MIN_MEASURED:
        left_out.append(
            f"{counted(num, 'document')} {is_or_are(num)} written, and not measured: "
            f"figures need at least {MIN_MEASURED}"
        )
    else:
        judges = load_judges(Materials(prompts=prompts, corpus=request.corpus), left_out.append)
    for line in left_out:
        on_missing(line)
    texts = {system.name: write_all(system, prompts.prompts, request, on_progress) for system in systems}
    measured = measure_systems(judges, prompts, texts, on_progress)
    baseline = LONGHAND if LONGHAND in texts else None
    table = make_table(measured, baseline=baseline)
    evaluation = Evaluation(
        table=table,
        judges=[(judge.name, judge.figures) for judge in judges],
        left_out=left_out,
        baseline=baseline,
    )
    _store(request, prompts, evaluation, measured)
    return evaluation


def write_all(
    system: System, prompts: Sequence[Prompt], request: EvaluationRequest, on_progress: OnProgress
) -> list[DocumentText]:
    """Return a system's documents; read documents of the same prompt and seed instead of writing them again."""
    folder = request.out / folder_name(system.name)
    documents = []
    for done, prompt in enumerate(prompts, start=1):
        path = folder / f"{prompt.number:02}.md"
        document = read_text(path, prompt=prompt.text, seed=request.seed)
        if document is None:
            write_text(path, system.write(prompt, seed=request.seed), prompt=prompt.text, seed=request.seed)
            # Read it back, so that a resumed evaluation measures the same text as an uninterrupted one.
            document = read_text(path)
        assert document is not None, f"{path} was written a moment ago"
        documents.append(document)
        on_progress(f"{system.name}: documents", done, len(prompts))
    return documents


def measure_systems(
    judges: Sequence[Judge],
    prompts: PromptSet,
    texts: Mapping[str, Sequence[DocumentText]],
    on_progress: OnProgress,
) -> dict[str, dict[str, dict[int, float]]]:
    """Return figures by system, figure name and prompt number."""
    samples = [
        Sample(prompt=prompt, document=document)
        for documents in texts.values()
        for prompt, document in zip(prompts.prompts, documents, strict=True)
    ]
    figures = iter(measure_all(judges, samples, lambda done, total: on_progress("judges", done, total)))
    names = [name for judge in judges for name in judge.figures]
    measured: dict[str, dict[str, dict[int, float]]] = {}
    for system in texts:
        own = {prompt.number: next(figures) for prompt in prompts.prompts}
        measured[system] = {
            name: {number: found[name] for number, found in own.items() if name in found} for name in names
        }
    return measured


def as_json_values(request: EvaluationRequest, evaluation: Evaluation) -> dict[str, object]:
    """Return the figures as plain JSON values."""
    return {
        "prompts": request.prompts,
        "num_prompts": request.num_prompts,
        "seed": request.seed,
        "baseline": evaluation.baseline,
        "left_out": list(evaluation.left_out),
        "systems": to_json(evaluation.table),
    }


def _store(
    request: EvaluationRequest,
    prompts: PromptSet,
    evaluation: Evaluation,
    measured: Mapping[str, Mapping[str, Values]],
) -> None:
    """Store the figures, also of every single document, beside the texts."""
    content = as_json_values(request, evaluation) | {
        "texts": {prompt.number: prompt.text for prompt in prompts.prompts},
        "documents": measured,
    }
    request.out.mkdir(parents=True, exist_ok=True)
    write_atomic(request.out / FIGURES_FILE, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
