"""`doctor`: what is installed, and what is wrong."""

from __future__ import annotations

from typing import Annotated

import typer

from longhand.showing.terminal import print_json, print_table, say


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("doctor")(doctor)


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Say what is installed, which device, database and weights are used, and what is wrong."""
    from dataclasses import asdict

    from longhand.doing.diagnosis import examine

    findings = examine()
    num_wrong = sum(not finding.is_ok for finding in findings)
    if as_json:
        print_json({"is_ok": num_wrong == 0, "findings": [asdict(finding) for finding in findings]})
    else:
        rows = [("ok" if f.is_ok else "WRONG", f.name, f.value) for f in findings]
        print_table(("", "WHAT", "FOUND"), rows)
        for finding in findings:
            if not finding.is_ok:
                say(f"longhand: {finding.name}: {finding.advice or finding.value}")
    if num_wrong:
        raise typer.Exit(1)
