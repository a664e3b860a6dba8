"""What a planner is told: numbers of groups, never of members, and what people wrote, quoted."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Lower

from campaigns.ai import audience
from campaigns.models import Offer, Plan, PlanStep, Playbook
from campaigns.queries.house import brand_voice, planned_caps
from campaigns.queries.lift import PlaybookLift, known_playbook_lifts
from campaigns.queries.policy import policy
from campaigns.queries.track_record import ENOUGH_MESSAGES, Record, known_track_record
from campaigns.rules import goals, quoting, wording
from campaigns.rules.goals import Understood
from campaigns.rules.proposals import FreeDays
from loyalty.models import Member
from loyalty.queries.brand import business
from loyalty.queries.programme import categories

MOST_RECORDS = 60
# Of fewer members, the numbers of a group are those of somebody.
FEWEST_TOLD = 5
_OF_SOMEBODY: dict[str, Any] = {
    "expected_extra": None, "last_bought_days": None, "median_orders": None, "average_order": None,
    "spent_so_far": None, "night_buyers": None, "usual_weekday": None, "usual_hour": None,
    "favourite_categories": [], "hours_known": None, "bought": {},
}  # fmt: skip


def week_facts(plan: Plan, free: FreeDays, channels: tuple[str, ...], *, now: datetime) -> dict[str, Any]:
    """All a model needs for a week. Texts for money, so that cents stay."""
    campaign, hours = plan.campaign, policy().window
    offers = list(Offer.objects.filter(is_active=True))
    read = understood_facts(plan.asked, offers)
    bought = _bought(plan, read["categories"], now)
    return {
        "goal": typed(campaign.goal),
        **_note_facts(plan),
        "understood": read | {"bought": {name: sum(groups.values()) for name, groups in bought.items()}},
        "business": business_facts(),
        "days": [day.isoformat() for day in free.days],
        "hours": [hours.opens, hours.closes],
        "first_hour": free.first_hour,
        "budget": None if campaign.budget is None else str(campaign.budget),
        "channels": list(channels),
        "groups": [
            _quoted(group) | {"bought": {name: groups.get(group["group"], 0) for name, groups in bought.items()}}
            for group in audience.group_facts(plan, channels, now=now)
        ],
        "playbooks": _measured_playbooks(channels, now),
        "offers": [offer_facts(offer) for offer in offers],
        "words": list(wording.WORDS),
        "brand": brand_facts(),
        "caps": [{"channel": cap.channel, "most": cap.most, "days": cap.days} for cap in planned_caps()],
        "track_record": record_facts(known_track_record(now=now)),
    }


def _note_facts(plan: Plan) -> dict[str, Any]:
    """What is to be different, and from what: the live steps of the week that it takes the place of."""
    if not plan.note:
        return {}
    steps = PlanStep.objects.filter(plan__replaced_by=plan, removed_at=None).select_related("offer")
    return {
        "note": typed(plan.note),
        "instead_of": [
            {
                "day": step.day.isoformat(),
                "send_at": step.send_at.isoformat("minutes"),
                "group": step.group,
                "playbook": step.playbook_id,
                "channel": step.channel,
                "offer": step.offer.code if step.offer else None,
                "subject": typed(step.subject),
                "body": typed(step.body, 4_000),
            }
            for step in steps
        ],
    }


def as_told(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts as they leave the house: of a group with fewer than five members, no more than its size."""
    if "groups" in facts:
        groups = [_told_of(group) for group in facts["groups"]]
        facts = {**facts, "groups": groups, "understood": _without_few(facts.get("understood", {}), groups)}
    if facts.get("group"):
        facts = {**facts, "group": _told_of(facts["group"])}
    return facts


def _told_of(group: dict[str, Any]) -> dict[str, Any]:
    if group["members"] >= FEWEST_TOLD:
        return group
    return group | {name: blank for name, blank in _OF_SOMEBODY.items() if name in group}


