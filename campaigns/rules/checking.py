"""What is wrong with a template, and what a good eye would notice in it. Plain Python."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from campaigns.rules import content as c
from campaigns.rules import wording

LONGEST_SHOWN_SUBJECT = 60  # characters; phones show about forty of them
CLIPPED_AT = 102 * 1024  # bytes of HTML after which Gmail hides the rest behind a link
MOST_LINKS = 25
# Words that filters of several providers count against a message, and claims that no shop of regulated goods may make.
SPAM_PRONE = (
    "100% free", "act now", "buy now", "cash bonus", "click here", "congratulations", "don't delete", "double your",
    "earn money", "free gift", "free money", "guaranteed", "limited time only", "no obligation", "once in a lifetime",
    "order now", "prize", "risk-free", "special promotion", "this isn't spam", "urgent", "while supplies last",
    "winner",
    "actúe ahora", "compre ahora", "dinero gratis", "garantizado", "haga clic aquí", "oferta única", "premio",
)  # fmt: skip
CLAIMS = (
    "cure", "cures", "heals", "healthy", "medicine", "non-addictive", "pain relief", "relieves", "safe to drive",
    "treats anxiety", "cura", "medicina", "saludable",
)  # fmt: skip

_DASHES = r"\-‐-―"
# What in MJML would style, or end, more than its own sections.
_REACHES_OUT = re.compile(
    r"<\s*(style|link|script|mj-style|mj-head|mj-attributes|/\s*mj-(wrapper|body))\b", re.IGNORECASE
)


class State(StrEnum):
    FINE = "fine"
    LOOK = "look"
    FAULT = "fault"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. A FAULT keeps the template from being saved; LOOK asks for a second look."""

    state: State
    title: str
    text: str = ""


@dataclass(frozen=True)
class Fault:
    """What keeps the content from being saved. `place` is the block's number from 1, or 0 for what is around them."""

    channel: str
    language: str
    place: int
    text: str

    def __str__(self) -> str:
        return self.told({})

    def told(self, names: Mapping[str, str]) -> str:
        """With languages called as `names` call them."""
        where = f"{self.channel} in {names.get(self.language, self.language)}"
        return f"{where}, block {self.place}: {self.text}" if self.place else f"{where}: {self.text}"


def faults_in(content: c.Content) -> list[Fault]:
    """Everything in the words and links of `content` that keeps it from being a letter. MJML is tried elsewhere."""
    return list(_faults(content))


def _faults(content: c.Content) -> Iterator[Fault]:
    for language, email in content.email.items():
        yield from _faults_in_words("Email", language, 0, (email.subject, email.preheader))
        if "\n" in email.subject:
            yield Fault("Email", language, 0, "The subject must be one line.")
        if not email.blocks:
            yield Fault("Email", language, 0, "It is empty. Add a block.")
        for place, block in enumerate(email.blocks, start=1):
            yield from _faults_in_block(language, place, block)
    for language, text in content.sms.items():
        yield from _faults_in_words("Text message", language, 0, (text.text.replace(c.OWN_WORDS, ""),))
    for language, notification in content.push.items():
        words = (notification.title, notification.text.replace(c.OWN_WORDS, ""))
        yield from _faults_in_words("Notification", language, 0, words)


def _faults_in_block(language: str, place: int, block: c.Block) -> Iterator[Fault]:
    yield from _faults_in_words("Email", language, place, texts_of(block))
    link = getattr(block, "link", "")
    if link and link not in c.PLACES and not c.is_address(link):
        yield Fault("Email", language, place, f"{link} is no address. Write it whole, such as https://shop.example.")
    if isinstance(block, c.Mjml) and (found := _REACHES_OUT.search(block.source)):
        yield Fault("Email", language, place, f"{found[0]} would change the letter around it. Write sections only.")
    if isinstance(block, c.Heading | c.Text) and not block.text:
        yield Fault("Email", language, place, "It has no text.")
    if isinstance(block, c.Picture) and not block.media:
        yield Fault("Email", language, place, "Choose a picture.")
    if isinstance(block, c.Mjml) and not block.source:
        yield Fault("Email", language, place, "It has no MJML.")


def _faults_in_words(channel: str, language: str, place: int, texts: tuple[str, ...]) -> Iterator[Fault]:
    for text in texts:
        if fault := wording.fault_in(text, wording.TEMPLATE_WORDS):
            yield Fault(channel, language, place, fault)


def texts_of(block: c.Block) -> tuple[str, ...]:
    """Everything in it that is Liquid."""
    fields = ("text", "title", "label", "alt", "link", "source")
    return tuple(text for field in fields if (text := getattr(block, field, "")))


