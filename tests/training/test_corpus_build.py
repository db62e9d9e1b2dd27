"""Building: deterministic, atomic, deduplicated, split without leaks; reading gives back what was built."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from pathlib import Path

import pytest

from concepts.corpus import Document, split_of
from concepts.errors import InputError
from training.corpus.build import build_corpus
from training.corpus.store import (
    EMBEDDINGS,
    check_corpus,
    data_line,
    iter_space_sentences,
    load_documents,
    load_pairs,
)

LANGS = ("eng_Latn", "deu_Latn", "fra_Latn", "spa_Latn")
GERMAN = {"open": "Öffnen", "save": "Speichern", "print": "Drucken"}


def row(lang: str, number: int, verb: str) -> dict[str, object]:
    if lang == "en":
        title, text = (
            f"How to {verb} file {number}",
            f"You can {verb} the file number {number} in the window.",
        )
        close = f"Then close the dialog of file {number} with the button."
    else:
        title = f"{GERMAN[verb]} der Datei {number}"
        text = f"Sie können die Datei Nummer {number} im Fenster bearbeiten und {GERMAN[verb]} wählen."
        close = f"Dann schließen Sie den Dialog der Datei {number} mit dem Knopf."
    sections = [
        {"heading": "", "paragraphs": [[text], [close]]},
        {
            "heading": f"More about {verb}" if lang == "en" else "Mehr",
            "paragraphs": [["Next page"], ["Click the OK button."]],
        },
    ]
    return {
        "title": title,
        "page": f"gnome-help/{verb}{number}.page",
        "lang": lang,
        "source": "gnome-user-docs",
        "sections": sections if lang == "en" else sections[:1],
    }


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    for lang in ("en", "de"):
        rows = [row(lang, n, verb) for verb in GERMAN for n in range(60)]
        data = "".join(json.dumps(r) + "\n" for r in rows + rows[:1])
        (folder / f"help.{lang}.jsonl.gz").write_bytes(gzip.compress(data.encode()))
    lines = [
        f"You can {verb} the file number {n} in the window.\t"
        f"Sie können die Datei {n} im Fenster {GERMAN[verb]}.\n"
        for verb in GERMAN
        for n in range(60)
    ]
    (folder / "pairs.en-de.tsv.gz").write_bytes(gzip.compress("".join(lines + lines[:5]).encode()))
    (folder / "PROVENANCE.md").write_text("# Not a document\n\nIt lies beside the corpus files.")
    return folder


def test_build_and_read_back(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    seen: list[tuple[str, int, int | None]] = []
    report = build_corpus([raw], out, progress=lambda *step: seen.append(step))
    documents = list(load_documents(out))
    assert len(documents) == 360 == sum(report.documents.values())
    assert report.drops["navigation"] == 180 + 1
    assert report.drops["document: duplicate"] == 2
    assert all(isinstance(d, Document) for d in documents)
    assert sum(report.sentences.values()) == sum(len(d.sentences) for d in documents)
    assert {name for name, _, total in seen if total is not None} == {p.name for p in raw.glob("*.gz")}
    assert check_corpus(out)["inputs"] == report.inputs
    assert set(report.inputs) == {p.name for p in raw.glob("*.gz")}


def test_stored_split_is_split_of_and_filters_agree(raw: Path, tmp_path: Path) -> None:
    build_corpus([raw], tmp_path / "c")
    everything = list(load_documents(tmp_path / "c"))
    for split in ("train", "dev", "test"):
        expected = [d for d in everything if split_of(d) == split]
        assert list(load_documents(tmp_path / "c", split=split)) == expected
    german = [d for d in everything if d.lang == "deu_Latn"]
    assert list(load_documents(tmp_path / "c", lang="deu_Latn")) == german
    assert list(load_documents(tmp_path / "c", sources=["gnome-user-docs"], kinds=["howto"])) == everything
    assert list(load_documents(tmp_path / "c", sources=["nothing"])) == []
    assert list(load_documents(tmp_path / "c", kinds=["recipe"])) == []


def test_same_inputs_same_bytes(raw: Path, tmp_path: Path) -> None:
    build_corpus([raw], tmp_path / "a")
    build_corpus(sorted(raw.glob("*.gz"), reverse=True), tmp_path / "b")
    names = {p.name for p in (tmp_path / "a").iterdir()}
    assert names == {"corpus.json", "documents.jsonl.gz", "pairs.tsv.gz"}
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_boilerplate_is_limited(raw: Path, tmp_path: Path) -> None:
    report = build_corpus([raw], tmp_path / "c")
    count = sum("Click the OK button." in d.sentences for d in load_documents(tmp_path / "c"))
    assert count == 25
    assert report.drops["boilerplate"] >= 180 - 25


def test_pairs_are_distinct_and_held_out_sentences_never_train(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "c"
    report = build_corpus([raw], out)
    pairs = list(load_pairs(out))
    assert len({(p.text_a, p.text_b) for p in pairs}) == len(pairs) == 180
    assert report.drops["pair: duplicate"] == 5
    train = {s for d in load_documents(out, split="train", lang="eng_Latn") for s in d.sentences}
    held_out = {
        s: d
        for split in ("dev", "test")
        for d in load_documents(out, split=split, lang="eng_Latn")
        for s in d.sentences
        if s not in train
    }
    moved = [p for p in pairs if p.text_a in held_out]
    assert moved
    assert all(p.split == split_of(held_out[p.text_a]) for p in moved)
    assert all(p.split == "train" for p in pairs if p.text_a not in held_out)
    assert list(load_pairs(out, split="train", lang="deu_Latn")) == [p for p in pairs if p.split == "train"]
    assert list(load_pairs(out, lang="fra_Latn")) == []


def test_untranslated_sentences_are_dropped(tmp_path: Path) -> None:
    english = row("en", 1, "open")
    german = row("de", 1, "open")
    german["sections"] = [*german["sections"], *english["sections"][:1]]  # type: ignore[misc, index]
    for lang, value in (("en", english), ("de", german)):
        (tmp_path / f"x.{lang}.jsonl").write_text(json.dumps(value))
    build_corpus([tmp_path], tmp_path / "c")
    (document,) = load_documents(tmp_path / "c", lang="deu_Latn")
    assert all("window" not in s for s in document.sentences)


def test_space_sentences_are_distinct_and_hold_titles_and_headings(raw: Path, tmp_path: Path) -> None:
    build_corpus([raw], tmp_path / "c")
    texts = list(iter_space_sentences(tmp_path / "c", "train", LANGS))
    assert len(set(texts)) == len(texts)
    documents = list(load_documents(tmp_path / "c", split="train"))
    wanted = {(t, d.lang) for d in documents for t in (d.title, *d.sentences)}
    wanted |= {(s.heading, d.lang) for d in documents for s in d.sections if s.heading}
    assert set(texts) == wanted
    assert {lang for _, lang in iter_space_sentences(tmp_path / "c", "train", ["deu_Latn"])} == {"deu_Latn"}
    held_out = set(iter_space_sentences(tmp_path / "c", "test", LANGS, unseen=True))
    assert held_out
    assert not held_out & set(texts)
    assert held_out < set(iter_space_sentences(tmp_path / "c", "test", LANGS))


def test_users_folder_becomes_a_corpus(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "tea.md").write_text("# Make tea\n\nBoil the water in a pot. Then wait for a minute.\n")
    (folder / "image.png").write_bytes(b"\x89PNG")
    report = build_corpus([folder], tmp_path / "c")
    (document,) = load_documents(tmp_path / "c")
    assert (document.title, document.kind) == ("Make tea", "howto")
    assert document.sentences == ("Boil the water in a pot.", "Then wait for a minute.")
    assert report.drops["unreadable: unknown kind of file"] == 1


def test_rebuild_replaces_a_corpus(raw: Path, tmp_path: Path) -> None:
    build_corpus([raw / "help.en.jsonl.gz"], tmp_path / "c")
    build_corpus([raw / "help.de.jsonl.gz"], tmp_path / "c")
    assert {d.lang for d in load_documents(tmp_path / "c")} == {"deu_Latn"}
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_rebuild_keeps_what_is_embedded(raw: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    build_corpus([raw], corpus)
    (corpus / EMBEDDINGS / "space@1").mkdir(parents=True)
    (corpus / EMBEDDINGS / "space@1" / "vectors.npy").write_bytes(b"vectors")
    build_corpus([raw], corpus)
    assert (corpus / EMBEDDINGS / "space@1" / "vectors.npy").read_bytes() == b"vectors"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_failed_build_leaves_the_old_corpus(raw: Path, tmp_path: Path) -> None:
    build_corpus([raw], tmp_path / "c")
    before = (tmp_path / "c" / "documents.jsonl.gz").read_bytes()

    def interrupt(name: str, done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_corpus([raw], tmp_path / "c", progress=interrupt)
    assert (tmp_path / "c" / "documents.jsonl.gz").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_foreign_folder_is_not_overwritten(raw: Path, tmp_path: Path) -> None:
    target = tmp_path / "mine"
    target.mkdir()
    (target / "letter.txt").write_text("keep me")
    with pytest.raises(InputError, match="is no corpus"):
        build_corpus([raw], target)
    assert (target / "letter.txt").read_text() == "keep me"


def test_missing_and_empty_inputs_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        build_corpus([tmp_path / "nowhere"], tmp_path / "c")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no usable document"):
        build_corpus([tmp_path / "empty"], tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_reading_something_else_names_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a corpus"):
        list(load_documents(tmp_path))
    (tmp_path / "corpus.json").write_text("{")
    with pytest.raises(InputError, match="damaged"):
        list(load_pairs(tmp_path))
    (tmp_path / "corpus.json").write_text('{"format_version": 2}')
    with pytest.raises(InputError, match="format 2, expected 3"):
        list(load_documents(tmp_path))


def test_damaged_documents_are_one_line(raw: Path, tmp_path: Path) -> None:
    build_corpus([raw], tmp_path / "c")
    path = tmp_path / "c" / "documents.jsonl.gz"
    whole = path.read_bytes()
    flipped = [whole[:n] + bytes([whole[n] ^ 0xFF]) + whole[n + 1 :] for n in range(20, len(whole) - 8, 97)]
    for damaged in (whole[:-200], *flipped):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match="build the corpus again"):
            list(load_documents(tmp_path / "c"))


def test_names_that_are_no_utf8_are_read_all_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "raw"
    folder.mkdir()
    text = "# Tea\n\nBoil the water in the kettle first. Then pour it over the leaves and wait.\n"
    try:
        (folder / os.fsdecode(b"caf\xe9.md")).write_text(text, encoding="utf-8")
    except OSError:
        pytest.skip("this file system takes no such names")
    sections = [
        {"heading": "", "paragraphs": [["Open the window of the room.", "Close the door of the house."]]}
    ]
    row = {"title": "Rooms", "sections": sections, "lang": "eng_Latn", "page": "\ud800", "source": "\ud800"}
    rows = tmp_path / "rows"
    rows.mkdir()
    (rows / "rows.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    for given, page in ((folder, "caf?.md"), (rows, "?")):
        build_corpus([given], tmp_path / page)
        assert [document.page for document in load_documents(tmp_path / page)] == [page]


def test_catalogues_lie_beside_a_users_documents_or_a_corpus(raw: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    (folder / "po").mkdir(parents=True)
    (folder / "po" / ".old").mkdir()
    (folder / "bread.md").write_text(
        "# Bread\n\nKnead the dough for ten minutes. Let it rest in a warm place.\n"
    )
    message = 'msgid ""\nmsgstr "Language: de\\n"\n\nmsgid "Let the {} rest for an hour."\n'
    for path, word in (("po/de.po", "dough"), ("bread.de.po", "bread"), ("po/.old/de.po", "cake")):
        other = f'msgstr "Lassen Sie es eine Stunde lang ruhen: {word}."\n'
        (folder / path).write_text(message.replace("{}", word) + other)
    report = build_corpus([folder], tmp_path / "c")
    assert [d.title for d in load_documents(tmp_path / "c")] == ["Bread"]
    assert {p.text_a for p in load_pairs(tmp_path / "c", kinds=("catalogue",))} == {
        "Let the dough rest for an hour.",
        "Let the bread rest for an hour.",
    }
    assert report.drops == {"unreadable: hidden file": 1}
    assert sum(report.pairs.values()) == 2
    with pytest.raises(InputError, match="no usable document"):
        build_corpus([folder / "po"], tmp_path / "none")
    (raw / "app.de.po").write_text((folder / "po" / "de.po").read_text())
    report = build_corpus([raw], tmp_path / "both")
    assert (report.pairs["deu_Latn catalogue train"], len(list(load_pairs(tmp_path / "both")))) == (1, 181)


def test_a_held_out_text_is_known_by_another_end_mark_and_among_others(raw: Path, tmp_path: Path) -> None:
    build_corpus([raw], tmp_path / "a")
    pairs = list(load_pairs(tmp_path / "a"))
    held = next(p for p in pairs if p.split != "train")
    rows = [
        (held.text_a.rstrip(".").upper() + ":", "Das ist etwas anderes, das hier steht:"),
        (f"First of all wait. {held.text_a}", "Warten Sie zuerst einmal, und dann machen Sie es so."),
        ("Nobody has seen this one before.", "Das hat noch niemand gesehen."),
    ]
    table = "".join(f"{a}\t{b}\n" for a, b in rows)
    (raw / "pairs-more.en-de.tsv.gz").write_bytes(gzip.compress(table.encode()))
    build_corpus([raw], tmp_path / "b")
    split_of_pair = {p.text_b: p.split for p in load_pairs(tmp_path / "b")}
    assert [split_of_pair[b] for _, b in rows] == [held.split, held.split, "train"]


def test_a_card_can_say_what_it_was_trained_on(raw: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    build_corpus([raw], corpus)
    said = data_line(corpus)
    report = (corpus / "corpus.json").read_bytes()
    sources = {key.split(" ")[1] for key in json.loads(report)["documents"] if key.endswith(" train")}
    assert sources and all(source in said for source in sources)
    assert hashlib.sha256(report).hexdigest()[:12] in said
    with pytest.raises(InputError, match="is not a corpus"):
        data_line(tmp_path / "none")