def _without_few(read: dict[str, Any], groups: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What was bought by those groups alone of which it is told. Facts of before knew it of no group."""
    if not all("bought" in group for group in groups):
        return read
    told = {name: sum(group["bought"].get(name, 0) for group in groups) for name in read.get("bought", {})}
    return {**read, "bought": told}


def typed(text: str, longest: int = quoting.LONGEST_TEXT) -> str:
    """What somebody typed for the model to read: without addresses, and without the full names of members."""
    named = Member.objects.annotate(in_lower_case=Lower("name")).filter(in_lower_case__in=quoting.runs_of_words(text))
    return quoting.without(quoting.passage(text, longest), named.values_list("in_lower_case", flat=True))


def understood(goal: str) -> Understood:
    """What simple rules read in a goal or in all that was asked, with the categories of the shop's own catalogue."""
    return goals.understand(quoting.passage(goal), categories=[quoting.line(name) for name in categories()])


def understood_facts(goal: str, offers: Sequence[Offer]) -> dict[str, Any]:
    """What simple rules read in a goal, and how many of its aims and categories each playbook and offer speaks of."""
    read = understood(goal)
    return read.as_facts() | {
        "playbooks": {
            str(playbook.pk): fits
            for playbook in playbooks()
            if (fits := read.fits(playbook.name, playbook.aim, playbook.subject, playbook.body))
        },
        "offers": {offer.code: fits for offer in offers if (fits := read.fits(offer.name, offer.wording))},
    }


def _bought(plan: Plan, named: Sequence[str], now: datetime) -> dict[str, dict[str, int]]:
    """Of each category that the goal names, how many members of each group bought it within a year."""
    known = [name for name in categories() if quoting.line(name) in named]
    return {quoting.line(name): groups for name, groups in audience.buyers(plan, known, now=now).items()}


def _measured_playbooks(channels: tuple[str, ...], now: datetime) -> list[dict[str, Any]]:
    """The one that brought most first; those nobody has measured before those that brought less than nothing."""
    known = {playbook.pk: playbook for playbook in playbooks()}
    return [
        {**playbook_facts(known[lift.playbook_id], channels), "measured": _measured(lift)}
        for lift in known_playbook_lifts(now=now)
        if lift.playbook_id in known
    ]


def _measured(lift: PlaybookLift) -> dict[str, Any] | None:
    if lift.lift_per_member is None or lift.low is None or lift.high is None:
        return None
    return {
        "orders_more_per_member": round(lift.lift_per_member, 4),
        "from": round(lift.low, 4),
        "to": round(lift.high, 4),
        "members_written_to": lift.treated,
        "is_certain": lift.is_certain,
    }


def brand_facts() -> dict[str, Any]:
    voice = brand_voice()
    return {
        "voice": quoting.passage(voice.voice, 600),
        "forbidden_words": [quoting.line(word) for word in voice.lines(voice.forbidden_words)],
        "required_words": [quoting.line(word) for word in voice.lines(voice.required_words)],
        "claims": [quoting.line(claim, 200) for claim in voice.lines(voice.claims)],
    }


def record_facts(records: Sequence[Record]) -> list[dict[str, Any]]:
    """What was sent often enough to say something, in numbers."""
    return [
        {
            "playbook": record.playbook_id,
            "group": record.group,
            "channel": record.channel,
            "offer": record.offer or None,
            "messages": record.messages,
            "opened": record.opened,
            "clicked": record.clicked,
            "unsubscribed": record.unsubscribed,
            "orders": record.orders,
            "revenue": str(record.revenue),
        }
        for record in records[:MOST_RECORDS]
        if record.messages >= ENOUGH_MESSAGES
    ]


def playbooks() -> QuerySet[Playbook]:
    return Playbook.objects.filter(is_active=True).select_related("template").prefetch_related("offers")


def business_facts() -> dict[str, str]:
    shop = business()
    return {"name": quoting.line(shop.name), "sells": shop.get_vertical_display(), "currency": shop.currency}


def offer_facts(offer: Offer) -> dict[str, str]:
    return {
        "code": offer.code,
        "name": quoting.line(offer.name),
        "wording": quoting.line(offer.wording, 200),
        "cost": str(offer.cost),
    }


def playbook_facts(playbook: Playbook, channels: tuple[str, ...]) -> dict[str, Any]:
    return {
        "id": playbook.pk,
        "name": quoting.line(playbook.name),
        "group": playbook.group,
        "aim": quoting.line(playbook.aim, 200),
        "tone": quoting.line(playbook.tone, 120),
        "channels": [channel for channel in playbook.channels if channel in channels],
        "offers": [offer.code for offer in playbook.offers.all() if offer.is_active],
        "subject": quoting.line(playbook.subject, 150),
        "body": quoting.passage(playbook.body, 4_000),
    }


def _quoted(group: dict[str, Any]) -> dict[str, Any]:
    """Categories come from a till, or from whoever wrote its catalogue."""
    return {**group, "favourite_categories": [quoting.line(name) for name in group["favourite_categories"]]}
