"""Dispatch to the functions that train, release or evaluate each model; heavy imports stay inside."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from concepts.counting import counted
from concepts.errors import InputError, ModelError, UsageError
from longhand.showing.terminal import say

if TYPE_CHECKING:
    from torch import Tensor

    from concepts.codecs.codec import ConceptCodec
    from concepts.corpus.records import Kind as CorpusKind
    from concepts.corpus.split import Split
    from concepts.models.card import Kind, ModelCard
    from concepts.models.configs import Objective
    from training.loop import Progress
    from training.loop_config import LoopConfig

NUM_TINY_STEPS = 200
"""Default steps of the tiny preset: minutes, to check that the recipe runs."""
WARM_START_RATE = 0.6
"""Factor on the recipe's peak learning rates for a run that starts from trained weights."""
TINY_PIECES = 1_000
"""Vocabulary size for new languages in the tiny preset."""
DRAWN_KINDS: tuple[CorpusKind, ...] = ("guide",)
"""Kinds of documents for which planner and writer draw: the ones that users ask for."""
MIN_HELD_OUT = 10
"""Least number of test documents for meaningful figures."""
RELEASE_FOLDER = "model"
"""Folder, in the run's folder, of the finished model and its card."""

OnCount = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class TrainingRequest:
    """Options of `longhand train`."""

    kind: str
    corpus: Path
    run_dir: Path
    name: str
    """Name on the finished model's card."""
    preset: str
    steps: int | None
    """None: the recipe's number."""
    space: str | None
    """Name or folder of the concept space; None: the one that ships. Not for a space itself."""
    seed: int
    teacher: bool = False
    """Whether a stronger encoder teaches a space; for spaces only."""
    init: str | None = None
    """Name or folder of the model whose weights to start from; None: random weights."""
    objective: Objective = "diffusion"
    """What a planner or writer learns; "mse" is the baseline without noise."""
    langs: tuple[str, ...] | None = None
    """Languages that a space learns beside its own; None: the recipe's."""
    decoder_only: bool = False
    """Whether languages that are trained further keep their vectors."""
    voice: str | None = None
    """Name or folder of the base model of a voice's adapter; None: the one that ships."""
    planner: str | None = None
    """Name or folder of the planner whose draws a voice learns to read; None: none."""
    writer: str | None = None
    """The writer likewise."""
    parts: int | None = None
    """Batches whose gradients a step averages; None: as at the run's start, else one for each process."""
    kept: float | None = None
    """Share of the initial weights in the weights that a run of languages releases; None: the recipe's."""


def start_training(
    request: TrainingRequest,
    *,
    on_progress: Callable[[Progress], None],
    on_embedded: OnCount,
    on_drawn: OnCount = lambda _done, _total: None,
    on_noted: OnCount = lambda _done, _total: None,
) -> tuple[dict[str, float], ModelCard]:
    """Train one model (or continue); return its last evaluation's figures and the finished model's card.

    `on_embedded` gets (done, total) while the space or its teacher embeds the corpus, which happens once; `on_drawn`
    while a writer draws concepts for a voice to read, and `on_noted` while documents get their notes. Processes of
    one launch share the work (training/loop.py), and only rank 0 writes files. Raises UsageError in a launch for
    a space and for languages, which one process trains.
    """
    if os.environ.get("WORLD_SIZE", "1") != "1" and request.kind in ("space", "languages"):
        raise UsageError(
            f"{request.kind} are trained in one process (planner, writer and voice in several): start `longhand train "
            f"{request.kind}` without accelerate launch or torchrun"
        )
    if request.kind == "space":
        return _train_space(request, on_progress, on_embedded)
    if request.kind == "languages":
        return _train_languages(request, on_progress, on_embedded)
    from concepts.neural.processes import is_lost_peer, leave

    try:
        found = _train_shared(request, on_progress, on_embedded, on_drawn, on_noted)
        leave()
    except RuntimeError as error:
        if not is_lost_peer(error):
            raise
        raise ModelError(
            "another process of this launch has ended: the launcher says which; the same command goes on from the "
            "last checkpoint"
        ) from error
    return found


def _train_shared(
    request: TrainingRequest,
    on_progress: Callable[[Progress], None],
    on_embedded: OnCount,
    on_drawn: OnCount,
    on_noted: OnCount,
) -> tuple[dict[str, float], ModelCard]:
    from concepts.codecs.spaces import load_codec
    from concepts.neural.devices import device_of_process
    from concepts.neural.processes import on_main
    from training.corpus.embed import embed_corpus

    codec = load_codec(request.space, device=device_of_process(), on_note=say)
    if request.kind != "voice" or request.planner or request.writer:
        on_main(lambda: embed_corpus(request.corpus, codec, on_progress=on_embedded))
    if request.kind == "voice":
        return _train_voice(request, codec, on_progress, on_embedded, on_drawn, on_noted)
    if request.kind == "planner":
        return _train_planner(request, codec, on_progress)
    return _train_writer(request, codec, on_progress)


