"""`--help`: commands in groups with their whole descriptions, and an example under every command's options."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

MAX_WIDTH = 120
"""Widest line of help in cells; longer ones are hard to read."""

GROUPS = {
    "Write": ("write", "resume", "translate", "plan", "summarize", "expand"),
    "Look": ("ls", "show", "search", "diff", "refine", "inspect", "export"),
    "Change": ("outline", "approve", "rewrite", "rm"),
    "Queue": ("submit", "worker", "up", "down", "status", "priority", "pause", "cancel", "requeue"),
    "Schedule": ("schedule", "schedules"),
    "Train": ("corpus", "train", "evaluate", "models"),
    "Maintain": ("doctor", "backup", "restore", "gc"),
}
"""Commands by purpose, in the order of `longhand --help` (a test checks that it is complete)."""

EXAMPLES = {
    "": ('write "Ants in the kitchen"', "inspect --open"),
    "write": (
        'write "How to share a folder" --sections 4 --out folder.docx',
        'write "Tea" --outline headings.md',
    ),
    "resume": ("resume 2qdk83", "resume --status failed --queue"),
    "translate": ("translate 2qdk83 --lang deu_Latn --out folder.de.md",),
    "plan": ("plan --from handbook.docx",),
    "summarize": ("summarize handbook.docx --out summary.md",),
    "expand": ("expand notes.md --out long.md",),
    "ls": ("ls --status failed", "ls folder --lang eng_Latn --since 7d --sort updated"),
    "show": ("show 2qdk83",),
    "search": ('search "how do I delete a password"', 'search --by words "shared folder"'),
    "diff": ("diff 2qdk83 --versions 1 3",),
    "refine": ("refine 2qdk83 --item 2",),
    "inspect": ("inspect --open",),
    "export": ("export 2qdk83 --out folder.epub", "export --status done --out-dir texts --format html"),
    "outline": ("outline 2qdk83 --edit", 'outline 2qdk83 --set 2="Who may read it" --approve'),
    "approve": ("approve 2qdk83",),
    "rewrite": ("rewrite 2qdk83 --item 2.1",),
    "rm": ("rm 2qdk83 2qhacd", "rm --status cancelled --yes"),
    "submit": ('submit "How to share a folder"', "submit --file prompts.jsonl --priority 1"),
    "worker": ("worker --batch 4 --drain",),
    "up": ("up --batch 4",),
    "down": ("down",),
    "status": ("status --window 1h",),
    "priority": ("priority 2qdk83 10",),
    "pause": ("pause --status queued",),
    "cancel": ("cancel 2qdk83", "cancel --all"),
    "requeue": ("requeue",),
    "schedule": ('schedule "The week in the garden" --every 7d --name garden',),
    "schedules": ("schedules run-now garden",),
    "schedules ls": ("schedules ls",),
    "schedules pause": ("schedules pause garden",),
    "schedules resume": ("schedules resume garden",),
    "schedules rm": ("schedules rm garden",),
    "schedules run-now": ("schedules run-now garden",),
    "corpus": ("corpus import handbooks --out corpus",),
    "corpus fetch": ("corpus fetch --out sources",),
    "corpus import": ("corpus import handbooks --out corpus",),
    "corpus library": ("corpus library corpus --out handbooks",),
    "train": ("train planner --corpus corpus --out planner",),
    "evaluate": ("evaluate planner --corpus corpus",),
    "models": ("models --json",),
    "models fetch": ("models fetch space", "models fetch voice"),
    "doctor": ("doctor",),
    "backup": ("backup longhand.backup",),
    "restore": ("restore longhand.backup --force",),
    "gc": ("gc --older-than 30d --status done,failed --dry-run",),
}
"""Examples by command, without `longhand`."""


def _write_examples(path: str, formatter: Any) -> None:
    examples = EXAMPLES.get(path.partition(" ")[2])
    if not examples:
        return
    with formatter.section("Examples" if len(examples) > 1 else "Example"):
        # Do not wrap: users copy these lines.
        formatter.write("".join(f"{'':>{formatter.current_indent}}longhand {words}\n" for words in examples))


class Command(TyperCommand):
    """A command whose help ends with examples."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples."""
        _write_examples(ctx.command_path, formatter)


class Group(TyperGroup):
    """Commands whose help shows each with its whole first sentence, by purpose."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, in groups if there are any."""
        known = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        width = max(map(len, known), default=0)
        # a nested group is one section, since its commands may have the names of top-level ones
        sections = GROUPS if ctx.parent is None else {"Commands": tuple(known)}
        for title, names in sections.items():
            rows = [
                (name.ljust(width), " ".join((command.help or "").split("\n\n")[0].split()))
                for name in names
                if (command := known.get(name)) is not None and not command.hidden
            ]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples of a command with subcommands."""
        _write_examples(ctx.command_path, formatter)


def add_help(app: typer.Typer) -> None:
    """Make all commands of an application and its groups show their examples."""
    for command in app.registered_commands:
        command.cls = Command
    for group in app.registered_groups:
        group.cls = Group
        if group.typer_instance is not None:
            add_help(group.typer_instance)
