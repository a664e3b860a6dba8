"""The vocabulary of things that happen: typed, frozen, past tense, JSON-friendly."""

from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, kw_only=True)
class DomainEvent:
    """Something one app did and others may react to. `subject` is the public id of what it is about."""

    name: ClassVar[str]
    subject: str

    def properties(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "subject"}
