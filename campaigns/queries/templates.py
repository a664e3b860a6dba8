"""Templates, how their languages stand to each other, and what of their words is known of members."""

from dataclasses import dataclass

from django.core.cache import cache
from django.db.models import Count, Max, Q, QuerySet

from campaigns.models import Plan, PlanStep, Playbook, Template
from campaigns.rules.differences import CHANNELS
from campaigns.rules.drift import Drift, Saying, drifts, words_of
from loyalty.models import Member

KEPT_SECONDS = 120
VERSIONS_LOOKED_AT = 30
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


def why_worn(template: Template) -> str:
    """Why it cannot be archived, in a sentence; empty where it can."""
    if template.is_default:
        return f"{template.name} is the default. Choose another default first."
    playbooks = Playbook.objects.filter(template=template, is_active=True).values_list("name", flat=True)
    if playbooks:
        return f"{template.name} is worn by the playbooks {', '.join(playbooks)}."
    waiting = PlanStep.objects.filter(template=template, plan__status=Plan.Status.READY, removed_at=None)
    if step := waiting.select_related("plan__campaign").first():
        return f"{template.name} is worn in a plan of {step.plan.campaign.name} that waits for approval."
    return ""


def drifts_of(template: Template, channel: str, *, with_draft: bool = True) -> list[Drift]:
    """Languages whose words changed after another's, by the last versions and, `with_draft`, by what is being written.

    A template in one language costs no query.
    """
    if len(template.draft[channel]) < 2:
        return []
    newest = template.versions.order_by("-number").values_list("saved_at", f"content__{channel}")[:VERSIONS_LOOKED_AT]
    said = [Saying(saved_at, words_of(variants)) for saved_at, variants in reversed(newest)]
    drafted = words_of(template.draft[channel])
    if with_draft and (not said or said[-1].words != drafted):
        said.append(Saying(template.draft_at, drafted, is_draft=True))
    return drifts(said)


def drifts_worn_in(plan: Plan) -> list[tuple[Template, Drift]]:
    """Of the templates that the steps of `plan` wear, as they were saved last."""
    worn = list(plan.steps.filter(removed_at=None).order_by().values_list("template", "channel").distinct())
    rows = Template.objects.filter(Q(pk__in=[pk for pk, _channel in worn]) | Q(is_default=True)).order_by("name")
    default = next((template.pk for template in rows if template.is_default), None)
    dressed = {(pk or default, channel) for pk, channel in worn}
    return [
        (template, drift)
        for template in rows
        for channel in CHANNELS
        if (template.pk, channel) in dressed
        for drift in drifts_of(template, channel, with_draft=False)
    ]


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
