"""What campaigns mean for one member: offers that hold now, and messages that have reached them."""

from datetime import date

from django.db.models import Q, QuerySet

from campaigns.models import Action, Campaign, Plan, Send
from loyalty.models import Member

HAS_IT = (Send.Status.SENT, Send.Status.DELIVERED, Send.Status.COMPLAINED)


def offers_for(member: Member, *, today: date) -> QuerySet[Action]:
    """One for each offer that a person has approved for this member and that can be had today, the newest first."""
    current = Q(step__day__lte=today, step__plan__campaign__ends_on__gte=today)
    approved = Q(step__plan__status=Plan.Status.APPROVED, step__plan__campaign__status=Campaign.Status.RUNNING)
    wanted = Action.objects.filter(current, approved, member=member, step__removed_at=None, step__offer__is_active=True)
    newest = wanted.order_by("step__offer_id", "-step__day", "-pk").distinct("step__offer_id")
    rows = Action.objects.filter(pk__in=newest.values("pk")).order_by("-step__day", "-pk")
    return rows.select_related("step__offer", "step__plan__campaign").prefetch_related("sends")


def messages_to(member: Member) -> QuerySet[Send]:
    """Those that have left, with all that their words need."""
    rows = member.sends.filter(status__in=HAS_IT).order_by("-sent_at", "-pk")
    return rows.select_related(
        "campaign",
        "action__step__offer",
        "member__points_account",
        "member__home_store",
        "member__stats",
        "member__tier_standing__tier",
    ).prefetch_related("action__step__letters")
