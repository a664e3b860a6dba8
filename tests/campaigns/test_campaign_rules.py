"""The pure rules: wording, proposals, machines, reasons, shipped playbooks."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules import goals, machines, proposals, quoting, shipped, wording
from campaigns.rules.hours import SendWindow
from campaigns.rules.proposals import FreeDays, Limits, PlaybookChoice, StepProposal, WeekProposal
from campaigns.rules.reasons import headline, told
from integrations.llm.rules import REMINDER, plan_week

DAYS = tuple(dt.date(2026, 3, 29) + dt.timedelta(days=number) for number in range(7))
LIMITS = Limits(
    days=DAYS,
    reach={("at_risk", "email"): 40, ("new", "email"): 10, ("lost", "email"): 0},
    playbooks={
        1: PlaybookChoice("at_risk", ("email",), ("double-points",)),
        2: PlaybookChoice("new", ("email",), ("gift",)),
        3: PlaybookChoice("at_risk", ("sms",), ()),
        4: PlaybookChoice("lost", ("email",), ()),
    },
    offers={"double-points": Decimal("1.50"), "gift": Decimal(4)},
    budget=Decimal(100),
)


def step(**wishes: Any) -> StepProposal:
    usual = {
        "day": "2026-03-30",
        "send_at": "17:00",
        "group": "at_risk",
        "playbook": 1,
        "offer": "double-points",
        "channel": "email",
        "subject": "We miss you, {{ member.first_name }}",
        "body": "For you: {{ offer.wording }}.",
        "reason": "They stayed away.",
    }
    return StepProposal(**(usual | wishes))


def faults(*steps: StepProposal, limits: Limits = LIMITS) -> list[str]:
    return proposals.faults_in(WeekProposal(steps=list(steps)), limits)


# --- Wording ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Hello {{ member.first_name }}",
        "{{ member['first_name'] | upcase }}",
        "{% if member.points %}You have {{ member.points }}{% else %}Hello{% endif %}",
        "{% assign name = member.first_name %}Dear {{ name | default: 'friend' }}",
        "{% case member.favourite %}{% when 'Wine' %}Red?{% endcase %}",
        "No words at all, 100% plain",
    ],
)
def test_a_text_may_use_the_words_and_simple_choices(text: str) -> None:
    assert wording.fault_in(text) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{{ member.email }}", "{{ member.email }} is not known. Known are: member.first_name"),
        ("{{ member }}", "{{ member }} is not known"),
        ("{{ settings.SECRET_KEY }}", "{{ settings.SECRET_KEY }} is not known"),
        ("{{ member.first_name.__class__ }}", "is not known"),
        ("{% for i in (1..1000000000) %}x{% endfor %}", "The tag {% for %} has no use in a message."),
        ("{% include 'x' %}", "cannot be read"),
        ("{{ member.first_name", "cannot be read"),
        ("Hi\n{{ member.first_name", "Line 2 cannot be read: {{ member.first_name is not closed. A word is written"),
        ("{% if member.points %}", "{% if %} is never closed. Write {% endif %} where it ends."),
        ("a\n\n{% endif %}", "Line 3 cannot be read: {% endif %} stands alone. A condition is written {% if"),
        (
            "Dear {{ 'x }},",
            "Line 1 cannot be read: {{ 'x }} is not complete. A word is written {{ member.first_name }}",
        ),
        ("{% nonsense %}", "cannot be read"),
        ("{{ member.first_name | safe }}", "The filter safe has no use in a message. Known are: capitalize, default"),
        ("{{ 'aaaa' | replace: 'a', 'aaaaaaaa' | replace: 'a', 'aaaaaaaa' }}", "The filter replace has no use"),
        ("{{ member.first_name | shout }}", "The filter shout has no use"),
        ("{{ member.first_name | truncate: 'x' }}", "cannot be filled in"),
    ],
)
def test_a_text_that_goes_further_is_refused_with_the_reason(text: str, says: str) -> None:
    fault = wording.fault_in(text)
    assert fault
    assert says in fault


def test_filling_in_puts_the_values_in_their_places() -> None:
    values = {"member": {"first_name": "Ada", "points": "1,240"}}
    assert wording.fill("{{ member.first_name }}: {{ member.points }}", values) == "Ada: 1,240"
    with pytest.raises(wording.WordingFault, match="cannot be filled in"):
        wording.fill("{{ offer.wording }}", values)


@given(st.text(max_size=200))
def test_any_text_is_either_usable_or_refused_and_never_breaks(text: str) -> None:
    if wording.fault_in(text) is None:
        wording.fill(text, wording.preview_values())


@pytest.mark.parametrize("recipe", shipped.PLAYBOOKS, ids=lambda recipe: recipe.group)
def test_every_shipped_playbook_is_well_worded(recipe: shipped.ShippedPlaybook) -> None:
    assert wording.fault_in(recipe.subject) is None
    assert wording.fault_in(recipe.body) is None
    assert set(recipe.offers) <= {offer.code for offer in shipped.OFFERS}


# --- Proposals ----------------------------------------------------------------------------------------------------


def test_a_sound_week_has_no_fault() -> None:
    assert faults(step(), step(day="2026-04-02", offer=None, body="Still there?")) == []


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"day": "2026-04-20"}, "2026-04-20 is not one of the campaign's days"),
        ({"day": "tomorrow"}, "tomorrow is not one of the campaign's days"),
        ({"day": "20260330"}, "20260330 is not one of the campaign's days"),
        ({"send_at": "07:59"}, "07:59 is not a time from 08:00 to just before 20:00."),
        ({"send_at": "20:00"}, "20:00 is not a time from 08:00 to just before 20:00."),
        ({"send_at": "20:01"}, "20:01 is not a time"),
        ({"send_at": "17:00+02:00"}, "17:00+02:00 is not a time"),
        ({"send_at": "17h"}, "17h is not a time"),
        ({"send_at": "25:00"}, "25:00 is not a time"),
        ({"group": "everybody"}, "nobody in the audience is in everybody and may be written to by email."),
        ({"group": "lost", "playbook": 4, "offer": None, "body": "Hi"}, "nobody in the audience is in lost"),
        ({"channel": "sms"}, "playbook 1 does not use sms."),
        ({"channel": "pigeon"}, "nobody in the audience is in at_risk and may be written to by pigeon."),
        ({"playbook": 99}, "playbook 99 does not exist."),
        ({"playbook": 2}, "playbook 2 is for new, not for at_risk."),
        ({"offer": "free-money"}, "the offer free-money does not exist."),
        ({"offer": "gift"}, "playbook 1 does not make the offer gift."),
        ({"offer": None}, "the text speaks of an offer, but the step makes none."),
        ({"subject": " "}, "subject and body must not be empty."),
        ({"body": ""}, "subject and body must not be empty."),
        ({"subject": "Hello\nBcc: all@example.com"}, "the subject must be one line of at most 150 characters."),
        ({"subject": "x" * 151}, "the subject must be one line"),
        ({"body": "x" * 4001}, "the body has more than 4000 characters."),
        ({"body": "bell \x07"}, "plain text without control characters"),
        ({"body": "nothing \x00 here"}, "plain text without control characters"),
        ({"subject": "{{ member.email }}"}, "{{ member.email }} is not known."),
    ],
)
def test_each_fault_of_a_step_is_named(wish: dict[str, Any], says: str) -> None:
    found = faults(step(**wish))
    assert any(fault.startswith("Step 1: ") and says in fault for fault in found), found


def test_the_step_at_fault_is_named_by_its_number() -> None:
    assert faults(step(), step(day="2026-04-01", offer=None, body="Hi", playbook=99)) == [
        "Step 2: playbook 99 does not exist."
    ]


def test_a_group_hears_twice_a_week_at_most_and_once_a_day() -> None:
    free = {"offer": None, "body": "Hi"}
    three = [step(day=f"2026-03-3{number}", **free) for number in (0, 1)] + [step(day="2026-04-01", **free)]
    assert faults(*three) == ["at_risk would hear 3 times in one week; 2 is the most."]
    assert faults(step(), step(send_at="09:00", **free)) == ["at_risk would hear 2 times on 2026-03-30."]


@pytest.mark.parametrize(
    ("days", "says"),
    [
        (["2026-03-30", "2026-04-01"], []),
        (["2026-04-01", "2026-03-30"], ["would be reminded on 2026-03-30 of a message it gets only on 2026-04-01"]),
        ([None, "2026-03-30"], ["would be reminded of a message that is left out"]),
    ],
)
def test_a_reminder_comes_after_what_it_reminds_of(days: list[str | None], says: list[str]) -> None:
    first, reminder = days
    steps = [step(day=reminder, is_reminder=True)] + ([step(day=first)] if first else [])
    found = proposals.faults_in_reminders(steps)
    assert len(found) == len(says)
    assert all(told in fault for told, fault in zip(says, found, strict=True))
    assert not proposals.faults_in_reminders([*steps[1:], step(day=reminder)])


def test_the_budget_counts_everybody_reached() -> None:
    welcome = step(group="new", playbook=2, offer="gift")
    assert faults(step(), welcome) == []  # 40 × 1.50 + 10 × 4 = 100
    tight = Limits(LIMITS.days, LIMITS.reach, LIMITS.playbooks, LIMITS.offers, Decimal("99.99"))
    assert faults(step(), welcome, limits=tight) == ["the offers could cost 100.00, more than the budget of 99.99."]
    boundless = Limits(LIMITS.days, LIMITS.reach, LIMITS.playbooks, LIMITS.offers, None)
    assert faults(step(), welcome, limits=boundless) == []


def test_a_week_without_steps_with_too_many_or_too_late_is_refused() -> None:
    assert faults() == ["The proposal has no steps."]
    assert faults(*[step()] * 29) == ["The proposal has 29 steps; 28 is the most."]
    over = Limits((), LIMITS.reach, LIMITS.playbooks, LIMITS.offers, None)
    assert faults(step(), limits=over) == [proposals.NO_DAY_LEFT]


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ("", "answer: Invalid JSON"),
        ("I cannot help with that.", "answer: Invalid JSON"),
        ("[]", "answer: Input should be an object"),
        ("{}", "steps: Field required"),
        ('{"steps": [{}]}', "steps.0.day: Field required"),
        ('{"steps": [], "note": "send to all"}', "note: Extra inputs are not permitted"),
        ('{"steps": "\\ud800"}', "answer: "),
    ],
)
def test_an_answer_of_another_shape_is_refused_with_the_place(raw: str, says: str) -> None:
    proposal, found = proposals.read(raw)
    assert proposal is None
    assert any(fault.startswith(says) for fault in found), found


def test_the_shape_is_one_that_strict_structured_output_accepts() -> None:
    """Every object closed, every property required: what OpenAI's strict mode asks of a schema."""
    schema = WeekProposal.model_json_schema()
    for part in (schema, *schema["$defs"].values()):
        assert part["additionalProperties"] is False
        assert sorted(part["required"]) == sorted(part["properties"])


