"""Recognising page furniture (navigation, footers, ...) by the classes and ids that sites and their programs use.

An element is left out by its class only if it has at most half of the page's words (`html.py`): no page is lost to a
class that its author meant otherwise.
"""

from __future__ import annotations

import re

_COOKIES = re.compile(r"(?:^|[\s_-])(?:cookie|consent|gdpr|onetrust)", re.IGNORECASE)
_CONTENTS = re.compile(
    r"(?:^|[\s_-])(?:toc|table-?of-?contents|contents-list|msotoc\d)(?:$|[\s_-])", re.IGNORECASE
)
_TOKENS: tuple[tuple[str, str], ...] = (
    (
        "navigation list",
        r"(?:main-|site-|post-|page-|entry-|sub)?nav(?:bar|igation|-?links|-menu|-list)?|(?:main-|site-)?menu|"
        r"(?:left-|right-|sphinx|site-)?sidebar|secondary|widgets?(?:-area)?|breadcrumbs?|pagination|pager|"
        r"skip-link|skip-to-content|mw-jump-link|catlinks|navbox|hatnote|printfooter|sitesub|vector-dropdown|"
        r"(?:post-)?tag-?(?:s|list|cloud)|tags-links|cat-links|post-categories|noprint",
    ),
    (
        "page header",
        r"masthead|site-(?:header|title|description|branding)|page-header-bar|top-?bar",
    ),
    ("page footer", r"footer|site-footer|page-footer|colophon|copyright"),
    (
        "advertisement",
        r"ads?|advert(?:s|isement|ising)?|ad-(?:slot|unit|banner|container|wrapper)|banner-ad|sponsored|promo(?:tion)?|adsbygoogle",
    ),
    (
        "share bar",
        r"share(?:-(?:buttons|tools|links|bar))?|sharing|sharedaddy|social(?:-(?:links|share|media|icons|bar))?|addtoany\w*",
    ),
    (
        "list of comments",
        r"comments?|comments?-(?:area|list|section|wrapper|thread)|respond|disqus_thread|reader-comments|discussion",
    ),
    (
        "list of other pages",
        r"(?:jp-)?related-?(?:posts|stories|articles|content|links|pages)?|recommended(?:-\w+)?|more-stories|read-more|"
        r"recommendations|also-read|most-(?:read|popular)|trending",
    ),
    (
        "form",
        r"newsletter(?:-\w+)*|subscri(?:be|ption)(?:-\w+)*|sign-?up(?:-\w+)*|paywall(?:-\w+)*|search-?(?:form|box|bar)",
    ),
    (
        "byline",
        r"byline(?:-\w+)*|dateline|speechify-ignore|reading-time|read-time|(?:entry|post|article)-(?:meta|info|date|author|footer)|author-(?:info|bio|box)|user-info|"
        r"timestamp|post-signature|vote(?:-?count|cell)?|js-vote-count",
    ),
    ("site notice", r"pg-boilerplate|pgheader|pg-header|pg-footer|pgfooter"),
    ("page number", r"pagenum|page-?no|page-?number|pagebreak|doc-pagebreak"),
    ("mark of the editors", r"inline-template|citation-needed|mw-empty-elt"),
)
_FURNITURE: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(rf"(?:^|\s)(?:{tokens})(?:$|\s)", re.IGNORECASE)) for name, tokens in _TOKENS
)


def is_cookie_banner(own: str) -> bool:
    """Whether the class and id of an element name a banner about cookies."""
    return _COOKIES.search(own) is not None


def is_contents(own: str) -> bool:
    """Whether the class and id of an element name a table of contents."""
    return _CONTENTS.search(own) is not None


def name_of_furniture(own: str) -> str | None:
    """Return the kind of furniture that an element's class and id name, None for none."""
    if not own.strip():
        return None
    return next((name for name, pattern in _FURNITURE if pattern.search(own)), None)
