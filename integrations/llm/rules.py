"""The planner that needs no account: the same facts, decided by rules a shopkeeper can follow.

1. Groups the goal is about come first, then by what is at stake and by the share who bought from the categories it
   names within a year; groups it says it is not about come last.
   What the goal is about is read before (campaigns.rules.goals), and told among the facts.
2. The groups are spread evenly over the days, first come first; each hears an hour before its usual time to shop, and
   today once somebody has had time to look at the plan.
3. Of a group's playbooks the one that speaks most of the goal's aims and categories is taken, else the first. Of its
   offers, the same; of equal ones the cheapest that the budget still carries, and the dearest to clear stock. Without
   one, the message makes none.
4. A group that has stayed away hears a second time three days later or more, without another offer.
5. Where the goal says on which days, by which channels, or without offers, that is kept to. Where it leaves no day or
   nobody to write to, there is no plan.
"""

import json
import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from textwrap import shorten
from typing import Any

from integrations.llm.base import Listener, ModelUnavailable, Question, Reply, nobody_listens

Facts = dict[str, Any]

# What the goal says of a group outweighs the stake (at most 100) and the share of buyers together.
ABOUT_THEM, THEIR_CATEGORY, NOT_ABOUT_THEM = 300, 100, -1000
NOTHING_READ: Facts = {"aims": [], "groups": [], "categories": [], "playbooks": {}, "offers": {}}
CLEAR = "clear stock"
REMINDED, REMINDED_AFTER = ("cannot_lose", "at_risk", "need_attention"), 3
REMINDER = {
    "offer": None,
    "subject": "{{ member.first_name }}, still thinking it over?",
    "body": "Hello {{ member.first_name }},\n\nwe wrote a few days ago and only want to say it once more: we would be "
    "glad to see you at {{ store.name }}. You have {{ member.points }} points with us.\n\n{{ business.name }}",
    "reason": "A short reminder: few who have stayed away answer at once.",
    "is_reminder": True,
}
NO_OFFER = {
    "subject": "A word from {{ business.name }}",
    "body": "Hello {{ member.first_name }},\n\nwe would be glad to see you at {{ store.name }} this week. You have "
    "{{ member.points }} points with us.\n\n{{ business.name }}",
}
OFFER = re.compile(r"\boffer\b\s*[.\[]")
LONGEST_ALT = 200  # as a brief takes
EARLIEST_HOUR, USUAL_HOUR, LATEST_HOUR, NIGHT_ENDS = 9, 17, 19, 6


class RulesModel:
    name = "Built-in rules"
    is_metered = False

    def answer(self, question: Question, *, heard: Listener = nobody_listens) -> Reply:
        try:
            work = TASKS[question.task]
        except KeyError:
            raise ModelUnavailable("Only a language model can do this: see Integrations.") from None
        return Reply(json.dumps(work(question.facts), ensure_ascii=False))


def plan_week(facts: Facts) -> Facts:
    read = facts.get("understood", NOTHING_READ)
    days, purse, steps = _days(facts["days"], _said(read)), _Purse(facts["budget"]), list[Facts]()
    groups = sorted(facts["groups"], key=lambda group: -_weight(group, read))
    choices = [(group, *choice) for group in groups if (choice := _choice(group, facts["playbooks"], read))]
    if not choices and any(_said(read).values()):
        raise ModelUnavailable("Nobody is reached by the channels that the goal leaves, with the playbooks in use.")
    for place, (group, playbook, channel) in enumerate(choices):
        often = min((cap["most"] for cap in facts.get("caps", []) if cap["channel"] == channel), default=len(days))
        offer = _offer(playbook, facts["offers"], group["reachable"][channel], purse, read)
        first = place * len(days) // len(choices)
        hour = _hour(group["usual_hour"], *facts["hours"])
        if days[first].isoformat() == facts["days"][0]:
            hour = max(hour, facts.get("first_hour", hour))
        steps += _steps(group, playbook, channel, offer, days[first:], hour=hour, why=_why(group, place, read))[:often]
    _say_what_is_required(steps, facts.get("brand", {}).get("required_words", []))
    return {"steps": sorted(steps, key=lambda step: (step["day"], step["send_at"]))}


def _said(read: Facts) -> Facts:
    """What the goal says of days, channels and offers."""
    said: Facts = read.get("conditions", {})
    return said


def _days(days: list[str], said: Facts) -> list[date]:
    only, never = said.get("weekdays"), said.get("no_weekdays", [])
    every = [date.fromisoformat(day) for day in days]
    left = [day for day in every if (not only or f"{day:%A}" in only) and f"{day:%A}" not in never]
    if not left:
        raise ModelUnavailable(
            f"The goal leaves no day of {every[0]:%A}, {every[0]:%B} {every[0].day}, to {every[-1]:%A},"
            f" {every[-1]:%B} {every[-1].day}. Name another weekday."
        )
    return left


