"""One gate: who may get a message now, by law, by provider, by their own word, and by how much they had already."""

import ast
import datetime as dt
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.actions import permits, suppressions
from campaigns.actions.login_codes import send_codes
from campaigns.actions.sends import send_due
from campaigns.models import Campaign, MessagePolicy, QuietHours, Send, SendMove
from campaigns.rules.hours import SendWindow
from campaigns.rules.permits import Ruling, is_held_out, ruling
from campaigns.sending import dispatch, gate, rates
from integrations.channels.base import DeliveryFailed, OutcomeUnknown
from loyalty.actions import login_codes
from loyalty.actions.members import change_member, set_consent
from loyalty.models import LoginCode, Member, Store, User
from tests.campaigns.world import Outlet, report, rule, send_all, states
from tests.post_office import PostOffice

Status = Send.Status
DALLAS = ZoneInfo("America/Chicago")
OF_AGE = dt.date(1980, 5, 17)


@pytest.fixture
def texts(settings: Any) -> list[str]:
    """Texts go out by a channel of the tests; whom they were for."""
    settings.CHANNELS = {"sms": "tests.campaigns.world.Outlet"}
    taken: list[str] = []
    Outlet.during = lambda message: taken.append(message.to) or message.id  # type: ignore[func-returns-value]
    return taken


@pytest.fixture
def by_text(running: Campaign, texts: list[str], now: dt.datetime) -> Campaign:
    """The running campaign, by text to everybody, who all live by a store in Dallas and allow it."""
    store = Store.objects.create(code="dallas", name="Dallas", state="TX", time_zone=DALLAS.key)
    for place, member in enumerate(Member.objects.filter(sends__campaign=running).distinct()):
        phone = f"+1214555{1000 + place}"
        change_member(
            member=member, name=member.name, email=member.email or "", phone=phone, birth_date=OF_AGE, home_store=store
        )
        set_consent(
            member=member, channel="sms", is_granted=True, wording="Yes, text me.", source="till",
            now=now - dt.timedelta(days=1),
        )  # fmt: skip
        running.sends.filter(member=member).update(channel="sms", recipient=phone, due_at=MONDAY)
    return running


def dallas(day: int, hour: int, minute: int = 0) -> dt.datetime:
    return dt.datetime(2026, 3, day, hour, minute, tzinfo=DALLAS).astimezone(dt.UTC)


MONDAY = dallas(30, 12)


def due(campaign: Campaign, at: dt.datetime) -> None:
    campaign.sends.filter(status=Status.PENDING).update(due_at=at)


# --- Rules of law and of providers --------------------------------------------------------------------------------


def test_twilio_is_never_asked_to_carry_cannabis_and_asks_for_an_age_before_alcohol(db: None) -> None:
    shipped = gate.terms().rulings
    asked = {"state": "CA", "channel": "sms", "provider": "twilio"}
    cannabis, liquor = (ruling(shipped, vertical=trade, **asked) for trade in ("CANNABIS", "LIQUOR"))
    assert cannabis
    assert cannabis.verdict == "deny"
    assert liquor
    assert liquor.verdict == "gate"
    assert ruling(shipped, vertical="CANNABIS", **(asked | {"channel": "email", "provider": "smtp"})) is None


def test_the_narrowest_rule_decides_and_of_equally_narrow_ones_the_strictest() -> None:
    def row(verdict: str, **fields: str) -> Ruling:
        return Ruling(
            **({"vertical": "", "state": "", "channel": "", "provider": ""} | fields), verdict=verdict, reason=""
        )

    rows = [
        row("deny", channel="sms"),
        row("allow", channel="sms", state="NY"),
        row("gate", channel="sms", vertical="LIQUOR"),
    ]
    asked = {"vertical": "LIQUOR", "channel": "sms", "provider": "twilio"}
    assert [ruling(rows, state=state, **asked).verdict for state in ("NY", "TX")] == ["gate", "gate"]  # type: ignore[union-attr]
    assert ruling(rows[:2], state="NY", **asked).verdict == "allow"  # type: ignore[union-attr]
    assert ruling(rows[:2], state="TX", **asked).verdict == "deny"  # type: ignore[union-attr]


