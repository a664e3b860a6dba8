"""What can be read in a campaign's goal without a language model: groups, aims and categories. Plain Python.

English and Spanish, small letters or capitals, with accents or without. What stands behind a “not” or “without”, to the
end of its clause, is what the goal is not about. What is not listed here is not understood, and the plan says so.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from campaigns.rules import conditions
from campaigns.rules.conditions import NOTHING_SAID, Conditions

WIN_BACK, THANK, FIRST, OFTEN, CLEAR = "win back", "thank", "first purchases", "come more often", "clear stock"
_WHO = r"(?:customers?|members?|shoppers?|buyers?|clients?|people|ones|faces|clientes?|miembros?|socios?|compradores)"
# Returning is of people only: a shop returns to its street, too.
_THEY_RETURN = (
    rf"(?:{_WHO}|them|they|you|everybody|everyone|those)"
    r" (?:(?:who|that|to|will|would|should|can|may|have|did|not) ){0,3}return(?:ed|ing)?"
    rf"|who (?:\w+ )?return(?:ed)?|(?:{_WHO}'|their|your) return|returning {_WHO}"
    rf"|return of (?:(?:our|the|all|old|former|lapsed) ){{0,2}}{_WHO}"
    rf"|(?:{_WHO}|them|they|everybody|everyone|those|who) (?:(?:are|is|keep|not) )?com(?:es|ing) back"
    rf"|{_WHO} (?:\w+ ){{0,2}}(?:volver|regresar)|hacer(?:l[oa]s)? (?:volver|regresar)"
    rf"|(?:volver|regresar|vuelta|regreso) (?:a|de) (?:(?:l[oa]s|nuestr[oa]s) ){{1,2}}{_WHO}"
)
# Stock is there to be kept, too: it takes a verb that clears it.
_CLEARING = (
    r"(?:clear|sell|mov|reduc|empty|shift|liquidat)(?:e|ing)?(?: off| out| down| through)?|get rid of|use up|run down"
)
_STOCK = (
    r"(?:(?:our|the|all|old|excess|surplus|dead|slow|remaining|last|of) ){0,3}"
    r"(?:(?!(?:in|and|back|for|from|full|into|keep|more|or|to)\b)\w+ )?(?:stock|inventory|shel(?:f|ves))"
)


@dataclass(frozen=True)
class Aim:
    """`words` is a pattern over plain text; `groups` are those such a goal is about."""

    words: str
    groups: tuple[str, ...] = ()


AIMS = {
    WIN_BACK: Aim(
        r"w[io]n(?:ning)? (?:\w+ ){0,2}back|winback|lapsed|inactive|dormant|come back|churn\w*"
        r"|bring(?:ing)? (?:\w+ ){0,3}back|stay(?:ed|ing)? away|reactivat\w+|re-?engag\w+"
        rf"|recuper\w+|reconquist\w+|reactiv\w+|inactiv[oa]s?|vuelvan|regresen|dej(?:aron|ado) de|{_THEY_RETURN}",
        ("at_risk", "cannot_lose", "hibernating", "lost"),
    ),
    THANK: Aim(
        rf"thank\w*|loyal(?:ty)?|appreciat\w+|best {_WHO}|(?:our|the|your) best(?!.?sell)|vips?"
        r"|agradec\w+|gracias|leal(?:es|tad)?|fiel(?:es)?|fideli\w+|premiar|mejores",
        ("champions", "loyal", "potential_loyalists"),
    ),
    FIRST: Aim(
        rf"new {_WHO}|newcomers?|welcom\w+(?! back)|(?:first|second) (?:purchases?|visits?|orders?|time|buy)"
        r"|(?:first|one)-time|b(?:uy|ought) (?:only )?once"
        rf"|nuev[oa]s? {_WHO}|{_WHO} nuev[oa]s?|recien llegad[oa]s?|bienvenid\w+|dar la bienvenida"
        r"|(?:primer|segund)[oa]? (?:compras?|visitas?|pedidos?)",
        ("new", "promising", "potential_loyalists"),
    ),
    OFTEN: Aim(
        r"more often|oftener|frequen\w+|habits?|(?:quiet|slow) (?:days?|weeks?|months?)|another visit"
        r"|mas a menudo|mas veces|frecuencia|habitos?|otra visita|(?:dias|semanas) (?:flojas?|flojos?|tranquil[oa]s)",
        ("need_attention", "about_to_sleep", "potential_loyalists"),
    ),
    CLEAR: Aim(
        rf"clearance|clear(?:ing)? (?:out|old|excess|remaining)|(?:{_CLEARING}) {_STOCK}"
        r"|overstock\w*|(?:excess|surplus) (?:stock|inventory)|sell (?:off|out)|leftovers?"
        r"|(?:vaciar|agotar|vender|sacar|mover|reducir) (?:\w+ ){0,3}(?:existencias|inventario|stock)"
        r"|liquid(?:ar|acion\w*)|rematar|excedentes?|sobrantes?|exceso de (?:inventario|existencias)",
    ),
}
GROUPS = {
    "champions": r"champions?|campeon(?:es)?",
    "loyal": rf"loyal {_WHO}|regulars|{_WHO} (?:leales|fieles|habituales)|los habituales",
    "potential_loyalists": r"potential loyalists?|leales potenciales",
    "new": rf"new {_WHO}|newcomers?|nuev[oa]s {_WHO}|{_WHO} nuev[oa]s",
    "promising": r"promising|prometedor(?:es|as)?",
    "need_attention": r"need(?:s|ing)? attention|necesitan atencion|requieren atencion",
    "about_to_sleep": r"about to sleep|fading|a punto de dormir\w*",
    "at_risk": r"at risk|en riesgo",
    "cannot_lose": r"can(?:no|')?t lose|cannot lose|no podemos perder",
    "hibernating": r"hibernat\w+|dormant|dormid[oa]s|hibernando",
    "lost": rf"lost {_WHO}|{_WHO} perdid[oa]s",
}
# Words of a catalogue as a Spanish goal says them, each by what stands in an English catalogue.
_SPANISH = {
    "vino": "wine", "tinto": "red", "blanco": "white", "rosado": "rose", "espumoso": "sparkling", "cerveza": "beer",
    "ron": "rum", "ginebra": "gin", "licor": "liqueur", "destilado": "spirit", "sidra": "cider", "flor": "flower",
    "comestible": "edible", "concentrado": "concentrate", "tintura": "tincture", "accesorio": "accessory",
    "bebida": "beverage", "cartucho": "cartridge", "crema": "cream", "tequila": "tequila",
}  # fmt: skip
# What tells nothing of a category by itself: “red” alone is no red wine.
_GENERIC = frozenset(
    "and the for with our new other others more most less special imported domestic american canadian red white dark "
    "light single straight flavored gift misc mixed assorted temporary specialty packaged ready premium de del la los "
    "las el con para".split()
)
_MOST_CATEGORIES = 5
# What members are to become is not who they are.
_BECOMES = re.compile(
    r"\b(?:into|become|becoming) (?:(?:our|your|the|more|new|a|an) ){0,2}"
    rf"(?:(?:loyal|regular|frequent) {_WHO}|regulars?|champions?|fans?)\b"
    rf"|\ben (?:(?:{_WHO} )?(?:habituales|leales|fieles|frecuentes)|campeones)\b"
)
# Not “everybody who has left”: that is somebody.
_EVERYBODY = (
    rf"(?:everybody|everyone|anybody|anyone|all (?:(?:of )?(?:our|the|your) )?{_WHO}"
    rf"|tod[oa]s (?:(?:l[oa]s|nuestr[oa]s) )?{_WHO})"
    r"(?! (?:who|that|whose|back|of|in|at|with|from|que|de|en|con)\b)"
)
# Who stays away, where a goal is not about them: of who is to come back, this is the word for the people.
_STAYED_AWAY = r"lapsed|inactive|dormant|churned|inactiv[oa]s?"
# Before a negation what only sounds like one: who does not come any more is whom the goal is about.
_NOT = re.compile(
    r"\b(?:no longer|not (?:only|just)|(?:why|or) not|no solo|ya no|(?:al|lo|o) menos|no podemos perder"
    r"|(?:who|that) (?:(?:have|has|had|do|does|did) not|(?:have|has|had|do|does|did)n'?t|never)"
    r"|que (?:no|nunca)(?! (?:son|sean|estan|esten)\b)"
    r"|(?P<negation>(?:everybody|everyone|anybody|anyone|all(?: of)?(?: (?:our|the))?"
    rf"(?: {_WHO})?) but(?! (?:not|also)\b)"
    r"|(?:do|does|is|are|should|must|wo)n'?t|not|no|never|nor|without|except(?:ing)?|excluding"
    r"|(?:other|rather) than|apart from|instead of|nothing(?! but\b)|avoid(?:ing)?"
    r"|skip(?:ping)?|nunca|ni|nada|evit(?:ar?|e|en)|sin|excepto|salvo|menos))\b"
)
_CLAUSE_ENDS = re.compile(r"[,;.:!?()]|\s[-–—]\s|\b(?:but|pero|sino)\b")


@dataclass(frozen=True)
class Named:
    """What stands in some words. `categories` are as the catalogue writes them."""

    aims: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    def as_facts(self) -> dict[str, Any]:
        return {"aims": list(self.aims), "groups": list(self.groups), "categories": list(self.categories)}


@dataclass(frozen=True)
class Understood:
    """`named` are groups the goal names, `groups` all it is about; `categories` are as the catalogue writes them.

    `excluded` is what it says it is not about, and stands in none of the others.
    """

    aims: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    excluded: Named = Named()
    is_for_all: bool = False
    """It says everybody, whoever it names besides."""
    conditions: Conditions = NOTHING_SAID

    def fits(self, *texts: str) -> int:
        """How many of the aims and categories these texts speak of, too: those of a playbook or of an offer."""
        said = _plain(" \n ".join(texts))
        aims = sum(_speaks(said, AIMS[aim].words) for aim in self.aims)
        return aims + len(_categories_in(said, self.categories))

    def is_about(self, group: str) -> bool:
        """True of every group it does not exclude, where it names none or says everybody."""
        is_open = self.is_for_all or not self.groups
        return group not in self.excluded.groups and (is_open or group in self.groups)

    def as_facts(self) -> dict[str, Any]:
        return {
            "aims": list(self.aims),
            "named": list(self.named),
            "groups": list(self.groups),
            "categories": list(self.categories),
            "excluded": self.excluded.as_facts(),
            "conditions": self.conditions.as_facts(),
        }


def understand(goal: str, *, categories: Iterable[str] = ()) -> Understood:
    """`categories` are those of the shop's own catalogue."""
    wanted, apart = _parted(goal)
    unwanted, known = " | ".join(apart), list(categories)
    about, besides = _named_in(wanted, known), _named_in(unwanted, known)
    away = AIMS[WIN_BACK].groups if WIN_BACK not in about.aims and _speaks(unwanted, _STAYED_AWAY) else ()
    excluded = Named(
        aims=tuple(aim for aim in besides.aims if aim not in about.aims and not (away and aim == WIN_BACK)),
        groups=tuple(dict.fromkeys((*besides.groups, *away))),
        categories=besides.categories[:_MOST_CATEGORIES],
    )
    named = tuple(group for group in about.groups if group not in excluded.groups)
    also = (group for aim in about.aims for group in AIMS[aim].groups if group not in excluded.groups)
    liked = tuple(category for category in about.categories if category not in besides.categories)
    groups = tuple(dict.fromkeys((*named, *also)))
    return Understood(
        about.aims,
        named,
        groups,
        liked[:_MOST_CATEGORIES],
        excluded,
        is_for_all=_speaks(wanted, _EVERYBODY),
        conditions=conditions.read(wanted, apart),
    )


