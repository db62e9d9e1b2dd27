"""Turning concepts into text: several candidates are drawn for each sentence, and the best is kept.

Sections do not wait for each other: as soon as all candidates of a sentence are complete, one is kept and the next
sentence begins. All randomness is a function of a section's seed, the place of the sentence and the candidate.

Legend: D concept dim, K candidates. Concepts are raw vectors of the space, compared by cosine.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from concepts.library.encode import Encode
from writer.voice.stepping import Stepper
from writer.voice.text import (
    MOST_SAID,
    Said,
    is_over,
    marked,
    next_piece,
    outline_line,
    parse_note,
    parse_piece,
)

_WORD = re.compile(r"\w+")
_LIST_MARK = re.compile(r"\s*[-*•\d]")
_LINE_START = re.compile(r"[\"'(]?[^\W_a-zß-öø-ÿ]")
_FOLLOWING = "1"
"""Character appended to a prefix while it is tokenised."""
_NUM_LIKELY = 64
"""Number of likeliest tokens that sampling considers."""
_KNOWN = 0.99
"""A concept with a larger cosine to a note is the note's own concept."""
_TIE = 1e-4
"""Notes whose cosines differ by less are the same text."""
_SAID = 0.75
"""A sentence with this cosine to a note has said it."""
_ALIKE = 0.75
"""Two sentences with a larger cosine are similar."""
_NEVER = 10.0
"""Penalty of a sentence that was said verbatim before."""
_RUN = 7
"""No run of this many tokens is drawn twice in a text (Paulus et al. 2017, arXiv 1705.04304): with notes in the prompt,
all candidates may otherwise repeat a sentence."""
_MOST_PAIRS = 32
"""Most texts whose chances are computed at once: a text of 200 tokens takes about 10 MB."""
_GRAM = 3
"""Length of word runs that count as repeated."""


@dataclass(frozen=True, kw_only=True)
class SayOptions:
    """How sentences are drawn and chosen."""

    temperatures: tuple[float, ...] = (0.3, 0.6)
    """One candidate per sentence is drawn at each temperature."""
    top_p: float = 0.9
    """Probability mass of the likeliest tokens that are sampled from (nucleus sampling, Holtzman et al. 2020)."""
    max_tokens: int = 64
    """Most tokens of a sentence."""
    trust: float = 0.25
    """Scale of the concepts' effect on the draws, up to 1. Planner and writer draw worse concepts for new documents
    than for the voice's training documents: at 1 the voice repeats their mistakes."""
    concept_weight: float = 0.5
    """Weight of the cosine to the concept."""
    likelihood_weight: float = 0.1
    """Weight of the mean log probability, in nats per token."""
    note_weight: float = 0.5
    """Weight of the cosine to the nearest note that is not said yet."""
    worth_weight: float = 0.7
    """Weight of `Saying.worth`."""
    verbatim_weight: float = 0.15
    """Bonus for saying a note verbatim: its author knew that it is true."""
    num_proposals: int = 2
    """Notes or proposed headings that compete with the drawn candidates: the next notes, or the headings nearest to the
    concept. If there are fewer, more candidates are drawn."""
    repeat_weight: float = 1.5
    """Weight of the share of words in a run that was said before."""


@dataclass(frozen=True, kw_only=True)
class Saying:
    """A text to write: its prefix, and the concept of each sentence."""

    prefix: str
    concepts: Tensor
    """(S, D)"""
    key: tuple[int | str, ...]
    """Seeds the draws."""
    one_line: bool = False
    """Whether each piece ends at the end of its line, as headings do."""
    before: tuple[str, ...] = ()
    """Texts that must not be repeated."""
    near: Tensor | None = None
    """A further concept (D,) that every piece should be close to, such as the title's."""
    near_weight: float = 0.3
    """Weight of the cosine to `near`, relative to the piece's own concept."""
    notes: tuple[Said, ...] = ()
    """Sentences to write it from, in reading order, each with its block: pieces close to a note are preferred, and any
    piece may be a note itself."""
    proposals: tuple[str, ...] = ()
    """Candidate texts for a line, each used once; they are scored like the voice's own draws."""
    worth: Callable[[list[str]], Tensor] | None = None
    """A further score of texts (N,), such as how much a library knows about them."""
    first_number: int = 1
    """Number of the first piece, where pieces are the lines of a numbered list."""


