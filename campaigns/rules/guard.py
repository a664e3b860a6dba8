"""What stands between words and the people they are for: pure checks on every text of a step, whoever wrote it.

A language model only proposes. What it wrote has to pass every check; of what a person wrote, the law is refused and
the rest said. What a playbook says, a person has said already: a model that repeats it is not refused for it.

A text is read in several ways, since words hide in Liquid: between its tags, in its literals, behind its conditions.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from campaigns.rules import branches, claims, quoting, wording
from campaigns.rules.checking import shouts, words_found
from campaigns.rules.claims import Weight

LONGEST_SMS = 459  # characters: three segments
LONGEST_PUSH = 178  # what a locked phone shows
MOST_EMOJI = 2
# How many words a text must have before its language can be told.
ENOUGH_WORDS = 8
PLACES = frozenset({"offer", "card", "preferences", "view"})
_MARKUP = re.compile(r"\{[{%].*?[}%]\}", re.DOTALL)
# Whatever a telephone makes a link of: a scheme, or letters right behind a point, of whatever ending.
_LINK = re.compile(r"https?:|www\.|(?<![\w.])[\w-]+(?:\.[\w-]+)*\.[^\W\d_]{2,}(?![\w.]*\()", re.I)
_TARGET = re.compile(r"\]\(\s*([^)]*?)\s*\)")
_LITERAL = re.compile(r"'([^']*)'|\"([^\"]*)\"")
# Tags that put words together, and output of anything but a word we know.
_OF_ITS_OWN = re.compile(
    r"\{%-?\s*(?:assign|capture)\b.*?%\}|\{\{-?+\s*+(?!(?:member|offer|business|store)[.\[]).*?\}\}", re.DOTALL
)
# Shown like the letter beside it.
_ALIKE = str.maketrans(
    "аеіјорсухһѕԁԛԝАВЕЅІЈКМНОРСТУХΑΒΕΖΗΙΚΜΝΟΡΤΥΧοıɡ", "aeijopcyxhsdqwABESIJKMHOPCTYXABEZHIKMNOPTYXoig"
)
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\ufe00-\ufe0f\uffa0*_]")
_PERCENT = r"\d+(?:[.,]\d+)?\s?(?:%|percent\b|por ciento\b)"
_MONEY = r"[$€£]\s?\d[\d.,]*|\d[\d.,]*\s?(?:dollars?|bucks|euros?|usd|dólares)\b"
_POINTS = r"\d[\d.,]*\s(?:bonus |extra )?(?:points|puntos)\b"
_FIGURE = re.compile(f"{_PERCENT}|{_MONEY}|{_POINTS}", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_EMOJI = re.compile("[\U0001f300-\U0001faff☀-➿]")
_BARE_TIER = re.compile(r"\{\{-?\s*member\.tier\s*-?\}\}")
_ASKED_TIER = re.compile(r"\{%-?\s*(?:if|unless|case)\s[^%]*member\.tier")


@dataclass(frozen=True)
class House:
    """The shop: its trade, and what it has decided about its words. All words in any case.

    `no_gifts` and `no_discounts` say why these may not be promised where it sells; empty where they may.
    """

    vertical: str = ""
    forbidden: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    no_gifts: str = ""
    no_discounts: str = ""


@dataclass(frozen=True)
class Words:
    """One text as it would leave, in one language. `offer` is all that is said of its offer, empty without one."""

    subject: str
    body: str
    channel: str
    language: str = "en"
    offer: str = ""

    @property
    def all(self) -> str:
        return f"{self.subject}\n{self.body}"

    @cached_property
    def readings(self) -> tuple[str, ...]:
        """What somebody may read: first without Liquid, then with the literals in it, then filled in, then however its
        conditions turn out. Each plain."""
        found = [_MARKUP.sub(by, self.all) for by in (" ", "", _literals_apart, _literals_joined)]
        for values in _FILLINGS:
            with suppress(wording.WordingFault):
                found.append(wording.fill(self.all, values))
        with suppress(branches.TooMany):  # told by `_conditions`
            found += [_MARKUP.sub("", way) for way in branches.ways(self.all)]
        return tuple(dict.fromkeys(plain(text) for text in found))

    @property
    def told(self) -> str:
        """Every reading on a line of its own: no two of them make a word together."""
        return "\n".join(self.readings)

    @property
    def stated(self) -> str:
        """What is said of its offer, plain."""
        return plain(self.offer)


def plain(text: str) -> str:
    """`text` on one line, without what is not seen or only emphasises, and each letter as the one it looks like."""
    seen = _UNSEEN.sub("", unicodedata.normalize("NFKC", text))
    seen = "".join(sign for sign in seen if unicodedata.category(sign) != "Cf").translate(_ALIKE)
    return " ".join(seen.split())


def _literals_apart(markup: re.Match[str]) -> str:
    return f" {' '.join(map(''.join, _LITERAL.findall(markup[0])))} "


def _literals_joined(markup: re.Match[str]) -> str:
    return "".join(map("".join, _LITERAL.findall(markup[0])))


def _fillings() -> tuple[Mapping[str, Any], ...]:
    """Values to read a text with: nothing, anything, and the preview's but for offer and points, whose figures vary."""
    ours = {
        word: "…" if word.startswith("offer.") or word == "member.points" else wording.WORDS[word]
        for word in wording.WORDS
    }
    return tuple(
        wording.preview_values(words)
        for words in (dict.fromkeys(wording.WORDS), dict.fromkeys(wording.WORDS, "…"), ours)
    )


