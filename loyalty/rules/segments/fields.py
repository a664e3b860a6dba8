"""What a rule can ask about a member."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    NUMBER = "number"  # a whole number
    MONEY = "money"  # text with at most two decimals, such as "12.50"
    DAYS_AGO = "days_ago"  # whole days before today, in the business's time zone
    CHOICE = "choice"  # a list of texts: any of them
    FLAG = "flag"  # true or false
    TIMES = "times"  # {"of": text, "times": number, "days": number}: how often within the last days


AT_LEAST, AT_MOST, EXACTLY, ONE_OF = "at_least", "at_most", "exactly", "one_of"

OPERATORS = {
    Kind.NUMBER: (AT_LEAST, AT_MOST, EXACTLY),
    Kind.MONEY: (AT_LEAST, AT_MOST),
    Kind.DAYS_AGO: (AT_LEAST, AT_MOST),
    Kind.CHOICE: (ONE_OF,),
    Kind.FLAG: (EXACTLY,),
    Kind.TIMES: (AT_LEAST, AT_MOST),
}


@dataclass(frozen=True)
class Field:
    """`of` is what a TIMES field counts, in words; None: it counts everything of its sort.

    `opposite` is the label of a flag that is off.
    """

    name: str
    label: str
    kind: Kind
    of: str | None = None
    opposite: str = ""
    largest: int = 1_000_000

    @property
    def topic(self) -> str:
        return self.name.partition(".")[0]

    @property
    def operators(self) -> tuple[str, ...]:
        return OPERATORS[self.kind]


TOPICS = {
    "member": "Member",
    "stats": "Purchases so far",
    "score": "Score",
    "forecast": "Forecast",
    "orders": "Purchases lately",
    "events": "Events",
}

FIELDS = {
    field.name: field
    for field in (
        Field("member.joined", "joined", Kind.DAYS_AGO, largest=36_500),
        Field("member.age", "age", Kind.NUMBER, largest=150),
        Field("member.home_store", "home store", Kind.CHOICE),
        Field("member.has_email", "has an email address", Kind.FLAG, opposite="has no email address"),
        Field("member.has_phone", "has a phone number", Kind.FLAG, opposite="has no phone number"),
        Field(
            "member.email_marketing",
            "allows marketing by email",
            Kind.FLAG,
            opposite="does not allow marketing by email",
        ),
        Field("member.sms_marketing", "allows marketing by SMS", Kind.FLAG, opposite="does not allow marketing by SMS"),
        Field("stats.orders", "number of orders", Kind.NUMBER),
        Field("stats.spent", "spent in all", Kind.MONEY),
        Field("stats.average_order", "average order", Kind.MONEY),
        Field("stats.first_order", "first order", Kind.DAYS_AGO, largest=36_500),
        Field("stats.last_order", "last order", Kind.DAYS_AGO, largest=36_500),
        Field("stats.primary_category", "favourite category", Kind.CHOICE),
        Field("stats.night_orders", "number of night orders", Kind.NUMBER),
        Field("score.group", "group", Kind.CHOICE),
        Field("score.recency", "recency score", Kind.NUMBER, largest=5),
        Field("score.frequency", "frequency score", Kind.NUMBER, largest=5),
        Field("score.monetary", "monetary score", Kind.NUMBER, largest=5),
        Field("score.night_buyer", "is a night buyer", Kind.FLAG, opposite="is no night buyer"),
        Field("forecast.churn_risk", "churn risk", Kind.CHOICE),
        Field("forecast.return_percent", "chance to come back in 90 days, in percent", Kind.NUMBER, largest=100),
        Field("forecast.alive_percent", "chance to be a customer still, in percent", Kind.NUMBER, largest=100),
        Field("forecast.value", "expected to spend in 90 days", Kind.MONEY),
        Field("forecast.next_category", "likely next category", Kind.CHOICE),
        Field("orders.any", "ordered anything", Kind.TIMES),
        Field("orders.category", "bought category", Kind.TIMES, of="category"),
        Field("orders.product", "bought product", Kind.TIMES, of="SKU"),
        Field("orders.store", "ordered at store", Kind.TIMES, of="store code"),
        Field("events.happened", "event happened", Kind.TIMES, of="event name"),
        # A saved funnel's id and the number of the last step that was reached: "<uuid>:2".
        Field("events.left_funnel", "where a funnel was left", Kind.CHOICE),
    )
}
