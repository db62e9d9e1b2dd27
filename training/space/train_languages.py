"""Adding languages to a space without changing its vectors: a student encoder and a decoder beside the English ones.

The frozen English encoder is the teacher: a sentence's concept must equal its English translation's (Reimers and
Gurevych 2020, arXiv 2004.09813; SONAR's speech encoders, arXiv 2308.11466, section 4; LASER3, arXiv 2205.12654). In the
same step a decoder of the new languages learns to reconstruct the sentence: from the English concept, mostly with the
English words beside it (draft.py), or from the student's concept. The space's vectors stay valid, and so do its
planners and writers.

Legend: B sentences, T tokens, M concept width.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from concepts.corpus.records import PAIR_KINDS, PROSE_KINDS
from concepts.errors import UsageError
from concepts.models.card import ModelCard
from concepts.models.tensors import load_parameters, save_tensors
from concepts.neural.precision import autocast
from concepts.space.config import EOS_ID, LANGS, PAD_ID, PRESETS, UNK_ID, SpaceConfig
from concepts.space.draft import Drafts, States, frozen_states, open_to_draft, with_draft
from concepts.space.extension import Extension, extension_weights
from concepts.space.network import SpaceAutoencoder
from concepts.space.tokenizer import Pieces, train_sentencepiece
from training.corpus.store import iter_space_sentences
from training.loop import Progress, to_device, train, write_recipe
from training.loop_config import LoopConfig
from training.space.alignment import Alignment
from training.space.data import SpaceBatch, SpaceData
from training.space.pairs import Concepts, Sentence, english_concepts, read_sentences
from training.space.release import load_encoder, space_tensors
from training.space.release_languages import START_FILE, extension_of
from training.space.start_table import start_table

_TABLE = "encoder.encoder_frontend.embed.weight"
_ENGLISH_SHARE_ON = 0.8
"""`english_share` of a continued run, which favours translation over round trips."""
_STAGES_ON = ((0.7, 34),)
"""(Share of the steps, length) of a continued run: until that step only sentences up to that many pieces are read.
Longer sentences exceed what a single vector holds and teach little."""
_ENGLISH_SHARE_DECODER, _STAGES_DECODER = 0.85, ((0.15, 16), (0.5, 34))
"""The same for training the decoder alone: the English words add what the vector lacks, and short sentences first teach
the attention to them."""
_COOLDOWN_SHARE_ON, _MIXED_SHARE_ON = 0.35, 0.8
"""`num_cooldown_steps` as a share of a continued run's steps, and its `mixed_share`: document pairs were read often
before, other pairs were not."""
_SAME = 0.9999
"""English concepts with a larger cosine are the same text, and no negatives for each other."""
_NUM_COUNTED, _NUM_ALIGNED = 120_000, 200_000
"""Most pairs for initialising the embedding table, and for estimating the alignment."""


@dataclass(frozen=True, kw_only=True)
class LanguagesTrainingConfig:
    """The recipe of an extension."""

    langs: tuple[str, ...] = ("deu_Latn", "fra_Latn", "spa_Latn")
    """The new languages; all have a token in the space's vocabulary."""
    model: SpaceConfig = field(default_factory=lambda: replace(PRESETS["mini"], num_pieces=12_000))
    """Sizes, equal to the space's except for the number of pieces."""
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            num_steps=1_660,
            num_warmup_steps=50,
            num_cooldown_steps=450,
            matrix_lr=3e-3,
            adam_lr=2e-3,
            ema_decay=0.995,
            evaluate_every=200,
        )
    )
    """Steps and rates."""
    max_tokens: int = 4_096
    """Tokens a batch."""
    max_len: int = 62
    """Longest sentence, in pieces."""
    stages: tuple[tuple[int, int], ...] = ((250, 14), (1_150, 34))
    """(Step, length): until that step only sentences up to that many pieces are read."""
    max_noise: float = 0.2
    """Largest size of the noise on a concept, relative to the concept's root mean square."""
    mixed_share: float = 0.65
    """Share of the steps that read all pairs; the others read only document pairs."""
    alone_share: float = 0.12
    """Sentences without a translation, as a share of the document pairs; they are decoded from their own concept."""
    piece_dropout: float = 0.1
    """Share of the pieces hidden in the decoder's own prefix: it has to take the missing words from the concept (Bowman
    et al. 2016, arXiv 1511.06349, section 3.1)."""
    label_smoothing: float = 0.1
    """Share of the target probability spread over all pieces."""
    english_share: float = 0.7
    """Probability that a sentence with a translation is decoded from the English concept."""
    draft_share: float = 0.95
    """Probability that such a sentence is decoded with its English words beside the concept."""
    draft_dropout: float = 0.1
    """Share of hidden pieces in these words: at inference the English decoder gets some wrong."""
    guide_weight: float = 2.0
    """Weight of the guided-alignment loss on some heads of the decoder (alignment.py)."""
    decoder_only: bool = False
    """Whether only the decoder is trained: encoder, shared embedding table and so the languages' vectors stay fixed."""
    distance_weight: float = 4.0
    """Weight of the squared distance to the English concept, relative to the variance of English concepts."""
    contrast_weight: float = 1.0
    """Weight of `LanguagesLoss.contrast`."""
    temperature: float = 0.05
    """Divides the cosines of `LanguagesLoss.contrast`."""