_FILLINGS = _fillings()


@dataclass(frozen=True)
class Finding:
    text: str
    weight: Weight = Weight.WARNING


@lru_cache(maxsize=2_000)
def findings(words: Words, house: House) -> tuple[Finding, ...]:
    """Everything the checks see, the gravest first. Kept: a board asks the same of all its steps at every look."""
    found = [finding for check in _CHECKS for finding in check(words, house)]
    return tuple(sorted(found, key=lambda finding: -finding.weight))


def of_a_model(words: Words, house: House, *, said_already: Sequence[Words] = ()) -> list[str]:
    """What keeps words of a language model from being proposed. `said_already` are texts that people have let stand."""
    known = {finding.text for text in said_already for finding in findings(text, house)}
    return [
        finding.text for finding in findings(words, house) if finding.weight == Weight.LAW or finding.text not in known
    ]


def of_law(words: Words, house: House) -> list[str]:
    """What nobody may say."""
    return [finding.text for finding in findings(words, house) if finding.weight == Weight.LAW]


def warnings(words: Words, house: House) -> list[str]:
    """What a person should look at again, and may leave as it is."""
    return [finding.text for finding in findings(words, house) if finding.weight == Weight.WARNING]


# --- The checks -----------------------------------------------------------------------------------------------------


def _bans(words: Words, house: House) -> Iterator[Finding]:
    for ban in claims.BANS:
        if house.vertical in ban.verticals and (said := ban.found_in(f"{words.told}\n{words.stated}")):
            yield Finding(f"{ban.told} Take out {_listed(said)} ({ban.source}).", ban.weight)


def _policies(words: Words, house: House) -> Iterator[Finding]:
    """What the shop's own reward policies forbid where it sells."""
    for reason, named in ((house.no_gifts, claims.GIFT_WORDS), (house.no_discounts, claims.DISCOUNT_WORDS)):
        if reason and (said := words_found(f"{words.told}\n{words.stated}", named)):
            yield Finding(f"{reason} Take out {_listed(said)}.", Weight.LAW)


def _brand(words: Words, house: House) -> Iterator[Finding]:
    if said := words_found(words.told, tuple(plain(word).lower() for word in house.forbidden)):
        yield Finding(f"Your voice leaves out {_listed(said)}: see Settings → Campaigns → Voice.")
    lower = plain(words.all).lower()
    if missing := [word for word in house.required if plain(word).lower() not in lower]:
        yield Finding(f"Your voice asks for {_listed(missing)} in every message.")


def _figures(words: Words, house: House) -> Iterator[Finding]:
    """A figure must be the offer's, or one the shop has said it may state."""
    stated = _figures_in("\n".join((words.stated, *map(plain, house.claims))))
    named = {_normal(figure): figure for figure in _FIGURE.findall(words.told)}
    if invented := [figure for normal, figure in named.items() if normal not in stated]:
        whose = "the offer does not state" if words.offer else "no offer of this step states"
        yield Finding(f"The text names {_listed(invented)}, which {whose}.")


def _promises(words: Words, house: House) -> Iterator[Finding]:
    stated = "\n".join((words.stated, *map(plain, house.claims))).lower()
    promised = [said for said in words_found(words.told, claims.PROMISES) if said not in stated]
    if promised:
        yield Finding(f"The text promises {_listed(promised)}, which no offer of this step states.")


