from dataclasses import dataclass

from tracking.events import DomainEvent


@dataclass(frozen=True, kw_only=True)
class PlanApproved(DomainEvent):
    """`subject` is the campaign's public id."""

    name = "plan.approved"
    plan: str
    sends: int
    approved_by: int


@dataclass(frozen=True, kw_only=True)
class CampaignMoved(DomainEvent):
    """A campaign was started, paused, resumed, finished or cancelled."""

    name = "campaign.moved"
    status: str
    by: int | None


@dataclass(frozen=True, kw_only=True)
class MessageSent(DomainEvent):
    """A message has left us. `subject` is the member's public id, here and below."""

    name = "message.sent"
    told = ("send", "campaign", "channel")
    is_passive = True
    send: str
    campaign: str
    channel: str


@dataclass(frozen=True, kw_only=True)
class MessageFailed(DomainEvent):
    """Every try failed, or the provider refused for good."""

    name = "message.failed"
    told = ("send", "campaign", "channel")
    is_passive = True
    send: str
    campaign: str
    channel: str


@dataclass(frozen=True, kw_only=True)
class MessageDelivered(DomainEvent):
    """It arrived: its provider says so, or somebody used a link in it."""

    name = "message.delivered"
    told = ("send", "campaign", "channel")
    is_passive = True
    send: str
    campaign: str
    channel: str


@dataclass(frozen=True, kw_only=True)
class MessageBounced(DomainEvent):
    """It came back."""

    name = "message.bounced"
    told = ("send", "campaign", "channel", "is_permanent")
    is_passive = True
    send: str
    campaign: str
    channel: str
    is_permanent: bool


@dataclass(frozen=True, kw_only=True)
class MessageComplained(DomainEvent):
    """The member marked it as spam."""

    name = "message.complained"
    told = ("send", "campaign", "channel")
    send: str
    campaign: str
    channel: str


@dataclass(frozen=True, kw_only=True)
class MessageOpened(DomainEvent):
    """Its reader's mail program has fetched the pictures."""

    name = "message.opened"
    told = ("send", "campaign")
    untold_with = "machine"
    send: str
    campaign: str
    machine: str


@dataclass(frozen=True, kw_only=True)
class MessageClicked(DomainEvent):
    """The member has used a link in it."""

    name = "message.clicked"
    told = ("send", "campaign")
    untold_with = "machine"
    send: str
    campaign: str
    url: str
    machine: str


@dataclass(frozen=True, kw_only=True)
class MemberUnsubscribed(DomainEvent):
    """A member wants no more of these messages."""

    name = "member.unsubscribed"
    told = ("send", "campaign", "channel")
    send: str
    campaign: str
    channel: str
