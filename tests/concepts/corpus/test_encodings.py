"""Encodings that a file says or does not say, in few words: read right, or one line that names the likely ones."""

from __future__ import annotations

import codecs

import pytest

from concepts.corpus.importers import Unreadable, read_bytes
from concepts.corpus.readers import read_data
from concepts.corpus.readers.encodings.decode import EncodingError, decode

RUSSIAN = (
    "Хлеб.",
    "Привет, мир!",
    "Как испечь хлеб дома",
    "# Хлеб\n\nВозьмите муку и воду. Тесто должно подняться.\n",
    "Налейте воду в чайник (2 л) и ждите. Затем положите чай: 5 г.",
)
UKRAINIAN = ("Як спекти хліб удома. Візьміть борошно і воду.",)
GREEK = ("Πώς να ψήσετε ψωμί στο σπίτι.",)
HEBREW = ("איך לאפות לחם בבית. קחו קמח ומים.",)
JAPANESE = ("パンを焼く。", "# パン\n\nパンの作り方を説明します。水と小麦粉を混ぜます。\n", "こんにちは世界")
NAMES = {
    "cp1251": "windows-1251",
    "koi8_r": "KOI8-R",
    "koi8_u": "KOI8-U",
    "cp866": "cp866",
    "iso8859_5": "ISO-8859-5",
    "mac_cyrillic": "Mac Cyrillic",
    "cp1253": "windows-1253",
    "iso8859_7": "windows-1253",
    "cp1255": "windows-1255",
    "cp1256": "windows-1256",
    "iso8859_6": "ISO-8859-6",
    "cp874": "windows-874",
}
ARABIC = ("كيف تخبز الخبز في المنزل", "مرحبا بكم")
THAI = ("สวัสดีครับ วันนี้อากาศดี",)
TEXTS = {
    **dict.fromkeys(("cp1251", "koi8_r", "cp866", "iso8859_5", "mac_cyrillic"), RUSSIAN),
    "koi8_u": UKRAINIAN,
    **dict.fromkeys(("cp1253", "iso8859_7"), GREEK),
    "cp1255": HEBREW,
    **dict.fromkeys(("cp1256", "iso8859_6"), ARABIC),
    "cp874": THAI,
}


@pytest.mark.parametrize(
    ("encoding", "text"), [(encoding, text) for encoding, texts in TEXTS.items() for text in texts]
)
def test_code_pages_of_one_alphabet(encoding: str, text: str) -> None:
    try:
        decoded = decode(text.encode(encoding))
    except EncodingError as error:
        # What two code pages show as usual words is told with both names.
        assert NAMES[encoding] in str(error) and " or " in str(error)
    else:
        assert decoded.text == text
        assert f"read as {NAMES[encoding]}" in decoded.remark


@pytest.mark.parametrize("encoding", ["koi8_r", "cp866"])
@pytest.mark.parametrize("text", RUSSIAN)
def test_a_russian_word_is_enough(encoding: str, text: str) -> None:
    assert decode(text.encode(encoding)).text == text


@pytest.mark.parametrize(
    ("encoding", "name", "texts"),
    [
        ("iso2022_jp", "ISO-2022-JP", JAPANESE),
        ("iso2022_kr", "ISO-2022-KR", ("빵을 굽는 방법입니다.", "안녕하세요")),
        ("hz", "HZ", ("面包的做法。把水和面粉混合在一起。", "你好")),
        (
            "utf_7",
            "UTF-7",
            (
                "Grüße aus Köln. Das Brot ist schön.",
                "Das Café ist zu.",
                "Größe: 3 m",
                "Er sagte „Ja“.",
                "Привет, мир",
                "你好",
            ),
        ),
    ],
)
def test_encodings_of_seven_bits_are_no_utf_8(encoding: str, name: str, texts: tuple[str, ...]) -> None:
    for text in texts:
        decoded = decode(text.encode(encoding))
        assert decoded.text == text
        assert f"read as {name}" in decoded.remark
    page = f'<meta charset="{name}"><p>{texts[0]}</p>'
    assert texts[0] in decode(page.encode(encoding)).text


@pytest.mark.parametrize(
    "text",
    [
        "Red is \x1b[31mred\x1b[0m here.",
        "In C++, a+b-c and x+yes-no are sums.",
        "Paths: ~{home}~ and {~}.",
        "Ask foo+bar@example.org and baz+qux-1@example.org, +more- and +less-.",
        "A REST+API-first design in C+ABI-stable modules.",
        "Call +49123456-7; we use SAP +IBM servers; x+bottom-up and Peter+Ana-Lena.",
    ],
)
def test_ascii_stays_ascii(text: str) -> None:
    assert decode(text.encode()).text == text


@pytest.mark.parametrize(
    "text",
    [
        "Café",
        "Brötchen für Anfänger",
        "L'été, les élèves révisent à Évian.",
        "¿Qué pasó, señor?",
        "Das ist schön.",
        "The price is £5 – not $5.",
        "“Hello,” she said—twice. It’s 5 °C…",
        "• one\n• two",
        "Acme® costs ½ as much; 3 m²",
        "« i18n » et « l10n » sont les abréviations respectives des mots",
        "Das Café ist zu. Grüße aus Köln.",
        "Voilà: das Paket ist da.",
        "Spaß à la carte",
        "Wait—no, it is naïve. Don’t!",
        "ÜBER UNS",
        "Smørrebrød på dansk",
        "Hafið góðan dag, þið öll",
    ],
)
def test_western_words_stay_western(text: str) -> None:
    assert decode(text.encode("cp1252")).text == text