def bought(category: str) -> dict[str, Any]:
    """The segment of those who count as buyers of a category the goal names."""
    within_a_year = {"of": category, "times": 1, "days": 365}
    return {"field": "orders.category", "is": "at_least", "value": within_a_year}


def unspoken(understood: Mapping[str, Any], texts: Sequence[str]) -> list[str]:
    """The categories a goal names, where none of these texts speaks of any of them."""
    categories, said = understood["categories"], _plain(" \n ".join(texts))
    return [] if _categories_in(said, categories) else list(categories)


def told(understood: Mapping[str, Any], labels: Mapping[str, str], *, asked: str = "the goal") -> str:
    """`Understood of the goal: win back; wine; not lost. The built-in rules read no more of it.`

    `labels` are those of the groups; `asked` is what was read.
    """
    about = _told_of(understood["aims"], understood["named"], understood["categories"], labels)
    excluded = understood.get("excluded", Named().as_facts())  # a plan of before knows none
    besides = _told_of(excluded["aims"], excluded["groups"], excluded["categories"], labels)
    when_and_how = conditions.told(understood.get("conditions", {}))  # nor these
    parts = [*about, *(f"not {part}" for part in besides), *when_and_how]
    if not parts:
        return f"The built-in rules understood nothing of {asked}. Groups come by what is at stake."
    return f"Understood of {asked}: {'; '.join(parts)}. The built-in rules read no more of it."


