"""Language names and detection: the space's own list decides, and nothing is guessed beyond it."""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path

import pytest

from concepts.corpus.readers import Element
from concepts.errors import InputError
from concepts.given import arrange, read_given
from concepts.languages.codes import language_name, suggest_languages, take_language
from concepts.languages.detection import (
    _identifier,
    detect_language,
    document_language,
    foreign_language,
    possible_language,
)
from concepts.languages.few_words import frequency

FOUR = ("eng_Latn", "deu_Latn", "fra_Latn", "spa_Latn")
DEV = [
    (lang, text)
    for line in (Path(__file__).parents[2] / "benchmarks/languages/short_phrases/dev.tsv")
    .read_text(encoding="utf-8")
    .splitlines()
    for lang, text in [line.split("\t")]
]
"""Phrases of one to four words and their languages;
`benchmarks/languages/bench_short_phrases.py` measures all of them."""
MANY = (*FOUR, "zho_Hans", "zho_Hant", "arb_Arab", "ary_Arab", "nob_Latn", "pes_Arab", "swh_Latn", "por_Latn")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("de", "deu_Latn"),
        ("German", "deu_Latn"),
        ("français", "fra_Latn"),
        ("spanisch", "spa_Latn"),
        ("EN-gb", "eng_Latn"),
        ("deu_latn", "deu_Latn"),
        ("Germn", "deu_Latn"),
        ("Chinese", "zho_Hans"),
        ("zh-TW", "zho_Hant"),
        ("ar", "arb_Arab"),
        ("Norwegian", "nob_Latn"),
        ("pt_BR", "por_Latn"),
    ],
)
def test_what_people_type_is_understood(typed: str, meant: str) -> None:
    assert suggest_languages(typed, MANY)[0] == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("de", "deu_Latn"),
        ("german", "deu_Latn"),
        ("Deutsch", "deu_Latn"),
        ("allemand", "deu_Latn"),
        ("de-AT", "deu_Latn"),
        ("deu", "deu_Latn"),
        ("ger", "deu_Latn"),
        ("DE", "deu_Latn"),
        (" deu_latn ", "deu_Latn"),
        ("français", "fra_Latn"),
        ("es-419", "spa_Latn"),
        ("pt_BR", "por_Latn"),
        ("zh", "zho_Hans"),
        ("zh-TW", "zho_Hant"),
        ("zh-HK", "zho_Hant"),
        ("中文", "zho_Hans"),
        ("ar-EG", "arb_Arab"),
        ("ary", "ary_Arab"),
        ("Norwegian", "nob_Latn"),
        ("fa", "pes_Arab"),
        ("Swahili", "swh_Latn"),
    ],
)
def test_what_means_one_language_is_taken(typed: str, meant: str) -> None:
    assert take_language(typed, MANY) == meant


@pytest.mark.parametrize(
    "typed",
    [
        "germn",
        "deu_Latin",
        "frenh",
        "gsw",
        "lb",
        "arz",
        "de-Cyrl",
        "xx",
        "Klingon",
        "english german",
        "Frenchh",
        "Germany",
        "?",
        "",
        "d",
        "\0",
        "\ud800",
        "de\x1b",
        "🙂",
        "de;fr",
    ],
)
def test_what_is_misspelt_or_near_is_not_taken(typed: str) -> None:
    assert take_language(typed, MANY) is None


def test_another_script_is_not_taken() -> None:
    assert take_language("zh-TW", ("eng_Latn", "zho_Hans")) is None
    assert take_language("sr-Latn", ("srp_Cyrl",)) is None
    assert take_language("sr", ("srp_Cyrl",)) == "srp_Cyrl"


@pytest.mark.parametrize(
    ("prompt", "lang"),
    [
        ("Wie man ein Hochbeet baut", "deu_Latn"),
        ("Der Erste Weltkrieg", "deu_Latn"),
        ("Gesunde Ernährung", "deu_Latn"),
        ("Comment faire du pain", "fra_Latn"),
        ("Cómo hacer pan", "spa_Latn"),
        ("How to build a raised bed", "eng_Latn"),
        # names and loan words, which py3langid takes for another language
        ("Werner Heisenberg", "eng_Latn"),
        ("albert einstein", "eng_Latn"),
        ("Simone de Beauvoir", "eng_Latn"),
        ("Charles de Gaulle", "eng_Latn"),
        ("Phone etiquette", "eng_Latn"),
        ("Stonehenge", "eng_Latn"),
        # an English word beside a foreign name
        ("pão de queijo recipe", "eng_Latn"),
    ],
)
def test_a_document_is_in_its_prompts_language_where_that_is_sure(prompt: str, lang: str) -> None:
    assert document_language(prompt, FOUR) == lang


