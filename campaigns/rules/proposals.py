"""What a week proposed by a language model may be: its shape, and what is refused. Plain Python.

The shape is what models are asked for. Everything the shape cannot say (does this offer exist, is this group in the
audience, does it fit the budget) is checked by `faults_in`, whoever proposed it.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from campaigns.rules import guard, wording
from campaigns.rules.guard import House, Words
from campaigns.rules.hours import SendWindow

DAYS = 7
LOOKED_AT = timedelta(minutes=30)
NO_DAY_LEFT = "No time is left on the campaign's days, within the hours you send. Give it later days first."
TOUCHES_PER_GROUP = 2
MOST_STEPS = 28
TIMINGS = ("BUSINESS", "LOCAL", "BEST")
LONGEST_SUBJECT = 150
LONGEST_BODY = 4_000
_HOUR_AND_MINUTE = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def _all_required(schema: dict[str, Any]) -> None:
    """Language models must name every field, as structured output asks; answers of old, without one, stay valid."""
    schema["required"] = list(schema["properties"])
    for described in schema["properties"].values():
        described.pop("default", None)


class StepProposal(BaseModel):
    """`timing` is one of TIMINGS, or None: as the shop does where it has no wish.

    `is_reminder`: it reminds its group of their first message of the week, and comes after that.
    """

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra=_all_required)

    day: str
    send_at: str
    timing: str | None = None
    group: str
    playbook: int
    offer: str | None
    channel: str
    subject: str
    body: str
    reason: str
    is_reminder: bool = False


class WeekProposal(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    steps: list[StepProposal]


@dataclass(frozen=True)
class PlaybookChoice:
    group: str
    channels: tuple[str, ...]
    offers: tuple[str, ...]
    subject: str = ""
    body: str = ""


@dataclass(frozen=True)
class Cap:
    """At most so many messages to one member by `channel` within so many days."""

    channel: str
    most: int
    days: int


_BY_DAY = SendWindow(8, 20)
_ANY_HOUSE = House()


@dataclass(frozen=True)
class FreeDays:
    """The days a new plan may use. On the first of them nothing leaves before `first_hour`, 0 to 23."""

    days: tuple[date, ...]
    first_hour: int


def free_days(days: Sequence[date], hours: SendWindow, *, now: datetime) -> FreeDays | None:
    """Of `days`, those on which messages can still leave after a person has read them; None when there are none.

    `now` is by the clock of the shop. Of today, what begins with a full hour that is at least LOOKED_AT ahead.
    """
    if not days or days[0] > now.date():
        return FreeDays(tuple(days), hours.opens) if days else None
    soonest = now + LOOKED_AT
    first = soonest.hour + (soonest.minute > 0) if soonest.date() == now.date() else 24
    if first < hours.closes:
        return FreeDays(tuple(days), max(first, hours.opens))
    return free_days(days[1:], hours, now=now)


@dataclass(frozen=True)
class Limits:
    """What a proposal is held against. `reach`: members by (group, channel). `offers`: cost of one taking it up.

    `hours` are those of the shop: what was planned outside them would only wait for the next morning. `texts` says what
    the text messages of a step cost; nothing while no price is known. `offer_words`: what each offer states, by code.
    `free` is for what is proposed now: people may also choose an hour that has passed, and are told.
    """

    days: tuple[date, ...]
    reach: Mapping[tuple[str, str], int]
    playbooks: Mapping[int, PlaybookChoice]
    offers: Mapping[str, Decimal]
    budget: Decimal | None
    hours: SendWindow = _BY_DAY
    texts: Callable[[StepProposal], Decimal] = lambda step: Decimal(0)
    house: House = _ANY_HOUSE
    offer_words: Mapping[str, str] = field(default_factory=dict)
    caps: tuple[Cap, ...] = ()
    free: FreeDays | None = None


def read(raw: str) -> tuple[WeekProposal | None, list[str]]:
    """The proposal in a model's raw answer, or why it has not the shape asked for."""
    try:
        return WeekProposal.model_validate_json(raw), []
    except ValidationError as error:
        faults = [
            f"{'.'.join(str(part) for part in fault['loc']) or 'answer'}: {fault['msg']}" for fault in error.errors()
        ]
        return None, faults[:20]