def _told_of(
    aims: Iterable[str], groups: Iterable[str], categories: Iterable[str], labels: Mapping[str, str]
) -> list[str]:
    return [*aims, *(labels[group].lower() for group in groups), *(category.lower() for category in categories)]


def _parted(goal: str) -> tuple[str, list[str]]:
    """What the goal is about, and what stands behind each negation, to the end of its clause."""
    said = _BECOMES.sub(" ", _plain(goal.replace("\n", " ; ")))
    wanted, unwanted, start = list[str](), list[str](), 0
    for found in _NOT.finditer(said):
        if not found["negation"] or found.start() < start:
            continue
        clause_end = _CLAUSE_ENDS.search(said, found.end())
        end = clause_end.start() if clause_end else len(said)
        wanted.append(said[start : found.start()])
        unwanted.append(said[found.end() : end])
        start = end
    return " | ".join([*wanted, said[start:]]), unwanted


def _named_in(said: str, categories: Sequence[str]) -> Named:
    return Named(
        aims=tuple(name for name, aim in AIMS.items() if _speaks(said, aim.words)),
        groups=tuple(group for group, words in GROUPS.items() if _speaks(said, words)),
        categories=tuple(_categories_in(said, categories)),
    )


def _plain(text: str) -> str:
    """Small letters without accents, one space between words."""
    parted = unicodedata.normalize("NFKD", text.replace("’", "'"))
    return " ".join("".join(sign for sign in parted if not unicodedata.combining(sign)).lower().split())


