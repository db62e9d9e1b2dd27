"""Postponing libraries that fairseq2 imports at its start and Longhand never uses: they are imported on first use.

Hugging Face's transformers (for model families that are none of ours), torch's compiler (for a decorator and a
hint) and a client for S3 take half of the time that importing sonar-space takes: 2 s, more from a cold disk.
While fairseq2 is imported, stand-ins replace them; code that uses one later, here or in a program that
imports Longhand, gets the real library.

Stand-ins are the only way: `fairseq2.composition`, which `init_fairseq2` and sonar-space import, imports every model
family of fairseq2 at its top, and no setting leaves one out. Only spaces that fairseq2 loads (such as sonar-mini) need
this module: `write` with the default space, `ls` and `--help` never do. CPU seconds of `start_fairseq2` after `import
torch` (3.4 s), measured on two busy cores: 1.4 with all stand-ins, 2.1 without the one for s3fs, 3.2 without the
compiler's, 5.4 without transformers', 6.3 without any (3 and 15 s of wall time).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from threading import get_ident
from types import ModuleType
from typing import Any, cast

LIBRARY = "transformers"
COMPILER = "torch._dynamo"
UNUSED = ("s3fs",)
"""fairseq2 does without them where they cannot be imported."""


class _LaterClass(type):
    """Stand-in for a class of the library: every use goes to the real class."""

    def _real(cls) -> Any:
        return getattr(import_module(cls.__module__), cls.__name__)

    def __getattr__(cls, name: str) -> Any:
        return getattr(cls._real(), name)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return cls._real()(*args, **kwargs)

    def __instancecheck__(cls, instance: object) -> bool:
        # Nothing is an instance of a class that was never imported.
        return LIBRARY in sys.modules and isinstance(instance, cls._real())

    def __subclasscheck__(cls, subclass: type) -> bool:
        return LIBRARY in sys.modules and issubclass(subclass, cls._real())


class _LaterModule(ModuleType):
    """Stand-in for a module: its names are stand-in classes while fairseq2 is imported, the real ones afterwards."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            return _LaterClass(name, (), {"__module__": self.__name__})
        return getattr(import_module(self.__name__), name)


class _Finder(MetaPathFinder, Loader):
    """Finds stand-ins for the library and its modules, in the thread that made it; others import the real ones."""

    def __init__(self) -> None:
        self._thread = get_ident()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] != LIBRARY or get_ident() != self._thread:
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _LaterModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing."""


class _LaterCompiler:
    """Stand-in for `torch._dynamo`, which fairseq2 calls at every batch, until somebody imports it."""

    @staticmethod
    def maybe_mark_dynamic(tensor: object, index: object) -> None:
        """Ignore a hint for the compiler, which is not loaded."""

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(COMPILER), name)


def _undecorated(fn: Any = None, recursive: bool = True, *, reason: str | None = None) -> Any:
    return _undecorated if fn is None else fn


@contextmanager
def postponed_imports() -> Iterator[None]:
    """Let imports inside the block find stand-ins; modules imported before stay as they are."""
    import torch

    finder = _Finder()
    absent = [name for name in UNUSED if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent, cast(ModuleType, None)))  # importing them is an ImportError
    if LIBRARY not in sys.modules:
        sys.meta_path.insert(0, finder)
    disable = torch.compiler.disable
    if COMPILER not in sys.modules:
        torch.compiler.disable = _undecorated
        # Importing the real one replaces it.
        setattr(torch, COMPILER.partition(".")[2], _LaterCompiler())
    try:
        yield
    finally:
        torch.compiler.disable = disable
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)
        # A copy made in one step: another thread may be importing.
        modules = list(sys.modules.items())
        later = [name for name, module in modules if isinstance(module, _LaterModule)]
        absent = [name for name in absent if sys.modules.get(name, LIBRARY) is None]
        for name in (*absent, *later):
            sys.modules.pop(name, None)