# --- The built-in planner -----------------------------------------------------------------------------------------

GROUPS = sorted({recipe.group for recipe in shipped.PLAYBOOKS})
TEXTS = st.sampled_from(
    [
        "Hello {{ member.first_name }}",
        "Hello\n\nGet {{ offer.wording }}.",
        "{{offer.name}}",
        "{% if offer.name %}a\n\nb{% endif %}",
        "We offer. Much.",
        "Hello {{ member.first_name }},\n\nwith {{ offer['wording'] }}.\n\nBye",
    ]
)


@st.composite
def facts(draw: st.DrawFn) -> dict[str, Any]:
    offers = draw(st.lists(st.sampled_from("abc"), unique=True))
    chosen = draw(st.lists(st.sampled_from(GROUPS), unique=True, min_size=1))
    opens = draw(st.integers(0, 23))
    closes = draw(st.integers(opens + 1, 24))
    return {
        "goal": draw(st.sampled_from(["Win back the inactive", "Thank our best", "", "x" * 50, "Send to all!"])),
        "days": [day.isoformat() for day in DAYS[: draw(st.integers(1, 7))]],
        "hours": [opens, closes],
        "first_hour": draw(st.integers(opens, closes - 1)),
        "budget": draw(st.none() | st.decimals(0, 500, places=2).map(str)),
        "channels": ["email"],
        "groups": [
            {
                "group": group,
                "label": group,
                "stake": draw(st.integers(0, 100)),
                "members": 50,
                "usual_weekday": draw(st.integers(1, 7)),
                "usual_hour": draw(st.integers(0, 23)),
                "reachable": {"email": draw(st.integers(1, 50))},
            }
            for group in chosen
        ],
        "offers": [{"code": code, "cost": draw(st.decimals(0, 20, places=2).map(str))} for code in offers],
        "playbooks": [
            {
                "id": number,
                "group": group,
                "channels": ["email"],
                "offers": draw(st.lists(st.sampled_from(offers), unique=True)) if offers else [],
                "subject": draw(TEXTS.filter(lambda text: "\n" not in text)),
                "body": draw(TEXTS),
            }
            for number, group in enumerate(chosen, start=1)
        ],
    }


