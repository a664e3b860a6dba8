"""Looking out for what somebody here should hear of before members or providers tell them. Asked every minute."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Min, Q, QuerySet
from django.urls import reverse
from django.utils.timezone import localdate, localtime

from campaigns.actions.notices import notify
from campaigns.models import Campaign, Notice, Send
from campaigns.queries.permits import paused_providers, unreachable_providers
from campaigns.rules import alarms
from integrations.alerts.telling import tell_staff
from integrations.models import InboundCall, ProviderReport, StaffAlert

Kind, Status, Severity = Notice.Kind, Send.Status, StaffAlert.Severity


def look_out(*, now: datetime) -> None:
    """Each of these is told once a day, for each campaign or provider."""
    _tell_of_bounces(now)
    _tell_of_complaints(now)
    _tell_of_doubts(now)
    _tell_of_pauses(now)
    _tell_of_the_unreachable(now)
    _tell_of_late_reports(now)


def _tell_of_bounces(now: datetime) -> None:
    bounced = Send.objects.filter(status=Status.BOUNCED, failed_at__gt=now - alarms.BOUNCED_OF)
    for campaign, reported, messages in _too_many(bounced, alarms.BOUNCED, alarms.BOUNCED_OF, now):
        text = (
            f"{reported:,} of the {messages:,} messages of {campaign.name} that left within the last hour came back"
            f" ({reported / messages:.1%}). Above 5% providers look into an account, and may close it. Pause it"
            " and look at where its addresses are from."
        )
        notify(campaign=campaign, kind=Kind.BOUNCES, text=text, now=now)


def _tell_of_complaints(now: datetime) -> None:
    complained = Send.objects.filter(status=Status.COMPLAINED, complained_at__gt=now - alarms.COMPLAINED_OF)
    for campaign, reported, messages in _too_many(complained, alarms.COMPLAINED, alarms.COMPLAINED_OF, now):
        text = (
            f"{reported:,} of the {messages:,} messages of {campaign.name} that left within the last day were marked as"
            f" spam ({reported / messages:.1%}). Above 0.3% mailbox providers put everything you send among the spam."
            " Pause it and write to fewer people."
        )
        notify(campaign=campaign, kind=Kind.COMPLAINTS, text=text, now=now)


def _too_many(
    reported: QuerySet[Send], share: float, of: timedelta, now: datetime
) -> Iterator[tuple[Campaign, int, int]]:
    """(campaign, how many were reported, of how many). What left is counted only where enough was reported."""
    left = Q(sent_at__gt=now - of)
    counted = reported.filter(left).order_by().values("campaign").annotate(reports=Count("pk"))
    for row in counted.filter(reports__gte=alarms.FEWEST_REPORTS):
        messages = Send.objects.filter(left, campaign=row["campaign"], status__in=Send.LEFT).count()
        if alarms.is_too_many(row["reports"], messages, share):
            yield Campaign.objects.get(pk=row["campaign"]), row["reports"], messages


def _tell_of_doubts(now: datetime) -> None:
    doubts = Send.objects.filter(status=Status.UNKNOWN, handed_off_at__lt=now - alarms.LONG_DOUBT)
    for row in doubts.order_by().values("campaign").annotate(messages=Count("pk")):
        campaign, messages = Campaign.objects.get(pk=row["campaign"]), row["messages"]
        text = (
            f"{messages:,} message{'' if messages == 1 else 's'} of {campaign.name} may or may not have left, and no"
            " provider has said so. Somebody has to look and decide."
        )
        notify(campaign=campaign, kind=Kind.DOUBTS, text=text, now=now)


def _tell_of_pauses(now: datetime) -> None:
    for rate in paused_providers(now + alarms.LONG_PAUSE):
        tell_staff(
            key=f"pause {rate.provider} {localdate(now)}",
            severity=Severity.WARNING,
            title=f"{rate.provider} wants to be left alone",
            text=f"Nothing is handed to {rate.provider} for more than ten minutes. It said: {rate.paused_because}",
            link=settings.PUBLIC_URL + reverse("campaigns:permit-speed"),
            now=now,
        )


def _tell_of_the_unreachable(now: datetime) -> None:
    for rate in unreachable_providers(now, longer_than=alarms.LONG_PAUSE):
        assert rate.unreachable_since
        tell_staff(
            key=f"unreachable {rate.provider} {localdate(now)}",
            severity=Severity.ERROR,
            title=f"{rate.provider} cannot be reached",
            text=f"Nothing has left by {rate.provider} since {localtime(rate.unreachable_since):%H:%M}. What is due"
            f" waits, and it is tried every minute. The last time: {rate.paused_because}",
            link=settings.PUBLIC_URL + reverse("campaigns:permit-speed"),
            now=now,
        )


def _tell_of_late_reports(now: datetime) -> None:
    late = now - alarms.LATE_REPORTS
    oldest = [
        waiting.filter(received_at__lt=late).aggregate(first=Min("received_at"))["first"]
        for waiting in (
            ProviderReport.objects.filter(applied_at=None),
            InboundCall.objects.filter(status=InboundCall.Status.NEW),
        )
    ]
    if first := min((at for at in oldest if at), default=None):
        tell_staff(
            key=f"reports {localdate(now)}",
            severity=Severity.ERROR,
            title="What providers report is not applied",
            text=f"A report has waited for {int((now - first).total_seconds() // 60)} minutes. Look whether a worker "
            "runs; bounces and people who said STOP are not known meanwhile.",
            link=settings.PUBLIC_URL + reverse("integrations:reports"),
            now=now,
        )
