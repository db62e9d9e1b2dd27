"""Releasing a planner or writer and loading it again; a bad weight file is one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from concepts.errors import ModelError, NonFiniteError, SpaceMismatchError
from concepts.models.card import ModelCard, read_card
from concepts.models.configs import check_heads
from concepts.models.released import MODEL_FILE, check_space, load_config, load_released
from concepts.models.tensors import save_tensors
from concepts.neural.normalizer import RobustNormalizer
from training.loop import write_json
from training.release import release_model, release_with

SPACE = "toy-space@0123456789ab"


class ToyModel(nn.Module):
    """A layer and a normalizer, as every released model has."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)
        self.norm = RobustNormalizer(4)


@pytest.fixture
def trained(tmp_path: Path) -> tuple[Path, ToyModel]:
    """A run directory and the model whose weights are its best."""
    torch.manual_seed(0)
    model = ToyModel()
    model.norm.fit(torch.randn(50, 4) * 1e-3)
    run_dir = tmp_path / "run"
    (run_dir / "checkpoint").mkdir(parents=True)
    weights = {f"toy.{name}": value for name, value in model.named_parameters()}
    save_tensors(run_dir / "best.safetensors", weights)
    save_tensors(run_dir / "checkpoint" / "average.safetensors", {k: v + 1 for k, v in weights.items()})
    save_tensors(run_dir / "normalizers.safetensors", {f"toy.{k}": v for k, v in model.named_buffers()})
    write_json(run_dir / "checkpoint" / "state.json", {"step": 40})
    write_json(run_dir / "recipe.json", {"model": {"concept_dim": 4}, "space": SPACE})
    return run_dir, model


def release(run_dir: Path, *, newest: bool = False) -> ModelCard:
    return release_model(
        run_dir,
        run_dir.parent / "released",
        root="toy",
        name="toy",
        kind="writer",
        recipe_line="by hand",
        figures={"loss": 0.5},
        newest=newest,
    )


def test_a_released_model_loads_with_quantised_weights_and_exact_normalizers(
    trained: tuple[Path, ToyModel],
) -> None:
    run_dir, model = trained
    card = release(run_dir)
    again = ToyModel()
    load_released(again, card, SPACE)
    half_a_step = model.layer.weight.abs().amax(dim=1, keepdim=True) / 127 / 2
    assert ((again.layer.weight - model.layer.weight).abs() <= half_a_step * 1.001).all()
    assert torch.equal(again.norm.scale, model.norm.scale) and torch.equal(
        again.norm.center, model.norm.center
    )
    assert not again.training and not any(p.requires_grad for p in again.parameters())
    assert (card.space, card.steps, card.config, card.figures) == (
        SPACE,
        40,
        {"concept_dim": 4},
        {"loss": 0.5},
    )
    assert load_file(card.path(MODEL_FILE))["layer.weight"].dtype == torch.int8


def test_the_best_weights_are_released_unless_the_newest_are_wanted(trained: tuple[Path, ToyModel]) -> None:
    run_dir, model = trained
    newest = ToyModel()
    load_released(newest, release(run_dir, newest=True), SPACE)
    torch.testing.assert_close(newest.layer.bias, model.layer.bias + 1, atol=1e-3, rtol=1e-3)
    (run_dir / "best.safetensors").unlink()
    load_released(newest, release(run_dir), SPACE)
    torch.testing.assert_close(newest.layer.bias, model.layer.bias + 1, atol=1e-3, rtol=1e-3)


def test_a_run_without_weights_is_one_line(trained: tuple[Path, ToyModel]) -> None:
    run_dir, _ = trained
    (run_dir / "best.safetensors").unlink()
    (run_dir / "checkpoint" / "average.safetensors").unlink()
    with pytest.raises(
        ModelError, match="holds no weights yet; train for longer with `longhand train writer`"
    ):
        release(run_dir)


def test_a_model_of_another_space_is_refused_before_its_weights_are_read(
    trained: tuple[Path, ToyModel],
) -> None:
    card = release(trained[0])
    card.path(MODEL_FILE).unlink()
    with pytest.raises(
        SpaceMismatchError, match=r"toy was trained in the space toy-space@0123.*of other@1"
    ) as error:
        load_released(ToyModel(), card, "other@1")
    assert "\n" not in str(error.value)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def scramble(path: Path) -> None:
    path.write_bytes(b"\xff" * 300)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("damage", [cut, scramble, empty, remove])
def test_a_weight_file_that_cannot_be_read_is_one_line(
    trained: tuple[Path, ToyModel], damage: Callable[[Path], None]
) -> None:
    card = release(trained[0])
    damage(card.path(MODEL_FILE))
    with pytest.raises(
        ModelError, match=r"model\.safetensors cannot be read .*; install Longhand again"
    ) as error:
        load_released(ToyModel(), card, SPACE)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.update({"layer.weight": torch.zeros(4, 4)}), r"size mismatch for layer\.weight"),
        (lambda t: t.pop("layer.bias"), r"Missing key.*layer\.bias"),
        (lambda t: t.update({"layer.gate": torch.zeros(1)}), r"Unexpected key.*layer\.gate"),
    ],
)
def test_weights_of_another_shape_are_one_line(
    trained: tuple[Path, ToyModel], change: Callable[[dict[str, Tensor]], object], message: str
) -> None:
    card = release(trained[0])
    tensors = load_file(card.path(MODEL_FILE))
    change(tensors)
    save_file(tensors, card.path(MODEL_FILE))
    with pytest.raises(ModelError, match=f"does not fit its card .*{message}.* train it anew") as error:
        load_released(ToyModel(), card, SPACE)
    assert "\n" not in str(error.value)


