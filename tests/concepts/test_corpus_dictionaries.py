"""Dictionaries in Ding's format: which words go together."""

from __future__ import annotations

from pathlib import Path

from concepts.corpus.build import build_corpus
from concepts.corpus.dictionaries import iter_dictionary
from concepts.corpus.drops import DropReport
from concepts.corpus.store import load_pairs

LINES = """# Version :: devel
Kelle {f}; Schöpfkelle {f} [cook.] | Kellen {pl} (groß (tief)) :: ladle; dipper | ladles <laddles>
eine Suppe umrühren {vt} :: to stir a soup [Br.]
Mumm {m} | ohne Mumm :: guts/moxie [Am.] | without guts
Zweige {pl} | Äste :: branches
{pl} :: twigs
kein Eintrag
"""


def test_entries_go_together_without_their_remarks(tmp_path: Path) -> None:
    path = tmp_path / "trans.de-en.ding"
    path.write_text(LINES, encoding="utf-8")
    drops = DropReport()
    assert list(iter_dictionary(path, drops)) == [
        ("ladle", "Kelle", "deu_Latn"),
        ("ladles", "Kellen", "deu_Latn"),
        ("to stir a soup", "eine Suppe umrühren", "deu_Latn"),
        ("without guts", "ohne Mumm", "deu_Latn"),
    ]
    assert drops == {"pair: no entry of a dictionary": 4}
    assert list(iter_dictionary(path.rename(tmp_path / "trans.en.ding"), drops)) == []
    assert drops["unreadable: dictionary of another language"] == 1
    assert list(iter_dictionary(tmp_path / "lost.de-en.ding", drops)) == []
    assert drops["unreadable: not a dictionary"] == 1


def test_a_dictionary_lies_beside_documents(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "bread.md").write_text(
        "# Bread\n\nKnead the dough for ten minutes. Let it rest in a warm place.\n"
    )
    (folder / "trans.de-en.ding").write_text(LINES, encoding="utf-8")
    report = build_corpus([folder], tmp_path / "c")
    assert report.pairs == {"deu_Latn dictionary train": 4}
    assert sum(report.documents.values()) == 1
    pairs = load_pairs(tmp_path / "c", lang="deu_Latn", kinds=("dictionary",))
    assert [(pair.text_a, pair.text_b) for pair in pairs][:2] == [("ladle", "Kelle"), ("ladles", "Kellen")]