def _may_be_used(channel: str, said: Facts) -> bool:
    only = said.get("channels")
    return (not only or channel in only) and channel not in said.get("no_channels", [])


def _say_what_is_required(steps: list[Facts], required: list[str]) -> None:
    """At the end of each text that does not say it anyway."""
    for step in steps:
        said = f"{step['subject']}\n{step['body']}".lower()
        if missing := [word for word in required if word.lower() not in said]:
            step["body"] += f"\n\n{' · '.join(missing)}"


def write_variants(facts: Facts) -> Facts:
    """What the playbooks of the same group say, where that is not what the step says now."""
    texts = [
        {"subject": text["subject"], "body": text["body"]}
        if facts["offer"]
        else _without_offer(text["subject"], text["body"])
        for text in [facts["playbook"], *facts["others"]]
    ]
    others = [text for text in texts if text["body"].strip() != facts["now"]["body"].strip()]
    if not others or facts["language"] != "en":
        raise ModelUnavailable(
            "The built-in rules know only what your playbooks say, and no playbook of this group says anything else."
            " Add one, or connect a language model: see Integrations."
        )
    return {"texts": others[: facts["count"]]}


def rewrite(facts: Facts) -> Facts:
    """Shorter: what greets, what makes the offer or comes first, and what signs. Nothing else can be done by rules."""
    paragraphs = [part for part in facts["now"]["body"].split("\n\n") if part.strip()]
    middle = paragraphs[1:-1]
    if facts["manner"] != "shorter" or len(middle) < 2 or "{%" in facts["now"]["body"]:
        raise ModelUnavailable(
            "The built-in rules can only leave paragraphs out, and there is none to leave out here. To"
            " have texts rewritten, connect a language model: see Integrations."
            if facts["manner"] == "shorter"
            else "Only a language model can do this: see Integrations."
        )
    kept = next((part for part in middle if OFFER.search(part)), middle[0])
    body = "\n\n".join([paragraphs[0], kept, paragraphs[-1]])
    return {"texts": [{"subject": facts["now"]["subject"], "body": body}]}


# What stands on a table for a category, by words in its name; in the order of asking.
SCENES = (
    (r"sparkling|champagne|prosecco", "Two flutes and an unopened bottle of sparkling wine in a cooler"),
    (r"wine|red|white|rosé|vino", "An unopened bottle of wine and two clean glasses"),
    (r"beer|cider|ale|lager|cerveza", "A few unopened bottles of beer in a wooden crate"),
    (
        r"whisk|bourbon|spirit|vodka|gin|rum|tequila|mezcal|brandy",
        "An unopened bottle beside an empty tumbler and a bowl of ice",
    ),
    (r"flower|eighth|bud|pre-?roll|joint", "Closed glass jars with plain labels, beside a green house plant"),
    (r"edible|gumm|chocolate|drink|beverage", "Closed paper boxes in quiet colours, stacked with care"),
    (
        r"vape|cartridge|concentrate|oil|extract|tincture",
        "A closed slim box beside a small dropper bottle with a plain label",
    ),
)


def write_brief(facts: Facts) -> Facts:
    """What somebody asked for, or else what the group likes best; room for the offer; light that fits the tone."""
    liked = [str(name) for name in facts["group"].get("favourite_categories", [])]
    found = next(
        (scene for name in liked for words, scene in SCENES if re.search(rf"\b({words})", name, re.IGNORECASE)), None
    )
    goods = found or "A tidy shelf of the shop, with unopened goods in plain packaging"
    place = "on a wooden table by a window" if found else "seen from the front"
    scene = facts["note"].rstrip(" .") if facts.get("note") else f"{goods}, {place}"
    offer = " In front of it lies a small blank card." if facts["offer"] else ""
    warm = re.search(
        r"warm|friend|personal|thank", f"{facts['playbook']['tone']} {facts['playbook']['aim']}", re.IGNORECASE
    )
    light = "Warm evening light" if warm else "Clear morning light"
    return {
        "scene": f"{scene}.{offer} Nobody is in the picture, and the left third is calm and nearly empty.",
        "style": f"A photograph, close and plain. {light}, natural colours, a soft background.",
        "avoid": "",
        "alt": shorten(f"{scene}.", LONGEST_ALT, placeholder=" …"),
    }


TASKS: dict[str, Callable[[Facts], Facts]] = {
    "plan_week": plan_week,
    "write_variants": write_variants,
    "rewrite": rewrite,
    "write_brief": write_brief,
}