@given(facts())
def test_the_built_in_planner_never_proposes_what_is_refused(told: dict[str, Any]) -> None:
    days = tuple(dt.date.fromisoformat(day) for day in told["days"])
    allowed = Limits(
        days=days,
        free=FreeDays(days, told["first_hour"]),
        reach={(group["group"], "email"): group["reachable"]["email"] for group in told["groups"]},
        playbooks={
            playbook["id"]: PlaybookChoice(playbook["group"], ("email",), tuple(playbook["offers"]))
            for playbook in told["playbooks"]
        },
        offers={offer["code"]: Decimal(offer["cost"]) for offer in told["offers"]},
        budget=None if told["budget"] is None else Decimal(told["budget"]),
        hours=SendWindow(*told["hours"]),
    )
    proposal = WeekProposal.model_validate(plan_week(told))
    assert proposals.faults_in(proposal, allowed) == []
    assert {proposed.group for proposed in proposal.steps} == {group["group"] for group in told["groups"]}


def test_a_time_is_within_the_hours_of_the_shop() -> None:
    late = replace(LIMITS, hours=SendWindow(12, 24))
    assert proposals.faults_in_step(step(send_at="23:59"), late) == []
    assert proposals.faults_in_step(step(send_at="11:59"), late) == [
        "11:59 is not a time from 12:00 to just before 24:00."
    ]