def test_weights_that_are_no_numbers_are_refused(trained: tuple[Path, ToyModel]) -> None:
    card = release(trained[0])
    tensors = load_file(card.path(MODEL_FILE))
    tensors["layer.weight.int8_scale"][1] = float("nan")
    save_file(tensors, card.path(MODEL_FILE))
    with pytest.raises(NonFiniteError, match=r"layer\.weight holds NaN or infinity"):
        load_released(ToyModel(), card, SPACE)


def add(
    card: ModelCard, folder: Path, what: str, seed: int, *, value: float = 1.0, **figures: float
) -> ModelCard:
    return release_with(
        card,
        folder,
        {f"{what}.safetensors": {"x": torch.full((3,), value)}},
        name=folder.name,
        command=f"longhand train {what}",
        options=f"--seed {seed}",
        figures=figures,
    )


def test_a_file_comes_to_a_model_whose_others_stay_as_they_are(
    trained: tuple[Path, ToyModel], tmp_path: Path
) -> None:
    card = release(trained[0])
    before = {path.name: path.read_bytes() for path in card.folder.iterdir()}
    led = add(card, tmp_path / "led", "compass", 1)
    told = add(led, tmp_path / "told", "meaning", 1)
    assert set(told.files) == {MODEL_FILE, "compass.safetensors", "meaning.safetensors"}
    assert told.files.items() > led.files.items() > card.files.items()
    assert told.path(MODEL_FILE).read_bytes() == before[MODEL_FILE]
    assert told.path("compass.safetensors").read_bytes() == led.path("compass.safetensors").read_bytes()
    assert {path.name: path.read_bytes() for path in card.folder.iterdir()} == before
    assert read_card(told.folder) == told
    told.verify()
    load_released(ToyModel(), told, SPACE)
    kept = ("kind", "version", "config", "space", "data", "steps", "licence")
    assert told.name == "told" and all(getattr(told, name) == getattr(card, name) for name in kept)


def test_a_file_that_comes_again_takes_the_place_of_the_old_one(
    trained: tuple[Path, ToyModel], tmp_path: Path
) -> None:
    first = add(release(trained[0]), tmp_path / "first", "meaning", 1)
    second = add(first, tmp_path / "second", "meaning", 1, value=2.0)
    assert second.files.keys() == first.files.keys() and second.files != first.files
    assert torch.equal(load_file(second.path("meaning.safetensors"))["x"], torch.full((3,), 2.0))
    second.verify()


def test_a_model_may_be_released_again_where_it_lies(trained: tuple[Path, ToyModel], tmp_path: Path) -> None:
    first = add(release(trained[0]), tmp_path / "first", "meaning", 1)
    before = first.path(MODEL_FILE).read_bytes()
    again = add(first, tmp_path / "first", "meaning", 2, value=2.0)
    assert again.path(MODEL_FILE).read_bytes() == before and "--seed 2" in again.recipe
    again.verify()


def test_a_recipe_holds_each_command_once_and_the_last_ends_it(
    trained: tuple[Path, ToyModel], tmp_path: Path
) -> None:
    card = release(trained[0])
    recipes = []
    for number, what in enumerate(("compass", "meaning", "compass", "compass")):
        card = add(card, tmp_path / str(number), what, number)
        recipes.append(card.recipe)
    assert recipes == [
        "by hand; longhand train compass --seed 0",
        "by hand; longhand train compass --seed 0; longhand train meaning --seed 1",
        "by hand; longhand train meaning --seed 1; longhand train compass --seed 2",
        "by hand; longhand train meaning --seed 1; longhand train compass --seed 3",
    ]


def test_figures_come_to_those_that_are_there(trained: tuple[Path, ToyModel], tmp_path: Path) -> None:
    card = add(
        release(trained[0]), tmp_path / "led", "compass", 1, compass_loss=2.25, compass_accuracy=0.123456
    )
    assert card.figures == {"loss": 0.5, "compass_loss": 2.25, "compass_accuracy": 0.1235}
    again = add(card, tmp_path / "again", "compass", 1, compass_loss=2.0)
    assert again.figures == {"loss": 0.5, "compass_loss": 2.0, "compass_accuracy": 0.1235}


def test_a_model_is_of_one_space(trained: tuple[Path, ToyModel]) -> None:
    card = release(trained[0])
    check_space(card, SPACE)
    for other in ("other@1", SPACE.partition("@")[0], ""):
        with pytest.raises(SpaceMismatchError, match="toy was trained in the space toy-space@0123"):
            check_space(card, other)


def test_long_lists_of_missing_weights_are_cut(trained: tuple[Path, ToyModel]) -> None:
    class Deep(ToyModel):
        def __init__(self) -> None:
            super().__init__()
            self.more = nn.ModuleList(nn.Linear(4, 4) for _ in range(9))

    card = release(trained[0])
    with pytest.raises(
        ModelError, match=r'"more\.0\.weight", "more\.0\.bias", "more\.1\.weight" and 15 more\)'
    ) as error:
        load_released(Deep(), card, SPACE)
    assert str(card.path(MODEL_FILE)) in str(error.value)


def test_sizes_that_do_not_go_together_name_the_card(trained: tuple[Path, ToyModel]) -> None:
    def config_class(**_: object) -> None:
        check_heads(512, 6)

    card = release(trained[0])
    with pytest.raises(ModelError, match="model_dim 512 must be a multiple") as error:
        load_config(card, config_class)
    assert str(card.folder) in str(error.value)
