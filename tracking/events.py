"""The vocabulary of things that happen: typed, frozen, past tense, JSON-friendly."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, kw_only=True)
class DomainEvent:
    """Something one app did and others may react to. `subject` is the public id of what it is about.

    `told` names the properties that may stand beside what systems send, where a partner's people see them, too. Only
    an event whose subject is a member has it, and it names nothing that says who or where they are or that opens what
    is theirs. None keeps the whole event in this log. One with something in `untold_with` is not told either. What is
    `is_passive` was done to the member or for them: it is told, and makes nobody active. Who hears of one
    that `forgets` is to empty whatever they keep about the member.
    """

    name: ClassVar[str]
    told: ClassVar[tuple[str, ...] | None] = None
    untold_with: ClassVar[str | None] = None
    is_passive: ClassVar[bool] = False
    forgets: ClassVar[bool] = False
    subject: str

    def properties(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "subject"}


def told_events(of: type[DomainEvent] = DomainEvent) -> Iterator[type[DomainEvent]]:
    """Every class of events that is told, whichever app declares it."""
    for kind in of.__subclasses__():
        if kind.told is not None:
            yield kind
        yield from told_events(kind)