@pytest.mark.parametrize(
    ("clock", "first_day", "first_hour"),
    [
        ("2026-03-26T23:00", 0, 8),
        ("2026-03-29T03:10", 0, 8),
        ("2026-03-29T07:30", 0, 8),
        ("2026-03-29T11:30", 0, 12),
        ("2026-03-29T11:31", 0, 13),
        ("2026-03-29T18:30", 0, 19),
        ("2026-03-29T19:10", 1, 8),
        ("2026-03-29T23:40", 1, 8),
    ],
)
def test_a_new_plan_leaves_somebody_half_an_hour_to_read_it(clock: str, first_day: int, first_hour: int) -> None:
    free = proposals.free_days(DAYS, SendWindow(8, 20), now=dt.datetime.fromisoformat(clock))
    assert free == FreeDays(DAYS[first_day:], first_hour)


def test_on_its_last_evening_a_campaign_has_no_time_left() -> None:
    assert proposals.free_days(DAYS[:1], SendWindow(8, 20), now=dt.datetime(2026, 3, 29, 19, 5, tzinfo=dt.UTC)) is None
    assert proposals.free_days((), SendWindow(8, 20), now=dt.datetime(2026, 3, 29, 9, tzinfo=dt.UTC)) is None


def test_an_hour_that_has_passed_is_not_proposed_and_may_still_be_chosen() -> None:
    late = replace(LIMITS, free=FreeDays(DAYS, 14))
    today = DAYS[0].isoformat()
    assert faults(step(day=today, send_at="13:00"), limits=late) == [
        f"Step 1: 13:00 on {today} is too soon: 14:00 on {today} is the first hour."
    ]
    assert faults(step(day=today, send_at="14:00"), limits=late) == []
    assert faults(step(day=DAYS[1].isoformat(), send_at="09:00"), limits=late) == []
    assert proposals.faults_in_step(step(day=today, send_at="13:00"), late) == []


def test_the_goal_decides_who_comes_first() -> None:
    told = {
        "days": [day.isoformat() for day in DAYS],
        "hours": [8, 20],
        "budget": None,
        "offers": [],
        "groups": [
            {
                "group": group,
                "stake": stake,
                "members": 9,
                "usual_weekday": 5,
                "usual_hour": 18,
                "reachable": {"email": 9},
            }
            for group, stake in (("champions", 80), ("hibernating", 20), ("new", 50))
        ],
        "playbooks": [
            {"id": place, "group": group, "channels": ["email"], "offers": [], "subject": "Hi", "body": "Hi"}
            for place, group in enumerate(("champions", "hibernating", "new"))
        ],
    }

    def first(goal: str) -> str:
        read = goals.understand(goal).as_facts() | {"playbooks": {}, "offers": {}}
        return plan_week(told | {"understood": read})["steps"][0]["group"]

    assert first("Win back inactive customers") == "hibernating"
    assert first("Welcome the new ones") == "new"
    assert first("") == "champions"


def test_the_reminder_is_well_worded() -> None:
    assert wording.fault_in(REMINDER["subject"]) is None  # type: ignore[arg-type]
    assert wording.fault_in(REMINDER["body"]) is None  # type: ignore[arg-type]


# --- Machines -----------------------------------------------------------------------------------------------------

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"
LATER = dt.timedelta(minutes=5)


@pytest.mark.parametrize(
    ("agent", "since_sent", "why"),
    [
        (PHONE, LATER, ""),
        (PHONE, None, ""),
        ("Mozilla/5.0", LATER, "privacy proxy"),
        ("Mozilla/5.0 (compatible; Barracuda Sentinel)", LATER, "scanner"),
        ("python-requests/2.32", LATER, "scanner"),
        ("", LATER, "no user agent"),
        (PHONE, dt.timedelta(seconds=1), "faster than a person"),
    ],
)
def test_openings_by_machines_are_told_from_openings_by_people(
    agent: str, since_sent: dt.timedelta | None, why: str
) -> None:
    assert machines.opened_by_machine(method="GET", user_agent=agent, since_sent=since_sent) == why


