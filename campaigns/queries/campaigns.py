from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Case, Count, OuterRef, QuerySet, Subquery, When
from django.db.models.functions import Coalesce
from django.utils.timezone import localdate

from campaigns.models import Campaign, Notice, Plan, Send
from campaigns.rules import weeks
from loyalty.models import Member, User

_ENDED = When(status__in=[Plan.Status.FAILED, Plan.Status.CANCELLED], then=2)
_MATTERS = Case(When(status=Plan.Status.APPROVED, then=0), _ENDED, default=1)


def campaigns() -> QuerySet[Campaign]:
    """Newest first, with the counts the list shows; they are counted only for the rows that are read."""
    plans = Plan.objects.filter(campaign=OuterRef("pk")).exclude(status=Plan.Status.REPLACED)
    return Campaign.objects.select_related("owner").annotate(
        plan_status=Subquery(plans.order_by(_MATTERS, "-requested_at").values("status")[:1]),
        messages=_count(Send.objects.all()),
        messages_sent=_count(Send.objects.filter(status__in=Send.LEFT)),
    )


def _count(sends: QuerySet[Send]) -> Coalesce:
    of_campaign = sends.filter(campaign=OuterRef("pk")).order_by().values("campaign")
    return Coalesce(Subquery(of_campaign.annotate(count=Count("pk")).values("count")), 0)


def current_plan(campaign: Campaign) -> Plan | None:
    """The plan that matters now: approved, else under review or at work, else the newest."""
    plans = campaign.plans.select_related("requested_by", "approved_by", "replaced_by")
    return plans.exclude(status=Plan.Status.REPLACED).order_by(_MATTERS, "-requested_at").first()


def failed_since(plan: Plan) -> str:
    """Why the last try to plan anew came to nothing, while `plan` stands; empty where none did."""
    later = plan.replaced_by
    return later.error if later and later.status == Plan.Status.FAILED else ""


def repeating() -> QuerySet[Campaign]:
    """Those that draft a week each week."""
    ended = Campaign.objects.filter(status=Campaign.Status.CANCELLED)
    return Campaign.objects.filter(repeats_on__isnull=False, series=None).exclude(pk__in=ended).select_related("owner")


def latest_of_series(campaign: Campaign) -> Campaign:
    """The last week that was drafted; at first the campaign itself."""
    return campaign.weeks.order_by("-starts_on").first() or campaign


def waits_for_approval(campaign: Campaign) -> bool:
    is_draft = campaign.status == Campaign.Status.DRAFT
    return is_draft and not campaign.plans.filter(status=Plan.Status.APPROVED).exists()


@dataclass(frozen=True)
class NextWeek:
    """The week that a campaign which repeats drafts next."""

    first: date
    drafted_on: date
    is_time: bool
    latest: Campaign
    """The week before: the campaign itself, or the last it drafted."""

    latest_waits: bool
    """It is neither approved nor cancelled: until then nothing is drafted."""


def next_week_of(campaign: Campaign, today: date) -> NextWeek | None:
    """None: it does not repeat, or no more."""
    if campaign.repeats_on is None or campaign.series_id or campaign.status == Campaign.Status.CANCELLED:
        return None
    latest = latest_of_series(campaign)
    first = weeks.next_week(today, campaign.repeats_on, after=latest.ends_on)
    return NextWeek(
        first=first,
        drafted_on=weeks.drafted_on(first),
        is_time=weeks.is_time(today, first),
        latest=latest,
        latest_waits=waits_for_approval(latest),
    )


def sends_to(member: Member) -> QuerySet[Send]:
    return member.sends.select_related("campaign", "action__step").order_by("-due_at", "-pk")


def unread_notices(user: User) -> QuerySet[Notice]:
    return Notice.objects.filter(user=user, read_at=None).select_related("campaign")


def plans_to_review() -> QuerySet[Plan]:
    return Plan.objects.filter(status=Plan.Status.READY, campaign__status=Campaign.Status.DRAFT).select_related(
        "campaign"
    )


def is_over(campaign: Campaign, now: datetime) -> bool:
    """Ended, or its last day has passed: nothing leaves any more."""
    ended = campaign.status in (Campaign.Status.FINISHED, Campaign.Status.CANCELLED)
    return ended or campaign.ends_on < localdate(now)


def sends_in_doubt() -> QuerySet[Send]:
    return Send.objects.filter(status=Send.Status.UNKNOWN).select_related("campaign", "member")


def begun() -> QuerySet[Campaign]:
    """Those that have been started, the latest first."""
    return Campaign.objects.filter(started_at__isnull=False).order_by("-started_at", "-pk")
