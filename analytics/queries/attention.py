"""What somebody here should look at, each with the page where it is settled."""

from dataclasses import dataclass

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from campaigns.queries import campaigns, permits
from loyalty.models import PurchaseImport, User
from tracking import queries as tracking


@dataclass(frozen=True)
class Concern:
    title: str
    text: str
    url: str
    tone: str
    icon: str


def concerns_for(user: User) -> list[Concern]:
    """Only what `user` may see; most pressing first."""
    found: list[Concern] = []
    if user.has_perm("campaigns.view_campaign"):
        found += _unreachable_providers() + _failed_sends(user) + _sends_in_doubt() + _plans_to_review()
    if user.has_perm("loyalty.import_purchases"):
        found += _imports()
    if user.has_perm("tracking.view_projection"):
        found += _log()
    return found


def _unreachable_providers() -> list[Concern]:
    return [
        Concern(
            f"{rate.provider} cannot be reached",
            f"Messages wait, and it is tried every minute. {rate.paused_because}",
            reverse("campaigns:permit-speed"),
            "danger",
            "plug-connected-x",
        )
        for rate in permits.unreachable_providers(timezone.now())
    ]


def _failed_sends(user: User) -> list[Concern]:
    return [
        Concern(
            notice.campaign.name,
            notice.text,
            reverse("campaigns:sends", args=[notice.campaign.public_id]) + "?kind=failed",
            "danger",
            "mail-x",
        )
        for notice in campaigns.unread_notices(user)[:5]
    ]


def _sends_in_doubt() -> list[Concern]:
    doubts: dict[str, Concern] = {}
    for send in campaigns.sends_in_doubt()[:200]:
        url = reverse("campaigns:sends", args=[send.campaign.public_id]) + "?kind=unknown"
        text = "Some messages may or may not have left. Decide whether they are sent again."
        doubts[url] = Concern(send.campaign.name, text, url, "warning", "help-hexagon")
    return list(doubts.values())


def _plans_to_review() -> list[Concern]:
    return [
        Concern(
            plan.campaign.name,
            "A plan waits to be reviewed and approved.",
            reverse("campaigns:campaign", args=[plan.campaign.public_id]),
            "info",
            "calendar-check",
        )
        for plan in campaigns.plans_to_review()[:5]
    ]


def _imports() -> list[Concern]:
    has_news = ~Q(report__contains={"is_nothing_new": True})
    unfinished = PurchaseImport.objects.filter(Q(status="FAILED") | Q(has_news, status="CHECKED"))[:5]
    return [
        Concern(
            row.file_name,
            row.error or "Checked, and waits to be imported.",
            reverse("loyalty:import", args=[row.public_id]),
            "danger" if row.status == "FAILED" else "info",
            "file-import",
        )
        for row in unfinished
    ]


def _log() -> list[Concern]:
    failing = [state.name for state in tracking.follower_states() if state.failed_at]
    stuck = tracking.failing_dispatches().count()
    url = reverse("tracking:health")
    found = [
        Concern(name, "This follower of the log fails and stands still.", url, "danger", "heart-broken")
        for name in failing
    ]
    if stuck:
        found.append(
            Concern("Handlers", f"{stuck} events could not be handed over yet.", url, "warning", "arrow-iteration")
        )
    return found
