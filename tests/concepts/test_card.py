"""Cards: finding a model, and one line for everything that can be wrong with its folder."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from concepts.card import DEFAULT_NAMES, Kind, ModelCard, find_card, list_cards, read_card, write_card
from concepts.errors import ModelError


def make_model(
    folder: Path, name: str = "toy", kind: Kind = "writer", content: bytes = b"weights"
) -> ModelCard:
    folder.mkdir(parents=True)
    (folder / "model.bin").write_bytes(content)
    return write_card(
        folder,
        name=name,
        kind=kind,
        version=1,
        file_names=["model.bin"],
        config={"concept_dim": 4},
        space="space@0123456789ab",
        data="made up",
        recipe="none",
        steps=3,
        figures={"loss": 1.23456},
        licence="none",
    )


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is searched for models."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("LONGHAND_MODELS", str(folder))
    return folder


def one_line(error: pytest.ExceptionInfo[ModelError]) -> str:
    text = str(error.value)
    assert "\n" not in text and text
    return text


def test_a_written_card_reads_back(models: Path) -> None:
    written = make_model(models / "toy")
    assert read_card(models / "toy") == written
    assert written.figures == {"loss": 1.2346}
    assert written.path("model.bin").read_bytes() == b"weights"


def test_a_model_is_found_by_name_by_folder_and_in_a_folder_named_directly(
    models: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    card = make_model(models / "toy")
    assert find_card("writer", "toy") == card
    assert find_card("writer", str(models / "toy")) == card
    monkeypatch.setenv("LONGHAND_MODELS", os.pathsep.join((str(tmp_path / "absent"), str(models / "toy"))))
    assert find_card("writer", "toy") == card
    monkeypatch.chdir(models)
    assert find_card("writer", "./toy").model_id == card.model_id


def test_the_same_name_may_belong_to_one_model_of_each_kind(models: Path) -> None:
    writer = make_model(models / "a", "twin", "writer")
    planner = make_model(models / "b", "twin", "planner")
    assert find_card("writer", "twin") == writer and find_card("planner", "twin") == planner


def test_without_a_name_the_default_of_the_kind_is_wanted(models: Path) -> None:
    for number, (kind, name) in enumerate(DEFAULT_NAMES.items()):
        make_model(models / str(number), name, kind)  # type: ignore[arg-type]
        assert find_card(kind).folder == models / str(number)  # type: ignore[arg-type]


def test_the_id_depends_on_the_files_and_the_name_alone(tmp_path: Path) -> None:
    one = make_model(tmp_path / "one")
    assert make_model(tmp_path / "same").model_id == one.model_id
    assert make_model(tmp_path / "other", content=b"weightz").model_id != one.model_id
    name, digest = one.model_id.split("@")
    assert name == "toy" and len(digest) == 12 and int(digest, 16) >= 0


def test_every_listed_model_has_a_card(models: Path) -> None:
    make_model(models / "toy")
    (models / "not-a-model").mkdir()
    names = [card.name for card in list_cards()]
    assert "toy" in names and "not-a-model" not in names


def test_an_unknown_name_lists_the_known_ones(models: Path) -> None:
    make_model(models / "toy")
    make_model(models / "space", "toy-space", "space")
    with pytest.raises(ModelError) as error:
        find_card("writer", "tow")
    text = one_line(error)
    assert "no writer named 'tow'" in text and "toy" in text and "toy-space" not in text


def test_a_folder_without_a_card_is_not_a_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"is not a model: it has no card\.json") as error:
        find_card("space", str(tmp_path))
    one_line(error)
    with pytest.raises(ModelError, match="is not a model"):
        find_card("space", str(tmp_path / "absent"))


def test_a_file_in_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ModelError) as error:
        find_card("space", str(tmp_path / "file"))
    one_line(error)


def test_another_kind_is_named(models: Path) -> None:
    make_model(models / "toy")
    with pytest.raises(ModelError, match="holds a writer, expected a planner") as error:
        find_card("planner", str(models / "toy"))
    one_line(error)


def test_a_changed_file_is_found_unless_not_asked_for(models: Path) -> None:
    make_model(models / "toy")
    (models / "toy" / "model.bin").write_bytes(b"weightz")
    with pytest.raises(ModelError, match=r"has checksum .* its card says .* damaged or was changed") as error:
        find_card("writer", "toy")
    assert "model.bin" in one_line(error)
    assert find_card("writer", "toy", verify=False).name == "toy"


def test_a_missing_file_is_named(models: Path) -> None:
    make_model(models / "toy")
    (models / "toy" / "model.bin").unlink()
    with pytest.raises(ModelError, match=r"toy: .*model\.bin is missing; install Longhand again") as error:
        find_card("writer", "toy")
    one_line(error)


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: raw[:40],
        lambda raw: "",
        lambda raw: "[]",
        lambda raw: "null",
        lambda raw: json.dumps({k: v for k, v in json.loads(raw).items() if k != "files"}),
        lambda raw: json.dumps(json.loads(raw) | {"files": {}}),
        lambda raw: json.dumps(json.loads(raw) | {"kind": "poet"}),
        lambda raw: json.dumps(json.loads(raw) | {"unknown": 1}),
        lambda raw: json.dumps(json.loads(raw) | {"folder": "/etc"}),
        lambda raw: "\udcff",
    ],
    ids=["cut", "empty", "list", "null", "no-files", "zero-files", "kind", "unknown", "folder", "not-utf8"],
)
def test_a_damaged_card_is_one_line(models: Path, damage: object) -> None:
    make_model(models / "toy")
    path = models / "toy" / "card.json"
    assert callable(damage)
    path.write_bytes(damage(path.read_text()).encode(errors="surrogateescape"))
    with pytest.raises(ModelError, match=r"the card .*card\.json cannot be read") as error:
        find_card("writer", "toy")
    one_line(error)
