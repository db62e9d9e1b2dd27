"""`--help`: commands in groups, whole descriptions, an example in every command's; what a shell offers after Tab."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from longhand.app import COMMANDS, make_app
from longhand.showing.helping import EXAMPLES, GROUPS
from storage import NewDocument, Store


def all_commands() -> dict[str, Any]:
    """Return every command by what is typed after `longhand`."""

    def walk(prefix: str, command: Any) -> Iterator[tuple[str, Any]]:
        for name, inner in getattr(command, "commands", {}).items():
            yield f"{prefix}{name}", inner
            yield from walk(f"{prefix}{name} ", inner)

    return dict(walk("", typer.main.get_command(make_app([]))))


def test_every_command_is_in_one_group() -> None:
    grouped = [name for names in GROUPS.values() for name in names]
    assert sorted(grouped) == sorted(name for names in COMMANDS.values() for name in names)


def test_descriptions_are_whole_at_the_terminals_width(run, monkeypatch: pytest.MonkeyPatch) -> None:
    for width in ("60", "120"):
        monkeypatch.setenv("COLUMNS", width)
        shown = run("--help").stdout
        assert max(map(len, shown.splitlines())) <= int(width)
        assert [line.strip(":") for line in shown.splitlines() if line[:1].isupper()][2:] == [
            *GROUPS,
            "Examples",
        ]
        words = " ".join(shown.split())
        for name in GROUPS["Write"]:
            first = (all_commands()[name].help or "").split("\n\n")[0]
            assert " ".join(first.split()) in words


def test_a_group_within_shows_all_its_commands_under_one_name(run) -> None:
    groups = {name: command for name, command in all_commands().items() if getattr(command, "commands", None)}
    assert {"schedules", "corpus"} <= set(groups)
    for name, group in groups.items():
        shown = run(name, "--help").stdout
        assert "\nCommands:\n" in shown and "\nWrite:" not in shown
        listed = {line.split()[0] for line in shown.splitlines() if line.startswith("  ")}
        assert {inner for inner, command in group.commands.items() if not command.hidden} <= listed


def test_every_command_shows_an_example_that_can_be_typed(run) -> None:
    commands = all_commands()
    leaves = {name for name, command in commands.items() if not getattr(command, "commands", None)}
    assert leaves <= set(EXAMPLES) - {""} <= set(commands)
    whole = [(line.split()[0], line) for line in EXAMPLES[""]]
    for name, lines in [(n, lines) for n, lines in EXAMPLES.items() if n] + [
        (n, (line,)) for n, line in whole
    ]:
        for line in lines:
            assert line == name or line.startswith(f"{name} ")
            words = shlex.split(line)[len(name.split()) :]
            # Raises where an option or an argument is unknown or missing.
            commands[name].make_context(name, words)
    shown = run("schedules", "pause", "--help").stdout
    assert shown.endswith("Example:\n  longhand schedules pause garden\n")
    assert "\nExamples:\n" in run("export", "--help").stdout
    assert run("--help").stdout.endswith("\n  longhand inspect --open\n")


def offered(run, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return what a shell is offered at the end of a line."""
    monkeypatch.setenv("_LONGHAND_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
    with pytest.raises(SystemExit):
        run()
    return capsys.readouterr().out.split()


def test_a_shell_is_offered_ids_statuses_languages_and_formats(
    run, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    document = store.create_document(NewDocument(prompt="tea", lang="eng_Latn"))
    for line, expected in (
        (f"show {document.id[:4]}", [document.id]),
        (f"export {document.id} ", [document.id]),
        ("show zz", []),
        ("ls --status pl", ["planning", "planned"]),
        ("translate x --lang de", ["deu_Latn"]),
        ("export --format e", ["epub"]),
        ("sched", ["schedule", "schedules"]),
        ("ls --sort u", ["updated"]),
        ("search tea --by m", ["meaning"]),
        ("cancel --status f", []),  # what has failed cannot be cancelled
        ("write --length l", ["long"]),
        ("write --planner out", ["outline-mini"]),
        ("train w", ["writer"]),
        ("schedules pause ", []),  # without a server
    ):
        assert offered(run, f"longhand {line}", monkeypatch, capsys) == expected, line
    monkeypatch.setenv("LONGHAND_DATABASE_URL", "nonsense")
    assert offered(run, "longhand show ", monkeypatch, capsys) == []
