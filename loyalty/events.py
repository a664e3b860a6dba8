from dataclasses import dataclass

from tracking.events import DomainEvent


@dataclass(frozen=True, kw_only=True)
class MemberJoined(DomainEvent):
    """Somebody has become a member."""

    name = "member.joined"
    told = ("source",)
    source: str


@dataclass(frozen=True, kw_only=True)
class ConsentChanged(DomainEvent):
    """A member allowed or withdrew something. It is the evidence: what, on which words, where."""

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
class PointsExpired(DomainEvent):
    """Points that were not used in time."""

    name = "points.expired"
    told = ("points",)
    is_passive = True
    points: int


@dataclass(frozen=True, kw_only=True)
class TierChanged(DomainEvent):
    """A member has reached another tier, or lost one. Empty: no tier."""

    name = "tier.changed"
    told = ("tier", "was", "is_up")
    is_passive = True
    tier: str
    was: str
    is_up: bool


@dataclass(frozen=True, kw_only=True)
class OrderDelivered(DomainEvent):
    """An order has reached its member."""

    name = "order.delivered"
    told = ("order",)
    is_passive = True
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


@dataclass(frozen=True, kw_only=True)
class RewardHeld(DomainEvent):
    """A member has locked points for a reward, to be handed over at the counter."""

    name = "reward.held"
    told = ("reward", "points")
    reward: str
    points: int


@dataclass(frozen=True, kw_only=True)
class RewardRedeemed(DomainEvent):
    """A held reward was handed over at the counter."""

    name = "reward.redeemed"
    told = ("reward", "points", "store", "proof")
    reward: str
    points: int
    store: str
    proof: str


@dataclass(frozen=True, kw_only=True)
class RewardReleased(DomainEvent):
    """A hold ended without its reward: given back, or run out. The points are the member's again."""

    name = "reward.released"
    told = ("reward", "points", "ran_out")
    is_passive = True
    reward: str
    points: int
    ran_out: bool


@dataclass(frozen=True, kw_only=True)
class ProductScanned(DomainEvent):
    """A member has read a product's code."""

    name = "product.scanned"
    told = ("sku", "batch", "points")
    sku: str
    batch: str
    points: int


@dataclass(frozen=True, kw_only=True)
class ReferralJoined(DomainEvent):
    """A friend joined by the link of the member this is about. `reasons` say why it waits for review, if it does."""

    name = "referral.joined"
    told = ("is_held",)
    is_passive = True
    friend: str
    is_held: bool
    reasons: list[str]


@dataclass(frozen=True, kw_only=True)
class ReferralRewarded(DomainEvent):
    """A friend's first purchase brought points to both; this is about who brought the friend."""

    name = "referral.rewarded"
    told = ("points",)
    is_passive = True
    friend: str
    points: int


@dataclass(frozen=True, kw_only=True)
class ProductWished(DomainEvent):
    """A member has put a product on their wishlist."""

    name = "wishlist.added"
    told = ("sku",)
    sku: str


@dataclass(frozen=True, kw_only=True)
class BackInStock(DomainEvent):
    """A product on the member's wishlist can be bought again."""

    name = "wishlist.back_in_stock"
    told = ("sku",)
    is_passive = True
    sku: str
    product: str


@dataclass(frozen=True, kw_only=True)
class PriceDropped(DomainEvent):
    """A product on the member's wishlist costs less than the member knows. Prices as text keep their cents."""

    name = "wishlist.price_dropped"
    told = ("sku", "price", "was")
    is_passive = True
    sku: str
    product: str
    price: str
    was: str


@dataclass(frozen=True, kw_only=True)
class MemberLeft(DomainEvent):
    """A member asked to be forgotten. Whoever keeps something personal about them empties it."""

    name = "member.left"
    told = ()
    forgets = True


@dataclass(frozen=True, kw_only=True)
class MembersMerged(DomainEvent):
    """Two members were one person. `merged` is the public id of who was given up."""

    name = "members.merged"
    merged: str


@dataclass(frozen=True, kw_only=True)
class MergeUndone(DomainEvent):
    name = "members.merge_undone"
    merged: str
