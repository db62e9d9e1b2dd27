"""What the documentation says of the code is so."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_CELL = re.compile(r"((?:`[\w.]+`(?:, )?)+) in \[\w+\.py\]\(\.\./([\w/]+\.py)\)")


def test_the_calls_from_write_to_text_are_functions_of_their_files() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = text.partition("## From `write` to text")[2].partition("\n## ")[0]
    calls = [
        (name, path) for names, path in _CELL.findall(table) for name in re.findall(r"`([\w.]+)`", names)
    ]
    for name, path in calls:
        assert name in _functions(ROOT / path), f"{name} is no function of {path}"
    num_files = len({path for _, path in calls})
    assert (len(calls), num_files) == (19, 11), "say how many there are"


def _functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = {node.name for node in tree.body if isinstance(node, kinds)}
    for owner in tree.body:
        if isinstance(owner, ast.ClassDef):
            found |= {f"{owner.name}.{node.name}" for node in owner.body if isinstance(node, kinds)}
    return found


def test_links_of_the_documentation_lead_somewhere() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), ROOT / "benchmarks" / "README.md"]
    broken = []
    for page in pages:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            path = target.partition("#")[0]
            if (
                path
                and "://" not in path
                and not target.startswith("mailto:")
                and not (page.parent / path).exists()
            ):
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert not broken
