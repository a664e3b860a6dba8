"""What stands between words and the people they are for: pure checks on every text of a step, whoever wrote it.

A language model only proposes. What it wrote has to pass every check; of what a person wrote, the law is refused and
the rest said. What a playbook says, a person has said already: a model that repeats it is not refused for it.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from campaigns.rules import claims
from campaigns.rules.checking import shouts, words_found
from campaigns.rules.claims import Weight

LONGEST_SMS = 459  # characters: three segments
LONGEST_PUSH = 178  # what a locked phone shows
MOST_EMOJI = 2
# How many words a text must have before its language can be told.
ENOUGH_WORDS = 8
PLACES = frozenset({"offer", "card", "preferences", "view"})
_MARKUP = re.compile(r"\{[{%].*?[}%]\}", re.DOTALL)
_LINK = re.compile(r"https?:|www\.|\b[a-z0-9-]+\.(?:com|net|org|shop|store|io|co|us|info|biz|link|ly|example)\b", re.I)
_TARGET = re.compile(r"\]\(\s*([^)\s]*)\s*\)")
_PERCENT = r"\d+(?:[.,]\d+)?\s?(?:%|percent\b|por ciento\b)"
_MONEY = r"[$€£]\s?\d[\d.,]*|\d[\d.,]*\s?(?:dollars?|bucks|euros?|usd|dólares)\b"
_POINTS = r"\d[\d.,]*\s(?:bonus |extra )?(?:points|puntos)\b"
_FIGURE = re.compile(f"{_PERCENT}|{_MONEY}|{_POINTS}", re.IGNORECASE)
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

    @property
    def bare(self) -> str:
        """Without Liquid."""
        return _MARKUP.sub(" ", self.all)


@dataclass(frozen=True)
class Finding:
    text: str
    weight: Weight = Weight.WARNING


def findings(words: Words, house: House) -> list[Finding]:
    """Everything the checks see, the gravest first."""
    found = [finding for check in _CHECKS for finding in check(words, house)]
    return sorted(found, key=lambda finding: -finding.weight)


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
        if house.vertical in ban.verticals and (said := words_found(f"{words.bare}\n{words.offer}", ban.words)):
            yield Finding(f"{ban.told} Take out {_listed(said)} ({ban.source}).", ban.weight)


def _policies(words: Words, house: House) -> Iterator[Finding]:
    """What the shop's own reward policies forbid where it sells."""
    for reason, named in ((house.no_gifts, claims.GIFT_WORDS), (house.no_discounts, claims.DISCOUNT_WORDS)):
        if reason and (said := words_found(f"{words.bare}\n{words.offer}", named)):
            yield Finding(f"{reason} Take out {_listed(said)}.", Weight.LAW)


def _brand(words: Words, house: House) -> Iterator[Finding]:
    if said := words_found(words.bare, tuple(word.lower() for word in house.forbidden)):
        yield Finding(f"Your voice leaves out {_listed(said)}: see Settings → Campaigns → Voice.")
    lower = words.all.lower()
    if missing := [word for word in house.required if word.lower() not in lower]:
        yield Finding(f"Your voice asks for {_listed(missing)} in every message.")


def _figures(words: Words, house: House) -> Iterator[Finding]:
    """A figure must be the offer's, or one the shop has said it may state."""
    stated = _figures_in("\n".join((words.offer, *house.claims)))
    invented = [figure for figure in _FIGURE.findall(words.bare) if _normal(figure) not in stated]
    if invented:
        whose = "the offer does not state" if words.offer else "no offer of this step states"
        yield Finding(f"The text names {_listed(invented)}, which {whose}.")


def _promises(words: Words, house: House) -> Iterator[Finding]:
    stated = "\n".join((words.offer, *house.claims)).lower()
    promised = [said for said in words_found(words.bare, claims.PROMISES) if said not in stated]
    if promised:
        yield Finding(f"The text promises {_listed(promised)}, which no offer of this step states.")


def _links(words: Words, house: House) -> Iterator[Finding]:
    if (found := _LINK.findall(words.bare)) or any(target not in PLACES for target in _TARGET.findall(words.all)):
        said = f" ({found[0]})" if found else ""
        places = ", ".join(f"[label]({place})" for place in sorted(PLACES))
        yield Finding(f"The text links elsewhere{said}. Only these may be linked: {places}.", Weight.MODEL)


def _length(words: Words, house: House) -> Iterator[Finding]:
    longest = {"sms": LONGEST_SMS, "push": LONGEST_PUSH}.get(words.channel)
    if longest and len(words.body) > longest:
        yield Finding(f"The text has {len(words.body)} characters; by {words.channel} at most {longest} are read.")


def _voice(words: Words, house: House) -> Iterator[Finding]:
    if shouts(words.bare):
        yield Finding("The text shouts: fewer capitals and exclamation marks.")
    emoji = _EMOJI.findall(words.bare)
    if childlike := sorted(claims.CHILDLIKE & set(emoji)):
        yield Finding(f"Pictures that children like have no place here: {' '.join(childlike)}.")
    if len(emoji) > MOST_EMOJI:
        yield Finding(f"The text has {len(emoji)} pictures; {MOST_EMOJI} are enough.")


def _language(words: Words, house: House) -> Iterator[Finding]:
    told = language_of(words.bare)
    if told and told != words.language and words.language in claims.STOPWORDS:
        yield Finding(f"The text is to be in {words.language} and reads like {told}.")


def _fallbacks(words: Words, house: House) -> Iterator[Finding]:
    if _BARE_TIER.search(words.all) and not _ASKED_TIER.search(words.all):
        yield Finding(
            "Some members have no tier: write {% if member.tier %}…{% endif %} around {{ member.tier }}, or"
            " {{ member.tier | default: 'member' }}."
        )


_CHECKS: tuple[Callable[[Words, House], Iterator[Finding]], ...] = (
    _bans, _policies, _brand, _figures, _promises, _links, _length, _voice, _language, _fallbacks,
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
