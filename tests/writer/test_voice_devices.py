"""The voice where it is put: on a device of its own, in bfloat16, spread over memory and disk; the same texts."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from concepts.errors import UsageError
from concepts.neural.processes import process_state
from tests.second_device import DEVICE, SecondDevice
from tests.writer.toy_voice import toy_config
from writer.voice import placement
from writer.voice.adapter import VoiceAdapter
from writer.voice.base import load_base
from writer.voice.cache import register
from writer.voice.config import AdapterConfig
from writer.voice.decode import Rendering, SayOptions, Speaker
from writer.voice.placement import MAP_VARIABLE, Placement, count_parameters, places_of
from writer.voice.voice import SectionSaying, Voice

_DIM = 8
_WORDS = ["tea", "water", "leaves", "Boil", "the", "Dry", "pour", "slowly", "now", "Contents", "1", "2"]
_SIGNS = ["<s>", "\n", " ", ".", "#", "-", ":"]


def _tokenizer() -> PreTrainedTokenizerFast:
    vocabulary = {sign: n for n, sign in enumerate([*_SIGNS, *_WORDS])}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="<s>"))
    made.pre_tokenizer = pre_tokenizers.Split(" ", "isolated")
    return PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", unk_token="<s>")


def _encode(texts: list[str]) -> torch.Tensor:
    rows = [[float(len(text) * (i + 1) % 7) for i in range(_DIM)] for text in texts]
    return torch.nn.functional.normalize(torch.tensor(rows) + 1e-3, dim=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny language model of random weights, as transformers stores one."""
    register()
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("base")
    LlamaForCausalLM(toy_config(len(_SIGNS) + len(_WORDS))).save_pretrained(path)
    _tokenizer().save_pretrained(path)
    return path


def _adapter(base: Any) -> VoiceAdapter:
    config = AdapterConfig(concept_dim=_DIM, hidden_dim=32, num_layers=3, rank=2, injected=(0, 2))
    adapter = VoiceAdapter(config, base)
    generator = torch.Generator().manual_seed(1)
    for parameter in adapter.parameters():
        torch.nn.init.normal_(parameter, std=0.1, generator=generator)
    return adapter.requires_grad_(False)


def _say(
    base: Any, adapter: VoiceAdapter | None, device: torch.device | None = None
) -> list[list[Rendering]]:
    options = SayOptions(temperatures=(0.5, 0.9), max_tokens=5)
    speaker = Speaker(base, adapter, _tokenizer(), _encode, device)
    voice = Voice(speaker, name="toy", checksum="0", options=options)
    concepts = _encode(["Boil the water", "pour"])
    asked = [
        SectionSaying(title="tea", headings=("water", "leaves"), here=here, concepts=concepts, key=(7, here))
        for here in (0, 1)
    ]
    return voice.say_sections(asked)


@pytest.mark.parametrize("has_adapter", [True, False])
def test_a_section_is_the_same_on_a_device_of_its_own(folder: Path, has_adapter: bool) -> None:
    base, _ = load_base(str(folder))
    adapter = _adapter(base) if has_adapter else None
    want = _say(base, adapter)
    assert all(rendering.said.text for section in want for rendering in section)
    with SecondDevice() as device:
        there = copy.deepcopy(base).to(DEVICE)
        got = _say(there, None if adapter is None else adapter.to(DEVICE), DEVICE)
    assert got == want
    assert device.num_operations > 500


@pytest.mark.parametrize("device_map", ["auto", "sequential"])
def test_a_base_too_large_for_memory_is_spread_and_says_the_same(folder: Path, device_map: str) -> None:
    whole, _ = load_base(str(folder))
    adapter = _adapter(whole)
    adapter.merge(whole)
    want = _say(whole, adapter)
    size = 4 * count_parameters(folder)
    little = Placement(device_map=device_map, max_memory={"cpu": int(0.6 * size)})
    spread, _ = load_base(str(folder), little)
    assert places_of(spread, little.device) == "cpu, disk"
    assert {parameter.is_meta for parameter in spread.parameters()} == {True, False}
    adapter = _adapter(spread)
    adapter.merge(spread)
    got = _say(spread, adapter)
    texts = [[[rendering.said for rendering in section] for section in said] for said in (want, got)]
    assert texts[0] == texts[1]


def test_a_base_that_does_not_fit_is_spread_by_itself(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MAP_VARIABLE, raising=False)
    assert "device_map" not in Placement().options(folder, LlamaConfig())
    monkeypatch.setattr(placement, "free_bytes", lambda _: 1_000_000_000)
    options = Placement().options(folder, LlamaConfig())
    assert (options["device_map"], options["max_memory"]) == ("auto", {"cpu": 1_000_000_000})
    gpu = Placement(device=torch.device("cuda", 1))
    assert gpu.options(folder, LlamaConfig())["max_memory"] is None  # all that accelerate finds
    monkeypatch.setattr(process_state(), "num_processes", 2)
    assert gpu.options(folder, LlamaConfig())["max_memory"] == {1: 10**9, "cpu": 10**9}
    monkeypatch.setenv("LONGHAND_DTYPE", "bfloat16")
    assert Placement(is_trained=True).options(folder, LlamaConfig()) == {"dtype": torch.float32}


def test_somebody_may_say_how_it_is_spread(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MAP_VARIABLE, "cpu")
    base, _ = load_base(str(folder))
    assert places_of(base, torch.device("cuda:1")) == "cpu"
    monkeypatch.setenv(MAP_VARIABLE, "everywhere")
    with pytest.raises(UsageError, match="LONGHAND_DEVICE_MAP is 'everywhere': known are auto, balanced"):
        load_base(str(folder))


def test_places_are_named_once(folder: Path) -> None:
    base, _ = load_base(str(folder))
    assert places_of(base, torch.device("cuda:1")) == "cuda:1"
    base.hf_device_map = {"model.embed_tokens": 0, "model.layers.0": 0, "model.layers.1": 1, "lm_head": "cpu"}
    assert places_of(base, torch.device("cuda:0")) == "cuda:0, cuda:1, cpu"


@pytest.mark.parametrize("name", ["bfloat16", "float16"])
def test_a_voice_speaks_in_other_number_formats(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("LONGHAND_DTYPE", name)
    base, _ = load_base(str(folder))
    assert base.dtype == getattr(torch, name)
    adapter = _adapter(base)
    adapter.merge(base)
    said = _say(base, adapter.to(base.dtype))
    assert [len(section) for section in said] == [2, 2]


def test_a_large_base_runs_on_a_gpu_as_it_was_stored(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a small one in float32, wherever it is."""
    monkeypatch.setattr(placement, "free_bytes", lambda _: 10**12)
    config = LlamaConfig(dtype=torch.bfloat16)
    gpu = Placement(device=torch.device("cuda"))
    assert gpu.options(folder, config)["dtype"] == torch.float32
    monkeypatch.setattr(placement, "count_parameters", lambda _: 7_000_000_000)
    assert gpu.options(folder, config)["dtype"] == torch.bfloat16
    assert Placement().options(folder, config)["dtype"] == torch.float32
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "fp16")
    assert gpu.options(folder, config)["dtype"] == torch.float16
