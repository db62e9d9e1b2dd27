"""Kinds of text that somebody asks for by name."""

from __future__ import annotations

FORMS = frozenset(
    """
    agenda agreement announcement checklist contract cv email essay eulogy fable faq invitation itinerary letter menu
    monologue newsletter note obituary plan poem policy proposal quiz recipe report resume schedule script sermon speech
    statement story timetable toast
    """.split()  # noqa: SIM905  # a list of words reads better so
)
"""Kinds with a form of their own: who asks for a letter is not helped by a guide."""
KINDS_OF_TEXT = FORMS | frozenset(
    """
    article document explanation guide handbook introduction manual message overview paper piece post review summary
    text
    """.split()  # noqa: SIM905
)
"""All kinds, with those that say nothing of the form."""
