"""The systems that can be compared, by name."""

from __future__ import annotations

from collections.abc import Callable

from concepts.errors import UsageError
from flows.document.asked.prompts import check_choice
from longhand.evaluation.baselines import (
    SubjectHidden,
    TrueConcepts,
    TrueOutline,
    Unplanned,
    VoiceAlone,
    WithoutNotes,
)
from longhand.evaluation.systems import (
    FIRST_RELEASE,
    LONGHAND,
    FolderSystem,
    LonghandSystem,
    ShuffledDocument,
    System,
    SystemOptions,
    TrueDocument,
    folder_name,
)


def _first_release(options: SystemOptions) -> System:
    if options.texts is None:
        raise UsageError(f"the system {FIRST_RELEASE!r} is read from files: name their folder with --texts")
    return FolderSystem(FIRST_RELEASE, options.texts / folder_name(FIRST_RELEASE))


def _baseline(kind: type[LonghandSystem]) -> Callable[[SystemOptions], System]:
    return lambda options: kind(space=options.space)


SYSTEMS: dict[str, Callable[[SystemOptions], System]] = {
    LONGHAND: lambda options: LonghandSystem(space=options.space),
    VoiceAlone.name: _baseline(VoiceAlone),
    SubjectHidden.name: _baseline(SubjectHidden),
    WithoutNotes.name: _baseline(WithoutNotes),
    Unplanned.name: lambda options: Unplanned(),
    TrueOutline.name: _baseline(TrueOutline),
    TrueConcepts.name: _baseline(TrueConcepts),
    TrueDocument.name: lambda options: TrueDocument(),
    ShuffledDocument.name: lambda options: ShuffledDocument(),
    FIRST_RELEASE: _first_release,
}
"""Factory of each system; raises UsageError for a missing requirement before anything is written."""


def make_system(name: str, options: SystemOptions) -> System:
    """Return a system by name; raise UsageError if it is unknown or a requirement is missing."""
    return SYSTEMS[check_choice("--system", name, tuple(SYSTEMS))](options)
