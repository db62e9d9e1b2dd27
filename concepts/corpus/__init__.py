"""Documents as people keep them: reading, cleaning, splitting."""

from concepts.corpus.drops import DropReport
from concepts.corpus.importers import iter_jsonl, iter_pairs, iter_path
from concepts.corpus.records import BLOCK_KINDS, LANG_CODES, Block, BlockKind, Document, Kind, Section
from concepts.corpus.split import SPLITS, Split, split_of

__all__ = [
    "BLOCK_KINDS",
    "LANG_CODES",
    "SPLITS",
    "Block",
    "BlockKind",
    "Document",
    "DropReport",
    "Kind",
    "Section",
    "Split",
    "iter_jsonl",
    "iter_pairs",
    "iter_path",
    "split_of",
]