def faults_in(proposal: WeekProposal, limits: Limits, *, is_of_model: bool = False) -> list[str]:
    """Everything that keeps this proposal from becoming a plan, each with the step it is about.

    A language model is held to more than people: see campaigns.rules.guard.
    """
    if not limits.days:
        return [NO_DAY_LEFT]
    if not proposal.steps:
        return ["The proposal has no steps."]
    if len(proposal.steps) > MOST_STEPS:
        return [f"The proposal has {len(proposal.steps)} steps; {MOST_STEPS} is the most."]
    faults = [
        f"Step {number}: {fault}"
        for number, step in enumerate(proposal.steps, start=1)
        for fault in faults_in_step(step, limits)
        + _faults_in_haste(step, limits)
        + (faults_of_model(step, limits) if is_of_model else [])
    ]
    return faults + faults_across(proposal.steps, limits) + faults_in_reminders(proposal.steps)


def cost_of(step: StepProposal, limits: Limits) -> Decimal:
    """The most a step can cost: everybody reached takes up the offer."""
    return limits.offers.get(step.offer or "", Decimal(0)) * limits.reach.get((step.group, step.channel), 0)


def cost_of_all(steps: Sequence[StepProposal], limits: Limits) -> Decimal:
    """The most a week can cost, with its text messages."""
    return sum((cost_of(step, limits) + limits.texts(step) for step in steps), Decimal(0))


def faults_in_step(step: StepProposal, limits: Limits) -> list[str]:
    """What is wrong with one step, whatever the others are."""
    faults = []
    if step.day not in (days := [day.isoformat() for day in limits.days]):
        any_more = " any more" if days and step.day < days[0] else ""
        named = f"{step.day} is not one of the campaign's days{any_more}: {', '.join(days)}."
        faults.append(named if days else NO_DAY_LEFT)
    opens, closes = limits.hours.opens, limits.hours.closes
    if (clock := _clock(step.send_at)) is None or not opens <= clock.hour < closes:
        faults.append(f"{step.send_at} is not a time from {opens:02d}:00 to just before {closes:02d}:00.")
    if step.timing not in (None, *TIMINGS):
        faults.append(f"{step.timing} is no timing: {', '.join(TIMINGS)}, or null.")
    if not limits.reach.get((step.group, step.channel)):
        faults.append(f"nobody in the audience is in {step.group} and may be written to by {step.channel}.")
    faults += _faults_in_choice(step, limits)
    faults += faults_in_text(step)
    return faults + faults_by_law(step, limits)


def _faults_in_haste(step: StepProposal, limits: Limits) -> list[str]:
    """On the first day of a new plan, some hours have passed, or come before anybody could approve it."""
    clock = _clock(step.send_at)
    if limits.free is None or clock is None or step.day not in (day.isoformat() for day in limits.days):
        return []
    first = limits.free.days[0]
    if (step.day, clock.hour) >= (first.isoformat(), limits.free.first_hour):
        return []
    return [f"{step.send_at} on {step.day} is too soon: {limits.free.first_hour:02d}:00 on {first} is the first hour."]


def words_of(step: StepProposal, limits: Limits, language: str = "en") -> Words:
    offer = limits.offer_words.get(step.offer or "", "")
    return Words(subject=step.subject, body=step.body, channel=step.channel, language=language, offer=offer)


def faults_by_law(step: StepProposal, limits: Limits, language: str = "en") -> list[str]:
    """What nobody may say."""
    return guard.of_law(words_of(step, limits, language), limits.house)


def faults_of_model(
    step: StepProposal, limits: Limits, language: str = "en", *, already: StepProposal | None = None
) -> list[str]:
    """What keeps its words from being proposed by a model. What the playbook or `already` says, a person has said."""
    playbook = limits.playbooks.get(step.playbook)
    own = step.model_copy(update={"subject": playbook.subject, "body": playbook.body}) if playbook else None
    said = [words_of(each, limits) for each in (own, already) if each]
    words, law = words_of(step, limits, language), faults_by_law(step, limits, language)
    return [fault for fault in guard.of_a_model(words, limits.house, said_already=said) if fault not in law]


def _faults_in_choice(step: StepProposal, limits: Limits) -> list[str]:
    playbook = limits.playbooks.get(step.playbook)
    if playbook is None:
        return [f"playbook {step.playbook} does not exist."]
    faults = []
    if playbook.group != step.group:
        faults.append(f"playbook {step.playbook} is for {playbook.group}, not for {step.group}.")
    if step.channel not in playbook.channels:
        faults.append(f"playbook {step.playbook} does not use {step.channel}.")
    if step.offer is not None and step.offer not in limits.offers:
        faults.append(f"the offer {step.offer} does not exist.")
    elif step.offer is not None and step.offer not in playbook.offers:
        faults.append(f"playbook {step.playbook} does not make the offer {step.offer}.")
    return faults