def test_a_rule_made_after_the_approval_is_kept_and_its_reason_counted(by_text: Campaign, texts: list[str]) -> None:
    permits.save_message_policy(
        policy=None, vertical="", state="tx", channel="sms", provider="", verdict=MessagePolicy.Verdict.DENY,
        reason="Texas said no.", source="A law of tomorrow", as_of=MONDAY.date(), is_in_force=True,
    )  # fmt: skip
    send_all(MONDAY)
    assert texts == []
    assert dict(by_text.sends.values_list("status", "failure")) == {Status.SUPPRESSED: "Texas said no."}


def test_where_a_rule_forbids_a_channel_nobody_is_planned_for_it(
    regulars: list[Member], now: dt.datetime, settings: Any
) -> None:
    store = Store.objects.create(code="dallas", name="Dallas", state="TX")
    Member.objects.filter(pk=regulars[0].pk).update(home_store=store)
    permits.save_message_policy(
        policy=None, vertical="LIQUOR", state="TX", channel="email", provider="", verdict="deny",
        reason="No.", source="A law", as_of=now.date(), is_in_force=True,
    )  # fmt: skip
    admitted = gate.admitted(Member.objects.all(), channel="email", now=now)
    assert set(admitted) == set(regulars[1:])


# --- Hours --------------------------------------------------------------------------------------------------------


def test_texts_to_texas_wait_for_noon_on_a_sunday_and_for_nine_on_other_days(
    by_text: Campaign, texts: list[str]
) -> None:
    rule(send_from=8, send_until=22)
    due(by_text, dallas(29, 9))  # a Sunday
    send_all(dallas(29, 11, 59))
    assert texts == []
    assert set(by_text.sends.values_list("due_at", flat=True)) == {dallas(29, 12)}
    due(by_text, dallas(30, 8))
    send_all(dallas(30, 8, 59))
    assert texts == []
    assert set(by_text.sends.values_list("due_at", flat=True)) == {dallas(30, 9)}
    send_all(dallas(30, 9))
    assert texts


def test_hours_that_leave_none_refuse_with_their_reason(by_text: Campaign, texts: list[str]) -> None:
    hours = QuietHours.objects.get(state="TX", channel="sms")
    rule(send_from=6, send_until=9)
    send_all(MONDAY)
    assert texts == []
    assert set(by_text.sends.values_list("failure", flat=True)) == {gate.NO_HOUR.format(state=hours.state)}


def test_whoever_has_no_store_lives_by_the_clock_of_their_phone_number() -> None:
    ours, california = gate.zone_of(None, None, "sms"), "+14155550123"
    assert gate.zone_of(None, california, "sms") == ZoneInfo("America/Los_Angeles") != ours
    assert gate.zone_of(DALLAS.key, california, "sms") == DALLAS
    assert gate.zone_of(None, california, "email") == ours
    assert gate.zone_of(None, "+18005550123", "sms") == ours, "a toll-free number is nowhere"


