"""The planner that needs no account: the same facts, decided by rules a shopkeeper can follow.

1. Groups whose aim the goal speaks of come first, then by how much is at stake.
2. A group hears on the day before it usually shops, an hour before its usual time, and never more than two groups
   share a day while another day is free.
3. The cheapest offer of its playbook that the budget still carries is made; without one, the message makes none.
4. A group that is at stake hears a second time three days later, without paying for another offer.
"""

import json
from calendar import day_name
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from integrations.llm.base import ModelUnavailable, Question

Facts = dict[str, Any]

# What losing the group would cost, highest first.
STAKES = {
    "cannot_lose": 100,
    "at_risk": 90,
    "champions": 80,
    "need_attention": 70,
    "loyal": 65,
    "about_to_sleep": 60,
    "potential_loyalists": 55,
    "new": 50,
    "promising": 45,
    "hibernating": 20,
    "lost": 10,
}
GOAL_WORDS = {
    "win back|winback|lapsed|inactive|return|come back|at risk|churn": (
        "at_risk",
        "cannot_lose",
        "hibernating",
        "lost",
    ),
    "new|welcome|second purchase|first": ("new", "promising", "potential_loyalists"),
    "loyal|thank|best|champion|vip|regular": ("champions", "loyal", "potential_loyalists"),
    "often|frequency|habit|active|busy|quiet": ("need_attention", "about_to_sleep", "potential_loyalists"),
}
REMINDED, REMINDED_AFTER = ("cannot_lose", "at_risk", "need_attention"), 3
REMINDER = {
    "offer": None,
    "subject": "{{ member.first_name }}, still thinking it over?",
    "body": "Hello {{ member.first_name }},\n\nwe wrote a few days ago and only want to say it once more: we would be "
    "glad to see you at {{ store.name }}. You have {{ member.points }} points with us.\n\n{{ business.name }}",
    "reason": "A short reminder three days later: few who have stayed away answer at once.",
}
EARLIEST_HOUR, LATEST_HOUR = 9, 19


class RulesModel:
    name = "Built-in rules"

    def answer(self, question: Question) -> str:
        try:
            plan = TASKS[question.task]
        except KeyError:
            raise ModelUnavailable(f"The built-in rules cannot {question.task}; set OPENAI_API_KEY.") from None
        return json.dumps(plan(question.facts), ensure_ascii=False)


def plan_week(facts: Facts) -> Facts:
    week = _Week([date.fromisoformat(day) for day in facts["days"]], facts["budget"])
    steps = []
    for group in sorted(facts["groups"], key=lambda group: -_weight(group, facts["goal"])):
        if choice := _choice(group, facts["playbooks"]):
            playbook, channel = choice
            steps += _steps(group, playbook, channel, facts["offers"], week)
    return {"steps": sorted(steps, key=lambda step: (step["day"], step["send_at"]))}


TASKS: dict[str, Callable[[Facts], Facts]] = {"plan_week": plan_week}


class _Week:
    """The days and the money that are left."""

    def __init__(self, days: list[date], budget: str | None) -> None:
        self._days, self._taken = days, Counter[date]()
        self._money = None if budget is None else Decimal(budget)

    def take_day_before_usual(self, group: Facts) -> date:
        """The day before the group's usual one; a fuller day gives way to an emptier one nearby."""
        before = (group["usual_weekday"] - 1) % 7
        wanted = next((day for day in self._days if day.isoweekday() % 7 == before), self._days[0])
        chosen = min(self._days, key=lambda day: (max(self._taken[day] - 1, 0), abs((day - wanted).days), day))
        self._taken[chosen] += 1
        return chosen

    def take(self, day: date) -> bool:
        """False when the week does not have that day."""
        self._taken[day] += 1
        return day in self._days

    def pay(self, cost: Decimal) -> bool:
        if self._money is None:
            return True
        if cost > self._money:
            return False
        self._money -= cost
        return True


def _weight(group: Facts, goal: str) -> int:
    weight, said = STAKES.get(group["group"], 0), goal.lower()
    for words, groups in GOAL_WORDS.items():
        if group["group"] in groups and any(word in said for word in words.split("|")):
            weight += 100
    return weight


def _choice(group: Facts, playbooks: list[Facts]) -> tuple[Facts, str] | None:
    """The group's first playbook that reaches anybody, and its channel that reaches most."""
    for playbook in playbooks:
        reached = {channel: group["reachable"].get(channel, 0) for channel in playbook["channels"]}
        if playbook["group"] == group["group"] and any(reached.values()):
            return playbook, max(reached, key=lambda channel: reached[channel])
    return None


def _steps(group: Facts, playbook: Facts, channel: str, offers: list[Facts], week: _Week) -> list[Facts]:
    day, offer = week.take_day_before_usual(group), _offer(playbook, offers, group["reachable"][channel], week)
    body = playbook["body"] if offer else _without_offer(playbook["body"])
    shared = {
        "send_at": f"{min(max(group['usual_hour'] - 1, EARLIEST_HOUR), LATEST_HOUR):02d}:00",
        "group": group["group"],
        "playbook": playbook["id"],
        "channel": channel,
    }
    first = {
        "day": day.isoformat(),
        "offer": offer,
        "subject": playbook["subject"],
        "body": body,
        "reason": _why(group),
    }
    steps = [shared | first]
    reminder = day + timedelta(days=REMINDED_AFTER)
    if group["group"] in REMINDED and week.take(reminder):
        steps.append(shared | REMINDER | {"day": reminder.isoformat()})
    return steps


def _offer(playbook: Facts, offers: list[Facts], reached: int, week: _Week) -> str | None:
    """The cheapest offer of the playbook that the budget still carries."""
    made = (offer for offer in offers if offer["code"] in playbook["offers"])
    for offer in sorted(made, key=lambda offer: Decimal(offer["cost"])):
        if week.pay(Decimal(offer["cost"]) * reached):
            return str(offer["code"])
    return None


def _without_offer(body: str) -> str:
    """The playbook's text without the paragraphs that speak of an offer."""
    return "\n\n".join(paragraph for paragraph in body.split("\n\n") if "{{ offer" not in paragraph)


def _why(group: Facts) -> str:
    usual = day_name[group["usual_weekday"] - 1]
    return f"They mostly shop on {usual} around {group['usual_hour']}:00, so they hear from us the day before."
