"""`import longhand`: the lines of docs/python.md run, objects follow the store, and importing stays light."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import longhand
from concepts.errors import InputError, ModelError, NotFoundError, UsageError
from flows.leases.lease import claim
from longhand.outline.drafts import EditError

DOCS = Path(__file__).parents[2] / "docs" / "python.md"


@pytest.fixture
def lh(runner):
    with longhand.open() as opened:
        yield opened


def test_the_lines_of_the_documentation_run(runner, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(), flags=re.S)
    exec(compile(block, str(DOCS), "exec"), {})
    printed = capsys.readouterr().out
    assert printed.startswith("1 Heading 1 3\n2 Heading 2 3\n")
    assert "## Heading 4\n\n" in printed
    assert "## Choose who may see it\n\nSentence" in printed
    assert (tmp_path / "folder.md").read_text() in printed
    # One run to plan, one to write what was edited, one to write the section again.
    assert runner.num_runs == 3


@pytest.mark.parametrize("kind", [longhand.Longhand, longhand.Document, longhand.Outline])
def test_the_documentation_names_every_method(kind):
    text = DOCS.read_text()
    for name, value in vars(kind).items():
        if not name.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
            assert inspect.getdoc(value), f"{kind.__name__}.{name} has no docstring"
            assert f"`{name}`" in text or name == "tell", f"{kind.__name__}.{name} is not in {DOCS.name}"


def test_importing_is_light_and_what_is_not_there_is_an_attribute_error():
    code = (
        "import sys, longhand; assert 'open' in dir(longhand)\n"
        "heavy = {'torch', 'prefect', 'sqlalchemy', 'numpy', 'typer', 'storage'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "longhand.open\n"
        "heavy = {'torch', 'prefect', 'numpy', 'typer'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=DOCS.parents[1], check=True)
    with pytest.raises(AttributeError, match="no attribute 'opne'"):
        longhand.opne  # noqa: B018


def test_a_document_follows_the_store(lh, run):
    doc = lh.plan("tea", sections=2)
    assert (doc.status, doc.versions, len(doc.outline)) == ("planned", (1,), 2)
    assert run("resume", doc.id).exit_code == 0
    assert (doc.status, doc.record.prompt) == ("done", "tea")
    assert lh.get(doc.id[:10]).markdown() == doc.markdown()
    assert json.loads(doc.json())["id"] == doc.id
    assert [found.id for found in lh.documents("done")] == [doc.id]
    assert doc.write() is doc
    shapes = {path: vectors.shape for path, vectors in doc.concepts().items()}
    assert shapes == {"1": (3, 4), "2": (3, 4)}
    assert doc.concepts()["1"].dtype == np.float32
    assert doc.attempts is not None
    assert "<h2>" in doc._repr_html_() and "<li>" in doc.outline._repr_html_()
    assert repr(lh).startswith("<longhand.Longhand ")
    doc.delete()
    with pytest.raises(NotFoundError):
        _ = doc.status


@pytest.mark.parametrize("status", ["planned", "writing", "done", "awaiting_review", "queued"])
def test_what_is_planned_is_not_planned_again(lh, runner, status):
    doc = lh.plan("tea")
    if status == "done":
        doc.write()
    elif status == "writing":
        runner.fail_at, runner.error = "decoding", KeyboardInterrupt()
        with pytest.raises(KeyboardInterrupt):
            doc.write()
        runner.fail_at = None
    elif status != "planned":
        lh.store.release(claim(lh.store, doc.id), status)
    before, num_runs = doc.record, runner.num_runs
    assert doc.plan().record == before
    assert runner.num_runs == num_runs
    if status == "planned":
        assert doc.outline.rename("1", "Leaves") and doc.plan().status == "planned"
        assert runner.num_runs == num_runs + 1


def test_outlines_are_changed_by_methods(lh):
    doc = lh.write("tea", sections=3)
    outline = doc.outline.rename("1", "Leaves").move("3", "1").drop("3").add("Milk", after="1", length=5)
    assert [(item.path, item.heading) for item in outline] == [
        ("1", "Heading 3"),
        ("2", "Milk"),
        ("3", "Leaves"),
    ]
    assert (outline.version, outline["2"].planned_length, doc.status) == (5, 5, "planned")
    outline = outline.edit_markdown(outline.markdown().replace("## Milk", "## Cream"))
    assert outline.set_length("1", 7)["1"].planned_length == 7
    assert "## Cream" in doc.write().markdown()
    before = doc.markdown()
    doc.restore(1)
    assert "## Heading 1" in doc.markdown()
    doc.restore(7)
    assert doc.markdown() == before
    with pytest.raises(KeyError):
        outline["9"]


def test_what_is_wrong_is_said_and_nothing_is_stored(lh, tmp_path):
    with pytest.raises(longhand.LonghandError, match="the prompt is empty"):
        lh.plan("")
    assert lh.documents() == []
    doc = lh.plan("tea")
    old = doc.outline
    with pytest.raises(EditError, match="there is no item 9"):
        old.drop("1", "9")
    assert doc.versions == (1,)
    old.drop("1")
    with pytest.raises(InputError, match="changed meanwhile: version 2"):
        old.drop("2")
    with pytest.raises(UsageError, match=r"ends with '.pages'.*one of .md, .json"):
        doc.save(tmp_path / "tea.pages")


def test_a_reviewed_document_waits(lh):
    doc = lh.write("tea", review=True)
    assert doc.status == "awaiting_review"
    with pytest.raises(InputError, match="waits for review"):
        doc.write()
    doc.outline.edit(longhand.Drop("2"), approve=True)
    assert doc.write().status == "done"


def test_events_reach_who_asked(runner):
    seen: list[str] = []
    with longhand.open(on_event=lambda event: seen.append(event.kind)) as lh:
        doc = lh.write("tea")
        assert (seen[0], seen[-1]) == ("starting", "done")
        assert "Satz 1." in doc.translate("deu_Latn").markdown("deu_Latn")
        assert seen[-1] == "decoding"
        assert doc.translate("deu_Latn") is doc
        with pytest.raises(longhand.LonghandError, match="is written in eng_Latn"):
            doc.translate("eng_Latn")
    assert runner.num_runs == 2


def test_an_outline_is_a_file_markdown_or_headings(lh, tmp_path):
    path = tmp_path / "plan.md"
    path.write_text("# Tea\n\n## Water\n\n## Leaves\n")
    for outline in (path, path.read_text(), ["Water", "Leaves"]):
        doc = lh.submit("tea", outline=outline)
        assert [text for _, text in doc.record.params["outline"]] == ["Water", "Leaves"]


def test_a_depth_makes_points_of_deeper_headings(lh):
    doc = lh.submit("tea", outline="# Tea\n\n## Water\n\n### Soft water\n\n## Leaves\n", depth=1)
    assert doc.record.params["outline"] == [["1", "Water"], ["2", "Leaves"]]
    assert doc.record.params["points"] == [["1", ["Soft water"]]]


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"section": 3}, "did you mean sections"),
        ({"sections": "3"}, "sections is '3': expected a whole number"),
        ({"seed": True}, "seed is True: expected a whole number"),
        ({"guidance": "2"}, "guidance is '2': expected a number"),
        ({"guidance": 20}, "--guidance is 20"),
        ({"goal": 5}, "goal is 5: expected a text"),
        ({"outline": 5}, "outline is 5: expected a Path, Markdown or a list of headings"),
        ({"outline": Path("no.md")}, "no.md"),
        ({"speech": "prompt.wav"}, "speech is 'prompt.wav': expected a pathlib.Path"),
    ],
)
def test_wrong_arguments_are_one_line_and_store_nothing(lh, wishes, message):
    with pytest.raises(longhand.LonghandError, match=re.escape(message)):
        lh.submit("tea", **wishes)
    with pytest.raises(longhand.LonghandError, match="the prompt is 5: expected a text"):
        lh.submit(5)
    assert lh.documents() == []


def test_what_is_none_counts_as_not_given(lh):
    assert lh.submit("tea", sections=None, outline=None, lang=None, review=None).record.lang == "eng_Latn"


def test_languages_are_taken_by_name(lh):
    assert lh.submit("Tea", lang="German", prompt_lang="de").record.lang == "deu_Latn"
    assert lh.submit("Wie man ein Hochbeet baut").record.lang == "deu_Latn"
    with pytest.raises(longhand.LonghandError, match="did you mean deu_Latn"):
        lh.submit("Tea", lang="germn")


def test_a_text_is_exported_by_its_languages_name(lh):
    doc = lh.write("tea")
    assert doc.markdown("English") == doc.markdown("eng_Latn") == doc.markdown("en-GB") == doc.markdown()


def test_a_document_shows_its_title_and_status(lh):
    doc = lh.plan("tea", sections=2)
    assert repr(doc) == f"<longhand.Document {doc.id} {doc.title!r} (planned)>"
    doc.delete()
    assert repr(doc) == f"<longhand.Document {doc.id}>"


def test_nothing_is_stored_where_a_model_is_missing(lh, runner):
    runner.fail_at, runner.error = "check", ModelError("the model minilm is not on this machine")
    for make in (lh.plan, lh.write):
        with pytest.raises(ModelError, match="minilm"):
            make("tea")
    assert lh.documents() == []
