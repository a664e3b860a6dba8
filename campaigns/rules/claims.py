"""What a message of a regulated shop may not say, with what each rule rests on. A beginning, and no legal advice.

A LAW holds for everybody. What is only a WARNING a person may overrule, who knows what the words mean there; a language
model may not. `verticals` are those of loyalty.Business; empty means every shop.
"""

import re
from dataclasses import dataclass
from datetime import date
from enum import IntEnum

from campaigns.rules.checking import words_found

WRITTEN_ON = date(2026, 11, 22)


class Weight(IntEnum):
    """MODEL: refused of a language model, open to people. WARNING: said to people. LAW: refused, whoever wrote it."""

    MODEL = 1
    WARNING = 2
    LAW = 3


@dataclass(frozen=True)
class Ban:
    """`words` are whole words in lower case, `pattern` what they leave open. `told` is what somebody reads.

    `source` is what it rests on.
    """

    name: str
    verticals: tuple[str, ...]
    words: tuple[str, ...]
    told: str
    source: str
    weight: Weight = Weight.LAW
    pattern: str = ""

    def found_in(self, text: str) -> list[str]:
        said = re.finditer(self.pattern, text.lower()) if self.pattern else ()
        return [*words_found(text, self.words), *(match[0] for match in said)]


_CANNABIS = "California Business and Professions Code §§26151–26154; 4 CCR §15040"
_LIQUOR = "27 CFR §§4.64, 5.235 and 7.235"
_CODE = "DISCUS Code of Responsible Practices; Wine Institute Code of Advertising Standards"
_HEALTH = (
    "cure", "cures", "heals", "healing power", "health benefits", "good for your health", "treats anxiety",
    "treats pain", "treats depression", "pain relief", "relieves pain",
    "relieves stress", "relieves anxiety", "anti-inflammatory", "lowers blood pressure", "boosts immunity",
    "helps you sleep", "non-addictive", "not addictive", "safe to drive", "safe in pregnancy", "hangover-free",
    "no hangover",
    "saludable", "terapéutico", "terapéutica", "alivia el dolor", "alivia el estrés",
    "bueno para la salud", "buena para la salud", "sin resaca", "ayuda a dormir",
)  # fmt: skip
# What is done to which ailment, however it is bent and whatever stands between: “treats your anxiety”.
_HEALS = (
    r"(?<!\w)(?:(?:treat|cure|heal|relieve|alleviate|eliminate)(?:s|d|r|rs)?|(?:treat|heal)(?:ed|ing|er)|"
    r"(?:cur|reliev|alleviat|eliminat)ing|(?:alivia|cura|trata|elimina)[nr]?)[\s‐-―-]+"
    r"(?:(?:your|my|our|the|any|all|kinds|of|every|chronic|severe|back|joint|muscle|tu|tus|su|el|la|los|las)[\s‐-―-]+){0,3}"
    r"(?:pains?|aches?|anxiety|stress|depression|insomnia|nausea|arthritis|migraines?|cancer|inflammation|ptsd|adhd|"
    r"seizures|dolor(?:es)?|ansiedad|estrés|depresión|insomnio|cáncer|migrañas?)(?!\w)"
)
# Words that promise health in one sentence and not in another: people decide.
_HEALTH_WORDS = ("healthy", "medicine", "medicinal", "therapeutic", "cura", "medicina")
_MINORS = (
    "for kids", "for the kids", "for children", "for teens", "for teenagers", "bring the kids", "kid-friendly",
    "child-friendly", "teens", "teenagers", "underage", "back to school", "tastes like candy", "just like candy",
    "para niños", "para los niños", "para adolescentes", "menores de edad", "vuelta al cole", "sabe a caramelo",
)  # fmt: skip
_TOO_MUCH = (
    "get drunk", "getting drunk", "get wasted", "get hammered", "get stoned", "get high", "binge", "chug",
    "drink more", "drink all night", "all you can drink", "as much as you can drink", "unlimited drinks", "blackout",
    "smoke more", "smoke all day", "stay high",
    "emborráchate", "emborracharse", "bebe más", "beber más", "barra libre", "bebe toda la noche", "fuma más",
)  # fmt: skip
_AWAY_CANNABIS = (
    "free weed", "free cannabis", "free flower", "free pre-roll", "free pre-rolls", "free edible", "free edibles",
    "free eighth", "free gram", "free joint", "free vape", "cannabis gratis", "marihuana gratis",
)  # fmt: skip
_AWAY_LIQUOR = (
    "free booze", "free alcohol", "free drinks", "free bottle", "free beer", "free wine", "free whiskey", "free vodka",
    "alcohol gratis", "bebidas gratis", "botella gratis", "vino gratis", "cerveza gratis",
)  # fmt: skip