def _links(words: Words, house: House) -> Iterator[Finding]:
    if (found := _LINK.findall(words.told)) or any(target not in PLACES for target in _TARGET.findall(words.all)):
        said = f" ({found[0]})" if found else ""
        places = ", ".join(f"[label]({place})" for place in sorted(PLACES))
        yield Finding(f"The text links elsewhere{said}. Only these may be linked: {places}.", Weight.MODEL)
    if reached := quoting.addresses_in(words.all):
        yield Finding(f"The text names {_listed(reached)}, where nobody of the shop answers.", Weight.MODEL)


def _numbers(words: Words, house: House) -> Iterator[Finding]:
    """Whatever a number may mean, a model has not invented it."""
    stated = "\n".join((words.stated, *map(plain, (*house.claims, *house.required))))
    known = set(_NUMBER.findall(stated))
    for number in dict.fromkeys(_NUMBER.findall(words.readings[0])):
        if number not in known:
            yield Finding(f"The text names “{number}”, which neither offer nor claims state.", Weight.MODEL)


def _own_liquid(words: Words, house: House) -> Iterator[Finding]:
    if own := [found[0] for found in _OF_ITS_OWN.finditer(words.all)]:
        known = "{{ member.first_name }}"
        yield Finding(f"Liquid may only hold words that are known, such as {known}; not {_listed(own)}.", Weight.MODEL)


def _conditions(words: Words, house: House) -> Iterator[Finding]:
    try:
        branches.ways(words.all)
    except branches.TooMany:
        yield Finding(
            "The text can be read in so many ways that not each can be looked at. Make it of fewer conditions.",
            Weight.LAW,
        )


def _length(words: Words, house: House) -> Iterator[Finding]:
    longest = {"sms": LONGEST_SMS, "push": LONGEST_PUSH}.get(words.channel)
    if longest and len(words.body) > longest:
        yield Finding(f"The text has {len(words.body)} characters; by {words.channel} at most {longest} are read.")


def _voice(words: Words, house: House) -> Iterator[Finding]:
    if any(map(shouts, words.readings)):
        yield Finding("The text shouts: fewer capitals and exclamation marks.")
    emoji = max(map(_EMOJI.findall, words.readings), key=len)
    if childlike := sorted(claims.CHILDLIKE & set(emoji)):
        yield Finding(f"Pictures that children like have no place here: {' '.join(childlike)}.")
    if len(emoji) > MOST_EMOJI:
        yield Finding(f"The text has {len(emoji)} pictures; {MOST_EMOJI} are enough.")


def _language(words: Words, house: House) -> Iterator[Finding]:
    told = next((told for told in map(language_of, words.readings) if told not in ("", words.language)), "")
    if told and words.language in claims.STOPWORDS:
        yield Finding(f"The text is to be in {words.language} and reads like {told}.")


def _fallbacks(words: Words, house: House) -> Iterator[Finding]:
    if _BARE_TIER.search(words.all) and not _ASKED_TIER.search(words.all):
        yield Finding(
            "Some members have no tier: write {% if member.tier %}…{% endif %} around {{ member.tier }}, or"
            " {{ member.tier | default: 'member' }}."
        )


_CHECKS: tuple[Callable[[Words, House], Iterator[Finding]], ...] = (
    _bans, _policies, _brand, _figures, _numbers, _promises, _links, _own_liquid, _conditions, _length, _voice,
    _language, _fallbacks,
)  # fmt: skip


def language_of(text: str) -> str:
    """en or es, by the commonest words; empty where there are too few of them, or as many of either."""
    said = re.findall(r"[^\W\d_]+", text.lower())
    if len(said) < ENOUGH_WORDS:
        return ""
    counts = {language: sum(word in common for word in said) for language, common in claims.STOPWORDS.items()}
    best = max(counts, key=lambda language: counts[language])
    others = [count for language, count in counts.items() if language != best]
    return best if counts[best] >= 2 and counts[best] > 2 * max(others) else ""


def _figures_in(text: str) -> set[str]:
    return {_normal(figure) for figure in _FIGURE.findall(text)}


def _normal(figure: str) -> str:
    return re.sub(r"[\s,]|bonus|extra", "", figure.lower()).rstrip(".")


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"“{word.strip()}”" for word in dict.fromkeys(words))
