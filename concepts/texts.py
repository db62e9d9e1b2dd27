"""Kinds of text that somebody asks for by name."""

from __future__ import annotations

from typing import Literal

FORMS = frozenset(
    """
    agenda agreement announcement ballad checklist contract cv dialog dialogue email essay eulogy fable faq haiku
    homily invitation itinerary letter limerick menu monologue newsletter note notice obituary parable petition plan
    poem policy prayer proposal quiz recipe report resume schedule script sermon sonnet sop speech statement story tale
    timetable toast vow
    """.split()  # noqa: SIM905  # a list of words reads better so
)
"""Kinds with a form of their own: who asks for a letter is not helped by a guide."""
SAME_FORM = {
    "ballad": "poem",
    "dialog": "dialogue",
    "email": "letter",
    "haiku": "poem",
    "homily": "sermon",
    "limerick": "poem",
    "parable": "fable",
    "sonnet": "poem",
    "tale": "story",
}
"""Forms that another one contains: who asks for an email is helped by a letter."""
IRREPLACEABLE = frozenset(
    """
    announcement dialogue eulogy fable invitation letter monologue notice obituary petition poem prayer sermon speech
    story vow
    """.split()  # noqa: SIM905  # a list of words reads better so
) | frozenset(
    (
        "bio",
        "dating profile",
        "diary",
        "job advertisement",
        "performance review",
        "press release",
        "product description",
    )
)
"""Forms that no text on their subject stands in for: a text on lighthouses is no story that is set in one."""
OF_NO_OTHER_USE = IRREPLACEABLE - {
    "announcement",
    "dialogue",
    "invitation",
    "letter",
    "notice",
    "sermon",
    "speech",
}
"""Forms that help nobody who did not ask for one: a job advertisement, a poem."""
TITLED = frozenset(("dialogue", "diary", "fable", "monologue", "poem", "story"))
"""Forms whose texts have titles of their own: "The last lamp" is a story in a lighthouse."""
KINDS_OF_TEXT = FORMS | frozenset(
    """
    article document explanation guide handbook introduction manual message overview paper piece post review summary
    text
    """.split()  # noqa: SIM905
)
"""All kinds, with those that say nothing of the form."""
KINDS_OF_BOOK = frozenset(
    """
    account book compendium course e-book ebook guide guidebook handbook introduction manual monograph overview primer
    survey textbook treatise
    """.split()  # noqa: SIM905
)
"""Kinds of text that can be as long as a book."""
THOROUGH = frozenset(
    """
    book-length complete comprehensive definitive detailed entire exhaustive extensive full full-length in-depth
    multi-chapter thorough ultimate whole
    """.split()  # noqa: SIM905
)
"""Adjectives that ask for a book: "a complete guide"."""
BookNeed = Literal["exact", "wider"]
"""A book on the very subject; or also one on a wider subject, or documents that are called by the subject."""