@pytest.mark.parametrize("typed", ["xx", "?", "", "Klingon", "zh"])
def test_nothing_is_suggested_that_the_space_lacks(typed: str) -> None:
    assert suggest_languages(typed, FOUR) == []


def test_names_are_english() -> None:
    assert [language_name(code) for code in ("deu_Latn", "zho_Hans")] == ["German", "Chinese"]


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("How to share a folder on the network", "eng_Latn"),
        ("Wie man einen Ordner mit anderen Benutzern teilt", "deu_Latn"),
        ("Comment partager un dossier sur le réseau", "fra_Latn"),
        ("Cómo compartir una carpeta en la red", "spa_Latn"),
    ],
)
def test_a_sentence_tells_its_language(text: str, lang: str) -> None:
    assert detect_language(text, FOUR, "eng_Latn") == lang
    assert detect_language(text, MANY, "eng_Latn") == lang


def test_what_cannot_be_told_is_taken_as_expected() -> None:
    for expected in FOUR:
        assert detect_language("12", FOUR, expected) == expected
    # what a few words look like is not enough
    for dish in ("Simple Nachos", "Chicken Parmigiana", "Potato Lángos", "Master Plan", "Ubuntu"):
        assert detect_language(dish, FOUR, "eng_Latn") == "eng_Latn"
    assert detect_language("Wie man einen Ordner teilt", ("eng_Latn",), "eng_Latn") == "eng_Latn"
    assert detect_language("Wie man einen Ordner teilt", ("eng_Latn", "xyz_Latn"), "eng_Latn") == "eng_Latn"


def test_plain_english_asks_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    import py3langid.langid

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the model was loaded")

    _identifier.cache_clear()
    monkeypatch.setattr(py3langid.langid.LanguageIdentifier, "from_model_file", refuse)
    assert detect_language("How to share a folder", FOUR, "eng_Latn") == "eng_Latn"
    with pytest.raises(AssertionError, match="was loaded"):
        detect_language("Wie man einen Ordner teilt", FOUR, "eng_Latn")
    with pytest.raises(AssertionError, match="was loaded"):
        detect_language("How to share a folder", FOUR, "deu_Latn")


def test_a_thousand_prompts_load_the_model_once() -> None:
    _identifier.cache_clear()
    for number in range(50):
        detect_language(f"Der Ordner wird freigegeben, Nummer {number}", ("eng_Latn", "deu_Latn"), "eng_Latn")
    assert _identifier.cache_info().misses == 2  # for all languages, from the file, and for two of them


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Привет", "Russian"),
        ("Хлеб", "Russian"),
        ("Хліб", "Ukrainian"),
        ("مرحبا", "Arabic"),
        ("روٹی", "Urdu"),
    ],
)
def test_a_word_in_an_unknown_script_is_named_after_its_commonest_language(text: str, name: str) -> None:
    assert foreign_language(text, ("eng_Latn", "deu_Latn")) == name


@pytest.mark.parametrize(
    "text",
    [
        "Dvořák symphony", "pad thai", "kimchi jjigae", "tzatziki dip", "hygge living room", "Nokia repair",
        "Łódź travel", "Wisława Szymborska", "Søren Kierkegaard", "smörgåsbord party", "crème brûlée", "status quo",
        "carpe diem", "recipe for svíčková", "Rio de Janeiro", "Kraków", "baklava", "seperate files", "Rye bread",
        "Min max",
    ],
)  # fmt: skip
def test_names_and_loan_words_are_not_refused(text: str) -> None:
    assert foreign_language(text, FOUR) is None


