from datetime import datetime

from campaigns.actions import sends
from integrations.events import MessageDelivered
from loyalty.events import MemberLeft
from tracking.bus import on


@on(MessageDelivered)
def mark_delivered(event: MessageDelivered) -> None:
    sends.mark_delivered(provider_id=event.provider_id, at=datetime.fromisoformat(event.delivered_at))


@on(MemberLeft)
def forget_addresses(event: MemberLeft) -> None:
    sends.forget_member(public_id=event.subject)
