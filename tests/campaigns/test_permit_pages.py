"""What the gate goes by, as staff see and change it. Pages ask the clock, so these tests live today."""

import csv
import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.test import Client
from django.utils import timezone

from campaigns.actions import permits, suppressions
from campaigns.models import FrequencyCap, MessagePolicy, QuietHours, SendingRate, Suppression
from campaigns.queries.permits import standing
from campaigns.sending import gate, rates
from integrations.models import ProviderReport
from loyalty.actions import business
from loyalty.actions.members import join, set_consent
from loyalty.models import Member, User
from tests.campaigns.world import report
from tracking.models import Event

SETTINGS = "/staff/settings/campaigns/"
ADA = "ada.lovelace@example.com"
RULE = {
    "vertical": "LIQUOR", "state": "UT", "channel": "email", "provider": "", "verdict": "deny",
    "reason": "Utah forbids it.", "source": "A law of Utah", "as_of": "2026-11-01", "is_in_force": "on",
}  # fmt: skip
HOURS = {
    "state": "UT", "channel": "sms", "send_from": "10", "send_until": "19", "sunday_from": "24",
    "source": "A law of Utah", "as_of": "2026-11-01", "is_in_force": "on",
}  # fmt: skip


@pytest.fixture
def now() -> dt.datetime:
    return timezone.now()