@pytest.mark.parametrize(
    "text",
    [
        "Viajar barato", "Carta de renuncia", "Mein Garten", "Gulasch kochen", "Mon jardin", "Pavlova aux fruits",
        "Uso de Kfloppy", "Krusader starten", "dupload et dput", "TheMovieDB.org", "El programa smbclient",
        unicodedata.normalize("NFD", "Orientación"),
    ],
)  # fmt: skip
def test_a_language_of_the_space_is_no_neighbour_of_it(text: str) -> None:
    assert foreign_language(text, FOUR) is None
    assert possible_language(text, FOUR) is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Dzień dobry", "Polish"),
        ("Dzień dobry!", "Polish"),
        ("DZIEŃ DOBRY", "Polish"),
        ("Dziękuję", "Polish"),
        ("Hvordan bage", "Danish"),
        ("Jak upéct", "Czech"),
        ("Tusen takk", "Norwegian"),
        ("Mijn fiets", "Dutch"),
        ("La mia ricetta", "Italian"),
        ("Muito obrigado", "Portuguese"),
        ("Hyvää huomenta", "Finnish"),
        ("Jó reggelt", "Hungarian"),
        ("Nasıl yapılır", "Turkish"),
        ("Bună ziua", "Romanian"),
    ],
)
def test_everyday_words_of_an_unknown_language_are_refused_by_its_name(text: str, name: str) -> None:
    assert foreign_language(text, FOUR) == name
    code = {"Polish": "pol_Latn"}.get(name)
    if code is not None:
        assert foreign_language(text, (*FOUR, code)) is None
        assert detect_language(text, (*FOUR, code), "eng_Latn") == code


