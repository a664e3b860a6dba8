"""What a picture for a message is to show, held against the law of the trade. Plain Python.

What must never be seen is said with every brief, by our words and not by those of who writes it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

from campaigns.rules import guard
from campaigns.rules.checking import words_found
from campaigns.rules.claims import NEVER_SEEN, NEVER_SEEN_OF, SEEN_BANS, Weight
from campaigns.rules.guard import Finding, House, Words

LONGEST = {"scene": 1_000, "style": 300, "avoid": 300, "alt": 200}
NEEDED = {"scene": "what is to be seen", "style": "the style", "alt": "what it shows, in words"}
_LIQUID = re.compile(r"\{[{%]|[%}]\}")
MOST_PICTURES = 4


@dataclass(frozen=True)
class Brief:
    """`avoid` is what else must not be seen; `alt` says the picture to who cannot see it."""

    scene: str
    style: str
    avoid: str
    alt: str

    def lines(self) -> tuple[str, ...]:
        return tuple(getattr(self, field.name) for field in fields(self))


def never_seen(vertical: str) -> tuple[str, ...]:
    """What no picture of such a shop shows."""
    return (*NEVER_SEEN, *NEVER_SEEN_OF.get(vertical, ()))


def faults_of_shape(brief: Brief) -> list[str]:
    faults = [f"Say {called}." for name, called in NEEDED.items() if not getattr(brief, name).strip()]
    faults += [
        f"{name} has {len(getattr(brief, name)):,} characters; {most:,} at most."
        for name, most in LONGEST.items()
        if len(getattr(brief, name)) > most
    ]
    if any(_LIQUID.search(line) for line in brief.lines()):
        faults.append("A picture is the same for everybody: leave {{ words }} out.")
    return faults


def findings(brief: Brief, house: House, *, offer: str = "") -> list[Finding]:
    """Everything the checks see, the gravest first. `offer` is all that is said of the offer of the step."""
    words = Words(subject=brief.alt, body="\n".join(brief.lines()[:-1]), channel="picture", offer=offer)
    said = guard.findings(words, replace(house, required=()))  # what every message has to say, no picture does
    return sorted([*said, *_seen(words, house)], key=lambda finding: -finding.weight)


def _seen(words: Words, house: House) -> Iterator[Finding]:
    for ban in SEEN_BANS:
        if house.vertical in ban.verticals and (said := words_found(words.told, ban.words)):
            listed = ", ".join(f"“{word}”" for word in said)
            yield Finding(f"{ban.told} Take out {listed} ({ban.source}).", ban.weight)


def of_a_model(brief: Brief, house: House, *, offer: str = "") -> list[str]:
    """What keeps a brief of a language model from being offered."""
    return faults_of_shape(brief) + [finding.text for finding in findings(brief, house, offer=offer)]


def of_law(brief: Brief, house: House, *, offer: str = "") -> list[str]:
    """What nobody may ask for."""
    return [finding.text for finding in findings(brief, house, offer=offer) if finding.weight == Weight.LAW]


def warnings(brief: Brief, house: House, *, offer: str = "") -> list[str]:
    """What a person should look at again, and may leave as it is."""
    return [finding.text for finding in findings(brief, house, offer=offer) if finding.weight == Weight.WARNING]


def told(brief: Brief, vertical: str) -> str:
    """The whole brief, for a designer or an image model."""
    avoid = [*never_seen(vertical), *([brief.avoid] if brief.avoid else [])]
    parts = (
        ("What is to be seen", brief.scene),
        ("Style", brief.style),
        ("Must not be seen", "\n".join(f"- {line}" for line in avoid)),
        ("In words, for who cannot see it", brief.alt),
    )
    return "\n\n".join(f"{title}:\n{text}" for title, text in parts) + "\n"
