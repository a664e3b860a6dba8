from django.db.models import Count, Q, QuerySet

from campaigns.models import Campaign, Notice, Plan, Send
from loyalty.models import Member, User


def campaigns() -> QuerySet[Campaign]:
    """Newest first, with the counts the list shows."""
    return Campaign.objects.select_related("owner").annotate(
        messages=Count("sends", distinct=True),
        messages_sent=Count(
            "sends", distinct=True, filter=Q(sends__status__in=[Send.Status.SENT, Send.Status.DELIVERED])
        ),
    )


def current_plan(campaign: Campaign) -> Plan | None:
    """The plan that matters now: approved, else the newest."""
    plans = campaign.plans.select_related("requested_by", "approved_by")
    return plans.filter(status=Plan.Status.APPROVED).first() or plans.exclude(status=Plan.Status.REPLACED).first()


def sends_to(member: Member) -> QuerySet[Send]:
    return member.sends.select_related("campaign", "action__step").order_by("-due_at", "-pk")


def unread_notices(user: User) -> QuerySet[Notice]:
    return Notice.objects.filter(user=user, read_at=None).select_related("campaign")


def plans_to_review() -> QuerySet[Plan]:
    return Plan.objects.filter(status=Plan.Status.READY, campaign__status=Campaign.Status.DRAFT).select_related(
        "campaign"
    )


def sends_in_doubt() -> QuerySet[Send]:
    return Send.objects.filter(status=Send.Status.UNKNOWN).select_related("campaign", "member")