def _train_space(
    request: TrainingRequest, on_progress: Callable[[Progress], None], on_taught: OnCount
) -> tuple[dict[str, float], ModelCard]:
    from concepts.space.config import PRESETS
    from training.space.release import release_space
    from training.space.train import SpaceTrainingConfig, train_space

    config = SpaceTrainingConfig(
        model=PRESETS[request.preset], teacher_weight=1.0 if request.teacher else 0.0
    )
    config = replace(config, loop=_loop(config.loop, request))
    init = _init(request)
    figures = train_space(
        request.corpus, request.run_dir, config, init=init, on_progress=on_progress, on_taught=on_taught
    )
    folder = request.run_dir / RELEASE_FOLDER
    return figures, release_space(request.run_dir, folder, name=request.name, figures=figures)


def _train_planner(
    request: TrainingRequest, codec: ConceptCodec, on_progress: Callable[[Progress], None]
) -> tuple[dict[str, float], ModelCard]:
    from planner.config import PlannerConfig
    from training.planner.config import PlannerTrainingConfig
    from training.planner.train import train_planner

    model = PlannerConfig(concept_dim=codec.dim, objective=request.objective)
    if request.preset == "tiny":
        model = replace(model, model_dim=64, num_layers=1, num_heads=2, head_dim=64, num_head_blocks=1)
    config = PlannerTrainingConfig(model=model)
    config = replace(config, loop=_loop(config.loop, request))
    figures = train_planner(
        request.corpus, codec.card, request.run_dir, config, init=_init(request), on_progress=on_progress
    )
    return figures, _release(request, root="outline", kind="planner", figures=figures)


def _train_writer(
    request: TrainingRequest, codec: ConceptCodec, on_progress: Callable[[Progress], None]
) -> tuple[dict[str, float], ModelCard]:
    from training.writer.config import WriterTrainingConfig
    from training.writer.train import train_writer
    from writer.config import WriterConfig

    model = WriterConfig(concept_dim=codec.dim, objective=request.objective)
    if request.preset == "tiny":
        model = replace(model, model_dim=64, num_context_layers=1, num_denoiser_layers=1, num_heads=2)
    config = WriterTrainingConfig(model=model)
    config = replace(config, loop=_loop(config.loop, request))
    figures = train_writer(
        request.corpus, codec, request.run_dir, config, init=_init(request), on_progress=on_progress
    )
    return figures, _release(request, root="writer", kind="writer", figures=figures)