@given(
    opens=st.integers(0, 23), closes=st.integers(1, 24), sunday=st.none() | st.integers(0, 24),
    zone=st.sampled_from(["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "UTC"]),
    minutes=st.integers(0, 365 * 24 * 60),
)  # fmt: skip
def test_the_next_opening_is_open_and_nothing_before_it_is(
    opens: int, closes: int, sunday: int | None, zone: str, minutes: int
) -> None:
    window = SendWindow(opens, closes, sunday)
    moment = dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=minutes)
    if window.is_never_open:
        return
    opening = window.next_open(moment, ZoneInfo(zone))
    assert opening >= moment
    assert window.is_open(opening, ZoneInfo(zone))
    quarter = dt.timedelta(minutes=15)
    between = [moment + n * quarter for n in range(int((opening - moment) / quarter))]
    assert not any(window.is_open(each, ZoneInfo(zone)) for each in between)


# --- How much somebody had already --------------------------------------------------------------------------------


def test_a_cap_counts_the_members_own_days_and_lets_the_next_one_go_when_its_days_are_over(
    by_text: Campaign, texts: list[str]
) -> None:
    permits.save_cap(cap=None, channel="sms", topic="", most=1, days=3)
    send_all(MONDAY)
    assert texts
    for day in (dallas(31, 20), dallas(31, 20) + dt.timedelta(days=1)):
        send_all(day)
        assert len(texts) == len(set(texts))
    later = by_text.sends.filter(status=Status.PENDING).first()
    assert later, "somebody of these has two messages"
    send_all(dallas(31, 20) + dt.timedelta(days=2))
    assert texts.count(later.recipient) == 2


def test_a_cap_for_a_topic_takes_the_place_of_the_one_for_its_channel(by_text: Campaign, texts: list[str]) -> None:
    permits.save_cap(cap=None, channel="sms", topic="", most=1, days=7)
    permits.save_cap(cap=None, channel="sms", topic="marketing", most=2, days=7)
    send_all(MONDAY)
    assert states(by_text) == {Status.SENT: by_text.sends.count()}


# --- Held out -----------------------------------------------------------------------------------------------------


def test_who_is_held_out_is_said_alike_in_sql_and_in_python(regulars: list[Member], now: dt.datetime) -> None:
    rule(holdout_percent=40)
    admitted = set(gate.admitted(Member.objects.all(), channel="email", now=now))
    kept = {member for member in regulars if not is_held_out(member.public_id, 40)}
    assert admitted == kept
    assert 0 < len(kept) < len(regulars)


def test_a_holdout_of_so_many_in_a_hundred_is_that_many_and_grows_by_adding() -> None:
    members = [UUID(int=number * 2**64 + number) for number in range(10_000)]
    tenth, fifth = ({each for each in members if is_held_out(each, percent)} for percent in (10, 20))
    assert len(tenth) == pytest.approx(1_000, abs=100)
    assert len(fifth) == pytest.approx(2_000, abs=130)
    assert tenth < fifth


def test_a_holdout_that_comes_after_the_approval_is_kept(by_text: Campaign, texts: list[str]) -> None:
    rule(holdout_percent=50)
    send_all(MONDAY)
    out = {send.recipient for send in by_text.sends.filter(failure=gate.HELD_OUT)}
    assert out
    assert set(texts).isdisjoint(out)
    assert all(is_held_out(send.member.public_id, 50) for send in by_text.sends.filter(failure=gate.HELD_OUT))


# --- Addresses that are left alone ----------------------------------------------------------------------------------


def test_an_address_left_alone_gets_nothing_whoever_has_it(by_text: Campaign, texts: list[str], manager: User) -> None:
    left_alone = by_text.sends.order_by("pk")[0].recipient
    suppressions.suppress(channel="sms", address=left_alone, note="Wrote a letter.", by=manager, now=MONDAY)
    send_all(MONDAY)
    assert texts
    assert left_alone not in texts
    [why] = set(by_text.sends.filter(recipient=left_alone).values_list("failure", flat=True))
    assert why == "Left alone: added by staff."


def test_stop_ends_every_topic_and_only_start_takes_it_back(by_text: Campaign, texts: list[str], manager: User) -> None:
    phone = by_text.sends.order_by("pk")[0].recipient
    member = Member.objects.get(phone=phone)
    set_consent(
        member=member,
        channel="sms",
        topic="points",
        is_granted=True,
        wording="Tell me of points.",
        source="app",
        now=MONDAY,
    )
    report("unsubscribed", channel="sms", address=phone, at=MONDAY)
    assert set(member.consents.filter(channel="sms").values_list("topic", "is_granted")) == {
        ("marketing", False), ("points", False),
    }  # fmt: skip
    send_all(MONDAY)
    assert phone not in texts
    standing = suppressions.standing().get(address=phone)
    with pytest.raises(suppressions.BadSuppression, match="START"):
        suppressions.lift(suppression=standing, note="They asked at the till.", by=manager, now=MONDAY)
    report("subscribed", channel="sms", address=phone, at=MONDAY + dt.timedelta(minutes=1))
    assert not suppressions.standing().exists()
    assert member.consents.filter(channel="sms", is_granted=True).count() == 2


def test_start_gives_nobody_what_they_never_allowed(regulars: list[Member], now: dt.datetime) -> None:
    Member.objects.filter(pk=regulars[0].pk).update(phone="+12145550100")
    report("subscribed", channel="sms", address="+12145550100", at=now)
    assert not regulars[0].consents.filter(channel="sms").exists()


# --- What somebody has asked for themselves -------------------------------------------------------------------------


def test_a_sign_in_code_leaves_at_night_and_without_any_consent(db: None, post_office: PostOffice) -> None:
    midnight = dt.datetime(2026, 3, 30, 5, tzinfo=dt.UTC)
    login_codes.ask_for_code(channel="email", destination="ada@example.com", address=None, now=midnight)
    assert send_codes(now=midnight) == 1
    assert post_office.recipients == ["ada@example.com"]


def test_no_code_goes_to_a_phone_that_said_stop(db: None, texts: list[str], now: dt.datetime) -> None:
    report("unsubscribed", channel="sms", address="+12145550100", at=now)
    login_codes.ask_for_code(channel="sms", destination="+12145550100", address=None, now=now)
    assert send_codes(now=now) == 0
    assert texts == []
    assert not login_codes.waiting_codes(now).exists(), "nor does the sweep try again and again"
    assert LoginCode.objects.get().sent_at is None


def test_no_other_path_leads_to_a_channel() -> None:
    """Who opens a channel: the dispatcher, sign-in codes, tests of templates, and the test of a channel's settings. All
    ask the gate but for the last, which goes to the person who presses the button."""
    root = Path(__file__).parents[2]
    opens: set[str] = set()
    for app in ("tracking", "loyalty", "integrations", "campaigns", "analytics", "config"):
        for path in (root / app).rglob("*.py"):
            if _opens_a_channel(ast.parse(path.read_text())):
                opens.add(str(path.relative_to(root)))
    assert opens == {
        "campaigns/sending/dispatch.py",
        "campaigns/actions/login_codes.py",
        "campaigns/actions/trials.py",
        "integrations/channels/base.py",
        "integrations/dashboard/sending_views.py",
    }


def _opens_a_channel(tree: ast.Module) -> bool:
    """Imports the port's `channel`, an adapter, or reads settings.CHANNELS[...] itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("integrations.channels"):
            names = {alias.name for alias in node.names}
            if "channel" in names or any(name.endswith("Channel") and name != "Channel" for name in names):
                return True
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute) and node.value.attr == "CHANNELS":
            return True
    return False


# --- As fast as the provider takes it -------------------------------------------------------------------------------


def test_a_rate_is_shared_by_everybody_and_comes_back_with_time(db: None, now: dt.datetime) -> None:
    permits.set_rate(provider="twilio", per_second=10)  # type: ignore[arg-type]
    assert rates.take("twilio", 7, now=now) == 7
    assert rates.take("twilio", 7, now=now) == 3
    assert rates.take("twilio", 7, now=now) == 0
    assert rates.take("twilio", 7, now=now + dt.timedelta(seconds=0.5)) == 5
    assert rates.take("twilio", 7, now=now) == 0  # of a worker that looked at the clock first and came second
    assert rates.take("twilio", 7, now=now + dt.timedelta(seconds=0.5)) == 0
    assert rates.take("twilio", 99, now=now + dt.timedelta(hours=1)) == 10, "no more than a second's worth is saved up"
    assert rates.take("smtp", 99, now=now) == 99, "another provider has a bucket of its own"


def test_a_slow_rate_lets_one_go_now_and_then(db: None, now: dt.datetime) -> None:
    permits.set_rate(provider="twilio", per_second=0.2)  # type: ignore[arg-type]
    taken = [rates.take("twilio", 5, now=now + dt.timedelta(seconds=second)) for second in range(11)]
    assert taken == [0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]


def test_a_provider_that_asks_for_quiet_gets_it_from_all_workers_and_nobody_is_failed_for_it(
    by_text: Campaign, texts: list[str]
) -> None:
    rule(max_retries=0)

    def busy(message: Any) -> str:
        raise DeliveryFailed("Too many requests", permanent=False, retry_after=dt.timedelta(minutes=3))

    Outlet.during, sends = busy, Outlet.during
    assert send_due(now=MONDAY)
    assert states(by_text) == {Status.PENDING: by_text.sends.count()}
    Outlet.during = sends
    assert send_due(now=MONDAY + dt.timedelta(minutes=2)) == 0
    send_all(MONDAY + dt.timedelta(minutes=4))
    assert states(by_text) == {Status.SENT: by_text.sends.count()}
    assert len(texts) == by_text.sends.count()


def test_a_provider_that_asks_for_no_time_at_all_is_not_asked_again_for_ever(
    by_text: Campaign, texts: list[str]
) -> None:
    asked: list[str] = []

    def busy(message: Any) -> str:
        asked.append(message.id)
        raise DeliveryFailed("Too many requests", permanent=False, retry_after=dt.timedelta(0))

    Outlet.during, sends = busy, Outlet.during
    send_all(MONDAY)
    assert len(asked) == 1
    Outlet.during = sends
    send_all(MONDAY + dt.timedelta(minutes=1))
    assert len(texts) == by_text.sends.count()


def test_the_quiet_one_worker_was_asked_for_is_kept_by_another_in_the_middle_of_its_batch(
    by_text: Campaign, texts: list[str]
) -> None:
    one, other = dispatch.claim(now=MONDAY, batch=5), dispatch.claim(now=MONDAY, batch=5)
    sends = Outlet.during

    def busy(message: Any) -> str:
        raise DeliveryFailed("Too many requests", permanent=False, retry_after=dt.timedelta(minutes=3))

    Outlet.during = busy
    dispatch.send_claimed(one, now=MONDAY)
    Outlet.during = sends
    dispatch.send_claimed(other, now=MONDAY + dt.timedelta(minutes=1))
    assert texts == []
    assert states(by_text) == {Status.PENDING: by_text.sends.count()}
    send_all(MONDAY + dt.timedelta(minutes=4))
    assert len(texts) == by_text.sends.count()


def test_a_provider_that_knows_ids_is_asked_again_after_a_doubt_and_others_never(
    by_text: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def silent_once(message: Any) -> str:
        seen.append(message.id)
        if len(seen) == 1:
            raise OutcomeUnknown("No answer")
        return str(message.id)

    monkeypatch.setattr(Outlet, "during", silent_once)
    monkeypatch.setattr(Outlet, "remembers_for", dt.timedelta(hours=1))
    send_all(MONDAY)
    send_all(MONDAY + dt.timedelta(minutes=6))
    assert states(by_text) == {Status.SENT: by_text.sends.count()}
    assert seen.count(seen[0]) == 2, "the same id again, which the provider takes for the same message"


def test_a_doubt_that_lasted_longer_than_the_provider_remembers_is_left_to_a_person(
    by_text: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def silent(message: Any) -> str:
        seen.append(message.id)
        raise OutcomeUnknown("No answer")

    monkeypatch.setattr(Outlet, "during", silent)
    monkeypatch.setattr(Outlet, "remembers_for", dt.timedelta(minutes=15))
    for minutes in (0, 6, 12, 18, 24):
        send_all(MONDAY + dt.timedelta(minutes=minutes))
    assert states(by_text) == {Status.UNKNOWN: by_text.sends.count()}
    assert {seen.count(each) for each in seen} == {3}


# --- The history ----------------------------------------------------------------------------------------------------


def test_every_move_of_a_send_is_kept_by_the_database(by_text: Campaign, texts: list[str]) -> None:
    send_all(MONDAY)
    send = by_text.sends.order_by("pk")[0]
    report("delivered", send=send, at=MONDAY)
    moves = list(SendMove.objects.filter(send=send).values_list("status", flat=True))
    assert moves[-4:] == [
        Status.CLAIMED, Status.HANDING_OFF, Status.SENT, Status.DELIVERED,
    ]  # fmt: skip
