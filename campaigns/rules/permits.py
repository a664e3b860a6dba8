"""What rules of law and of providers say of a message, and who is held out. Plain Python."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import md5
from uuid import UUID

DENY, GATE, ALLOW = "deny", "gate", "allow"
_STRICTEST_FIRST = (DENY, GATE, ALLOW)
HOLDOUT_SALT = "holdout"


@dataclass(frozen=True)
class Ruling:
    """One row of the policy table. An empty field means any."""

    vertical: str
    state: str
    channel: str
    provider: str
    verdict: str
    reason: str

    def concerns(self, *, vertical: str, state: str, channel: str, provider: str) -> bool:
        asked = (vertical, state, channel, provider)
        return all(own in ("", value) for own, value in zip(self._fields, asked, strict=True))

    @property
    def narrowness(self) -> int:
        return sum(field != "" for field in self._fields)

    @property
    def _fields(self) -> tuple[str, str, str, str]:
        return self.vertical, self.state, self.channel, self.provider


def ruling(rulings: Iterable[Ruling], *, vertical: str, state: str, channel: str, provider: str) -> Ruling | None:
    """The one that decides: the narrowest that concerns this message, and of equally narrow ones the strictest."""
    asked = {"vertical": vertical, "state": state, "channel": channel, "provider": provider}
    concerned = [each for each in rulings if each.concerns(**asked)]
    return min(concerned, key=lambda each: (-each.narrowness, _STRICTEST_FIRST.index(each.verdict)), default=None)


def is_held_out(member: UUID, percent: int) -> bool:
    """Whether this member gets no marketing at all, so that the others can be compared with them.

    The first 32 bits of an MD5 in percent: the same members in every campaign, and more of them when it grows.
    `campaigns.sending.gate` says the same in SQL.
    """
    digest = md5(f"{HOLDOUT_SALT}{member}".encode(), usedforsecurity=False).hexdigest()
    return int(digest[:8], 16) % 100 < percent
