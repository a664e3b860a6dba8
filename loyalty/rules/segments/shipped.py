"""The segments a new copy starts with: one for each named group, and some that make sense for any shop."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from loyalty.rules.segments.grammar import Rule


@dataclass(frozen=True)
class ShippedSegment:
    name: str
    description: str
    rule: Rule


DESCRIPTIONS = {
    "champions": "Bought just now, buy often and spend the most.",
    "loyal": "Buy often and spend well.",
    "potential_loyalists": "Bought lately, a few times or for a good sum; the next visits decide.",
    "new": "Bought for the first time just now.",
    "promising": "Bought lately, little so far.",
    "need_attention": "In the middle of everything, and drifting.",
    "about_to_sleep": "Not seen for a while, and never came often.",
    "at_risk": "Used to buy well, not seen for long.",
    "cannot_lose": "Were among the best, and stay away.",
    "hibernating": "Bought little, long ago.",
    "lost": "Bought least, longest ago.",
}


def _is(field: str, operator: str, value: object) -> Rule:
    return {"field": field, "is": operator, "value": value}


OTHERS = (
    ShippedSegment(
        "Everybody who may get email",
        "Has an email address and allows marketing by email.",
        {"all": [_is("member.has_email", "exactly", True), _is("member.email_marketing", "exactly", True)]},
    ),
    ShippedSegment(
        "Night buyers",
        "At least half of their orders are made between 21:00 and 5:00.",
        {"all": [_is("score.night_buyer", "exactly", True)]},
    ),
    ShippedSegment(
        "Joined in the last 30 days",
        "Their first impression is being made now.",
        {"all": [_is("member.joined", "at_most", 30)]},
    ),
    ShippedSegment(
        "Bought once, over 30 days ago",
        "One order, and no second visit yet.",
        {"all": [_is("stats.orders", "exactly", 1), _is("stats.last_order", "at_least", 31)]},
    ),
    ShippedSegment(
        "Came four times in 60 days",
        "The regulars of these weeks.",
        {"all": [_is("orders.any", "at_least", {"times": 4, "days": 60})]},
    ),
    ShippedSegment(
        "Joined, never bought",
        "Members without an order.",
        {"all": [_is("stats.orders", "exactly", 0)]},
    ),
)


def shipped_segments(groups: Iterable[tuple[str, str]]) -> Iterator[ShippedSegment]:
    """`groups` are the named groups of the score: value and label."""
    for group, label in groups:
        yield ShippedSegment(label, DESCRIPTIONS[group], {"all": [_is("score.group", "one_of", [group])]})
    yield from OTHERS