@dataclass(frozen=True)
class Rendering:
    """A written sentence, and the cosine of its own concept to the intended one."""

    said: Said
    score: float


OnSaid = Callable[[int, int, Rendering], None]


@dataclass
class _Candidate:
    """A candidate text for a sentence."""

    generator: torch.Generator
    temperature: float
    ahead: list[int] = field(default_factory=list)
    """Remaining tokens of a proposal."""
    tokens: list[int] = field(default_factory=list)
    text: str = ""
    is_proposal: bool = False
    note: Said | None = None
    """The note that it proposes."""
    nats: float = 0.0
    is_done: bool = False
    is_whole: bool = False

    def follow(self, nats: float) -> None:
        """Append the next token of a proposal, with log probability `nats`."""
        self.tokens.append(self.ahead.pop(0))
        self.nats += nats
        self.is_done = self.is_whole = not self.ahead


@dataclass
class _Row:
    """A text being written; its K candidates are K rows of the stepper, side by side."""

    saying: Saying
    length: int = 0
    """Number of kept tokens."""
    last_token: int = 0
    kept: list[Rendering] = field(default_factory=list)
    vectors: list[Tensor] = field(default_factory=list)
    runs: dict[tuple[int, ...], set[int]] = field(default_factory=dict)
    """Tokens that followed each run of `_RUN` - 1 kept tokens."""
    proposals: dict[str, Tensor] = field(default_factory=dict)
    """Notes or lines not said yet, with their concepts (D,)."""
    candidates: list[_Candidate] = field(default_factory=list)

    @property
    def place(self) -> int:
        return len(self.kept)

    def keep(self, rendering: Rendering, vector_D: Tensor) -> None:
        """Keep a sentence, and drop the notes that it has said."""
        self.kept.append(rendering)
        self.vectors.append(vector_D)
        unit = F.normalize(vector_D, dim=0)
        self.proposals = {
            text: vector
            for text, vector in self.proposals.items()
            if text != rendering.said.text and (self.saying.one_line or float(vector @ unit) < _SAID)
        }

    def remember(self, tokens: Sequence[int]) -> None:
        """Record the token runs, so that none is drawn again."""
        for end in range(_RUN, len(tokens) + 1):
            *run, last = tokens[end - _RUN : end]
            self.runs.setdefault(tuple(run), set()).add(last)

    @property
    def is_prose(self) -> bool:
        """Whether it must begin as running text; without notes the voice chooses."""
        return bool(self.saying.notes) and self.saying.notes[0].block in ("paragraph", "verse")

    @property
    def is_done(self) -> bool:
        return self.place == len(self.saying.concepts)


