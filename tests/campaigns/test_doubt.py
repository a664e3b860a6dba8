"""A message that may or may not have left never goes twice, and never ends as if it surely had not."""

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from campaigns.actions import sends, suppressions
from campaigns.actions.campaigns import cancel_campaign
from campaigns.actions.reports import apply_reports
from campaigns.actions.sends import Doubt, forget_member, send_due, send_test, settle_unknown
from campaigns.actions.suppressions import suppress
from campaigns.models import Campaign, Plan, Send, SendMove
from campaigns.queries.permits import standing
from campaigns.sending import dispatch
from integrations.channels.base import DeliveryFailed, Message, OutcomeUnknown
from integrations.models import ProviderReport
from loyalty.actions.members import set_consent
from loyalty.models import Consent, Member, User
from tests.campaigns.world import Outlet, first_of, report, rule

Status = Send.Status
MINUTE = dt.timedelta(minutes=1)
PHONE = "+12145551000"


class Newcomer(Outlet):
    """Another provider, which remembers ids as well, and has seen none of ours."""

    provider = "newcomer"
    remembers_for = dt.timedelta(days=1)


@pytest.fixture
def alone(running: Campaign, one_send: Send, outlet: type[Outlet]) -> Send:
    """The one message that is still to leave."""
    running.sends.exclude(pk=one_send.pk).update(status=Status.CANCELLED)
    return one_send


@pytest.fixture
def remembering(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Outlet, "remembers_for", dt.timedelta(days=7))


def raising(error: Exception) -> Callable[[Message], str]:
    def during(message: Message) -> str:
        raise error

    return during


def taking(left: list[str]) -> Callable[[Message], str]:
    return lambda message: left.append(message.id) or message.id  # type: ignore[func-returns-value]


SILENT = OutcomeUnknown("No answer")


# --- Handing over again -------------------------------------------------------------------------------------------


def test_another_provider_is_not_given_what_the_old_one_may_have(alone: Send, remembering: None, settings: Any) -> None:
    Outlet.during = raising(SILENT)
    send_due(now=alone.due_at)
    settings.CHANNELS = {"email": "tests.campaigns.test_doubt.Newcomer"}
    left: list[str] = []
    Outlet.during = taking(left)
    send_due(now=alone.due_at + 10 * MINUTE)
    alone.refresh_from_db()
    assert left == []
    assert alone.status == Status.UNKNOWN


def test_a_worker_that_hears_late_that_a_message_was_taken_is_believed(alone: Send) -> None:
    """Its lease had lapsed, and a person had said: send it again."""
    left: list[str] = []

    def meanwhile(message: Message) -> str:
        left.append(message.id)
        dispatch.release_lapsed(now=alone.due_at + 6 * MINUTE)
        settle_unknown(send=Send.objects.get(pk=alone.pk), answer=Doubt.SEND_AGAIN, now=alone.due_at + 7 * MINUTE)
        return message.id

    Outlet.during = meanwhile
    send_due(now=alone.due_at)
    send_due(now=alone.due_at + 8 * MINUTE)
    assert len(left) == 1
    assert Send.objects.get(pk=alone.pk).status == Status.SENT


def test_a_late_word_leaves_no_claim_without_an_end(alone: Send, remembering: None) -> None:
    def meanwhile(message: Message) -> str:
        later = alone.due_at + 6 * MINUTE
        dispatch.release_lapsed(now=later)
        assert dispatch.claim(now=later) == [alone.pk]
        return message.id

    Outlet.during = meanwhile
    send_due(now=alone.due_at)
    assert Send.objects.get(pk=alone.pk).status == Status.SENT


def test_who_decides_that_a_doubtful_message_goes_again_is_obeyed(
    alone: Send, remembering: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Outlet, "remembers_for", 15 * MINUTE)
    Outlet.during = raising(SILENT)
    send_due(now=alone.due_at)
    send_due(now=alone.due_at + 20 * MINUTE)
    doubtful = Send.objects.get(pk=alone.pk)
    assert doubtful.status == Status.UNKNOWN
    left: list[str] = []
    Outlet.during = taking(left)
    settle_unknown(send=doubtful, answer=Doubt.SEND_AGAIN, now=alone.due_at + 30 * MINUTE)
    send_due(now=alone.due_at + 31 * MINUTE)
    assert len(left) == 1