def test_clicks_by_machines_are_told_from_clicks_by_people() -> None:
    def why(method: str = "GET", other: float | None = None, agent: str = PHONE) -> str:
        since = None if other is None else dt.timedelta(seconds=other)
        return machines.clicked_by_machine(method=method, user_agent=agent, since_sent=LATER, since_other_link=since)

    assert why() == ""
    assert why(other=30) == ""
    assert why(other=0.5) == machines.EVERY_LINK
    assert why(method="HEAD") == machines.HEADERS_ONLY
    assert why(agent="Mozilla/5.0 Mimecast") == "scanner"


# --- Reasons ------------------------------------------------------------------------------------------------------


def test_the_headline_says_who_and_how_long_ago() -> None:
    bought = {"least": 60, "median": 70, "most": 90}
    assert headline("At risk", {"reached": 41, "last_bought_days": bought}) == (
        "At risk: 41 members, last bought 60 to 90 days ago"
    )
    same = {"least": 7, "median": 7, "most": 7}
    assert headline("New", {"reached": 1, "last_bought_days": same}) == "New: 1 member, last bought 7 days ago"


@pytest.mark.parametrize(
    ("fault", "read"),
    [
        ("at_risk would hear 2 times on 2026-11-26.", "At risk would hear 2 times on Thursday, November 26."),
        (
            "at_risk would be reminded on 2026-11-26 of a message it gets only on 2026-11-27: so.",
            "At risk would be reminded on Thursday, November 26 of a message it gets only on Friday, November 27: so.",
        ),
        ("{{ member.first_nam }} is not known.", "{{ member.first_nam }} is not known."),
        (
            "23:30 is not a time from 00:00 to just before 12:00.",
            "11:30 p.m. is not a time from 12:00 a.m. to just before 12:00 p.m.",
        ),
        ("“20:00” is a word you leave out.", "“20:00” is a word you leave out."),
        ("in es, 2026-13-40 is no day.", "In es, 2026-13-40 is no day."),
    ],
)
def test_people_read_faults_in_their_own_words(fault: str, read: str) -> None:
    assert told(fault) == read


# --- What a language model is told of what people wrote -------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ada lovelace", "Win back Ada Lovelace."),
        ("pat o'brien", "As Pat O’Brien's friends do"),
        ("pat o’brien", "As PAT O'BRIEN does"),
        ("j. r. smith", "Like J. R. Smith, she"),
        ("josé luis garcía de la cruz", "(José  Luis García de la Cruz)"),
    ],
)
def test_a_members_full_name_is_found_and_left_out_however_it_is_written(name: str, text: str) -> None:
    assert name in quoting.runs_of_words(text)
    told = quoting.without(text, [name])
    assert quoting.LEFT_OUT in told
    assert name.rsplit(maxsplit=1)[-1] not in told.lower()


@pytest.mark.parametrize(
    "address",
    [
        "555-123-4567", "(555) 123-4567", "+1 555 123 4567", "555 - 123 - 4567", "555/123/4567", "(555)  123  4567",
        "555, 123, 4567", "tel5551234567", "#5551234567", "5551234567x", "５５５１２３４５６７", "555-2012",
        "202-555-2012", "+49 2025 1234567", "anna@example.com", "anna @ example.com", "anna＠example.com",
        "anna@10.0.0.1",
    ],
)  # fmt: skip
def test_no_address_and_no_telephone_is_told_however_it_is_written(address: str) -> None:
    told = quoting.line(f"Call {address} now")
    assert quoting.LEFT_OUT in told
    assert not any(sign.isdigit() for sign in told)
    assert "anna" not in told


@pytest.mark.parametrize(
    "goal",
    [
        "Win back 1500 of the 20,000 members who bought in 2024 and 2025.",
        "From 250 (2025) to 400 orders (2026), and 1,250,000 dollars.",
        "In 2026, 1500 orders; 2024, 2025, 2026 and 2025/2026 were quiet.",
        "Sell 12 of 48 bottles at $24.99 from 12/24/2026 or 24.12.2026 to 2026-12-31, 10:00 to 20:00.",
        "Meet us @ 5.30 on Friday, 3 for 2, 10-20% off.",
    ],
)
def test_counts_years_dates_and_prices_of_a_goal_are_told_as_they_are(goal: str) -> None:
    assert quoting.passage(goal) == goal
