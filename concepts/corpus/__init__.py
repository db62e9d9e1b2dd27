"""Documents and translation pairs to train on: importing, cleaning, splitting, storing."""

from concepts.corpus.build import CorpusReport, build_corpus
from concepts.corpus.drops import DropReport
from concepts.corpus.importers import iter_jsonl, iter_pairs, iter_path
from concepts.corpus.records import BLOCK_KINDS, LANG_CODES, Block, BlockKind, Document, Kind, Section
from concepts.corpus.split import SPLITS, Split, split_of
from concepts.corpus.store import Pair, check_corpus, iter_space_sentences, load_documents, load_pairs

__all__ = [
    "BLOCK_KINDS",
    "LANG_CODES",
    "SPLITS",
    "Block",
    "BlockKind",
    "CorpusReport",
    "Document",
    "DropReport",
    "Kind",
    "Pair",
    "Section",
    "Split",
    "build_corpus",
    "check_corpus",
    "iter_jsonl",
    "iter_pairs",
    "iter_path",
    "iter_space_sentences",
    "load_documents",
    "load_pairs",
    "split_of",
]