def _speaks(said: str, words: str) -> bool:
    return re.search(rf"\b(?:{words})\b", said) is not None


def _categories_in(said: str, categories: Iterable[str]) -> list[str]:
    """Those named whole; and by a single word of theirs, those that share it, unless one of them was named whole."""
    words = [_stem(word) for word in re.findall(r"[^\W_]+", said)]
    spoken = f" {' '.join(words)} {' '.join(_SPANISH.get(word, '') for word in words)} "
    known = {category: _words_of(category) for category in categories}
    whole = [name for name, own in known.items() if own and f" {' '.join(own)} " in _both_ways(words, spoken, own)]
    covered = {word for name in whole for word in known[name]}
    shared = [
        name
        for name, own in known.items()
        if name not in whole and any(f" {word} " in spoken and word not in covered for word in _telling(own))
    ]
    return whole + shared


def _both_ways(words: Sequence[str], spoken: str, own: Sequence[str]) -> str:
    """What was said; and where each word of a category stands in it, the category: `vino tinto` is red wine."""
    is_spanish = any(word in _SPANISH for word in words)
    if is_spanish and all(f" {word} " in spoken for word in own):
        return f"{spoken}{' '.join(own)} "
    return spoken


def _words_of(category: str) -> list[str]:
    return [_stem(word) for word in re.findall(r"[^\W_]+", _plain(category))]


def _telling(words: Iterable[str]) -> list[str]:
    return [word for word in words if len(word) > 2 and word not in _GENERIC]


def _stem(word: str) -> str:
    """Without a plural: whiskies and whisky, vodkas and vodka, flores and flor."""
    if word.endswith("ies") and len(word) > 4:
        word = f"{word[:-3]}y"
    elif word.endswith("ores") and len(word) > 5:
        word = word[:-2]
    elif word.endswith("s") and not word.endswith("ss") and len(word) > 3:
        word = word[:-1]
    return "whisky" if word == "whiskey" else word