class _Purse:
    """What is left of the budget; without a budget there is always enough."""

    def __init__(self, budget: str | None) -> None:
        self._left = None if budget is None else Decimal(budget)

    def pay(self, cost: Decimal) -> bool:
        if self._left is None:
            return True
        if cost > self._left:
            return False
        self._left -= cost
        return True


def _weight(group: Facts, read: Facts) -> int:
    about = ABOUT_THEM if group["group"] in read["groups"] else NOT_ABOUT_THEM if _is_excluded(group, read) else 0
    return int(group["stake"]) + about + round(THEIR_CATEGORY * _buyers(group)[1] / max(group["members"], 1))


def _is_excluded(group: Facts, read: Facts) -> bool:
    return group["group"] in read.get("excluded", {}).get("groups", [])


def _buyers(group: Facts) -> tuple[str, int]:
    """Of the categories that the goal names the one that most of them bought from within a year, and how many did."""
    return max(group.get("bought", {}).items(), key=lambda bought: bought[1], default=("", 0))


def _choice(group: Facts, playbooks: list[Facts], read: Facts) -> tuple[Facts, str] | None:
    """The group's playbook that reaches anybody and speaks most of the goal, and its channel that reaches most."""
    for playbook in sorted(playbooks, key=lambda playbook: -read["playbooks"].get(str(playbook["id"]), 0)):
        usable = (channel for channel in playbook["channels"] if _may_be_used(channel, _said(read)))
        reached = {channel: group["reachable"].get(channel, 0) for channel in usable}
        if playbook["group"] == group["group"] and any(reached.values()):
            return playbook, max(reached, key=lambda channel: reached[channel])
    return None


def _steps(
    group: Facts, playbook: Facts, channel: str, offer: str | None, days: list[date], *, hour: int, why: str
) -> list[Facts]:
    """The group's message on the first of `days`, and its reminder if the week is long enough."""
    shared = {
        "send_at": f"{hour:02d}:00",
        "group": group["group"],
        "playbook": playbook["id"],
        "channel": channel,
    }
    words = {"subject": playbook["subject"], "body": playbook["body"]}
    if offer is None:
        words = _without_offer(**words)
    steps = [shared | words | {"day": days[0].isoformat(), "offer": offer, "reason": why}]
    later = [day for day in days if (day - days[0]).days >= REMINDED_AFTER]
    if group["group"] in REMINDED and later:
        steps.append(shared | REMINDER | {"day": later[0].isoformat()})
    return steps


def _hour(usual: int | None, opens: int, closes: int) -> int:
    """An hour before the usual one; who shops late or at night hears in the evening. Always in the shop's hours."""
    usual = USUAL_HOUR if usual is None else usual
    wish = LATEST_HOUR if usual < NIGHT_ENDS else min(max(usual - 1, EARLIEST_HOUR), LATEST_HOUR)
    return min(max(wish, opens), closes - 1)


def _offer(playbook: Facts, offers: list[Facts], reached: int, purse: _Purse, read: Facts) -> str | None:
    """The offer of the playbook that speaks most of the goal, of those that the budget still carries."""
    if _said(read).get("no_offers"):
        return None
    made, dearest_first = (offer for offer in offers if offer["code"] in playbook["offers"]), CLEAR in read["aims"]

    def place(offer: Facts) -> tuple[int, Decimal]:
        cost = Decimal(offer["cost"])
        return -read["offers"].get(offer["code"], 0), -cost if dearest_first else cost

    for offer in sorted(made, key=place):
        if purse.pay(Decimal(offer["cost"]) * reached):
            return str(offer["code"])
    return None


def _without_offer(subject: str, body: str) -> Facts:
    """The playbook's words as far as they speak of no offer, or words of our own."""
    if not OFFER.search(subject + body):
        return {"subject": subject, "body": body}
    kept = [paragraph for paragraph in body.split("\n\n") if not OFFER.search(paragraph)]
    is_whole = len(kept) > 1 and "{%" not in body  # a paragraph taken out of an {% if %} would leave half of it
    return {
        "subject": NO_OFFER["subject"] if OFFER.search(subject) else subject,
        "body": "\n\n".join(kept) if is_whole else NO_OFFER["body"],
    }


def _why(group: Facts, place: int, read: Facts) -> str:
    """No day and no hour: people move steps, and the page shows both."""
    category, buyers = _buyers(group)
    bought = f"{buyers:,} of the group's {group['members']:,} bought {category.lower()}"
    if _is_excluded(group, read):
        return "The goal says it is not about them: they come last."
    if group["group"] in read["groups"]:
        also = f", and {bought} within a year" if buyers else ""
        return f"The goal is about them{also}: they come before others."
    if buyers:
        return f"{bought}, which the goal names, within a year."
    return (
        "Most is at stake with them, so they hear first." if place == 0 else "They come by what is at stake with them."
    )
