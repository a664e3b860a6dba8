r"""What somebody asks for in a text message: to stop, to start again, or for help.

The rule, in the order in which it is asked:

1. A message, or for STOP any sentence of it, that is one of the words alone counts, in any case, with punctuation, said
   twice, with "please" or "thanks" around it. END, QUIT, CANCEL and REVOKE are words of other talk as well ("cancel"
   after a question about an order), so they must be the whole message.
2. A sentence counts when it tells us to leave off writing to this person: a verb of ending with a verb of writing or
   with messages ("stop texting me", "no more texts", "cancel my subscription"), a refusal ("don't text me again",
   "I no longer want these messages"), or a word that is used for nothing else ("unsubscribe", "opt out", "take me off
   your list", "revoke my consent").
3. It does not when it says the opposite ("don't stop texting me") or asks about somebody's doings ("when do you stop
   sending texts?"). A word in a sentence that speaks of none of it ("the bus stop", "stop by") is no request.

The list of sentences cannot be whole. Where it is in doubt, as in "don't text me before nine", it takes somebody off
rather than write to them against their will: START brings them back.
"""

import re
import unicodedata
from dataclasses import dataclass

from integrations.inbound.base import Kind


@dataclass(frozen=True)
class Heard:
    """What was asked for, and in which of our languages."""

    kind: Kind
    language: str = "en"


# The FCC's list is stop, quit, end, revoke, opt out, cancel, unsubscribe (47 CFR 64.1200(a)(10)); Twilio adds STOPALL.
STOP = {"stop", "stopall", "stop all", "unsubscribe", "unsub", "unsubscribe all", "optout", "opt out"}
STOP |= {"stop it", "stop this", "stop that", "stop texting", "stop messaging", "no more", "remove me"}
STOP_ALONE = {"quit", "end", "revoke", "cancel"}
START = {"start", "unstop", "yes"}
HELP = {"help", "info"}
SPANISH_STOP = {"alto", "parar", "pare", "paren", "basta", "baja", "detener", "detenganse", "cancelar", "no mas"}
SPANISH_START = {"comenzar", "empezar"}
SPANISH_HELP = {"ayuda"}
POLITE = set("please pls plz thanks thank you thx now ok okay just hi hey hello already immediately asap sir".split())
POLITE |= set("por favor gracias ya ahora hola".split())

_US = r"(?:me|us|this number|my number|my phone|my cell)"
_WRITING = (
    r"(?:text|texting|messag\w+|send|sending|contact\w*|spam\w*|bother\w*|writ\w+|call\w*|txt\w*|sms\w*|email\w*)"
)
_MESSAGES = (
    r"(?:texts?|texting|text messages?|messages?|messaging|msgs?|sms|txts?|notifications?|alerts?|spam|subscription)"
)
_FILLING = r"(?:(?:all|any|the|these|those|this|your|more|of|my|me|us|sending|getting|receiving|with|from|you) ){0,4}"
_ENDING = r"(?:stop|quit|cease|end|halt|discontinue)"

