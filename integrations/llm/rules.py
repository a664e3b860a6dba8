"""The planner that needs no account: the same facts, decided by rules a shopkeeper can follow.

1. Groups whose aim the goal speaks of come first, then by how much is at stake.
2. A group hears on the day before it usually shops, an hour before its usual time, and never more than two groups
   share a day while another day is free.
3. The cheapest offer of its playbook that the budget still carries is made; without one, the message makes none.
4. A group that is at stake hears a second time three days later, without paying for another offer.
"""

import json
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
    "win back|winback|lapsed|inactive|return|come back|at risk|churn": ("at_risk", "cannot_lose", "hibernating", "lost"),
    "new|welcome|second purchase|first": ("new", "promising", "potential_loyalists"),
    "loyal|thank|best|champion|vip|regular": ("champions", "loyal", "potential_loyalists"),
    "often|frequency|habit|active|busy|quiet": ("need_attention", "about_to_sleep", "potential_loyalists"),
}
REMINDED = ("cannot_lose", "at_risk", "need_attention")
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
    days = [date.fromisoformat(day) for day in facts["days"]]
    money = _Purse(facts["budget"])
    taken: Counter[date] = Counter()
    steps = []
    for group in sorted(facts["groups"], key=lambda group: -_weight(group, facts["goal"])):
        for playbook in facts["playbooks"]:
            if playbook["group"] == group["group"] and (channel := _channel(group, playbook)):
                steps += _steps(group, playbook, channel, facts, days, taken, money)
                break
    return {"steps": sorted(steps, key=lambda step: (step["day"], step["send_at"]))}


TASKS: dict[str, Callable[[Facts], Facts]] = {"plan_week": plan_week}


class _Purse:
    def __init__(self, budget: str | None) -> None:
        self.left = None if budget is None else Decimal(budget)

    def pay(self, cost: Decimal) -> bool:
        if self.left is None:
            return True
        if cost > self.left:
            return False
        self.left -= cost
        return True


def _weight(group: Facts, goal: str) -> int:
    weight, said = STAKES.get(group["group"], 0), goal.lower()
    for words, groups in GOAL_WORDS.items():
        if group["group"] in groups and any(word in said for word in words.split("|")):
            weight += 100
    return weight


def _channel(group: Facts, playbook: Facts) -> str | None:
    """The playbook's channel that reaches most of the group."""
    usable = [channel for channel in playbook["channels"] if group["reachable"].get(channel)]
    return max(usable, key=lambda channel: group["reachable"][channel], default=None)


def _steps(
    group: Facts, playbook: Facts, channel: str, facts: Facts, days: list[date], taken: Counter[date], money: _Purse
) -> list[Facts]:
    reached = group["reachable"][channel]
    offer = _offer(playbook, facts["offers"], reached, money)
    first = _day(group, days, taken)
    steps = [_step(first, group, playbook, channel, offer, playbook["subject"], playbook["body"], _why(group))]
    second = first + timedelta(days=3)
    if group["group"] in REMINDED and second in days:
        taken[second] += 1
        reason = f"A short reminder three days later: {group['label'].lower()} members rarely answer at once."
        steps.append(
            _step(second, group, playbook, channel, None, REMINDER_SUBJECT, REMINDER_BODY, reason)
        )
    return steps


REMINDER_SUBJECT = "{{ member.first_name }}, still thinking it over?"
REMINDER_BODY = (
    "Hello {{ member.first_name }},\n\n"
    "we wrote a few days ago and only want to say it once more: we would be glad to see you at {{ store.name }}. "
    "You have {{ member.points }} points with us.\n\n"
    "{{ business.name }}"
)


def _offer(playbook: Facts, offers: list[Facts], reached: int, money: _Purse) -> str | None:
    made = sorted((offer for offer in offers if offer["code"] in playbook["offers"]), key=lambda offer: Decimal(offer["cost"]))
    for offer in made:
        if money.pay(Decimal(offer["cost"]) * reached):
            return str(offer["code"])
    return None


def _day(group: Facts, days: list[date], taken: Counter[date]) -> date:
    """The day before the group's usual one; a fuller day gives way to an emptier one nearby."""
    wanted = next((day for day in days if day.isoweekday() % 7 == (group["usual_weekday"] - 1) % 7), days[0])
    chosen = min(days, key=lambda day: (max(taken[day] - 1, 0), abs((day - wanted).days), day))
    taken[chosen] += 1
    return chosen


def _step(
    day: date, group: Facts, playbook: Facts, channel: str, offer: str | None, subject: str, body: str, reason: str
) -> Facts:
    hour = min(max(group["usual_hour"] - 1, EARLIEST_HOUR), LATEST_HOUR)
    return {
        "day": day.isoformat(),
        "send_at": f"{hour:02d}:00",
        "group": group["group"],
        "playbook": playbook["id"],
        "offer": offer,
        "channel": channel,
        "subject": subject,
        "body": body if offer or "{{ offer" not in body else _without_offer(body),
        "reason": reason,
    }


def _without_offer(body: str) -> str:
    """The playbook's text without the paragraphs that speak of an offer."""
    return "\n\n".join(paragraph for paragraph in body.split("\n\n") if "{{ offer" not in paragraph)


def _why(group: Facts) -> str:
    weekday = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")[group["usual_weekday"] - 1]
    return f"They mostly shop on {weekday} around {group['usual_hour']}:00, so they hear from us the day before."