@pytest.fixture
def office(manager: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(manager)


@pytest.fixture
def ada(db: None, now: dt.datetime) -> Member:
    member = join(name="Ada", email=ADA, phone="+12125550123", birth_date=dt.date(1981, 12, 10), source="till", now=now)
    set_consent(member=member, channel="email", is_granted=True, wording="Yes", source="till", now=now)
    return member


def read(client: Client, path: str) -> str:
    """What a page of these settings says, without its tags' escapes."""
    return unescape(client.get(SETTINGS + path).content.decode())


def admitted() -> list[str]:
    found = gate.admitted(Member.objects.all(), channel="email", now=timezone.now())
    return list(found.values_list("name", flat=True))


def leave_alone(
    by: User, address: str = ADA, channel: str = "email", note: str = "Asked at the counter"
) -> Suppression:
    return suppressions.suppress(channel=channel, address=address, note=note, by=by, now=timezone.now())


# --- Rules --------------------------------------------------------------------------------------------------------


def test_rules_read_as_sentences_and_are_no_legal_advice(office: Client) -> None:
    page = read(office, "rules/")
    assert "Cannabis · any state · SMS by twilio" in page
    assert "Twilio carries no messages about cannabis." in page
    assert "9:00 a.m. to 9:00 p.m., Sundays from noon" in page
    assert "no legal advice" in page


def test_a_rule_that_forbids_holds_at_once_and_no_longer_once_switched_off(office: Client, ada: Member) -> None:
    assert admitted() == ["Ada"]
    assert office.post(SETTINGS + "rules/new/", RULE | {"state": ""}).status_code == 302
    row = MessagePolicy.objects.get(channel="email")
    assert admitted() == []
    office.post(f"{SETTINGS}rules/{row.pk}/switch/", {"is_in_force": "no"})
    assert admitted() == ["Ada"]
    office.post(f"{SETTINGS}rules/{row.pk}/switch/", {"is_in_force": "yes"})
    assert admitted() == []


def test_a_second_rule_for_the_same_is_refused_beside_what_was_written(office: Client) -> None:
    office.post(SETTINGS + "rules/new/", RULE)
    answer = office.post(SETTINGS + "rules/new/", RULE | {"reason": "Said again."})
    assert answer.status_code == 422
    page = unescape(answer.content.decode())
    assert "There is a rule for this trade, state, channel and provider already." in page
    assert "Said again." in page
    assert MessagePolicy.objects.filter(state="UT").count() == 1


def test_a_rule_names_only_providers_that_exist(office: Client) -> None:
    answer = office.post(SETTINGS + "rules/new/", RULE | {"provider": "twillio"})
    assert answer.status_code == 422
    assert not MessagePolicy.objects.filter(state="UT").exists()


def test_hours_of_a_state_are_changed_in_words(office: Client) -> None:
    assert office.post(SETTINGS + "hours/new/", HOURS).status_code == 302
    assert "10:00 a.m. to 7:00 p.m., not on Sundays" in read(office, "rules/")
    row = QuietHours.objects.get(state="UT")
    office.post(f"{SETTINGS}hours/{row.pk}/", HOURS | {"send_until": "21", "sunday_from": ""})
    assert "10:00 a.m. to 9:00 p.m.<" in read(office, "rules/")
    refused = office.post(f"{SETTINGS}hours/{row.pk}/", HOURS | {"send_from": "20", "send_until": "9"})
    assert "The hours must end after they begin." in refused.content.decode()
    office.post(f"{SETTINGS}hours/{row.pk}/switch/", {"is_in_force": "no"})
    assert ("UT", "sms") not in gate.terms().state_hours


# --- Caps and speed -----------------------------------------------------------------------------------------------


def test_a_cap_is_made_changed_and_removed(office: Client) -> None:
    assert "No caps" in read(office, "caps/")
    office.post(SETTINGS + "caps/new/", {"channel": "sms", "topic": "marketing", "most": "2", "days": "7"})
    cap = FrequencyCap.objects.get()
    assert "2 messages in 7 days" in read(office, "caps/")
    assert gate.terms().caps == {("sms", "marketing"): cap}
    office.post(f"{SETTINGS}caps/{cap.pk}/", {"channel": "sms", "topic": "", "most": "1", "days": "1"})
    assert "1 message in 1 day<" in read(office, "caps/")
    too_long = office.post(f"{SETTINGS}caps/{cap.pk}/", {"channel": "sms", "topic": "", "most": "1", "days": "40"})
    assert too_long.status_code == 422
    office.post(f"{SETTINGS}caps/{cap.pk}/remove/")
    assert gate.terms().caps == {}


def test_a_provider_is_spoken_to_more_slowly_and_then_as_fast_as_it_likes(office: Client, now: dt.datetime) -> None:
    assert "As fast as it takes them" in read(office, "speed/")
    office.post(SETTINGS + "speed/smtp/", {"per_second": "2"})
    assert rates.take("smtp", 10, now=now) == 2
    assert office.post(SETTINGS + "speed/smtp/", {"per_second": "-1"}).status_code == 422
    office.post(SETTINGS + "speed/smtp/", {"per_second": ""})
    assert rates.take("smtp", 10, now=now) == 10
    assert office.get(SETTINGS + "speed/nobody/").status_code == 404


def test_a_pause_says_until_when_and_why_and_is_ended_by_a_person(
    office: Client, manager: User, now: dt.datetime
) -> None:
    rates.pause("smtp", until=now + dt.timedelta(hours=2), why="Too many messages from your account")
    page = read(office, "speed/")
    assert "Paused" in page
    assert "Too many messages from your account" in page
    assert "Speak to it again now" in page
    office.post(SETTINGS + "speed/smtp/again/")
    assert "Paused" not in read(office, "speed/")
    assert rates.take("smtp", 3, now=now) == 3
    told = LogEntry.objects.get_for_model(SendingRate).latest("pk")
    assert (told.actor, list(told.changes)) == (manager, ["paused_until"])


# --- Addresses left alone -----------------------------------------------------------------------------------------


def test_an_address_added_by_hand_gets_nothing_and_one_lifted_does_again(
    office: Client, ada: Member, manager: User
) -> None:
    added = {"channel": "email", "address": "  ADA.Lovelace@example.com ", "note": "Asked at the counter"}
    assert office.post(SETTINGS + "left-alone/add/", added).status_code == 302
    row = standing().get()
    assert (row.address, row.by, row.reason) == (ADA, manager, "by_staff")
    assert admitted() == []
    refused = office.post(SETTINGS + "left-alone/add/", added)
    assert "This address is left alone already." in refused.content.decode()

    silent = office.post(f"{SETTINGS}left-alone/{row.pk}/lift/", {"note": " "})
    assert "Say why it may be written to again" in silent.content.decode()
    assert admitted() == []
    office.post(f"{SETTINGS}left-alone/{row.pk}/lift/", {"note": "Changed her mind"})
    assert admitted() == ["Ada"]
    row.refresh_from_db()
    assert (row.lifted_by, row.lifted_note) == (manager, "Changed her mind")
    assert office.get(f"{SETTINGS}left-alone/{row.pk}/lift/").status_code == 404


def test_what_is_no_address_is_refused_in_words(office: Client) -> None:
    answer = office.post(SETTINGS + "left-alone/add/", {"channel": "sms", "address": "123", "note": "x"})
    assert answer.status_code == 422
    assert "wrong number of digits" in answer.content.decode()


def test_who_said_stop_is_lifted_by_nobody_but_themselves(office: Client, ada: Member, now: dt.datetime) -> None:
    report(ProviderReport.Kind.UNSUBSCRIBED, at=now, channel="sms", address=ada.phone or "")
    row = standing().get()
    page = read(office, "left-alone/")
    assert "Until they text START" in page
    assert "Write to it again" not in page
    answer = office.post(f"{SETTINGS}left-alone/{row.pk}/lift/", {"note": "We want to"})
    assert "Only they can take that back, by texting START." in answer.content.decode()
    assert standing().get() == row


def test_the_list_is_searched_filtered_and_paged(office: Client, manager: User, ada: Member, now: dt.datetime) -> None:
    for number in range(51):
        leave_alone(manager, f"guest{number}@example.com")
    report(ProviderReport.Kind.UNSUBSCRIBED, at=now, channel="sms", address=ada.phone or "")
    assert "guest7@example.com" in read(office, "left-alone/?q=guest7")
    assert "guest8@example.com" not in read(office, "left-alone/?q=guest7")
    stopped = read(office, "left-alone/?reason=opted_out")
    assert "+12125550123" in stopped
    assert "guest" not in stopped
    assert "guest0@example.com" in read(office, "left-alone/?page=2")
    assert "No address fits" in read(office, "left-alone/?q=somebody.else")


def test_an_export_leaves_a_trace_of_who_took_it(office: Client, manager: User) -> None:
    leave_alone(manager)
    answer: Any = office.get(SETTINGS + "left-alone/?format=csv")
    rows = list(csv.DictReader(b"".join(answer.streaming_content).decode().splitlines()))
    assert [(row["Address"], row["Channel"], row["Why"]) for row in rows] == [(ADA, "Email", "Added by staff")]
    assert rows[0]["By"] == manager.get_full_name()
    told = Event.objects.filter(name="members.exported").latest("pk")
    assert told.subject == str(manager.pk)
    assert told.properties["filters"] == {"list": "addresses left alone"}


def test_a_viewer_reads_no_address_and_finds_none_by_it(
    viewer: User, manager: User, client_of: Callable[[User], Client]
) -> None:
    leave_alone(manager, note=f"The server said: {ADA} is full")
    leave_alone(manager, "+12125550123", "sms")
    desk = client_of(viewer)
    page = read(desk, "left-alone/?q=ada.lovelace")
    assert ADA not in page
    assert "a•••@e•••" in page
    assert "•••23" in page  # a search that cannot be made hides nothing either
    answer: Any = desk.get(SETTINGS + "left-alone/?format=csv")
    assert ADA.encode() not in b"".join(answer.streaming_content)


def test_a_members_page_says_that_their_address_is_left_alone_and_why(
    office: Client, ada: Member, manager: User
) -> None:
    fragment = f"/staff/campaigns/of/{ada.public_id}/"
    assert "left alone" not in office.get(fragment).content.decode()
    leave_alone(manager)
    page = office.get(fragment).content.decode()
    assert "The email address of this member is left alone" in page
    assert "Added by staff" in page
    assert "The phone number" not in page


# --- Who may, and what is kept of it ------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["viewer", "marketer"])
def test_who_does_not_run_the_shop_looks_and_changes_nothing(
    who: str, request: pytest.FixtureRequest, manager: User, client_of: Callable[[User], Client]
) -> None:
    row, cap = leave_alone(manager), permits.save_cap(cap=None, channel="sms", topic="", most=1, days=1)
    policy, hours = MessagePolicy.objects.all()[0], QuietHours.objects.all()[0]
    desk = client_of(request.getfixturevalue(who))
    for path in ("", "rules/", "caps/", "speed/", "left-alone/"):
        answer = desk.get(SETTINGS + path)
        assert answer.status_code == 200, path
        main = answer.content.decode().partition("<main")[2].partition("</main>")[0]
        assert "btn-primary" not in main, path
        assert "Only managers and admins change this." in main, path
        assert "Only managers and admins" not in client_of(manager).get(SETTINGS + path).text, path
        assert 'method="post"' not in main or not path, path
    changes = ["", "rules/new/", "hours/new/", "caps/new/", "speed/smtp/", "speed/smtp/again/", "left-alone/add/"]
    changes += [f"rules/{policy.pk}/", f"rules/{policy.pk}/switch/", f"hours/{hours.pk}/", f"hours/{hours.pk}/switch/"]
    changes += [f"caps/{cap.pk}/", f"caps/{cap.pk}/remove/", f"left-alone/{row.pk}/lift/"]
    assert {path: desk.post(SETTINGS + path, {"note": "x"}).status_code for path in changes} == dict.fromkeys(
        changes, 403
    )


def test_every_change_is_kept_under_who_made_it(office: Client, manager: User) -> None:
    office.post(SETTINGS + "rules/new/", RULE)
    office.post(SETTINGS + "hours/new/", HOURS)
    office.post(SETTINGS + "caps/new/", {"channel": "sms", "topic": "", "most": "2", "days": "7"})
    office.post(SETTINGS + "speed/smtp/", {"per_second": "2"})
    office.post(f"{SETTINGS}caps/{FrequencyCap.objects.get().pk}/remove/")
    for model in (MessagePolicy, QuietHours, FrequencyCap, SendingRate):
        assert LogEntry.objects.get_for_model(model).latest("pk").actor == manager, model
    told = LogEntry.objects.get_for_model(SendingRate).latest("pk")
    assert told.changes == {"per_second": ["None", "2"]}
    assert LogEntry.objects.get_for_model(FrequencyCap).latest("pk").action == LogEntry.Action.DELETE


def test_the_admin_changes_a_rule_through_its_action(admin: User, client_of: Callable[[User], Client]) -> None:
    desk, row = client_of(admin), QuietHours.objects.get(state="TX")
    url = f"/admin/campaigns/quiethours/{row.pk}/change/"
    wrong = HOURS | {"state": "TX", "send_from": "21", "send_until": "9"}
    assert "The hours must end after they begin." in desk.post(url, wrong).content.decode()
    assert desk.post(url, HOURS | {"state": "TX"}).status_code == 302
    row.refresh_from_db()
    assert (row.send_from, row.send_until, row.sunday_from) == (10, 19, 24)


def test_the_policy_is_shown_matter_by_matter_and_saved_whole(office: Client) -> None:
    page = read(office, "")
    titles = ("Approval", "Hours and frequency", "Retries", "Results and holdout", "Addresses that fail")
    assert all(f"{title}</h2>" in page for title in titles)
    values = {
        "send_from": "9", "send_until": "18", "messages_per_day": "2", "max_retries": "1", "retry_minutes": "10",
        "result_days": "5", "holdout_percent": "10", "hard_bounces": "1", "soft_bounces": "5", "complaints": "1",
        "plan_tokens": "200000", "plan_cost": "2", "plan_pictures": "20",
    }  # fmt: skip
    assert office.post(SETTINGS, values).status_code == 302
    own = gate.terms().policy
    assert (own.holdout_percent, own.soft_bounces, own.hours) == (10, 5, "9:00 a.m. to 6:00 p.m.")
    assert office.post(SETTINGS, values | {"holdout_percent": "60"}).status_code == 422


def test_a_rule_of_another_trade_is_marked_as_one(office: Client) -> None:
    assert read(office, "rules/").count("another trade than yours") == 1
    business.change_business(
        name="Leaf", accent="#123456", vertical="CANNABIS", currency="USD", website="", address="", legal_age=21
    )
    page = read(office, "rules/")
    assert page.index("any state · SMS by twilio") < page.index("another trade than yours")


def test_a_rate_is_a_number_above_zero(db: None) -> None:
    with pytest.raises(permits.BadPermit):
        permits.set_rate(provider="smtp", per_second=Decimal(0))
