"""Templates, and what of their words is known of members."""

from dataclasses import dataclass

from django.core.cache import cache
from django.db.models import Count, Max, Q, QuerySet

from campaigns.models import PlanStep, Template
from loyalty.models import Member

KEPT_SECONDS = 120
# What of a member may be missing, for each word: those of whom it is.
LACKS: dict[str, Q] = {
    "member.first_name": Q(name=""),
    "member.favourite": Q(stats=None) | Q(stats__primary_category=""),
    "member.tier": Q(tier_standing=None) | Q(tier_standing__tier=None),
    "store.name": Q(home_store=None),
}
INSTEAD = {
    "member.first_name": "they read “there”",
    "member.favourite": "they read “your favourites”",
    "member.tier": "nothing stands there",
    "store.name": "they read the name of the business",
}


@dataclass(frozen=True)
class Lack:
    """A word, of how many members nothing is known for it, and what they read instead."""

    word: str
    members: int
    of: int
    instead: str


def templates(*, is_archived: bool = False) -> QuerySet[Template]:
    """With the number and the moment of their newest version."""
    rows = Template.objects.filter(archived_at__isnull=not is_archived)
    return rows.annotate(version=Max("versions__number"), saved_at=Max("versions__saved_at")).order_by("name")


def in_use(*, or_else: int | None = None) -> QuerySet[Template]:
    """Those to choose from, and the one that is worn already."""
    return Template.objects.filter(Q(archived_at=None) | Q(pk=or_else)).order_by("name")


def worn_by(template: Template) -> int:
    """How many approved steps have gone out, or will, in it: by name, or as the default."""
    worn = PlanStep.objects.filter(letters__version__template=template, plan__status="APPROVED", removed_at=None)
    return worn.distinct().count()


def lacks(words: set[str]) -> list[Lack]:
    """Of all members, in one query."""
    asked = {word: LACKS[word] for word in sorted(words) if word in LACKS}
    found: list[Lack] = (
        cache.get_or_set(f"lacks:{'+'.join(asked)}", lambda: _counted(asked), timeout=KEPT_SECONDS) or []
    )
    return found


def _counted(asked: dict[str, Q]) -> list[Lack]:
    if not asked:
        return []
    counts = Member.objects.filter(left_at=None).aggregate(
        of=Count("pk"), **{f"lack{place}": Count("pk", filter=lack) for place, lack in enumerate(asked.values())}
    )
    found = ((word, counts[f"lack{place}"]) for place, word in enumerate(asked))
    return [Lack(word, members, counts["of"], INSTEAD[word]) for word, members in found if members]


def readers_of_other_languages(languages: set[str], base: str) -> list[tuple[str, int]]:
    """Languages that members chose and none of `languages` is, with how many chose them."""
    chosen = Member.objects.filter(left_at=None).exclude(language="").values("language")
    rows = chosen.annotate(members=Count("pk")).order_by("-members").values_list("language", "members")
    return [
        (language, members)
        for language, members in rows
        if language.partition("-")[0] not in languages and language.partition("-")[0] != base
    ]


def specimens(q: str, *, most: int = 8) -> QuerySet[Member]:
    """Members to show a message for: by name, or those who came last."""
    rows = Member.objects.filter(left_at=None).exclude(name="").select_related("home_store")
    return (rows.filter(name__icontains=q) if q else rows).order_by("-joined_at", "-pk")[:most]