CENTRAL = {
    "cs": (
        "Jak upéct chléb doma",
        "Dobrý den, jak se máte?",
        "# Chléb\n\nVezměte mouku a vodu. Těsto musí kynout dvě hodiny.\n",
        "Zítra půjdu do školy a pak si koupím něco k jídlu.",
    ),
    "pl": ("Dzień dobry", "Zażółć gęślą jaźń.", "Jak upiec chleb w domu: mąka, woda, sól."),
    "hu": ("Jó napot!", "Hogyan süssünk kenyeret otthon? Végy lisztet és vizet, és keverd össze őket."),
    "hr": ("Kako ispeći kruh kod kuće. Pomiješajte brašno i vodu.",),
}


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        *((page, text) for page in ("cp1250", "iso8859_2") for texts in CENTRAL.values() for text in texts),
        ("cp852", "Jak upéct chléb doma"),
        ("mac_latin2", "Jak upéct chléb doma"),
        ("cp1254", "Evde ekmek nasıl yapılır? Unu ve suyu karıştırın."),
        ("cp1257", "Kaip kepti duoną namuose. Sumaišykite miltus ir vandenį."),
        ("iso8859_15", "Das Brötchen kostet 3 €."),
        *(
            (page, text)
            for page in ("mac_roman", "cp850")
            for text in ("Brot für Anfänger", "L'été à la plage", "¿Dónde está el niño?")
        ),
        ("mac_roman", "En la mayoría de los casos, el sistema de información está listo."),
        ("cp850", "Este pivote está en el centro, la imagen será mejor."),
        ("cp850", "For angles greater than 90°, it's the other way round."),
        ("mac_roman", "She said, “I don’t know” – twice."),
    ],
)
def test_pages_of_latin_letters(encoding: str, text: str) -> None:
    decoded = decode(text.encode(encoding))
    assert decoded.text == text
    assert "not UTF-8" in decoded.remark


def test_a_doubtful_page_is_told() -> None:
    # "Dzieñ dobry" in Western letters, "Dzień dobry" in DOS's.
    assert "though it may be cp852" in decode("Dzień dobry".encode("cp852")).remark


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        *((encoding, text) for encoding in ("shift_jis", "euc_jp") for text in JAPANESE),
        ("euc_kr", "안녕하세요"),
        ("gb18030", "你好"),
        ("gb18030", "面包的做法。把水和面粉混合在一起。"),
        ("big5", "麵包的做法。把水和麵粉混合在一起。"),
        *((encoding, text) for encoding in ("big5", "cp950") for text in ("麵包", "你好", "你好嗎？")),
        ("euc_jp", "パン"),
        ("shift_jis", "東京"),
        ("euc_kr", "빵"),
    ],
)
def test_double_bytes_are_not_taken_for_an_alphabet(encoding: str, text: str) -> None:
    with pytest.raises(EncodingError, match=r"it may be .* or .*save it as UTF-8"):
        decode(text.encode(encoding))


GERMAN = "# Brot für Anfänger\n\nMan nehme Mehl, Wasser und ein wenig Öl für die Schüssel.\n"


@pytest.mark.parametrize(
    "data",
    [
        codecs.BOM_UTF8 + GERMAN.encode(),
        GERMAN.encode("utf-16"),
        codecs.BOM_UTF16_BE + GERMAN.encode("utf-16-be"),
        GERMAN.encode("utf-32"),
        GERMAN.encode("utf-16-le"),
        GERMAN.encode("cp1252"),
        GERMAN.encode("latin-1"),
    ],
    ids=["bom", "utf-16", "utf-16-be", "utf-32", "utf-16 without a mark", "cp1252", "latin-1"],
)
def test_encodings(data: bytes) -> None:
    assert read_data(data, ".md").elements[0].text == "Brot für Anfänger"


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        ('<meta charset="iso-8859-1">', "cp1252"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=windows-1250">', "cp1250"),
        ('<?xml version="1.0" encoding="iso-8859-2"?>', "iso-8859-2"),
        ('<meta charset="koi8-r">', "koi8-r"),
    ],
)
def test_declared_encodings(head: str, encoding: str) -> None:
    text = {"cp1252": "café “x”", "koi8-r": "Привет"}.get(encoding, "Łódź")
    reading = read_data(f"{head}<p>{text}</p>".encode(encoding), ".html")
    assert (reading.elements[0].text, reading.remarks) == (text, ())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "binary data"),
        ("你好".encode("gb18030"), "not UTF-8 text"),
        (b"caf\x81\x8d", "not UTF-8 text"),
        (codecs.BOM_UTF8 + b"\xff\xff", "its first bytes say UTF-8"),
    ],
)
def test_no_encoding_is_one_line(data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason) as error:
        read_bytes(data, ".txt", "a.txt")
    assert "\n" not in str(error.value) and "save it as" in str(error.value)
