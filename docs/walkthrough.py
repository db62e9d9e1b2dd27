"""Run the commands of docs/walkthrough.md for real and write the page anew: from a prompt to an exported document.

    python docs/walkthrough.py

Uses the models that ship, a database in a temporary folder, and the Longhand that this Python imports.
Takes some minutes. Run it again when the weights change.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGE = HERE / "walkthrough.md"
INTRO = """\
# From a prompt to an exported document

What a terminal shows, recorded by `python docs/walkthrough.py` with the models that ship; nothing is edited by hand.
The words are those of small models; look at what the commands do.
"""
STEPS: list[tuple[str, list[str]]] = [
    (
        "## See the plan first\n\n`--review` stops when the plan is stored.",
        [
            'longhand write "How to share a folder on the network" --sections 4 --seed 3 --review',
            "longhand ls",
        ],
    ),
    (
        "## Change it\n\nA new version is stored; `--approve` lets the document be written.",
        [
            'longhand outline ID --set 2="Choose who may see it" --length 1=4 --length 2=5 --length 3=3 '
            "--length 4=4 --approve",
            "longhand diff ID",
        ],
    ),
    ("A wrong change is refused, and nothing is stored.", ['longhand outline ID --set 9="Printers"']),
    ("## Write it", ["longhand write ID --out folder.md", "head -c 700 folder.md", "longhand outline ID"]),
    (
        "## Edit in your editor\n\n`--edit` opens Markdown; here `sed` is the editor and takes section 4 out and moves "
        "nothing else. What was not changed is not written again.",
        [
            """EDITOR='sed -i "/{#4/d"' longhand outline ID --edit""",
            """EDITOR='sed -i "s/length=5/length=many/"' longhand outline ID --edit""",
        ],
    ),
    (
        "The text of a refused edit is kept in the file that is named.\n\n## One section again",
        ["longhand rewrite ID --item 2 --seed 9", "longhand outline ID --versions", "longhand diff ID"],
    ),
    (
        "## In another language\n\nThe text is encoded again and decoded by the other language's decoder; nothing "
        "is planned or written.",
        ["longhand translate ID --lang deu_Latn --out ordner.md", "head -c 500 ordner.md"],
    ),
    (
        "## Take it along",
        [
            "longhand export ID --out folder.docx",
            "longhand export ID --out folder.epub",
            "longhand export ID --out folder.html",
            "longhand export ID --parquet folder.parquet",
            "ls -1 folder.*",
        ],
    ),
    (
        "## Where the time went, and what is stored",
        ["longhand show ID", 'longhand search "who may read the files" --limit 3'],
    ),
]
LONGEST = 45
"""Lines of one command's output that are shown."""


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        bin_folder = Path(folder) / "bin"
        work = Path(folder) / "work"
        bin_folder.mkdir()
        work.mkdir()
        command = bin_folder / "longhand"
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m longhand "$@"\n')
        command.chmod(0o755)
        path = os.pathsep.join([str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
        environment = {
            **os.environ,
            "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": path,
            "LONGHAND_DATABASE_URL": f"sqlite:///{folder}/longhand.db",
            "XDG_DATA_HOME": f"{folder}/data",
            "TMPDIR": folder,
        }
        shown = [INTRO]
        document_id = ""
        for prose, commands in STEPS:
            shown.append(prose + "\n")
            for typed in commands:
                typed = re.sub(r"\bID\b", document_id, typed)
                print(f"$ {typed}", flush=True)
                done = subprocess.run(
                    typed,
                    shell=True,
                    cwd=work,
                    env=environment,
                    text=True,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    check=False,
                )
                output = done.stdout.replace(folder, "/tmp")
                if not document_id:
                    found = re.search(r"stored as (\w+)", output)
                    if found is None:
                        print(output)
                        return 1
                    document_id = found[1]
                shown.append(block(typed, output))
    PAGE.write_text("\n".join(shown))
    print(f"wrote {PAGE}")
    return 0


def block(typed: str, output: str) -> str:
    """Return a command and its output as a fenced block."""
    lines = [line.rstrip() for line in output.strip("\n").split("\n")]
    if len(lines) > LONGEST:
        lines = [*lines[:LONGEST], "[...]"]
    return "\n".join(["````console", f"$ {typed}", *filter(None, ["\n".join(lines)]), "````", ""])


if __name__ == "__main__":
    raise SystemExit(main())
