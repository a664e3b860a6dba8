"""Which message an order is put down to. Plain Python."""

from collections.abc import Mapping
from dataclasses import dataclass

LAST, FIRST, EVEN = "LAST", "FIRST", "EVEN"
# What a channel's messages can tell of: nobody hears whether a text was opened.
WINDOWS = (
    *("email_click", "email_open", "email_delivered"),
    *("sms_click", "sms_delivered"),
    *("push_click", "push_delivered"),
)


@dataclass(frozen=True)
class AttributionRules:
    """`hours` by the names of WINDOWS: how long after it an order counts; 0 for never."""

    rule: str
    hours: Mapping[str, int]

    def counts(self, interaction: str) -> bool:
        """Whether a click, open or delivered counts in any channel."""
        return any(hours for name, hours in self.hours.items() if name.endswith(f"_{interaction}"))

    @property
    def when(self) -> str:
        """`within 7 days of a click`, or that there are several windows."""
        clicks = {hours for name, hours in self.hours.items() if name.endswith("_click")}
        if len(clicks) > 1 or not any(clicks) or self.counts("open") or self.counts("delivered"):
            return "within the hours you have set"
        (hours,) = clicks
        return f"within {hours // 24} days of a click" if hours % 24 == 0 else f"within {hours} hours of a click"

    @property
    def who(self) -> str:
        """Which of several messages has it, in a sentence."""
        what = "click" if not (self.counts("open") or self.counts("delivered")) else "touch"
        if self.rule == EVEN:
            return f"Messages with a {what} before an order share it evenly."
        return f"The {'first' if self.rule == FIRST else 'last'} {what} has the order."