@pytest.fixture
def hashed_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same lists of words as sets: hundreds of phrases look up thousands of words in each."""
    import wordfreq

    read = wordfreq.get_frequency_list
    monkeypatch.setattr(
        wordfreq,
        "get_frequency_list",
        cache(lambda tag, kind: [frozenset(words) for words in read(tag, kind)]),
    )


def test_most_everyday_phrases_are_refused_and_nearly_no_english_ones(hashed_lists: None) -> None:
    """Every tenth of the phrases that the weights were fitted to; measured on others: docs/from-documents.md."""
    known = {"English", "German", "French", "Spanish"}
    own = [text for lang, text in DEV[::10] if lang in known]
    foreign = [(lang, text) for lang, text in DEV[::10] if lang not in known and " " in text]
    assert sum(foreign_language(text, FOUR) is not None for text in own) <= 0.02 * len(own)
    named = [(lang, foreign_language(text, FOUR)) for lang, text in foreign]
    assert sum(name is not None for _, name in named) >= 0.8 * len(named)
    assert sum(lang == name for lang, name in named) >= 0.7 * len(named)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Hur bakar", "Swedish"),
        ("Trädgården", "Swedish"),
        ("Gatto piccolo", None),
        ("Dvořák symphony", None),
        ("Rye bread", None),
        ("Gezellig", "Dutch"),
        ("Dzień dobry i witam w domu", None),
        ("12", None),
    ],
)
def test_a_few_words_that_may_be_another_language(text: str, name: str | None) -> None:
    assert possible_language(text, FOUR) == name


def test_words_of_a_space_without_english_or_in_another_script_are_not_refused() -> None:
    assert foreign_language("Dzień dobry", ("pol_Latn",)) is None
    assert foreign_language("Добро јутро", ("eng_Latn", "rus_Cyrl")) is None
    assert foreign_language("Habari ya jioni", ("eng_Latn", "swh_Latn")) is None
    assert foreign_language("Habari ya jioni", FOUR) == "Swahili"


def test_plain_prompts_read_no_list_of_another_language(monkeypatch: pytest.MonkeyPatch) -> None:
    import wordfreq

    read: list[str] = []
    get_list = wordfreq.get_frequency_list
    monkeypatch.setattr(
        wordfreq, "get_frequency_list", lambda tag, kind: read.append(tag) or get_list(tag, kind)
    )
    frequency.cache_clear()
    for text in ("How to bake bread", "A letter to the whole town about a new park and its trees"):
        assert foreign_language(text, FOUR) is None
    assert read == []
    assert foreign_language("My garden", FOUR) is None
    assert set(read) == {"en"}


def test_a_document_of_two_words_says_what_else_it_may_be(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Stary dom\n", encoding="utf-8")
    told = read_given(tmp_path / "a.txt", FOUR).told
    assert [line.partition(": ")[2] for line in told] == [
        "read as English, though it may be Polish, which the space does not know"
    ]
    (tmp_path / "a.txt").write_text("Dzień dobry\n", encoding="utf-8")
    with pytest.raises(InputError, match="reads as Polish, the space knows English, German, French, Spanish"):
        read_given(tmp_path / "a.txt", FOUR)


def test_a_sentence_with_a_small_word_of_another_language_is_its_own() -> None:
    for text in ("Il neige.", "Nein, nie.", "Ei trennen."):
        assert foreign_language(text, FOUR) is None


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Как испечь хлеб", "Russian"),
        ("パンの焼き方", "Japanese"),
        ("빵 굽기", "Korean"),
        ("איך לאפות לחם", "Hebrew"),
        ("ᏣᎳᎩ", "a language in Cherokee letters"),
        ("ޕާން", "a language in Thaana letters"),
        ("ⴰⵖⵔⵓⵎ", "a language in Tifinagh letters"),
        ("∀x ∈ ℝ", None),
        ("Come fare il pane", "Italian"),
        ("Hur man bakar bröd", "Swedish"),
        ("Ekmek nasıl yapılır", "Turkish"),
        ("Docker and Kubernetes", None),
        ("Sushi", None),
        ("Crème brûlée", None),
        ("How to say 你好 in a letter", None),
        ("Wie man Brot backt", None),
        ("2 + 2 = 4", None),
        ("Das Brot.", None),
        ("Il pane.", "Italian"),
        ("O pão.", "Portuguese"),
        ("Het brood.", "Dutch"),
        ("La Paz and Titicaca.", None),
        ("Is it on?", None),
        ("Die hard.", None),
        ("A test.", None),
    ],
)
def test_languages_however_short(text: str, language: str | None) -> None:
    assert foreign_language(text, FOUR) == language


@pytest.mark.parametrize(
    ("text", "code", "language"),
    [
        ("Das Brot.", "deu_Latn", "German"),
        ("Ein Garten ist schön.", "deu_Latn", "German"),
        ("Le pain.", "fra_Latn", "French"),
        ("El pan.", "spa_Latn", "Spanish"),
        ("The bread.", "eng_Latn", None),
        ("Das Boot", "eng_Latn", None),  # a title may be a name
    ],
)
def test_two_words_of_a_sentence_tell_its_language(text: str, code: str, language: str | None) -> None:
    assert detect_language(text, FOUR, "eng_Latn") == code
    assert foreign_language(text, ("eng_Latn",)) == language


def test_a_short_document_is_refused_by_name_or_taken_as_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Das Brot.\n", encoding="utf-8")
    assert read_given(tmp_path / "a.txt", FOUR).lang == "deu_Latn"
    with pytest.raises(InputError, match="reads as German, the space knows English"):
        read_given(tmp_path / "a.txt", ("eng_Latn",))


@pytest.mark.parametrize(
    ("lang", "heading"),
    [
        ("deu_Latn", "Überblick"),
        ("ita_Latn", "Introduzione"),
        ("pol_Latn", "Wprowadzenie"),
        ("rus_Cyrl", "Введение"),
    ],
)
def test_text_above_the_first_heading_has_a_heading_of_its_language(lang: str, heading: str) -> None:
    elements = [Element("X", 1), Element("A b.", None), Element("Y", 2), Element("C d.", None)]
    assert arrange(elements, lang, "x").sections[0].heading == heading


def test_a_space_that_knows_a_script_takes_it() -> None:
    assert foreign_language("Хлеб", ("eng_Latn", "rus_Cyrl")) is None
    assert foreign_language("パンの焼き方", ("jpn_Jpan",)) is None


def test_mixed_documents_say_what_was_taken_for_what(tmp_path: Path) -> None:
    german = "Das Wasser wird auf dem Herd gekocht und dann in die Tasse gegeben."
    english = "The water is boiled on the stove and then it is poured into the cup."
    (tmp_path / "a.md").write_text(
        f"# Tea\n\n{english}\n\n{english} Again.\n\n{german}\n\nХлеб и вода стоят здесь.\n"
    )
    (told,) = read_given(tmp_path / "a.md", FOUR).told
    assert "taken as English, with 1 paragraph in German, 1 paragraph in Russian" in told
    assert told.endswith("which the space does not know, kept as they are")