def test_a_doubt_does_not_end_as_a_failure(alone: Send, remembering: None) -> None:
    Outlet.during = raising(SILENT)
    send_due(now=alone.due_at)
    Outlet.during = raising(DeliveryFailed("550 no", permanent=True))
    send_due(now=alone.due_at + 60 * MINUTE)
    assert Send.objects.get(pk=alone.pk).status == Status.UNKNOWN


def test_nor_as_cancelled_with_its_campaign_or_by_somebody_who_leaves(
    alone: Send, remembering: None, manager: User, running: Campaign
) -> None:
    Outlet.during = raising(SILENT)
    send_due(now=alone.due_at)
    forget_member(public_id=str(alone.member.public_id))
    assert Send.objects.get(pk=alone.pk).status == Status.UNKNOWN
    Send.objects.filter(pk=alone.pk).update(status=Status.PENDING)
    cancel_campaign(campaign=running, by=manager, now=alone.due_at)
    assert Send.objects.get(pk=alone.pk).status == Status.UNKNOWN


def test_asking_for_quiet_is_no_try_of_ours(alone: Send) -> None:
    rule(max_retries=2, retry_minutes=1)
    Outlet.during = raising(DeliveryFailed("429", permanent=False, retry_after=MINUTE))
    for nth in range(4):
        send_due(now=alone.due_at + 2 * nth * MINUTE)
    Outlet.during = raising(DeliveryFailed("hiccup", permanent=False))
    send_due(now=alone.due_at + 10 * MINUTE)
    assert Send.objects.get(pk=alone.pk).status == Status.PENDING


def test_a_test_of_a_notification_rings_at_nobodys_phone(plan: Plan, manager: User, outlet: type[Outlet]) -> None:
    left: list[str] = []
    Outlet.during = taking(left)
    for channel in ("push", "sms"):
        step = first_of(plan)
        step.channel = channel
        with pytest.raises(sends.TestNotSent, match="Only emails"):
            send_test(step=step, to=manager, now=plan.requested_at)
    assert left == []


# --- What is reported -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [Status.PENDING, Status.CLAIMED, Status.CANCELLED, Status.FAILED, Status.SUPPRESSED])
@pytest.mark.parametrize("kind", ["complained", "bounced"])
def test_a_complaint_counts_whatever_we_believed_of_the_message(
    one_send: Send, status: str, kind: str, now: dt.datetime
) -> None:
    Send.objects.filter(pk=one_send.pk).update(status=status, provider_id="<x>")
    one_send.refresh_from_db()
    report(kind, send=one_send, at=now, is_permanent=True)
    assert standing().get().address == one_send.recipient


def test_a_complaint_about_a_sign_in_code_counts_too(db: None, now: dt.datetime) -> None:
    report("complained", channel="email", address="Ada@Example.com", message_id=f"{uuid4()}@shop.example", at=now)
    assert standing().get().address == "ada@example.com"


def test_a_report_that_names_no_message_moves_none(one_send: Send, now: dt.datetime) -> None:
    before = one_send.status
    report("bounced", channel="email", address="else@example.com", is_permanent=True, at=now)
    one_send.refresh_from_db()
    assert one_send.status == before


def test_an_address_is_heeded_however_its_letters_are_written(one_send: Send, now: dt.datetime) -> None:
    report("unsubscribed", channel="email", address=one_send.recipient.upper(), at=now)
    assert not Consent.objects.get(member=one_send.member, channel="email", topic="marketing").is_granted


