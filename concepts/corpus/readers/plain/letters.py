"""The words around what somebody sends: greeting and closing of a letter, questions of a chat model.

Knows lines of text, no file format.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_GREETING = re.compile(
    r"(?:hi|hello|hey|dear|good (?:morning|afternoon|evening)|hallo|liebe[rs]?|sehr geehrte[rs]?|"
    r"guten (?:tag|morgen|abend)|moin|servus|bonjour|bonsoir|ch[eè]re?s?|salut|hola|estimad[oa]s?|querid[oa]s?|"
    r"buen[oa]s (?:días|tardes))\b[^.?:]{0,40}[,!]",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"(?:(?:many |kind |best |warm |with )*(?:thanks|thank you|regards|wishes)|best|cheers|sincerely|love|"
    r"yours(?: \w+)?|talk soon|(?:viele|liebe|beste|herzliche|schöne|mit freundlichen) grüße?n?|danke|vielen dank|gruß|"
    r"lg|vg|mfg|cordialement|bien à (?:vous|toi)|merci|saludos|(?:un )?saludo|gracias|atentamente)"
    r"(?:[ ,][^.:;?]{0,30})?[,.!]?",
    re.IGNORECASE,
)
_CHAT = re.compile(
    r"(?:let me know|would you like|do you want|want me to|feel free|i hope (?:this|that)|hope this helps|"
    r"if you(?:['’]d| would| want| need| like)|shall i|should i|wenn du|möchtest du|soll ich|lass (?:es )?mich wissen|"
    r"sag (?:mir )?bescheid|n['’]hésite|dis-moi|souhaites-tu|voulez-vous|avísame|¿?quieres|si quieres)\b.{8,}[.!?]",
    re.IGNORECASE,
)
_SIGNATURE = "--"
"""Line above the signature of a mail."""
_MOST_LINES_OF_A_CLOSING = 7


def is_greeting(line: str) -> bool:
    """Whether a line greets somebody: "Hi Tom,"."""
    return _GREETING.fullmatch(line.strip()) is not None


def is_chat_closing(line: str) -> bool:
    """Whether a line is a chat model's offer to go on: "Let me know if you'd like more detail!"."""
    return _CHAT.fullmatch(line.strip()) is not None


def closing_start(lines: Sequence[str], first: int) -> int:
    """Return the index of the closing ("Thanks,") of the letter in lines; their number if there is none.

    The closing stands at `first` or behind it, with a few lines below it: name, title, telephone number.
    """
    for at in range(first, len(lines)):
        below = [line for line in lines[at:] if line.strip()]
        line = lines[at].strip()
        if len(below) <= _MOST_LINES_OF_A_CLOSING and (line == _SIGNATURE or _CLOSING.fullmatch(line)):
            return at
    return len(lines)