BANS = (
    Ban(
        "health",
        ("CANNABIS",),
        _HEALTH,
        "No message may promise health.",
        f"{_CANNABIS}; FDA warning letters",
        pattern=_HEALS,
    ),
    Ban("health", ("LIQUOR",), _HEALTH, "No message may promise health.", _LIQUOR, pattern=_HEALS),
    Ban(
        "health words",
        ("CANNABIS",),
        _HEALTH_WORDS,
        "This may read like a promise of health.",
        _CANNABIS,
        Weight.WARNING,
    ),
    Ban("health words", ("LIQUOR",), _HEALTH_WORDS, "This may read like a promise of health.", _LIQUOR, Weight.WARNING),
    Ban("minors", ("CANNABIS",), _MINORS, "No message may appeal to minors.", _CANNABIS),
    Ban("minors", ("LIQUOR",), _MINORS, "No message may appeal to minors.", _CODE),
    Ban("excess", ("CANNABIS",), _TOO_MUCH, "No message may urge anybody to consume more.", _CANNABIS),
    Ban("excess", ("LIQUOR",), _TOO_MUCH, "No message may urge anybody to drink more.", _CODE),
    Ban("giveaway", ("CANNABIS",), _AWAY_CANNABIS, "Cannabis is not given away.", "Cal. B&P Code §26153"),
    Ban(
        "giveaway",
        ("LIQUOR",),
        _AWAY_LIQUOR,
        "Many states forbid giving alcohol away to bring people in.",
        "such as 16 Texas Administrative Code §45.101: ask what holds in your state",
        Weight.WARNING,
    ),
)
# What no picture may show, by the words of its brief. What is forbidden to say is forbidden to show, too.
_YOUNG = (
    "child", "children", "kid", "kids", "baby", "babies", "toddler", "boy", "boys", "girl", "girls", "teen", "teens",
    "teenager", "teenagers", "minor", "minors", "schoolgirl", "schoolboy", "pupil", "pupils", "student", "students",
    "playground", "cartoon", "cartoons", "comic character", "toy", "toys", "teddy", "candy", "lollipop",
)  # fmt: skip
_CONSUMING = (
    "sipping", "gulping", "chugging", "swigging", "drunk", "is drinking", "are drinking", "people drinking",
    "somebody drinking", "someone drinking", "man drinking", "woman drinking", "friends drinking", "drinking wine",
    "drinking beer", "drinking whiskey", "smoking", "smokes", "vaping", "inhaling", "inhales", "exhaling", "dabbing",
    "toking", "lighting a joint", "lit joint", "blowing smoke", "behind the wheel",
)  # fmt: skip
_HEALING = (
    "doctor", "doctors", "nurse", "hospital", "pharmacy", "pharmacist", "patient", "stethoscope", "pill bottle",
    "prescription", "medical cross", "before and after",
)  # fmt: skip
_TWENTY_FIVE = "DISCUS Code of Responsible Practices, which asks for models of 25 and older"
SEEN_BANS = tuple(
    Ban(name, (vertical,), words, told, source)
    for vertical, young, health in (("CANNABIS", _CANNABIS, _CANNABIS), ("LIQUOR", _TWENTY_FIVE, _LIQUOR))
    for name, words, told, source in (
        ("young", _YOUNG, "No picture may show minors, or what appeals to them.", young),
        (
            "consumption",
            _CONSUMING,
            "No picture may show anybody consuming.",
            _CANNABIS if young == _CANNABIS else _CODE,
        ),
        ("healing", _HEALING, "No picture may promise health.", health),
    )
)
# Said with every brief, by trade.
NEVER_SEEN = (
    "anybody who is under 25 or looks it; no minors, and nothing that appeals to them",
    "anybody consuming, or about to",
    "anything that promises health, strength, success or love",
    "driving, sports, machines or anything else that is dangerous after consuming",
    "writing, figures, prices, logos and brands",
)
NEVER_SEEN_OF = {
    "CANNABIS": ("smoke, flames and open products of cannabis", "cartoons, sweets, toys, animals in costume"),
    "LIQUOR": ("people with more than one drink, or a row of empty glasses", "cartoons, sweets, toys, Santa Claus"),
}
# Where the shop's reward policies forbid a kind of reward, these words promise it.
GIFT_WORDS = ("free", "gift", "giveaway", "complimentary", "on us", "on the house", "gratis", "regalo", "de regalo")
DISCOUNT_WORDS = (
    "discount", "discounts", "% off", "off your", "half price", "sale", "coupon", "coupons", "voucher", "markdown",
    "descuento", "descuentos", "rebaja", "rebajas", "cupón", "mitad de precio",
)  # fmt: skip
# What reads like an offer, so that it has to be one.
PROMISES = tuple(dict.fromkeys((
    *GIFT_WORDS, *DISCOUNT_WORDS, "double points", "triple points", "bonus points", "extra points", "bogo",
    "buy one get one", "two for one", "2 for 1", "cashback", "cash back", "refund", "raffle", "prize", "win a",
    "half off", "percent off", "per cent off", "off everything", "off all", "off the bill", "off any", "off every",
    "buy one", "buy two", "buy three", "get one", "get two", "points expire", "points will expire", "al precio de",
    "por ciento", "los puntos caducan", "tus puntos caducan",
    "doble de puntos", "puntos dobles", "puntos extra", "dos por uno", "2x1", "sorteo", "premio",
)))  # fmt: skip
# Pictures that children like: 4 CCR §15040(a)(3) for cannabis, and the trade's codes for alcohol.
CHILDLIKE = frozenset("🍭🍬🍫🧸🎈🦄🍼🎠🐻🎅🐰🐣👶🧒👧👦🎮🍦🧁🤡")

# The commonest words of a language that the other does not share.
STOPWORDS = {
    "en": frozenset(
        "the and you your we our with for this that have are is not from will been would more when what to of".split()
    ),
    "es": frozenset(
        "el la los las y usted tu tus su nuestro nuestra con para por este esta que tiene son es del una más".split()
    ),
}
