"""Encodings that a file does not say, in texts of a few words: read right, or one line that names the likely ones."""

from __future__ import annotations

import pytest

from concepts.corpus.readers.encoding import EncodingError, decode

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
}
TEXTS = {
    **dict.fromkeys(("cp1251", "koi8_r", "cp866", "iso8859_5", "mac_cyrillic"), RUSSIAN),
    "koi8_u": UKRAINIAN,
    **dict.fromkeys(("cp1253", "iso8859_7"), GREEK),
    "cp1255": HEBREW,
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
        ("utf_7", "UTF-7", ("Grüße aus Köln. Das Brot ist schön.",)),
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
    ],
)
def test_western_words_stay_western(text: str) -> None:
    assert decode(text.encode("cp1252")).text == text


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        *((encoding, text) for encoding in ("shift_jis", "euc_jp") for text in JAPANESE),
        ("euc_kr", "안녕하세요"),
        ("gb18030", "你好"),
        ("gb18030", "面包的做法。把水和面粉混合在一起。"),
        ("big5", "麵包的做法。把水和麵粉混合在一起。"),
    ],
)
def test_double_bytes_are_not_taken_for_an_alphabet(encoding: str, text: str) -> None:
    with pytest.raises(EncodingError, match=r"it may be .* or .*save it as UTF-8"):
        decode(text.encode(encoding))
