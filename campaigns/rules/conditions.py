"""What a goal says of days, channels and offers, read without a language model. Plain Python.

English and Spanish, in the words that a goal is parted into: what it wants, and what stands behind a “not” or a
“without” (campaigns.rules.goals). Of a day it is read only when messages are to leave, not when somebody comes.
"""

import re
from calendar import day_name
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_DAYS = {
    "mondays?|lunes": (0,),
    "tuesdays?|martes": (1,),
    "wednesdays?|miercoles": (2,),
    "thursdays?|jueves": (3,),
    "fridays?|viernes": (4,),
    "saturdays?|sabados?": (5,),
    "sundays?|domingos?": (6,),
    "weekends?|fin(?:es)? de semana": (5, 6),
    "weekdays?|entre semana|dias laborables": (0, 1, 2, 3, 4),
}
_CHANNELS = {
    "email": r"e-?mails?|correos?(?: electronicos?)?|letters?",
    "sms": r"sms|texts?(?: messages?)?|mensajes? de texto",
    "push": r"push(?: (?:messages?|notifications?))?|notifications?|notificaciones(?: push)?",
}
_CHANNEL_NAMES = {"email": "email", "sms": "SMS", "push": "push"}
_OFFER = (
    r"offers?|discounts?|coupons?|deals?|promotions?|gifts?|ofertas?|descuentos?|cupon(?:es)?|regalos?|promocion(?:es)?"
)
_DAY = "|".join(_DAYS)
_CHANNEL = "|".join(_CHANNELS.values())
_AND = r"(?:,? (?:and|or|nor|y|o|ni) |, ?)"
_ON = r"(?:(?:on|at|over|during|el|los|en|durante) )?(?:(?:the|a|el|los) )?"
_ON_DAYS = rf"(?:on|over|during|el|los|en|durante) {_ON}(?:{_DAY})(?:{_AND}{_ON}(?:{_DAY}))*\b"
_BY_CHANNELS = rf"(?:{_CHANNEL})(?:{_AND}(?:(?:by|por) )?(?:{_CHANNEL}))*\b"
_LEAVE = (
    r"send\w*|writ(?:e|ing)|leav(?:e|es|ing)|go(?:es)? out|e-?mail\w*|text(?:ing)?|messag\w+|schedul\w+|plan(?:ned)?"
    r"|hear|enviar\w*|envien|mandar\w*|escrib\w+|salgan?|avisar\w*"
)
_ONLY = r"only|just|solo|solamente|unicamente|nothing but"
_WANTED_DAYS = re.compile(
    rf"\b(?:(?:{_LEAVE})\b[^|,;.:]{{0,40}}? |(?:{_ONLY}) )(?P<days>{_ON_DAYS})"
    rf"|(?:^|[|,;.:]) ?(?P<alone>{_ON_DAYS})(?: (?:{_ONLY}|please|por favor))? ?(?=$|[|,;.:])"
)
_WANTED_CHANNELS = re.compile(
    rf"\b(?:(?:{_ONLY}|by|via|per|por|use|using) )+(?:(?:an?|the) )?(?P<channels>{_BY_CHANNELS})"
    rf"|\b(?P<before>{_BY_CHANNELS}) (?:{_ONLY})\b"
)
_POLITE = r"(?: (?:please|at all|por favor|this (?:time|week)|esta (?:vez|semana)))*"
# One word at a time: no goal may be read in more ways than it has words.
_ANY = (
    r"(?:(?:any|anything|by|via|an?|the|more|send\w*|write|writing|use|e-?mails?|letters?|sms|texts?|push|notifications?"
    r"|messages?|nada|por|mas|correos?|mensajes?) )*"
)
_UNWANTED_DAYS = re.compile(rf"^ ?{_ANY}{_ON}(?P<days>(?:{_DAY})(?:{_AND}{_ON}(?:{_DAY}))*){_POLITE} ?$")
_UNWANTED_CHANNELS = re.compile(rf"^ ?{_ANY}(?P<channels>{_BY_CHANNELS}){_POLITE} ?$")
_UNWANTED_OFFERS = re.compile(
    rf"^ ?(?:(?:any|an?|the|more|mak\w+|giv\w+|with|extra|special|price|free|ningun|ninguna|mas|hacer) )*(?:{_OFFER})"
    rf"(?:{_AND}(?:{_OFFER}))*{_POLITE} ?$"
)


@dataclass(frozen=True)
class Conditions:
    """Weekdays are numbers, 0 for Monday; channels as in a consent. Empty where nothing is said of them."""

    weekdays: tuple[int, ...] = ()
    no_weekdays: tuple[int, ...] = ()
    channels: tuple[str, ...] = ()
    no_channels: tuple[str, ...] = ()
    no_offers: bool = False

    def as_facts(self) -> dict[str, Any]:
        return {
            "weekdays": [day_name[day] for day in self.weekdays],
            "no_weekdays": [day_name[day] for day in self.no_weekdays],
            "channels": list(self.channels),
            "no_channels": list(self.no_channels),
            "no_offers": self.no_offers,
        }


NOTHING_SAID = Conditions()


def read(wanted: str, unwanted: Iterable[str]) -> Conditions:
    """From plain words: what is wanted, its parts with “|” between them, and each part that is not."""
    apart = list(unwanted)
    no_weekdays = _days_in(_found(_UNWANTED_DAYS, apart))
    no_channels = _channels_in(_found(_UNWANTED_CHANNELS, apart))
    return Conditions(
        weekdays=tuple(day for day in _days_in(_found(_WANTED_DAYS, [wanted])) if day not in no_weekdays),
        no_weekdays=no_weekdays,
        channels=tuple(one for one in _channels_in(_found(_WANTED_CHANNELS, [wanted])) if one not in no_channels),
        no_channels=no_channels,
        no_offers=any(_UNWANTED_OFFERS.search(part) for part in apart),
    )


def told(said: Mapping[str, Any]) -> list[str]:
    """As much of it as is there: `["messages on Friday", "no messages on Monday", "by email", "not by SMS"]`."""
    named = [_CHANNEL_NAMES[channel] for channel in said.get("channels", [])]
    not_named = [_CHANNEL_NAMES[channel] for channel in said.get("no_channels", [])]
    parts = (
        ("messages on", _listed(said.get("weekdays", []), "and")),
        ("no messages on", _listed(said.get("no_weekdays", []), "or")),
        ("by", _listed(named, "and")),
        ("not by", _listed(not_named, "or")),
        ("no", "offers" if said.get("no_offers") else ""),
    )
    return [f"{how} {what}" for how, what in parts if what]


def _listed(names: Sequence[str], word: str) -> str:
    """`Monday, Tuesday and Friday`."""
    *others, last = names or [""]
    return f"{', '.join(others)} {word} {last}" if others else last


def _found(pattern: re.Pattern[str], texts: Iterable[str]) -> str:
    """What the named groups of each match hold, together."""
    return " ".join(
        part for text in texts for match in pattern.finditer(text) for part in match.groupdict().values() if part
    )


def _days_in(said: str) -> tuple[int, ...]:
    found = {day for words, days in _DAYS.items() if re.search(rf"\b(?:{words})\b", said) for day in days}
    return tuple(sorted(found))


def _channels_in(said: str) -> tuple[str, ...]:
    return tuple(name for name, words in _CHANNELS.items() if re.search(rf"\b(?:{words})\b", said))