# --- A second look -------------------------------------------------------------------------------------------------


def checks_of_email(
    email: c.Email, *, subject: str, html: str, links: Sequence[object], can_be_left: bool
) -> list[Check]:
    """Of one email as a member reads it: `html` and `subject` are filled in, `links` lead outside."""
    return [
        _subject(subject),
        _preheader(email),
        _pictures(email),
        _links(links),
        _unsubscribe(can_be_left),
        _size(html),
        *_language_of(subject + "\n" + _said(email)),
    ]


def _subject(subject: str) -> Check:
    if len(subject) > LONGEST_SHOWN_SUBJECT:
        return Check(
            State.LOOK,
            f"The subject has {len(subject)} characters",
            f"Most phones cut it after 40, most programs after {LONGEST_SHOWN_SUBJECT}.",
        )
    return Check(State.FINE, "The subject fits", f"{len(subject)} characters.")


def _preheader(email: c.Email) -> Check:
    if email.preheader:
        return Check(State.FINE, "There is a preview line")
    return Check(State.LOOK, "There is no preview line", "Inboxes then show the first words of the letter beside it.")


def _pictures(email: c.Email) -> Check:
    pictures = [block for block in email.blocks if isinstance(block, c.Picture | c.PictureAndText) and block.media]
    silent = [str(place) for place, block in enumerate(email.blocks, 1) if block in pictures and not block.alt]
    if silent:
        where = f"block{'s' if len(silent) > 1 else ''} {', '.join(silent)}"
        return Check(State.LOOK, "Pictures without words", f"Say what the picture in {where} shows: many never see it.")
    return Check(State.FINE, "All pictures have words" if pictures else "It needs no pictures to be read")


def _links(links: Sequence[object]) -> Check:
    if len(links) > MOST_LINKS:
        return Check(State.LOOK, f"{len(links)} links", f"Filters get suspicious of more than {MOST_LINKS}.")
    return Check(State.FINE, f"{len(links)} link{'' if len(links) == 1 else 's'} to elsewhere")


def _unsubscribe(can_be_left: bool) -> Check:
    if can_be_left:
        return Check(
            State.FINE, "It can be left by one click", "In its foot, and in the header that mail programs read."
        )
    return Check(State.FAULT, "It cannot be left", "The foot with the link to unsubscribe is missing.")


def _size(html: str) -> Check:
    size = len(html.encode())
    shown = f"{size / 1024:,.0f} kB of the {CLIPPED_AT // 1024} kB that Gmail shows."
    if size >= CLIPPED_AT:
        return Check(State.FAULT, "Gmail would cut it off", f"{shown} Make it shorter.")
    if size > CLIPPED_AT * 0.8:
        return Check(State.LOOK, "It is nearly too long for Gmail", shown)
    return Check(State.FINE, "Gmail shows all of it", shown)


def _language_of(text: str) -> Iterator[Check]:
    prone, claims = words_found(text, SPAM_PRONE), words_found(text, CLAIMS)
    if prone:
        yield Check(State.LOOK, "Words that filters dislike", f"{', '.join(prone)}.")
    if shouts(text):
        yield Check(State.LOOK, "It shouts", "Capitals and exclamation marks are counted against a message.")
    if claims:
        yield Check(State.LOOK, "It may speak of health", f"{', '.join(claims)}: no shop may promise that.")
    if not (prone or claims or shouts(text)):
        yield Check(State.FINE, "Nothing in it looks like spam")


def words_found(text: str, words: tuple[str, ...]) -> list[str]:
    """Those of `words` that stand in `text`, whole; a dash for a space, or a space for a dash, hides none."""
    lower = text.lower()
    return [word for word in words if _pattern_of(word).search(lower)]


@lru_cache(maxsize=2_000)
def _pattern_of(word: str) -> re.Pattern[str]:
    gaps = {" ": rf"[\s{_DASHES}]+", "-": rf"[\s{_DASHES}]*"}
    return re.compile(rf"(?<!\w){''.join(gaps.get(sign) or re.escape(sign) for sign in word)}(?!\w)")


def shouts(text: str) -> bool:
    """More than two words in capitals, or more than three exclamation marks."""
    loud = re.findall(r"\b[A-ZÁÉÍÓÚÑ]{4,}\b", text)
    return len(loud) > 2 or text.count("!") > 3 or "!!" in text


def _said(email: c.Email) -> str:
    return "\n".join(text for block in email.blocks for text in texts_of(block) if not isinstance(block, c.Mjml))
