from dataclasses import dataclass

from tracking.events import DomainEvent


@dataclass(frozen=True, kw_only=True)
class MemberJoined(DomainEvent):
    name = "member.joined"
    told = ("source",)
    source: str


@dataclass(frozen=True, kw_only=True)
class ConsentChanged(DomainEvent):
    """The evidence: what was allowed or withdrawn, on which words, where."""

    name = "consent.changed"
    told = ("channel", "topic", "is_granted", "source")
    is_passive = True
    channel: str
    topic: str
    is_granted: bool
    wording: str
    source: str
    address: str | None


@dataclass(frozen=True, kw_only=True)
class OrderPaid(DomainEvent):
    """An order of a known member is complete for the first time. `total` as text keeps its cents."""

    name = "order.paid"
    told = ("order", "store", "total", "currency")
    order: str
    store: str
    total: str
    currency: str


@dataclass(frozen=True, kw_only=True)
class OrderAmended(DomainEvent):
    """More lines, or a return, reached an order that was known already. `total` is the new one."""

    name = "order.amended"
    told = ("order", "total", "currency")
    is_passive = True
    order: str
    total: str
    currency: str


@dataclass(frozen=True, kw_only=True)
class PointsAwarded(DomainEvent):
    """Points entered for an order: negative for a return."""

    name = "points.awarded"
    told = ("points", "order")
    is_passive = True
    points: int
    order: str


@dataclass(frozen=True, kw_only=True)
class MembersExported(DomainEvent):
    """Somebody took the list of members out of the house. `subject` is that person's email."""

    name = "members.exported"
    filters: dict[str, str]
    is_masked: bool


@dataclass(frozen=True, kw_only=True)
class PurchasesImported(DomainEvent):
    """A whole file is in. Later in the log than the orders it brought. `subject` is the import's public id."""

    name = "purchases.imported"
    lines_new: int
