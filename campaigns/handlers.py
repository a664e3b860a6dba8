from django.utils import timezone

from campaigns.actions import sends
from integrations.events import MessageDelivered
from tracking.bus import on


@on(MessageDelivered)
def mark_delivered(event: MessageDelivered) -> None:
    sends.mark_delivered(provider_id=event.subject, at=timezone.now())
