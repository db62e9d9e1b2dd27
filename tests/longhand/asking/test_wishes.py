"""One table says what a document can be asked; what Python types, pages of the docs and Prefect say agrees with it."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import get_args

import pytest
import typer

from concepts.errors import UsageError
from flows.document.asked.options import LENGTHS, Length, WritingOptions
from flows.document.asked.wishes import FILE_WISHES, WISHES, Wish
from longhand.asking.requests import FIELDS, GivenWishes, Wishes, check_limits, name_types
from longhand.commands import given, queue, schedules, writing
from longhand.web.pages import creating

DOCS = Path(__file__).parents[3] / "docs"
ALL = [*WISHES.values(), *(wish for name, wish in FILE_WISHES.items() if name not in WISHES)]
LIMITED = [wish for wish in ALL if wish.limits is not None]


@pytest.mark.parametrize(("typed", "table"), [(Wishes, WISHES), (GivenWishes, FILE_WISHES)])
def test_the_types_of_python_are_those_of_the_table(typed: type, table: dict[str, Wish]) -> None:
    said = {name: kind.__forward_arg__ for name, kind in typed.__annotations__.items()}
    if typed is Wishes:
        assert said.pop("outline") == "UserOutline | Path | str | list[str] | None"
    expected = {name: f"{wish.types[0].__name__} | None" for name, wish in table.items()}
    assert said == {name: kind for name, kind in expected.items() if name not in ("prompt", "outline")}


def test_what_is_stored_of_a_wish_has_its_name() -> None:
    elsewhere = {"prompt", "lang", "seed", "priority", "key", "title"}
    assert {wish.name for wish in ALL} - elsewhere <= set(WritingOptions.__dataclass_fields__)
    assert tuple(WISHES["length"].choices) == tuple(LENGTHS) == get_args(Length)


def test_every_wish_is_an_option_of_a_command() -> None:
    found: dict[str, list[object]] = {}
    for module in (writing, queue, schedules, given):
        app = typer.Typer()
        module.register(app)
        for command in typer.main.get_command(app).commands.values():
            for option in command.params:
                found.setdefault(option.opts[0], []).append(getattr(option, "help", None))
    for wish in (*WISHES.values(), *FILE_WISHES.values()):
        if wish.name != "prompt":
            assert wish.help in found[wish.flag]


def test_every_field_of_the_web_form_has_a_label_and_every_label_is_in_the_form() -> None:
    assert {name for name, wish in WISHES.items() if wish.label} == {*creating.FIELDS, "review"}


def test_the_form_of_prefect_is_the_signature_of_the_flow() -> None:
    from flows.prefect.isolation import import_prefect

    import_prefect()
    from flows.prefect.flow import write_document
    from flows.prefect.work_pool import FORM

    parameters = inspect.signature(write_document.fn).parameters
    fields = FORM["properties"]
    assert set(parameters) - set(fields) == {"document"}
    for name, field in fields.items():
        assert parameters[name].default == field.get("default")


@pytest.mark.parametrize("wish", LIMITED, ids=lambda wish: wish.name)
def test_a_number_out_of_its_limits_is_refused_by_its_name(wish: Wish) -> None:
    assert wish.limits is not None
    least, most, expected = wish.limits
    for good in (None, least, most):
        assert wish.check(good) == good
        check_limits({wish.name: good})
    for bad in (least - 1, most + 1, float("nan"), True):
        with pytest.raises(UsageError) as refused:
            check_limits({wish.name: bad})
        assert str(refused.value) == f"{wish.called or wish.flag} is {bad}: give {expected}"


def test_the_docs_name_every_field_of_a_line_as_the_table_does() -> None:
    page = (DOCS / "operations.md").read_text()
    rows = [f"| `{name}` | {name_types(WISHES[name].types)} | {WISHES[name].help} |" for name in FIELDS]
    assert "\n".join(("| field | value | meaning |", "|---|---|---|", *rows, "")) in page


def test_the_docs_of_python_name_every_argument() -> None:
    page = (DOCS / "python.md").read_text()
    assert [name for name in {**WISHES, **FILE_WISHES} if name != "prompt" and f"`{name}`" not in page] == []