def faults_in_text(step: StepProposal) -> list[str]:
    """What is wrong with its words alone."""
    faults = []
    if not step.subject.strip() or not step.body.strip():
        faults.append("subject and body must not be empty.")
    if "\n" in step.subject or "\r" in step.subject or len(step.subject) > LONGEST_SUBJECT:
        faults.append(f"the subject must be one line of at most {LONGEST_SUBJECT} characters.")
    if len(step.body) > LONGEST_BODY:
        faults.append(f"the body has more than {LONGEST_BODY} characters.")
    for text in (step.subject, step.body):
        if _UNPRINTABLE.search(text):
            faults.append("subject and body must be plain text without control characters.")
        if fault := wording.fault_in(text):
            faults.append(fault)
        elif step.offer is None and any(word.startswith("offer.") for word in wording.words_in(text)):
            faults.append("the text speaks of an offer, but the step makes none.")
    return faults


def faults_across(steps: list[StepProposal], limits: Limits) -> list[str]:
    """What is wrong with the week as a whole."""
    faults = []
    for group, touches in Counter(step.group for step in steps).items():
        if touches > TOUCHES_PER_GROUP:
            faults.append(f"{group} would hear {touches} times in one week; {TOUCHES_PER_GROUP} is the most.")
    for (day, group), touches in Counter((step.day, step.group) for step in steps).items():
        if touches > 1:
            faults.append(f"{group} would hear {touches} times on {day}.")
    return faults + _faults_in_caps(steps, limits) + _faults_in_cost(steps, limits)


def faults_in_reminders(steps: Sequence[StepProposal]) -> list[str]:
    """Reminders of what comes later, or of what nobody gets."""
    reminded, heard = {step.group for step in steps if step.is_reminder}, {s.group for s in steps if not s.is_reminder}
    return faults_in_order(steps) + [
        f"{group} would be reminded of a message that is left out: put that back, or leave the reminder out, too."
        for group in sorted(reminded - heard)
    ]


def faults_in_order(steps: Sequence[StepProposal]) -> list[str]:
    """Reminders that come before the message they remind of. Who hears twice on one day is told of elsewhere."""
    first = dict[str, str]()
    for step in steps:
        if not step.is_reminder:
            first[step.group] = min(step.day, first.get(step.group, step.day))
    return [
        f"{step.group} would be reminded on {step.day} of a message it gets only on {first[step.group]}: move that"
        " message to an earlier day, or the reminder to a later one."
        for step in steps
        if step.is_reminder and step.day < first.get(step.group, step.day)
    ]


def _faults_in_caps(steps: list[StepProposal], limits: Limits) -> list[str]:
    """What would only be put off by the caps of the shop. Days that cannot be read are told of elsewhere."""
    days = {day.isoformat(): day for day in limits.days}
    faults = []
    for cap in limits.caps:
        for group in sorted({step.group for step in steps}):
            heard = sorted(
                days[step.day]
                for step in steps
                if step.group == group and step.channel == cap.channel and step.day in days
            )
            often = max((_within(heard, first, cap.days) for first in heard), default=0)
            if often > cap.most:
                faults.append(
                    f"{group} would hear {often} times by {cap.channel} within {cap.days} days; your cap is {cap.most}."
                )
    return faults


def _within(heard: list[date], first: date, days: int) -> int:
    return sum(first <= day < first + timedelta(days=days) for day in heard)


def _faults_in_cost(steps: list[StepProposal], limits: Limits) -> list[str]:
    if limits.budget is None:
        return []
    offers = sum((cost_of(step, limits) for step in steps), Decimal(0))
    if offers > limits.budget:
        return [f"the offers could cost {offers}, more than the budget of {limits.budget}."]
    texts = sum((limits.texts(step) for step in steps), Decimal(0))
    if offers + texts <= limits.budget:
        return []
    return [
        f"the offers could cost {offers} and the text messages {texts:.2f}, together more than the budget of"
        f" {limits.budget}."
    ]


def _clock(text: str) -> time | None:
    """Only HH:MM: `time.fromisoformat` would also take seconds and zones."""
    return time.fromisoformat(text) if _HOUR_AND_MINUTE.fullmatch(text) else None
