"""The people, stores and labels of the demo shop: made up, from a fixed seed, the same on every machine."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import product
from random import Random

SEED = 2017
ZONE = "America/New_York"
EMAIL_OPT_IN, SMS_OPT_IN, WITHOUT_BIRTH_DATE = 0.80, 0.45, 0.04
MINORS = 6
WORDING = "Yes, write to me about offers and news. I can stop this at any time."

FIRST_NAMES = (
    "Ada Aisha Alan Amara Andre Angela Anton Beatriz Ben Bianca Caleb Carla Carmen Chloe Daniel Daria Devon Diego "
    "Elena Eli Emma Erik Fatima Felix Fiona Gavin Grace Hannah Hector Ida Imani Isaac Ivy Jack Jada James Jin Joan "
    "Jonas Julia Kai Kara Keith Lara Leo Lena Liam Lucia Malik Mara Marcus Mei Mia Milo Nadia Nina Noah Nora Omar "
    "Oscar Paula Pedro Priya Quinn Rafael Rosa Ruth Sam Sara Sean Selma Silas Sofia Tara Theo Tom Uma Vera Victor "
    "Wanda Will Xena Yara Zoe"
).split()
LAST_NAMES = (
    "Abbott Adler Alvarez Baker Banks Barnes Becker Bell Bishop Brandt Brooks Burke Carter Castillo Chen Clarke Cohen "
    "Cole Cruz Dalton Diaz Dixon Doyle Duarte Ellis Evans Fields Fischer Flores Foster Fox Garcia Gibbs Grant Greene "
    "Gupta Haas Hale Hansen Harper Hayes Hill Howe Hughes Ito Jensen Johnson Kane Kaplan Kelly Khan Kim King Klein "
    "Lane Larsen Lee Lopez Lynch Marsh Mason Meyer Mills Moore Morgan Murphy Nash Nguyen Novak Olsen Ortiz Owens Park "
    "Patel Perez Pierce Price Quigley Ramos Reed Reyes Rossi Roy Ruiz Russo Santos Sato Shah Shaw Silva Singh Stone "
    "Sutton Tate Torres Tran Vance Vargas Wagner Walsh Ward Watts Weber West Wolfe Wong Wright Yang Young Zhang "
    "Zimmer"
).split()
AREA_CODES = ("201 203 212 215 267 315 332 347 413 475 516 518 551 585 607 609 631 646 716 718 732 845 856 860").split()
PLACES = (
    "Mill Oak Stone River Cedar Maple North Elm Fox Bay Clear Pine Harbor Willow Spring".split(),
    "Creek Hill Ridge Point Park Square Field Brook Grove Landing Village Crossing Bridge Corner".split(),
)
LABELS = (
    "Copper Silver Golden Amber Black White Red Blue Old Wild Quiet Lucky Crooked Hidden Broken Twin".split(),
    "Lantern Anchor Heron Fox Barn Canyon Compass Feather Orchard Sparrow Kettle Bridge Stag Meadow Harbor Oak".split(),
)
AGE_BANDS = {
    "19-24": (21, 24),
    "25-34": (25, 34),
    "35-44": (35, 44),
    "45-54": (45, 54),
    "55-64": (55, 64),
    "65+": (65, 84),
}
CATEGORIES = {
    "BEERS/ALES": "Beer",
    "DOMESTIC WINE": "Domestic wine",
    "IMPORTED WINE": "Imported wine",
    "LIQUOR": "Spirits",
    "MISC WINE": "Mixers and more",
}
# What a cut-off type of the till means: the first word that fits.
KINDS = (
    ("NON ALCOHOLIC", "Alcohol-free beer"), ("NON-ALCO", "Alcohol-free wine"), ("GIFT BASKETS", "Beer gift basket"),
    ("BEERALE", "Beer"), ("SPARKLING", "Sparkling wine"), ("BOX WINES", "Box wine"), ("AUSTRALIAN", "Australian wine"),
    ("ITALIAN", "Italian wine"), ("FRENCH", "French wine"), ("SOUTH AMERICAN", "South American wine"),
    ("IMPORTED WINES", "Imported wine"), ("ULTRA PREMIUM", "Reserve wine"), ("SUPER PREMIUM", "Estate wine"),
    ("PREMIUM", "Premium wine"), ("POPULAR", "Table wine"), ("FIGHTING VARIETAL", "Varietal wine"),
    ("VALUE GLASS", "House wine"), ("FRUIT VARIETAL", "Fruit wine"), ("BEVERAGE WINES", "Wine cooler"),
    ("DESSERTS", "Dessert wine"), ("COCKTAIL MIXES", "Cocktail mix"), ("MARGARITA", "Margarita salt"),
    ("CKTLS", "Single-serve cocktail"), ("COCKTAILS", "Ready-made cocktail"), ("FLAVORED RUM", "Flavored rum"),
    ("RUM", "Rum"), ("BOURBON", "Bourbon"), ("CANADIAN", "Canadian whisky"), ("BLENDED WHISKEY", "Blended whiskey"),
    ("SCOTCH", "Scotch whisky"), ("COGNAC", "Cognac"), ("BRANDY", "Brandy"), ("GIN", "Gin"), ("TEQUILA", "Tequila"),
    ("VODKA", "Vodka"), ("SCHNAPPS", "Schnapps"), ("LIQUEURS", "Liqueur"),
)  # fmt: skip


@dataclass(frozen=True)
class Person:
    external_id: str
    name: str
    email: str
    phone: str
    birth_date: date | None
    email_consent: bool | None
    sms_consent: bool | None


def people(households: Iterable[str], age_bands: Mapping[str, str], *, today: date) -> Iterator[Person]:
    """One person for each household. A few are too young and a few gave no birth date, so that an age gate has work."""
    random = Random(SEED)  # noqa: S311
    names = [f"{first} {last}" for first, last in product(FIRST_NAMES, LAST_NAMES)]
    phones = [f"+1{area}55501{line:02d}" for area in AREA_CODES for line in range(100)]
    random.shuffle(names)
    random.shuffle(phones)
    minors = 0
    for household, name, phone in zip(households, names, phones, strict=False):
        band = age_bands.get(household) or random.choice(list(AGE_BANDS))
        youngest, oldest = AGE_BANDS[band]
        if band == "19-24" and minors < MINORS:
            youngest, oldest, minors = 19, 20, minors + 1
        is_silent = household not in age_bands and random.random() < WITHOUT_BIRTH_DATE
        yield Person(
            external_id=household,
            name=name,
            email=f"{name.lower().replace(' ', '.')}@example.com",
            phone=phone,
            birth_date=None if is_silent else _born(random, today, youngest, oldest),
            email_consent=_answer(random, EMAIL_OPT_IN),
            sms_consent=_answer(random, SMS_OPT_IN),
        )


def store_names(codes: Iterable[str]) -> dict[str, str]:
    names = [f"{first} {second}" for first, second in product(*PLACES)]
    Random(SEED).shuffle(names)  # noqa: S311
    return dict(zip(codes, names, strict=False))


def kind(till_type: str) -> str:
    return next((name for mark, name in KINDS if mark in till_type), till_type.capitalize())


def product_name(number: int, kind_name: str, size: str) -> str:
    """Copper Lantern Beer, 12 oz: a made-up label for the how-manieth product."""
    first, second = LABELS
    label = f"{first[number % len(first)]} {second[number // len(first) % len(second)]}"
    return f"{label} {kind_name}" + (f", {size.lower()}" if size else "")


def weeks_to_move(last: datetime, now: datetime) -> int:
    """Whole weeks that bring `last` into the seven days before `now`; both are local and naive."""
    return (now - last) // timedelta(weeks=1)


def _born(random: Random, today: date, youngest: int, oldest: int) -> date:
    """A birth date that makes somebody `youngest` to `oldest` years old today."""
    days = random.randrange(youngest * 365 + youngest // 4 + 1, (oldest + 1) * 365 + oldest // 4)
    return today - timedelta(days=days)


def _answer(random: Random, share: float) -> bool | None:
    """Yes for `share` of the people, no for one in twenty, the others were never asked."""
    draw = random.random()
    return True if draw < share else False if draw > 0.95 else None
