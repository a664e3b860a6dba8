from django.utils import timezone

from campaigns.actions import hours, sends
from integrations.events import PushDeviceGone
from loyalty.actions import push
from loyalty.events import MemberLeft
from tracking.bus import on


@on(MemberLeft)
def forget_addresses(event: MemberLeft) -> None:
    sends.forget_member(public_id=event.subject)
    hours.forget_hour(public_id=event.subject)


@on(PushDeviceGone)
def forget_push_device(event: PushDeviceGone) -> None:
    push.forget(endpoint_digest=event.subject, now=timezone.now())
