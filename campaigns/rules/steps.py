"""What can change in a step of a plan under review, as it is kept for undoing. Plain Python."""

from dataclasses import asdict, dataclass, fields, replace
from datetime import date, time
from typing import Any, Self

_CALLED = {
    "day": "day",
    "timing": "when",
    "send_at": "time",
    "template": "template",
    "offer": "offer",
    "subject": "subject",
    "body": "text",
    "translations": "other languages",
    "picture": "picture",
    "is_removed": "left out",
    "experiment": "other wordings",
}


@dataclass(frozen=True)
class StepState:
    """`day` as YYYY-MM-DD, `send_at` as HH:MM, `template`, `offer` and `picture` by their ids.

    `experiment` holds how other wordings are tried and what they say, as campaigns.actions.experiments writes them.
    """

    day: str
    timing: str
    send_at: str
    template: int | None
    offer: int | None
    subject: str
    body: str
    translations: dict[str, Any]
    is_removed: bool
    picture: int | None = None
    experiment: dict[str, Any] | None = None

    def as_kept(self, kept: dict[str, Any]) -> Self:
        """What was `kept` of it; what nobody kept then is as it is here."""
        return replace(self, **{field.name: kept[field.name] for field in fields(self) if field.name in kept})

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def date(self) -> date:
        return date.fromisoformat(self.day)

    @property
    def time(self) -> time:
        return time.fromisoformat(self.send_at)


def told(before: dict[str, Any], after: dict[str, Any]) -> str:
    """What differs, for people: `day, text`."""
    return ", ".join(words for name, words in _CALLED.items() if before.get(name) != after.get(name))