_LEAVING = [
    rf"\b{_ENDING} (?:\w+ )?(?:texting|messaging|sending|contacting|spamming|bothering|writing|calling|txting) ",
    rf"\b{_ENDING} {_FILLING}{_MESSAGES}\b",
    rf"\b(?:cancel|no more|enough) {_FILLING}{_MESSAGES}\b",
    rf"\b(?:dont|do not|never|not to) (?:ever |even |please |pls )*{_WRITING} {_US}(?: |$)(?!the |a |an |your |some )",
    rf"\b(?:dont|do not|never) (?:ever |please |pls )*(?:send|sending) {_FILLING}"
    rf"(?:{_MESSAGES}|anything|any more|anymore)\b",
    rf"\b(?:dont|do not|no longer|not) (?:want|wish|need|care|like|interested)(?! to (?:stop|miss|lose|unsub\w*|opt))"
    rf"(?: \w+){{0,4}} (?:{_MESSAGES}|be contacted|hear from you)\b",
    r"\b(?:unsubscribe|unsub|opt (?:me )?out|optout|opting out)\b",
    r"\b(?:remove|take|get|delete) (?:me|my (?:number|phone|name|info)|this number) (?:off|from|out of)\b",
    r"\b(?:lose|delete|remove) (?:my|this) number\b",
    r"\bleave me alone\b",
    r"\b(?:revoke|withdraw|withdrawing|revoking) (?:\w+ ){0,3}(?:consent|permission)\b",
]
_LEAVING_IN_SPANISH = [
    r"\bdej(?:a|e|en|ar) de (?:\w+ )?(?:enviar|mandar|escribir|molestar|textear|contactar)\w*",
    r"\bno me (?:\w+ )?(?:escrib\w+|(?:envi|mand|contact|molest|texte)(?:es|e|en))\b",
    r"\bno (?:quiero|deseo)(?: \w+){0,3} (?:mensajes?|textos?|sms|notificaciones)\b",
    r"\bno mas (?:mensajes?|textos?|sms)\b",
    r"\bd(?:ar|e|en|a)me de baja\b",
    r"\bcancel(?:ar|e|en|a) (?:mi |la )?suscripcion\b",
    r"\bparen? de (?:\w+ )?(?:enviar|mandar|escribir)\w*",
]
# Directly before a match: the opposite, or a question about our habits.
_OPPOSITE = re.compile(
    r"\b(?:dont|do not|didnt|did not|never|not|cant|cannot|wont|doesnt)(?: (?:ever|(?:want |mean |like )?to|wanna))? $"
    r"|\b(?:if|when|did) i $|\b(?:you|u|they|we|he|she) (?:ever |just |all |not )?$"
)
_REQUEST = re.compile(r"\b(?:can|could|would|will|why dont) (?:you|u|yall) (?:please |pls |just )*$")
_SENTENCES = [(re.compile(pattern), "en") for pattern in _LEAVING]
_SENTENCES += [(re.compile(pattern), "es") for pattern in _LEAVING_IN_SPANISH]
LONGEST = 2_000  # A text has at most 1,600 letters.


def heard(text: str) -> Heard:
    """What the whole message asks for; OTHER when it is just talk."""
    clauses = [clause for part in re.split(r"[.!?;,\n…]+", text[:LONGEST]) if (clause := _words(part))]
    whole = _core(_words(text[:LONGEST]))
    for words, kind, language in (
        (STOP | STOP_ALONE, Kind.UNSUBSCRIBED, "en"),
        (SPANISH_STOP, Kind.UNSUBSCRIBED, "es"),
        (START, Kind.SUBSCRIBED, "en"),
        (SPANISH_START, Kind.SUBSCRIBED, "es"),
        (HELP, Kind.ASKED_HELP, "en"),
        (SPANISH_HELP, Kind.ASKED_HELP, "es"),
    ):
        if whole in words:
            return Heard(kind, language)
    if any(_core(clause) in STOP for clause in clauses):
        return Heard(Kind.UNSUBSCRIBED)
    language = _asked_to_leave(_words(text[:LONGEST]))
    return Heard(Kind.UNSUBSCRIBED, language) if language else Heard(Kind.OTHER)


def _words(text: str) -> str:
    """Lower case, without accents, apostrophes and punctuation, one space between words."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    plain = re.sub(r"['’‘`´]", "", plain)
    return " ".join(re.sub(r"[^a-z0-9]+", " ", plain).split())


def _core(words: str) -> str:
    """Without politeness and repetition; letters with dots between them are one word."""
    kept: list[str] = []
    for word in words.split():
        if word not in POLITE and kept[-1:] != [word]:
            kept.append(word)
    if len(kept) > 2 and all(len(word) == 1 for word in kept):
        return "".join(kept)
    return " ".join(kept)


def _asked_to_leave(words: str) -> str:
    """The language of a sentence that asks us to leave off; empty when there is none."""
    padded = f"{words} "
    for pattern, language in _SENTENCES:
        for found in pattern.finditer(padded):
            before = padded[: found.start()]
            if _REQUEST.search(before) or not _OPPOSITE.search(before):
                return language
    return ""
