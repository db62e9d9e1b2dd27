"""Cards: finding a model, and one line for everything that can be wrong with its folder."""

from __future__ import annotations

import json
import os
from dataclasses import fields
from pathlib import Path

import pytest

from concepts.errors import ModelError
from concepts.models.card import (
    DEFAULT_NAMES,
    Kind,
    ModelCard,
    examine_cards,
    list_cards,
    read_card,
    write_card,
)
from concepts.models.configs import CONFIG_FIELDS
from concepts.models.installed import find_card

CONFIGS: dict[Kind, dict[str, object]] = {
    "space": {"model_dim": 4, "max_seq_len": 8, "langs": ["eng_Latn"]},
    "planner": {"concept_dim": 4},
    "writer": {"concept_dim": 4},
    "voice": {"concept_dim": 4, "base": "smollm2-135m"},
    "library": {"concept_dim": 4},
    "languages": {"langs": ["deu_Latn"], "num_pieces": 9, "model_dim": 4, "rank": 2, "max_seq_len": 8},
}


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
        config=CONFIGS[kind],
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
        lambda raw: json.dumps(json.loads(raw) | {"config": {}}),
        lambda raw: json.dumps(json.loads(raw) | {"config": []}),
        lambda raw: json.dumps(json.loads(raw) | {"config": {"concept_dim": "4"}}),
        lambda raw: json.dumps(json.loads(raw) | {"steps": None}),
        lambda raw: "[" * 100_000,
    ],
    ids=[
        "cut",
        "empty",
        "list",
        "null",
        "no-files",
        "zero-files",
        "kind",
        "unknown",
        "folder",
        "not-utf8",
        "no-sizes",
        "config-list",
        "size-text",
        "no-steps",
        "deep",
    ],
)
def test_a_damaged_card_is_one_line(models: Path, damage: object) -> None:
    make_model(models / "toy")
    path = models / "toy" / "card.json"
    assert callable(damage)
    path.write_bytes(damage(path.read_text()).encode(errors="surrogateescape"))
    with pytest.raises(ModelError, match=r"the card .*card\.json cannot be read") as error:
        find_card("writer", "toy")
    one_line(error)


def test_a_card_that_is_no_object_says_what_is_expected(models: Path) -> None:
    make_model(models / "toy")
    (models / "toy" / "card.json").write_text("[1, 2]")
    with pytest.raises(
        ModelError, match=r"card\.json cannot be read \(it holds \[1, 2\], expected an object\)"
    ):
        find_card("writer", "toy")


def change_card(folder: Path, **changes: object) -> None:
    """Change fields of a card; None takes one away."""
    path = folder / "card.json"
    raw = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({name: value for name, value in raw.items() if value is not None}))


@pytest.mark.parametrize("name", [field.name for field in fields(ModelCard) if field.name != "folder"])
def test_a_card_without_a_field_says_which(models: Path, name: str) -> None:
    make_model(models / "toy")
    change_card(models / "toy", **{name: None})
    with pytest.raises(ModelError, match=rf"card\.json cannot be read \(it has no {name}\)"):
        read_card(models / "toy")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"unknown": 1}, r"it has the field 'unknown', which no card has"),
        ({"steps": "3"}, r"its steps is '3', expected a whole number"),
        ({"files": {}}, "it lists no files"),
        ({"files": {"model.bin": 5}}, "the checksum of model.bin is 5, expected a text"),
        ({"figures": {"loss": "low"}}, "its figure loss is 'low', expected a number"),
        (
            {"kind": "poet"},
            "its kind is 'poet', expected one of space, planner, writer, voice, library, languages",
        ),
        ({"config": []}, r"its config is \[\], expected an object"),
    ],
)
def test_a_wrong_field_says_what_is_expected(models: Path, changes: dict[str, object], expected: str) -> None:
    make_model(models / "toy")
    change_card(models / "toy", **changes)
    with pytest.raises(ModelError, match=rf"card\.json cannot be read \({expected}\)"):
        read_card(models / "toy")


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, known in CONFIG_FIELDS.items() for name in known]
)
def test_every_field_of_every_config_is_checked(models: Path, kind: Kind, name: str) -> None:
    make_model(models / "toy", kind=kind)
    change_card(models / "toy", config=CONFIGS[kind] | {name: [None]})
    expected = CONFIG_FIELDS[kind][name].expected
    with pytest.raises(ModelError, match=rf"its config's {name} is \[None\], expected {expected}"):
        read_card(models / "toy")
    assert expected in examine_cards()[1][0].message


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"num_layers": "four"}, "its config's num_layers is 'four', expected a whole number from 1"),
        ({"num_layers": True}, "its config's num_layers is True, expected a whole number from 1"),
        ({"num_heads": 0}, "its config's num_heads is 0, expected a whole number from 1"),
        ({"dropout": "x"}, "its config's dropout is 'x', expected a number from 0 to below 1"),
        ({"dropout": None}, "its config's dropout is None, expected a number from 0 to below 1"),
        ({"objective": "foo"}, "its config's objective is 'foo', expected one of diffusion, mse"),
        ({"model_dim": 512, "num_heads": 6}, "model_dim 512 must be a multiple of twice num_heads 6"),
        ({"depth": 3}, "its config has 'depth', which this version of Longhand does not know"),
    ],
)
def test_a_wrong_config_says_what_is_expected(models: Path, config: dict[str, object], expected: str) -> None:
    make_model(models / "toy", kind="planner")
    change_card(models / "toy", config={"concept_dim": 4, **config})
    with pytest.raises(ModelError, match=rf"toy/card\.json cannot be read \({expected}\)"):
        find_card("planner", "toy")


@pytest.mark.parametrize("kind", list(CONFIGS))
def test_a_card_without_sizes_names_its_file(models: Path, kind: Kind) -> None:
    make_model(models / "toy", kind=kind)
    path = models / "toy" / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"config": {}}))
    with pytest.raises(
        ModelError, match=r"card\.json cannot be read \(its config's .* is None, expected"
    ) as error:
        find_card(kind, str(models / "toy"))
    one_line(error)


def test_a_broken_card_stops_no_other_model(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = make_model(models / "toy")
    make_model(models / "broken", "named")
    (models / "broken" / "card.json").write_text("{")
    monkeypatch.setenv("LONGHAND_MODELS", os.pathsep.join((str(models), str(models / "absent"))))
    assert find_card("writer", "toy") == sound
    assert "named" not in [card.name for card in list_cards()]
    cards, problems = examine_cards()
    assert sound in cards
    broken, absent = (problem.message for problem in problems)
    assert "broken/card.json cannot be read" in broken
    assert f"LONGHAND_MODELS names {models / 'absent'}, which is no folder" in absent
    with pytest.raises(ModelError, match=r"no writer named 'tow'.*which is no folder") as error:
        find_card("writer", "tow")
    one_line(error)


def test_no_other_model_is_taken_for_one_with_a_broken_card(models: Path) -> None:
    make_model(models / "mine", DEFAULT_NAMES["writer"])
    path = models / "mine" / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"files": {}}))
    with pytest.raises(ModelError, match=r"mine/card\.json cannot be read"):
        find_card("writer")


def test_a_folder_without_models_is_named(models: Path) -> None:
    (problem,) = examine_cards()[1]
    assert f"LONGHAND_MODELS names {models}, which holds no model" in problem.message
