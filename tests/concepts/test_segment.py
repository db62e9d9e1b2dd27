"""Segmentation: normalisation is idempotent and keeps meaning, splitting loses no word."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concepts import segment
from concepts.errors import UsageError
from concepts.segment import PUNKT_NAMES, cut_long, headline, normalize_text, split_sentences


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("“Save” the file’s copy", '"Save" the file\'s copy'),
        ("« Fichier » ou « Éditer »", '"Fichier" ou "Éditer"'),
        ("»Datei« oder »Neues Bild« wählen", '"Datei" oder "Neues Bild" wählen'),
        ("la «ventana»", 'la "ventana"'),
        ("pages 4\u20137 \u2014 all", "pages 4-7 - all"),
        ("wait\u2026", "wait..."),
        ("File \u2192 Open \u25b8 Recent", "File > Open > Recent"),
        ("a\u00a0b\u202fc \t\n d", "a b c d"),
        ("co\u00adoper\u200bate\x07", "cooperate"),
        ("½ cup x²", "½ cup x²"),
        ("350˚F", "350°F"),
        ("\ufb01le", "file"),
        ("e\u0301", "é"),
    ],
)
def test_normalize_text(raw: str, expected: str) -> None:
    assert normalize_text(raw) == expected


@given(st.text())
@settings(max_examples=100, deadline=None)
def test_normalize_text_twice_is_once(text: str) -> None:
    once = normalize_text(text)
    assert normalize_text(once) == once
    assert once == once.strip()
    assert "  " not in once
    assert once.isprintable()


@pytest.mark.parametrize(
    ("text", "lang", "count"),
    [
        ("Dr. Smith went home. He was tired.", "eng_Latn", 2),
        ("Use a tool, e.g. the pen. Add 2 tbsp. of oil.", "eng_Latn", 2),
        ("If a #VALUE! error occurs, clear it. Then retry.", "eng_Latn", 2),
        ("Click OK. Then close the window.", "eng_Latn", 2),
        ("Prof. A. B. Cole left. He was tired.", "eng_Latn", 2),
        ("Dr. A. B. Cole sang.", "eng_Latn", 1),
        ("Take vitamin C. It helps.", "eng_Latn", 2),
        ("Add 2 and 3. The sum is 5.", "eng_Latn", 2),
        ("See Figs. 2 and 3. It rained.", "eng_Latn", 2),
        ("The ratio is 1 : 2. I saw it.", "eng_Latn", 2),
        ("Do three things: 1. The pan is heated, 2. it is oiled and 3. it is wiped.", "eng_Latn", 1),
        ("[1] A. Smith, B. Jones. Beans. J. Plant Sci., vol. 3, no. 2, pp. 1-9, 2019.", "eng_Latn", 3),
        ("Es gilt für Hunde i. S. d. § 2 Abs. 1 Nr. 3 (BGBl. I S. 1206). Das ist alles.", "deu_Latn", 2),
        ('Er führt den Zusatz "e. V.". Sitz ist Neustadt a. d. Weinstraße. Das gilt.', "deu_Latn", 3),
        ("Das folgt aus §§ 51 ff. AO i. V. m. § 4. Er ist frei.", "deu_Latn", 2),
        ("So Rn. 12 f.; a. A. Müller, BGB, 3. Aufl. 2015, § 21 Rn. 4. Das gilt auch hier.", "deu_Latn", 2),
        ("Am 3. Oktober geht es los. §§ 4 bis 6 gelten entsprechend.", "deu_Latn", 2),
        ("Sie wohnte in der Bahnhofstr. 12. Niemand sah sie.", "deu_Latn", 2),
        ("Er zog in die Lindenallee 7. Dort blieb er im 3. Stock.", "deu_Latn", 2),
        ("Il partit à 8 h. 30 avec Mme Hugo. C'était tard.", "fra_Latn", 2),
        ("She works for Acme Inc. She does not like it.", "eng_Latn", 2),
        ("Files, folders, etc. in the list are shown.", "eng_Latn", 1),
        ("Das ist z. B. ein Satz. Bei Falcot Corp. wird das gemacht.", "deu_Latn", 2),
        ("M. Dupont est là. C'est bon !", "fra_Latn", 2),
        ("El idioma es inglés (EE. UU.). No hay más.", "spa_Latn", 2),
    ],
)
def test_split_sentences_knows_abbreviations(text: str, lang: str, count: int) -> None:
    assert len(split_sentences(text, lang)) == count


@given(st.text(alphabet=st.sampled_from('abcXYZ .,;:!?-"()1')))
@settings(max_examples=100, deadline=None)
def test_sentences_joined_are_the_text_and_split_the_same(text: str) -> None:
    text = normalize_text(text)
    for lang in PUNKT_NAMES:
        sentences = split_sentences(text, lang)
        assert " ".join(sentences) == text
        assert split_sentences(" ".join(sentences), lang) == sentences


@given(st.text(alphabet=st.sampled_from("abcXYZ .,;:!?-")), st.integers(min_value=1, max_value=60))
def test_a_cut_sentence_keeps_all_words_in_order(text: str, max_chars: int) -> None:
    text = normalize_text(text)
    pieces = cut_long(text, max_chars)
    assert "".join(pieces).replace(" ", "") == text.replace(" ", "")
    assert all(0 < len(piece) <= max_chars for piece in pieces)


def test_a_long_sentence_is_cut_at_the_strongest_mark_into_even_pieces() -> None:
    text = f"{'word ' * 20}end; {'word, ' * 15}end."
    assert [piece[-4:] for piece in cut_long(text, 150)] == ["end;", "end."]


def test_a_cut_sentence_leaves_no_stump() -> None:
    pieces = cut_long("word " * 41 + "end.")
    assert len(pieces) == 2
    assert min(map(len, pieces)) > 80


def test_unknown_language_is_named() -> None:
    with pytest.raises(UsageError, match=r"'xxx'.*eng_Latn"):
        split_sentences("text", "xxx")


def test_empty_text_has_no_sentences() -> None:
    assert split_sentences("") == []
    assert split_sentences("   ") == []


class SlowPunkt:
    """Stands for nltk on a busy machine: its wall-clock limit trips a few times, then it answers."""

    def __init__(self, num_timeouts: int) -> None:
        self.num_timeouts = num_timeouts

    def span_tokenize(self, text: str) -> list[tuple[int, int]]:
        if self.num_timeouts > 0:
            self.num_timeouts -= 1
            raise TimeoutError
        middle = text.index(" ") + 1
        return [(0, middle), (middle, len(text))]


@pytest.mark.parametrize(("num_timeouts", "expected"), [(1, ["Go.", "On."]), (99, ["Go. On."])])
def test_a_pause_of_the_machine_does_not_stop_splitting(
    monkeypatch: pytest.MonkeyPatch, num_timeouts: int, expected: list[str]
) -> None:
    punkt = SlowPunkt(num_timeouts)
    monkeypatch.setattr(segment, "_tokenizer", lambda lang: punkt)
    assert split_sentences("Go. On.") == expected


@pytest.mark.parametrize(
    "text", ["." * 50_000, "a." * 50_000 + " b", "x" * 50_000 + ". y.", "word. " * 20_000]
)
def test_endless_paragraphs_are_split_without_losing_text(text: str) -> None:
    pieces = split_sentences(text)
    assert "".join(pieces).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Share a folder.", "Share a folder"),
        ("Share a folder, and then the others", "Share a folder..."),
        ("共" * 40, "共" * 17 + "..."),
    ],
)
def test_a_heading_is_cut_at_a_blank_if_it_has_one(sentence: str, expected: str) -> None:
    assert headline(sentence, 20) == expected


@pytest.mark.parametrize(
    ("lang", "sentences"),
    [
        ("eng_Latn", ["We saw Mt. Everest.", "It was high."]),
        ("eng_Latn", ["W. E. B. Du Bois wrote.", "He was read."]),
        ("eng_Latn", ["Smith, A. B. and Jones, C. D. (2020) found it."]),
        ("eng_Latn", ["Then Gov. Brown spoke.", "Capt. Cook left, a.k.a. James."]),
        ("eng_Latn", ["See Ref. 12 for it, est. 1900."]),
        ("eng_Latn", ["It is by J. R. R. Tolkien.", "It is long."]),
        ("eng_Latn", ["Vitamins A and B.", "They help."]),
        ("deu_Latn", ["Siehe Abschn. 2 dort.", "Tel. 123 gilt."]),
        ("deu_Latn", ["Die Fa. Meier baut.", "Er kam in die Hauptstr. 5 zurück."]),
        ("deu_Latn", ["Wir wohnen in der Bahnhofstr. 12.", "Das Haus ist alt."]),
        ("deu_Latn", ["Geb. 1900 in Bonn.", "Er lief."]),
    ],
)
def test_titles_initials_and_references_end_no_sentence(lang: str, sentences: list[str]) -> None:
    assert split_sentences(" ".join(sentences), lang) == sentences


@pytest.mark.parametrize(
    ("lang", "sentences"),
    [
        ("eng_Latn", ['He said: "Go away! Now!"', "Then he left."]),
        ("eng_Latn", ['He said, "Go. Now."', "Then he left."]),
        ("eng_Latn", ['"Go away! Now!" he said.', '"Why? What is it?" she asked.', '"No."']),
        ("eng_Latn", ['She said "No." and "Yes!"', "He left."]),
        ("deu_Latn", ['Er rief: "Geh weg! Sofort!"', '"Wohin? Jetzt?", fragte sie.', "Dann ging er."]),
        ("fra_Latn", ['Il dit : "Va-t\'en ! Vite !"', "Puis il partit."]),
        ("spa_Latn", ["-No puede ser -gritó él.", "Luego se fue."]),
        ("spa_Latn", ["-¡No puede ser! -gritó él.", "-¿Qué? - preguntó ella.", "-Nada."]),
        ("fra_Latn", ["- Où vas-tu ? - demanda-t-il.", "Il partit."]),
        ("deu_Latn", ["Mehl, Wasser usw.", "Dann backen."]),
        ("deu_Latn", ["Mehl, Salz usf.", "Wir backen Brot, Kuchen usw. aus Mehl."]),
        ("deu_Latn", ["Brot, Kuchen usw. Rezepte gibt es genug."]),
        ("deu_Latn", ["Siehe Abb. 3.", "Der Teig ruht.", "Vgl. Kap. 2.", "Mehl fehlt."]),
        ("deu_Latn", ["Abb. 3.", "Danach kommt der 2. Weltkrieg."]),
    ],
)
def test_quotations_speech_and_references_end_where_their_sentence_does(
    lang: str, sentences: list[str]
) -> None:
    assert split_sentences(normalize_text(" ".join(sentences)), lang) == sentences


def test_a_long_speech_is_cut_into_its_sentences() -> None:
    speech = " ".join(["We walked down to the river and sat there for an hour."] * 3)
    assert len(split_sentences(f'He said: "{speech}"')) == 3


@pytest.mark.parametrize(
    ("text", "lang", "expected"),
    [
        ('"Stop!" John shouted. He ran.', "eng_Latn", ['"Stop!" John shouted.', "He ran."]),
        ('"Where?" I asked. "Here."', "eng_Latn", ['"Where?" I asked.', '"Here."']),
        (
            "„Wohin gehst du?“, fragte sie. Er ging.",
            "deu_Latn",
            ['"Wohin gehst du?", fragte sie.', "Er ging."],
        ),
        (
            "« Où vas-tu ? » demanda-t-elle. Il part.",
            "fra_Latn",
            ['"Où vas-tu ?" demanda-t-elle.', "Il part."],
        ),
        (
            "Am 3. Oktober fuhr er. Der 2. Weltkrieg war aus.",
            "deu_Latn",
            ["Am 3. Oktober fuhr er.", "Der 2. Weltkrieg war aus."],
        ),
        ("Er kam am 12. Dann ging er.", "deu_Latn", ["Er kam am 12.", "Dann ging er."]),
        ("Ludwig XIV. war König. Er starb.", "deu_Latn", ["Ludwig XIV. war König.", "Er starb."]),
        (
            "Smith et al. (2020) found it. Others did not.",
            "eng_Latn",
            ["Smith et al. (2020) found it.", "Others did not."],
        ),
        ("It is 5 ft. 3 in. tall. See pp. 3-4.", "eng_Latn", ["It is 5 ft. 3 in. tall.", "See pp. 3-4."]),
        ("He said no. Then he left.", "eng_Latn", ["He said no.", "Then he left."]),
        ("See Sec. IV of it. J. K. Rowling did.", "eng_Latn", ["See Sec. IV of it.", "J. K. Rowling did."]),
        (
            "Open a.b.txt. See https://x.org/a?b=1. Go.",
            "eng_Latn",
            ["Open a.b.txt.", "See https://x.org/a?b=1.", "Go."],
        ),
        ("Véase pág. 12 y fig. 3. El Sr. Gil va.", "spa_Latn", ["Véase pág. 12 y fig. 3.", "El Sr. Gil va."]),
    ],
)
def test_sentences(text: str, lang: str, expected: list[str]) -> None:
    assert split_sentences(normalize_text(text), lang) == expected


def test_a_long_sentence_stays_one() -> None:
    text = "We " + "walk and " * 400 + "stop."
    assert split_sentences(text) == [text]


def test_a_blank_is_not_cut() -> None:
    text = "He went " + "far and wide " * 8 + "to [the town's name: Harrow Bay], and on " + "to the sea " * 8
    pieces = cut_long(text, 150)
    assert len(pieces) > 1
    assert all(piece.count("[") == piece.count("]") for piece in pieces)
    assert " ".join(pieces) == text.strip()
