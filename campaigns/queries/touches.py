from datetime import datetime

from campaigns.models import ReceivedTouch


def oldest_waiting_touch() -> datetime | None:
    """When the first opening or click was heard that has not been taken up; None while none waits."""
    return ReceivedTouch.objects.order_by("pk").values_list("at", flat=True).first()