def _train_voice(
    request: TrainingRequest,
    codec: ConceptCodec,
    on_progress: Callable[[Progress], None],
    on_embedded: OnCount,
    on_drawn: OnCount,
    on_noted: OnCount,
) -> tuple[dict[str, float], ModelCard]:
    from concepts.models.card import read_card
    from concepts.models.quantize import read_tensors
    from concepts.models.wheels import SMOLLM2
    from concepts.neural.devices import device_of_process
    from concepts.neural.processes import on_main
    from training.corpus.embed import embedded_encoder
    from training.corpus.store import data_line
    from training.voice.config import VoiceTrainingConfig
    from training.voice.corpus import library_of, pack_corpus
    from training.voice.data import PackedTexts
    from training.voice.train import release_voice, train_voice
    from writer.voice.base import load_base
    from writer.voice.config import ADAPTER_FILE, AdapterConfig
    from writer.voice.placement import Placement

    base_name = request.voice or SMOLLM2.name
    base, tokenizer = load_base(base_name, Placement(device=device_of_process(), is_trained=True))
    base.config._attn_implementation = "sdpa"
    num_layers = int(base.config.num_hidden_layers)
    adapter = AdapterConfig(
        concept_dim=codec.dim,
        hidden_dim=int(base.config.hidden_size),
        num_layers=num_layers,
        rank=2 if request.preset == "tiny" else 16,
        injected=(0, num_layers // 3, 2 * num_layers // 3),
    )
    config = VoiceTrainingConfig(adapter=adapter)
    config = replace(config, loop=_loop(config.loop, request))

    encode = embedded_encoder(request.corpus, codec, on_progress=on_embedded)

    def packed(split: Split, *, noted: bool = True) -> PackedTexts:
        path = request.run_dir / f"{split}{'' if noted else '-plain'}.safetensors"

        def pack() -> None:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                drawn = _drawn_for(request, codec.space_id, split, on_drawn) if noted else None
                texts = pack_corpus(
                    request.corpus,
                    split,
                    tokenizer,
                    encode,
                    max_tokens=config.max_tokens,
                    drawn_for=drawn,
                    library=library_of(request.corpus, encode) if noted else None,
                    on_noted=on_noted,
                )
                texts.save(path)

        on_main(pack)
        return PackedTexts.load(path)

    init = _init(request)
    recipe: dict[str, object] = {
        "space": codec.space_id,
        "base": base_name,
        "data": data_line(request.corpus),
        "init": init.model_id if init else None,
        "drawn_by": _drawing(request),
    }
    figures = train_voice(
        packed("train"),
        packed("dev"),
        base,
        request.run_dir,
        config,
        recipe=recipe,
        init=read_tensors(init.path(ADAPTER_FILE)) if init else None,
        plain=packed("dev", noted=False),
        on_progress=on_progress,
    )
    folder = request.run_dir / RELEASE_FOLDER
    on_main(lambda: release_voice(request.run_dir, folder, name=request.name, figures=figures, newest=False))
    return figures, read_card(folder)


def _drawing(request: TrainingRequest) -> list[str]:
    """Return the ids of the models whose draws a voice learns to read."""
    from concepts.models.installed import find_card

    asked: tuple[tuple[Kind, str | None], ...] = (("planner", request.planner), ("writer", request.writer))
    return [find_card(kind, name).model_id for kind, name in asked if name is not None]


def _drawn_for(
    request: TrainingRequest, space_id: str, split: Split, on_drawn: OnCount
) -> Callable[[list[str]], Tensor] | None:
    """Return a function from texts to the concepts (N, D) that planner and writer draw for them, zeros if none.

    None if neither model is named.
    """
    import torch

    from concepts.neural.devices import device_of_process
    from planner import Planner
    from training.corpus.embed import load_embedded
    from training.planner.draws import draw_headings
    from training.writer.draws import draw_sentences
    from writer import Writer

    if request.planner is None and request.writer is None:
        return None
    corpus = load_embedded(request.corpus, space_id, split)
    found = torch.zeros_like(corpus.vectors)
    device = device_of_process()
    if request.planner is not None:
        planner = Planner.load(request.planner, space_id=space_id, device=device)
        found += draw_headings(corpus, planner, kinds=DRAWN_KINDS, seed=request.seed)
    if request.writer is not None:
        writer = Writer.load(request.writer, space_id=space_id, device=device)
        said = draw_sentences(corpus, writer, kinds=DRAWN_KINDS, seed=request.seed, on_progress=on_drawn)
        found = torch.where((said != 0).any(dim=1, keepdim=True), said, found)
    row_of = {text: row for row, text in enumerate(corpus.texts)}
    nothing = torch.zeros(1, found.shape[1])

    def drawn_for(texts: list[str]) -> Tensor:
        rows = torch.tensor([row_of.get(text, -1) for text in texts])
        return torch.where((rows >= 0).unsqueeze(1), found[rows.clamp_min(0)], nothing)

    return drawn_for


def _train_languages(
    request: TrainingRequest, on_progress: Callable[[Progress], None], on_taught: OnCount
) -> tuple[dict[str, float], ModelCard]:
    from concepts.codecs.translation import SPACE
    from concepts.models.card import FetchedCard
    from concepts.models.installed import find_card
    from concepts.models.published import PublishedCard
    from concepts.space.config import LANGS
    from training.space.release_languages import KEPT, check_new, release_languages
    from training.space.train_languages import LanguagesTrainingConfig, train_languages

    space = find_card("space", request.space or SPACE)
    if isinstance(space, PublishedCard | FetchedCard):
        raise UsageError(f"the languages of {space.name} are published as they are: name a space of your own")
    config = LanguagesTrainingConfig()
    if request.langs is not None:
        from concepts.languages.codes import take_language

        meant = tuple(take_language(lang, LANGS) or lang for lang in request.langs)
        config = replace(config, langs=meant)
    config = replace(config, decoder_only=request.decoder_only)
    for lang in config.langs:
        if lang not in LANGS:
            raise UsageError(f"no language {lang!r} has a token here: known are {', '.join(LANGS)}")
    init = find_card("space", request.init) if request.init else None
    if init is None:
        check_new(space, config.langs)
    if request.preset == "tiny":
        config = replace(config, model=replace(config.model, num_pieces=TINY_PIECES))
    config = replace(config, loop=_loop(config.loop, request))
    figures = train_languages(
        request.corpus,
        space,
        request.run_dir,
        config,
        init=init,
        on_progress=on_progress,
        on_taught=on_taught,
    )
    return figures, release_languages(
        request.run_dir,
        request.run_dir / RELEASE_FOLDER,
        space,
        name=request.name,
        seed=request.seed,
        figures={},
        kept=KEPT if request.kept is None else request.kept,
    )


def _init(request: TrainingRequest) -> ModelCard | None:
    from concepts.models.installed import find_card

    return find_card(request.kind, request.init) if request.init else None  # type: ignore[arg-type]


def _release(
    request: TrainingRequest,
    *,
    root: str,
    kind: Kind,
    figures: dict[str, float],
) -> ModelCard:
    from concepts.models.card import read_card
    from concepts.neural.processes import on_main
    from planner.reach import REACH_FILE
    from training.release import release_model

    objective = "" if request.objective == "diffusion" else f" --objective {request.objective}"
    num_parts = _num_parts(request)
    parts = "" if num_parts == 1 else f" --parts {num_parts}"
    folder = request.run_dir / RELEASE_FOLDER
    on_main(
        lambda: release_model(
            request.run_dir,
            folder,
            root=root,
            name=request.name,
            kind=kind,
            recipe_line=f"longhand train {kind} --preset {request.preset} --seed {request.seed}{objective}{parts}",
            figures=figures,
            extra_files=(REACH_FILE,) if kind == "planner" else (),
        )
    )
    return read_card(folder)


def _num_parts(request: TrainingRequest) -> int:
    """Return how many batches a step averages: as requested, as at the run's start, else one for each process."""
    from concepts.neural.processes import process_state
    from training.loop import parts_of_run

    if request.parts is not None:
        return request.parts
    return parts_of_run(request.run_dir) or int(process_state().num_processes)


def _loop(config: LoopConfig, request: TrainingRequest) -> LoopConfig:
    num_steps = request.steps or (NUM_TINY_STEPS if request.preset == "tiny" else config.num_steps)
    # Trained weights forget much at the peak rates that random weights need.
    share = WARM_START_RATE if request.init else 1.0
    # A short run must still warm up and cool down within its steps.
    return replace(
        config,
        matrix_lr=config.matrix_lr * share,
        adam_lr=config.adam_lr * share,
        seed=request.seed,
        num_parts=_num_parts(request),
        num_steps=num_steps,
        num_warmup_steps=min(config.num_warmup_steps, num_steps // 10),
        num_cooldown_steps=min(config.num_cooldown_steps, num_steps // 3),
        evaluate_every=min(config.evaluate_every, num_steps),
    )


def start_evaluation(
    kind: str, corpus: Path, *, model: str | None, space: str | None, on_progress: OnCount
) -> tuple[str, dict[str, float]]:
    """Evaluate one model on held-out documents; return its id and the figures. `on_progress` gets (done, total).

    Raises InputError if a corpus has too few held-out documents for meaningful figures.
    """
    from concepts.codecs.codec import Codec
    from concepts.codecs.spaces import load_codec
    from concepts.models.installed import find_card
    from concepts.neural.devices import device_of_process

    _check_held_out(corpus)
    if kind == "space":
        from training.space.evaluate import evaluate_space
        from training.space.evaluate_languages import evaluate_languages, evaluate_retrieval
        from training.space.next_sentence import evaluate_next_sentence

        name = find_card("space", model or space, verify=False).model_id
        measured = load_codec(model or space, device=device_of_process(), on_note=say)
        figures = evaluate_next_sentence(corpus, measured, on_progress=on_progress, on_note=say)
        if not isinstance(measured, Codec):  # without a decoder there is no round trip
            figures |= evaluate_retrieval(corpus, measured, on_progress=on_progress, on_note=say)
            return name, figures
        figures |= evaluate_space(corpus, measured, on_progress=on_progress)
        figures |= evaluate_languages(corpus, measured, on_progress=on_progress, on_note=say)
        return name, figures
    from training.corpus.embed import embed_corpus

    codec = load_codec(space, device=device_of_process(), on_note=say)
    embed_corpus(corpus, codec, on_progress=on_progress)
    if kind == "planner":
        from planner import Planner
        from training.planner.evaluate import evaluate_planner

        planner = Planner.load(model, space_id=codec.space_id)
        return planner.card.model_id, evaluate_planner(corpus, planner, on_progress=on_progress)
    from training.writer.evaluate import evaluate_writer
    from writer import Writer

    writer = Writer.load(model, space_id=codec.space_id)
    return writer.card.model_id, evaluate_writer(corpus, writer, on_progress=on_progress)


def _check_held_out(corpus: Path) -> None:
    from training.corpus.store import load_documents

    num_found = sum(1 for _ in islice(load_documents(corpus, split="test"), MIN_HELD_OUT))
    if num_found < MIN_HELD_OUT:
        raise InputError(
            f"{corpus} holds back {counted(num_found, 'document')} for measuring, figures need at least "
            f"{MIN_HELD_OUT}: import more documents"
        )