class Speaker:
    """A language model with its tokenizer, and its adapter if there is one."""

    def __init__(
        self, base: Any, adapter: Any, tokenizer: Any, encode: Encode, device: torch.device | None = None
    ) -> None:
        """`device`: as for `Stepper`; None: the CPU."""
        self._base, self._adapter, self._tokenizer, self._encode = base, adapter, tokenizer, encode
        self._device = device or torch.device("cpu")
        texts = [tokenizer.decode([i]) for i in range(len(tokenizer))]
        self._is_space = [text[:1].isspace() for text in texts]
        self._is_line = [text[:1] == "\n" for text in texts]
        # tokens that may begin a one-line piece; after a mark or a space, the next token decides
        self._may_begin = torch.tensor(
            [begins_line(text.strip()) or not _WORD.search(text) for text in texts]
        )
        self._is_mark = torch.tensor([bool(_LIST_MARK.match(text)) for text in texts])
        self._specials = torch.tensor(tokenizer.all_special_ids, dtype=torch.long).to(self._device)

    @torch.inference_mode()
    def say(
        self,
        sayings: Sequence[Saying],
        options: SayOptions,
        on_said: OnSaid = lambda _text, _place, _said: None,
    ) -> list[list[Rendering]]:
        """Return each text's sentences; texts do not see each other.

        `on_said` gets the index of a text, the place of a sentence in it (from 0), and the kept sentence.
        """
        # the same number for each text, with or without proposals: a text must not depend on the rest of the batch
        num_candidates = len(options.temperatures) + options.num_proposals
        rows: list[_Row] = []
        starts: list[list[int]] = []
        for n, saying in enumerate(sayings):
            row = self._row(saying)
            rows.append(row)
            starts.append(self._tokens(saying.prefix + _pieces(row.kept)))
            row.length, row.last_token = len(starts[-1]), starts[-1][-1]
            for place, rendering in enumerate(row.kept):
                on_said(n, place, rendering)
        active = [n for n, row in enumerate(rows) if not row.is_done]
        if not active:
            return [row.kept for row in rows]
        stepper = Stepper(self._base, self._adapter, self._device, options.trust)
        stepper.read([starts[n] for n in active])
        stepper.select([i for i in range(len(active)) for _ in range(num_candidates)])
        for n in active:
            self._begin(rows[n], options, num_candidates)
        while active:
            tokens, columns, concepts = [], [], []
            for n in active:
                row = rows[n]
                for candidate in row.candidates:
                    tokens.append(candidate.tokens[-1] if candidate.tokens else row.last_token)
                    columns.append(row.length - 1 + len(candidate.tokens))
                    concepts.append(row.saying.concepts[row.place])
            said = pad_sequence(
                [torch.tensor(c.tokens[::-1], dtype=torch.long) for n in active for c in rows[n].candidates],
                batch_first=True,
                padding_value=-1,
            )[:, :MOST_SAID]
            logits = stepper.step(torch.tensor(tokens), torch.tensor(columns), torch.stack(concepts), said)
            # a sentence ends at its end mark, not with an end-of-text token
            logits.index_fill_(1, self._specials.to(logits.device), float("-inf"))
            likely = logits.topk(min(_NUM_LIKELY, logits.shape[1]), dim=1)
            total = logits.logsumexp(dim=1, keepdim=True)
            chances = (likely.values - total).cpu()
            choices = likely.indices.cpu()
            given = torch.tensor([c.ahead[0] if c.ahead else 0 for n in active for c in rows[n].candidates])
            given_chances = (logits.gather(1, given[:, None].to(logits.device)) - total).squeeze(1).cpu()
            for at, n in enumerate(active):
                row = rows[n]
                for k, candidate in enumerate(row.candidates):
                    at_row = at * num_candidates + k
                    if candidate.ahead:
                        candidate.follow(float(given_chances[at_row]))
                    elif not candidate.is_done:
                        self._extend(row, candidate, chances[at_row], choices[at_row], options)
                if all(candidate.is_done for candidate in row.candidates):
                    first = at * num_candidates
                    self._keep(row, stepper, range(first, first + num_candidates), options)
                    on_said(n, row.place - 1, row.kept[-1])
            left = [at for at, n in enumerate(active) if not rows[n].is_done]
            if len(left) < len(active):
                active = [active[at] for at in left]
                if active:
                    stepper.select([at * num_candidates + k for at in left for k in range(num_candidates)])
        return [row.kept for row in rows]

    @torch.inference_mode()
    def chances(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Return the log probability, in nats, of each pair's second text after the first; no concept counts."""
        return [
            chance
            for n in range(0, len(pairs), _MOST_PAIRS)
            for chance in self._chances(pairs[n : n + _MOST_PAIRS])
        ]

    def _chances(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        starts = [self._tokens(prefix) for prefix, _ in pairs]
        nexts = [self._tokenizer(text, add_special_tokens=False)["input_ids"] for _, text in pairs]
        stepper = Stepper(self._base, self._adapter, self._device)
        stepper.read(starts)
        given = [[start[-1], *own] for start, own in zip(starts, nexts, strict=True)]
        totals = torch.zeros(len(pairs))
        for step in range(max(map(len, nexts))):
            at = [min(step, len(own)) for own in nexts]  # a text that is over waits at its end
            tokens = torch.tensor([own[place] for own, place in zip(given, at, strict=True)])
            columns = torch.tensor([len(start) - 1 + place for start, place in zip(starts, at, strict=True)])
            chances = stepper.step(tokens, columns, None).log_softmax(dim=1).cpu()
            for row, own in enumerate(nexts):
                if step < len(own):
                    totals[row] += chances[row, own[step]]
        return [float(total) for total in totals]

    def _tokens(self, text: str) -> list[int]:
        """Return the tokens of a text that will be continued: a final line break is tokenised differently."""
        found = self._tokenizer(text + _FOLLOWING, add_special_tokens=False, return_offsets_mapping=True)
        pairs = zip(found["input_ids"], found["offset_mapping"], strict=True)
        return [token for token, (_, end) in pairs if end <= len(text)]

    def _row(self, saying: Saying) -> _Row:
        """Return a row with its notes' or proposals' concepts; notes that begin the text are kept at once."""
        row = _Row(saying)
        texts = saying.proposals or tuple(note.text for note in saying.notes)
        if not texts:
            return row
        vectors = F.normalize(self._encode(list(texts)), dim=1)
        row.proposals = dict(zip(texts, vectors, strict=True))
        if saying.one_line:
            return row
        said: set[int] = set()
        for concept in saying.concepts:
            likeness = vectors @ F.normalize(concept, dim=0)
            # A poem's line may come back: each time it is the next of its notes.
            likeness[list(said)] = -1.0
            best = int((likeness >= likeness.max() - _TIE).nonzero()[0])
            if float(likeness[best]) < _KNOWN:
                break
            said.add(best)
            note = saying.notes[best]
            piece = next_piece([rendering.said for rendering in row.kept], note)
            row.keep(
                Rendering(parse_note(piece, not row.kept, note), round(float(likeness[best]), 6)),
                vectors[best],
            )
            row.remember(self._tokenizer(piece, add_special_tokens=False)["input_ids"])
        return row

    def _begin(self, row: _Row, options: SayOptions, num_candidates: int) -> None:
        temperatures = itertools.islice(itertools.cycle(options.temperatures), num_candidates)
        row.candidates = [
            _Candidate(_generator((*row.saying.key, row.place, k)), temperature)
            for k, temperature in enumerate(temperatures)
        ]
        texts = list(row.proposals)
        if texts and row.saying.one_line:
            likeness = torch.stack(list(row.proposals.values())) @ row.saying.concepts[row.place]
            texts = [texts[n] for n in likeness.argsort(descending=True, stable=True).tolist()]
        for candidate, text in zip(row.candidates[len(options.temperatures) :], texts, strict=False):
            candidate.is_proposal = True
            if not row.saying.one_line:
                candidate.note = next(note for note in row.saying.notes if note.text == text)
            candidate.text = self._proposed(row, text, candidate.note)
            candidate.ahead = self._tokenizer(candidate.text, add_special_tokens=False)["input_ids"]

    def _proposed(self, row: _Row, text: str, note: Said | None) -> str:
        """Return a proposal, a note or a line, as the text of the next piece."""
        if note is not None:
            return next_piece([rendering.said for rendering in row.kept], note)
        line = outline_line(row.saying.first_number + row.place, text).rstrip("\n")
        return ("\n" if row.place else "") + line

    def _extend(
        self, row: _Row, candidate: _Candidate, chances_N: Tensor, choices_N: Tensor, options: SayOptions
    ) -> None:
        """Draw a candidate's next token among `choices_N`, or mark it as complete."""
        if row.saying.one_line and not _WORD.search(candidate.text) and self._may_begin[choices_N].any():
            chances_N = chances_N.masked_fill(~self._may_begin[choices_N], float("-inf"))
        again = row.runs.get(tuple(candidate.tokens[1 - _RUN :]), set())
        is_new = torch.tensor([int(choice) not in again for choice in choices_N])
        if is_new.any():
            chances_N = chances_N.masked_fill(~is_new, float("-inf"))
        if row.is_prose and not row.kept and not candidate.text.strip():
            chances_N = chances_N.masked_fill(self._is_mark[choices_N], float("-inf"))
        # the first token (list or running text) is drawn at temperature 1: colder draws made everything a list
        temperature = candidate.temperature if candidate.tokens or row.saying.one_line else 1.0
        drawn = _draw(chances_N, temperature, options.top_p, candidate.generator)
        token = int(choices_N[drawn])
        body = candidate.text.strip()
        has_words = bool(_WORD.search(re.sub(r"^\s*\d{1,2}[.)]", "", candidate.text)))
        ends_line = self._is_line[token] and has_words
        ends_sentence = not row.saying.one_line and self._is_space[token] and has_words and is_over(body)
        if ends_line or ends_sentence:
            candidate.is_done = candidate.is_whole = True
            return
        candidate.tokens.append(token)
        candidate.nats += float(chances_N[drawn])
        candidate.text = self._tokenizer.decode(candidate.tokens)
        candidate.is_done = len(candidate.tokens) >= options.max_tokens

    def _keep(self, row: _Row, stepper: Stepper, own: range, options: SayOptions) -> None:
        """Keep the best candidate of a sentence, and begin the next sentence."""
        saying, place = row.saying, row.place
        found = [
            parse_piece(candidate.text, place == 0)
            if candidate.note is None
            else parse_note(candidate.text, place == 0, candidate.note)
            for candidate in row.candidates
        ]
        vectors = self._encode([said.text or "." for said in found])
        meant = saying.concepts[place]
        likeness = (
            F.cosine_similarity(vectors, meant[None], dim=1) if meant.any() else torch.zeros(len(found))
        )
        scores = options.concept_weight * likeness
        if saying.notes and row.proposals:
            notes = torch.stack(list(row.proposals.values()))
            to_note = (F.normalize(vectors, dim=1) @ notes.T).max(dim=1).values
            # a paraphrase of a note is as good as the note itself
            scores += options.note_weight * to_note.clamp(max=_SAID)
            scores += options.verbatim_weight * torch.tensor([float(c.is_proposal) for c in row.candidates])
        if saying.near is not None:
            scores += saying.near_weight * F.cosine_similarity(vectors, saying.near[None], dim=1)
        if saying.worth is not None:
            scores += options.worth_weight * saying.worth([said.text or "." for said in found])
        if saying.before and not row.vectors:
            row.vectors = list(self._encode(list(saying.before)))
        earlier = row.vectors
        old = [*saying.before, *(rendering.said.text for rendering in row.kept)]
        before = " ".join(old)
        for k, (said, candidate) in enumerate(zip(found, row.candidates, strict=True)):
            scores[k] += options.likelihood_weight * candidate.nats / max(1, len(candidate.tokens))
            scores[k] -= options.repeat_weight * repeated_share(said.text, before)
            scores[k] -= _NEVER if said.text in old else 0.0
            if earlier:
                nearest = float(F.cosine_similarity(torch.stack(earlier), vectors[k][None], dim=1).max())
                scores[k] -= options.repeat_weight * max(0.0, nearest - _ALIKE) * 5
            scores[k] -= 0.0 if candidate.is_whole and said.text else 1.0
            scores[k] -= 1.0 if saying.one_line and not begins_line(said.text) else 0.0
        best = int(scores.argmax())
        chosen = row.candidates[best]
        row.keep(Rendering(found[best], round(float(likeness[best]), 6)), vectors[best])
        row.remember(chosen.tokens)
        if row.is_done:
            return
        first, num = row.length, len(chosen.tokens)
        if num:
            others = [r for k, r in enumerate(own) if k != best]
            if others:
                stepper.copy_columns(own[best], others, first, first + num)
            row.length, row.last_token = first + num, chosen.tokens[-1]
        self._begin(row, options, len(own))


def _pieces(kept: Sequence[Rendering]) -> str:
    """Return the kept sentences as the text that the voice continues."""
    return "".join(sign + text for sign, text in marked([rendering.said for rendering in kept]))


def _draw(chances_N: Tensor, temperature: float, top_p: float, generator: torch.Generator) -> int:
    """Draw an index into descending log probabilities by nucleus sampling at a temperature."""
    top = (chances_N / temperature).softmax(dim=-1)
    ahead = top.cumsum(dim=0) - top
    return int(torch.multinomial(torch.where(ahead < top_p, top, 0.0), 1, generator=generator))


def _generator(key: tuple[int | str, ...]) -> torch.Generator:
    digest = hashlib.sha256("/".join(map(str, key)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)


def begins_line(text: str) -> bool:
    """Return whether a text begins like a heading: with a capital, a digit or a letter without case."""
    return bool(_LINE_START.match(text))


def repeated_share(text: str, before: str) -> float:
    """Return the share of a text's words in runs of `_GRAM` words that occur in `before` or earlier in the text."""
    words, old = _WORD.findall(text.lower()), _WORD.findall(before.lower())
    if not words:
        return 0.0
    size = min(_GRAM, len(words))
    known = {tuple(old[i : i + size]) for i in range(len(old) - size + 1)}
    hit: set[int] = set()
    for i in range(len(words) - size + 1):
        run = tuple(words[i : i + size])
        if run in known:
            hit.update(range(i, i + size))
        known.add(run)
    return len(hit) / len(words)