def test_a_start_that_comes_late_undoes_no_newer_stop(one_send: Send, now: dt.datetime) -> None:
    member = one_send.member
    Member.objects.filter(pk=member.pk).update(phone=PHONE)
    set_consent(
        member=member, channel="sms", is_granted=True, wording="Yes", source="till", now=now - dt.timedelta(days=1)
    )
    report("unsubscribed", channel="sms", address=PHONE, at=now)
    ProviderReport.objects.create(
        sender="twilio", key="late", kind="subscribed", channel="sms", address=PHONE,
        occurred_at=now - 5 * MINUTE, received_at=now,
    )  # fmt: skip
    apply_reports(now=now + MINUTE)
    assert not Consent.objects.get(member=member, channel="sms", topic="marketing").is_granted
    assert standing().get().reason == "opted_out"


def test_start_lifts_what_stop_said_and_nothing_else(db: None, manager: User, now: dt.datetime) -> None:
    suppress(channel="sms", address=PHONE, note="A court said so.", by=manager, now=now)
    report("unsubscribed", channel="sms", address=PHONE, at=now)
    report("subscribed", channel="sms", address=PHONE, at=now + MINUTE)
    assert standing().get().reason == "by_staff"


def test_one_report_that_cannot_be_applied_holds_up_no_other(
    one_send: Send, now: dt.datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, address in (("bad", "poison@example.com"), ("good", one_send.recipient)):
        ProviderReport.objects.create(
            sender="mailgun", key=key, kind="unsubscribed", channel="email", address=address,
            occurred_at=now, received_at=now,
        )  # fmt: skip
    opted_out = suppressions._opt_out

    def breaks(said: ProviderReport, when: dt.datetime) -> None:
        if said.key == "bad":
            raise ValueError
        opted_out(said, when)

    monkeypatch.setattr(suppressions, "_opt_out", breaks)
    while apply_reports(now=now):
        pass
    assert not Consent.objects.get(member=one_send.member, channel="email", topic="marketing").is_granted


def test_of_somebody_who_left_no_refusal_keeps_the_address(alone: Send) -> None:
    Outlet.during = raising(DeliveryFailed(f"550 no such user {alone.recipient}", permanent=True))
    send_due(now=alone.due_at)
    report("bounced", send=Send.objects.get(pk=alone.pk), at=alone.due_at, reason=f"no {alone.recipient} here")
    forget_member(public_id=str(alone.member.public_id))
    kept = [*SendMove.objects.values_list("note", flat=True), *Send.objects.values_list("failure", flat=True)]
    kept += [text for row in ProviderReport.objects.values_list("address", "reason") for text in row]
    assert not [text for text in kept if alone.recipient in text]


def test_nor_one_that_comes_after_they_left(alone: Send) -> None:
    def leaves_meanwhile(message: Message) -> str:
        forget_member(public_id=str(alone.member.public_id))
        raise DeliveryFailed(f"550 no such user {message.to}", permanent=True)

    Outlet.during = leaves_meanwhile
    send_due(now=alone.due_at)
    assert Send.objects.get(pk=alone.pk).failure == ""
    assert not SendMove.objects.filter(note__contains="@").exists()


@pytest.mark.django_db(transaction=True)
def test_what_cannot_be_applied_is_put_aside_and_what_another_worker_holds_is_not(
    running: Campaign, now: dt.datetime
) -> None:
    """The one is a complaint that something of ours cannot digest, here a rule of the table."""
    held, _ = (
        ProviderReport.objects.create(
            sender="mailgun", key=kind, kind=kind, channel="email", message_id=send.message_id, occurred_at=now,
            received_at=now,
        )
        for kind, send in zip(("delivered", "complained"), running.sends.order_by("pk")[:2], strict=True)
    )  # fmt: skip
    running.sends.update(status=Status.SENT, sent_at=now)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE campaigns_send ADD CONSTRAINT nobody CHECK (status <> 'COMPLAINED')")
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT FROM integrations_providerreport WHERE id = %s FOR UPDATE", [held.pk])
        while apply_reports(now=now):
            pass
        other.rollback()
    finally:
        other.close()
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE campaigns_send DROP CONSTRAINT nobody")
    assert list(ProviderReport.objects.filter(applied_at=None)) == [held]
    assert apply_reports(now=now) == 1
    assert running.sends.filter(status=Status.DELIVERED).count() == 1
