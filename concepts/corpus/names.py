"""Restoring names that the extraction lost: unresolved DocBook entities and manuals all called "Introduction".

`&kappname;` became "Appname", `&kde;` became "Kde", `&eg;` a mathematical sign. The program of a page is
the folder in the page's name, spelled as the manual spells it.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

from concepts.corpus.records import Document

_PLACEHOLDER = re.compile(r"\b(?:Kappname|Appname|App|Applet)\b(?=\s|[,.;:)']|$)")
_ENTITIES = (
    ("\u2a9a", "e.g."),
    (">kmm;", "gtkmm"),
    (">k;", "GTK"),
    ("\u03bcbe;", "MicroBe"),
    ("&quot;", '"'),
    ("Newpara", " "),
    ("&amp;", "&"),
)
_LINK = re.compile(r'Linkstart"[^"]*"Linkmid(.*?)Linkend')
_I18N = re.compile(r"\bI18n-(\w)(\w*)")
_SPELLINGS_TEXT = (
    "Acl=ACL Ascii=ASCII Bibtex=BibTeX Cds=CDs Cjk=CJK Cpu=CPU Crl=CRL Css=CSS Cvs=CVS Dns=DNS Dvd=DVD "
    "Dvds=DVDs Dvi=DVI Eg=e.g. Etc=etc. Exif=EXIF Ftp=FTP Gdb=GDB Gdk=GDK Gimp=GIMP Glib=GLib "
    "Gnome=GNOME Gnu=GNU Gnupg=GnuPG Gpg=GPG Gtk=GTK Gui=GUI Html=HTML Http=HTTP Ie=i.e. "
    "Imagemagick=ImageMagick Imap=IMAP Irc=IRC Javascript=JavaScript Juk=JuK Kaddressbook=KAddressBook "
    "Kalarm=KAlarm Kalgebra=KAlgebra Katepart=KatePart Kbibtex=KBibTeX Kblackbox=KBlackBox "
    "Kbounce=KBounce Kbruch=KBruch Kcachegrind=KCachegrind Kcalc=KCalc Kde=KDE Kdenlive=Kdenlive "
    "Kdevelop=KDevelop Kdirstat=KDirStat Kdiskfree=KDiskFree Kfind=KFind Kgeography=KGeography "
    "Kget=KGet Kgoldrunner=KGoldrunner Kgpg=KGpg Khangman=KHangMan Khelpcenter=KHelpCenter "
    "Kimagemapeditor=KImageMapEditor Kjumpingcube=KJumpingCube Klettres=KLettres Kmagnifier=KMagnifier "
    "Kmahjongg=KMahjongg Kmail=KMail Kmenuedit=KMenuEdit Kmix=KMix Kmousetool=KMouseTool Kmouth=KMouth "
    "Kmplot=KmPlot Kmymoney=KMyMoney Knotes=KNotes Kolourpaint=KolourPaint "
    "Konsolekalendar=KonsoleKalendar Korganizer=KOrganizer Kparts=KParts Kpatience=KPatience "
    "Kphotoalbum=KPhotoAlbum Krdc=KRDC Kruler=KRuler Ksirk=KsirK Kspaceduel=KSpaceDuel "
    "Ksquares=KSquares Ksudoku=KSudoku Ksystemlog=KSystemLog Ktechlab=KTechLab Ktikz=KtikZ "
    "Ktimetracker=KTimeTracker Ktorrent=KTorrent Kturtle=KTurtle Kwatchgnupg=KWatchGnuPG Kwin=KWin "
    "Kwordquiz=KWordQuiz Kwrite=KWrite Kxstitch=KXStitch Latex=LaTeX Ldap=LDAP Lyx=LyX "
    "Musicbrainz=MusicBrainz Mysql=MySQL Ocsp=OCSP Openpgp=OpenPGP Osd=OSD Pdf=PDF Pdflatex=pdfLaTeX "
    "Pgp=PGP Php=PHP Postscript=PostScript Rgb=RGB Rsibreak=RSIBreak Smime=S/MIME Smtp=SMTP Sql=SQL "
    "Ssh=SSH Ssl=SSL Svg=SVG Svn=SVN Tex=TeX Tls=TLS Turtlescript=TurtleScript Url=URL Urls=URLs "
    "Usb=USB Xml=XML Xslt=XSLT "
)
_SPELLINGS = dict(pair.split("=") for pair in _SPELLINGS_TEXT.split())
_SPELLED_WRONG = re.compile(r"\b(?:" + "|".join(_SPELLINGS) + r")\b(?!\w)")
_ABBREVIATION_STOP = re.compile(r"\b(etc|i\.e|e\.g)\.\.(?=\s|$|[,;)])")
_GENERIC = re.compile(
    r"^(?:help (?:develop|translate|write documentation)|keyboard shortcuts|command reference|format menu|"
    r"atajos de teclado|raccourcis clavier|vue d'ensemble|vista general|getting started|main window|"
    r"questions and answers|frequently asked questions(?: \(faq\))?|häufig gestellte fragen|"
    r"preguntas frecuentes|foire aux questions|using the application|beim übersetzen helfen|"
    r"ayudar a traducir|barras de herramientas|barres d'outils|bei der entwicklung helfen|"
    r"beim schreiben der dokumentation helfen|contribution à la traduction|\S+)$",
    re.IGNORECASE,
)
_SUITE = {
    "swriter": "Writer",
    "scalc": "Calc",
    "sdraw": "Draw",
    "simpress": "Impress",
    "schart": "Charts",
    "sbasic": "LibreOffice Basic",
    "sdatabase": "Base",
    "smath": "Math",
    "shared": "LibreOffice",
}
_SKIPPED_FOLDERS = frozenset(("gnome-help", "mate-user-guide", "fundamentals", "onlinehelp", "khelpcenter"))
_NESTED_FOLDER = re.compile(r"^(?:kcontrol\d?|kioslave\d?)$")


def is_generic_title(title: str) -> bool:
    """Whether a title says little alone: one word, or one that many manuals share."""
    return _GENERIC.match(title) is not None


def app_name(document: Document) -> str | None:
    """Return the program that a manual page is about, or None if unknown."""
    page = document.page
    if page is None:
        return None
    if document.family == "gimp-help":
        return "GIMP"
    if document.family == "libreoffice-help":
        return _SUITE.get(page.split("/")[0])
    if "/" not in page or not page.partition("#")[0].endswith((".page", ".docbook", ".xml")):
        return None
    parts = page.split("/")
    folder = parts[1] if _NESTED_FOLDER.match(parts[0]) and len(parts) > 2 else parts[0]
    if folder in _SKIPPED_FOLDERS:
        return None
    pattern = _folder_pattern(folder)
    spelled = Counter(
        mend_names(word)
        for sentence in (document.title, *document.sentences)
        for word in pattern.findall(sentence)
        if word != word.lower()
    )
    if spelled:
        return min(spelled, key=lambda word: (-spelled[word], word))
    return mend_names(" ".join(part[:1].upper() + part[1:] for part in re.split(r"[-_]", folder)))


@lru_cache(maxsize=1024)
def _folder_pattern(folder: str) -> re.Pattern[str]:
    words = [re.escape(part) for part in re.split(r"[-_]", folder)]
    return re.compile(r"\b" + r"[-_ ]?".join(words) + r"\b", re.IGNORECASE)


def has_placeholder(text: str) -> bool:
    """Whether a program's name is missing from `text` ("When You Start App")."""
    return _PLACEHOLDER.search(text) is not None


def fill_app_name(text: str, name: str) -> str:
    """Put the program's name in place of an unresolved entity such as `&kappname;`."""
    return _PLACEHOLDER.sub(lambda _: name, text)


def mend_names(text: str) -> str:
    """Resolve remains of DocBook entities and spell names as their owners do ("Kde" is KDE)."""
    for wrong, right in _ENTITIES:
        if wrong in text:
            text = text.replace(wrong, right)
    if "Linkstart" in text:
        text = _LINK.sub(r"\1", text)
    if "I18n-" in text:
        text = _I18N.sub(lambda match: match.group(1).upper() + match.group(2), text)
    text = _SPELLED_WRONG.sub(lambda match: _SPELLINGS[match.group()], text)
    return _ABBREVIATION_STOP.sub(r"\1.", text)