class LanguagesLoss(nn.Module):
    """Student encoder and decoder with their loss."""

    def __init__(
        self, config: LanguagesTrainingConfig, variance: float, states: States, alignment: Alignment
    ) -> None:
        """`variance`: of the English concepts, averaged over dimensions; `states`: the English encoder's."""
        super().__init__()
        self.autoencoder = SpaceAutoencoder(config.model)
        self.autoencoder.decoder.trains_attention(True)
        self.autoencoder.encoder.requires_grad_(not config.decoder_only)
        self.config, self.variance, self.states, self.alignment = config, variance, states, alignment

    def forward(self, batch: SpaceBatch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Return token cross-entropy (nats per token) plus the weighted terms that pull a concept to its English."""
        config, teacher, draft = self.config, _teacher(batch), _draft(batch)
        drawn, read, scale = torch.rand(3, len(teacher), generator=generator).to(teacher.device)
        is_english = teacher.any(dim=1) & (drawn < config.english_share)
        is_english[0] &= not config.decoder_only  # the student reads at least one sentence
        rows = torch.arange(len(teacher), device=teacher.device)
        if config.decoder_only:
            rows = rows[~is_english]
        concepts = self.autoencoder.encoder(batch.source[rows]).float()
        own = torch.zeros_like(teacher).index_copy(0, rows, concepts)
        spoken = torch.where(is_english[:, None], teacher, own)
        rms = spoken.detach().square().mean(dim=1, keepdim=True).sqrt()
        noise = torch.randn(spoken.shape, generator=generator).to(spoken.device)
        spoken = spoken + rms * (scale * config.max_noise)[:, None] * noise
        reads = is_english & (read < config.draft_share)
        draft = draft.masked_fill(~reads[:, None], PAD_ID)
        shown = self.alignment.shown(batch.target, draft)
        draft = hide(draft, config.draft_dropout, generator, num_kept=1, also_kept=(PAD_ID, EOS_ID))
        prefix = hide(batch.prefix, config.piece_dropout, generator, num_kept=2)
        memory, padding = with_draft(spoken, draft, self.states)
        looked: list[Tensor] = []
        hidden = self.autoencoder.decoder(memory, prefix, padding, looked)[:, 1:]
        logits = self.autoencoder.decoder.project(hidden)
        loss = F.cross_entropy(
            logits.flatten(0, 1).float(), batch.target.flatten(), label_smoothing=config.label_smoothing
        )
        distance, contrast = self.distance(concepts, teacher[rows]), self.contrast(concepts, teacher[rows])
        guide = missed([shares[reads] for shares in looked[1:]], shown[reads])
        total = loss + config.distance_weight * distance + config.contrast_weight * contrast
        total = total + config.guide_weight * guide
        return total, {
            "tokens": loss.detach(),
            "guide": guide.detach(),
            "distance": distance.detach(),
            "contrast": contrast.detach(),
        }

    def distance(self, concepts_BM: Tensor, teacher_BM: Tensor) -> Tensor:
        """Return the mean squared distance, in units of the variance, over sentences with a teacher vector."""
        told = teacher_BM.any(dim=1)
        if not told.any():
            return concepts_BM.new_zeros(())
        return (concepts_BM[told] - teacher_BM[told]).square().mean() / self.variance

    def contrast(self, concepts_BM: Tensor, teacher_BM: Tensor) -> Tensor:
        """Return InfoNCE over cosines (nats) between sentences and their English in the batch, in both directions.

        This is LaBSE's ranking loss without the margin (Feng et al. 2022, arXiv 2007.01852). All sentences of a batch
        have one language and length, so length gives nothing away.
        """
        told = teacher_BM.any(dim=1)
        if int(told.sum()) < 2:
            return concepts_BM.new_zeros(())
        student, teacher = (F.normalize(x[told], dim=1) for x in (concepts_BM, teacher_BM))
        same = (teacher @ teacher.T > _SAME).fill_diagonal_(False)
        logits = ((student @ teacher.T) / self.config.temperature).masked_fill(same, float("-inf"))
        own = torch.arange(len(logits), device=logits.device)
        return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


def missed(looked: Sequence[Tensor], shown_BTS: Tensor) -> Tensor:
    """Return the cross-entropy, nats per token, of the alignment against the attention (B, H, 1 + T, S) of each layer's
    first half of heads."""
    if not looked or not len(shown_BTS):
        return shown_BTS.new_zeros(())
    guided = [shares[:, : shares.shape[1] // 2, 1:].float().mean(dim=1) for shares in looked]
    return -(shown_BTS * torch.stack(guided).clamp_min(1e-6).log()).sum(dim=3).mean()


def hide(
    tokens_BT: Tensor,
    share: float,
    generator: torch.Generator,
    *,
    num_kept: int,
    also_kept: Sequence[int] = (),
) -> Tensor:
    """Replace a random `share` of tokens by the unknown piece, but not a row's first `num_kept` and ids `also_kept`."""
    hidden = (torch.rand(tokens_BT.shape, generator=generator) < share).to(tokens_BT.device)
    hidden[:, :num_kept] = False
    for token in also_kept:
        hidden &= tokens_BT != token
    return tokens_BT.masked_fill(hidden, UNK_ID)


def _teacher(batch: SpaceBatch) -> Tensor:
    assert batch.meaning_BE is not None
    return batch.meaning_BE


def _draft(batch: SpaceBatch) -> Tensor:
    assert batch.draft_BS is not None
    return batch.draft_BS


class LanguagesTask:
    """The extension as a task for the shared loop."""

    unit = "tok"

    def __init__(
        self,
        config: LanguagesTrainingConfig,
        data: SpaceData,
        documents: SpaceData,
        dev: SpaceData,
        variance: float,
        states: States,
        alignment: Alignment,
    ) -> None:
        """`documents` holds the sentences of `data` from documents; `states`: the English encoder's."""
        self.config = config
        self._data, self._documents, self._dev = data, documents, dev
        torch.manual_seed(config.loop.seed)
        self._module = LanguagesLoss(config, variance, states, alignment)

    @property
    def module(self) -> LanguagesLoss:
        """Encoder and decoder with their loss."""
        return self._module

    def batch(self, step: int, part: int, num_parts: int) -> SpaceBatch:
        """Return the sentences of one part of `step`."""
        config = self.config
        max_len = next((length for until, length in config.stages if step < until), config.max_len)
        number = step * num_parts + part
        is_mixed = step < config.mixed_share * config.loop.num_steps
        data = self._data if is_mixed else self._documents
        return data.batch(number, seed=config.loop.seed, max_tokens=config.max_tokens, max_len=max_len)

    def count(self, batch: object) -> int:
        """Return the number of target tokens."""
        assert isinstance(batch, SpaceBatch)
        return batch.target.numel()

    def evaluate(self) -> dict[str, float]:
        """Return the terms of the loss, the first ones in nats per token.

        These decode from the student's concept (`own`), from the English concept (`english`), and from that with the
        English words (`draft`).
        """
        module = self._module
        auto = module.autoencoder
        device = auto.encoder.layer_norm.weight.device
        sums = {"own": 0.0, "english": 0.0, "draft": 0.0, "distance": 0.0, "contrast": 0.0}
        tokens = 0
        for step in range(24):
            batch = to_device(self._dev.batch(step, seed=0, max_tokens=2_048, max_len=30), device)
            teacher, target = _teacher(batch), batch.target
            with autocast(device):
                own = auto.encoder(batch.source).float()
                memories: list[tuple[str, Tensor, Tensor | None]] = [
                    ("own", own, None),
                    ("english", teacher, None),
                    ("draft", *with_draft(teacher, _draft(batch), module.states)),
                ]
                for name, memory, padding in memories:
                    logits = auto.decoder.project(auto.decoder(memory, batch.prefix, padding)[:, 1:]).float()
                    sums[name] += F.cross_entropy(
                        logits.flatten(0, 1), target.flatten(), reduction="sum"
                    ).item()
            for name, value in (
                ("distance", module.distance(own, teacher)),
                ("contrast", module.contrast(own, teacher)),
            ):
                sums[name] += value.item() * target.numel()
            tokens += target.numel()
        figures = {name: value / tokens for name, value in sums.items()}
        loss = figures["own"] + figures["draft"] + self.config.distance_weight * figures["distance"]
        return {"loss": loss + self.config.contrast_weight * figures["contrast"]} | figures


def train_languages(
    corpus_dir: Path,
    space: ModelCard,
    run_dir: Path,
    config: LanguagesTrainingConfig,
    *,
    init: ModelCard | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
    on_taught: Callable[[int, int], None] = lambda _done, _total: None,
) -> dict[str, float]:
    """Train (or continue training) an extension of `space` by new languages; state and weights go to `run_dir`.

    With `init` it starts from the pieces and weights of that space's extension for these languages, with other shares
    of the training tasks, and stores the initial weights too, since a release averages both. `on_taught` gets (done,
    total) of the English texts that the teacher encodes once. Raises UsageError if `init` has no such extension.
    """
    begun = None if init is None else (init, _begun(init, config.langs))
    if begun is not None:
        num_steps = config.loop.num_steps
        stages = _STAGES_DECODER if config.decoder_only else _STAGES_ON
        config = replace(
            config,
            loop=replace(
                config.loop, num_cooldown_steps=int(_COOLDOWN_SHARE_ON * num_steps), evaluate_every=400
            ),
            mixed_share=_MIXED_SHARE_ON,
            stages=tuple((int(share * num_steps), length) for share, length in stages),
            english_share=_ENGLISH_SHARE_DECODER if config.decoder_only else _ENGLISH_SHARE_ON,
        )
    run_dir.mkdir(parents=True, exist_ok=True)
    pieces_path = run_dir / "pieces.model"
    if begun is not None:
        shutil.copyfile(begun[0].path(begun[1].pieces_file), pieces_path)
    elif not pieces_path.exists():
        train_sentencepiece(_texts(corpus_dir, config.langs), pieces_path, config.model.num_pieces)
    pieces, english = Pieces(pieces_path), Pieces(space.path("pieces.model"))
    sizes = replace(SpaceConfig.of(space.config), num_pieces=pieces.num_pieces)
    config = replace(config, model=sizes)
    started = {"init": init.model_id if init else space.lineage, "goes_on": init is not None}
    write_recipe(run_dir, asdict(config) | started | {"space": space.space_id})
    sentences = read_sentences(
        corpus_dir,
        "train",
        config.langs,
        kinds=PAIR_KINDS,
        alone_share=config.alone_share,
        seed=config.loop.seed,
    )
    held = read_sentences(corpus_dir, "dev", config.langs)
    encoder = load_encoder(space).requires_grad_(False).eval()
    lang_id = SpaceConfig.of(space.config).lang_id("eng_Latn")
    taught = [
        english_concepts(
            run_dir / f"{name}.npz",
            part,
            space.space_id,
            encoder,
            english,
            lang_id,
            EOS_ID,
            on_progress=on_taught,
        )
        for name, part in (("english", sentences), ("english-dev", held))
    ]
    of_documents = np.array([sentence.kind == "document" for sentence in sentences])
    data, documents, dev = (
        SpaceData(
            [(s.text, s.lang) for s in part],
            pieces,
            sizes,
            concepts,
            Drafts([s.english for s in part], english, lang_id),
        )
        for part, concepts in (
            (sentences, taught[0]),
            ([s for s in sentences if s.kind == "document"], taught[0][of_documents]),
            (held, taught[1]),
        )
    )
    alignment = Alignment(
        _pairs_of_ids(sentences, pieces, english, config.loop.seed, _NUM_ALIGNED),
        sizes.vocab_size,
        SpaceConfig.of(space.config).vocab_size,
    )
    task = LanguagesTask(
        config, data, documents, dev, _variance(taught[0]), frozen_states(encoder), alignment
    )
    if not (run_dir / "checkpoint").exists():
        if begun is not None:
            tensors = extension_weights(*begun)
        else:
            tensors = space_tensors(space)
            tensors[_TABLE] = _start(tensors[_TABLE], sentences, pieces, english, sizes, config.loop.seed)
        load_parameters(task.module.autoencoder, tensors)
        if begun is None or not begun[1].reads_draft:
            open_to_draft(task.module.autoencoder.decoder, config.loop.seed)
        if begun is not None:
            save_tensors(run_dir / START_FILE, dict(task.module.autoencoder.named_parameters()))
    return train(task, run_dir, config.loop, on_progress=on_progress)


def _begun(init: ModelCard, langs: Sequence[str]) -> Extension:
    extension = extension_of(init, langs)
    if extension is None:
        raise UsageError(
            f"{init.name} has no parts of its own for {', '.join(langs)} to start from: leave --init out, or name "
            "another space or other --langs"
        )
    return extension


def _texts(corpus_dir: Path, langs: Sequence[str]) -> list[str]:
    """Return the texts that the sentencepiece model is trained on, equally many per language."""
    by_lang: dict[str, set[str]] = {lang: set() for lang in langs}
    for text, lang in iter_space_sentences(corpus_dir, "train", langs, kinds=PROSE_KINDS):
        by_lang[lang].add(text)
    for sentence in read_sentences(corpus_dir, "train", langs):
        by_lang[sentence.lang].add(sentence.text)
    least = min(map(len, by_lang.values()))
    mixed = [text for texts in by_lang.values() for text in random.Random(0).sample(sorted(texts), least)]
    random.Random(1).shuffle(mixed)
    return mixed


def _variance(concepts: Concepts) -> float:
    told = torch.from_numpy(concepts[concepts.any(axis=1)][:50_000]).float()
    return float(told.var(dim=0).mean())


def _start(
    table: Tensor,
    sentences: Sequence[Sentence],
    pieces: Pieces,
    english: Pieces,
    sizes: SpaceConfig,
    seed: int,
) -> Tensor:
    ids = _pairs_of_ids(sentences, pieces, english, seed, _NUM_COUNTED)
    of_english = {piece: number for number, piece in enumerate(english.texts)}
    shared = [(n, of_english[piece]) for n, piece in enumerate(pieces.texts) if piece in of_english]
    last = len(table) - len(LANGS) - 3
    shared += [(sizes.num_pieces + 1 + n, last + n) for n in range(len(LANGS) + 3)]
    generator = torch.Generator().manual_seed(seed)
    return start_table(table, shared, ids, sizes.vocab_size, generator=generator)


def _pairs_of_ids(
    sentences: Sequence[Sentence], pieces: Pieces, english: Pieces, seed: int, num: int
) -> list[tuple[list[int], list[int]]]:
    paired = [sentence for sentence in sentences if sentence.english]
    paired = random.Random(seed).sample(paired, min(num, len(paired)))
    ids = zip(
        pieces.encode([s.text for s in paired]), english.encode([s.english for s in paired]), strict=True
    )
    return list(ids)
