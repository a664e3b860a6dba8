"""What integrations does when the log says something happened. Imported at start-up (see integrations.apps)."""

from collections.abc import Sequence

from django.utils import timezone

from integrations.outbound import following
from tracking.bus import follow


def nothing_to_tell_again() -> None:
    """What was told is known by its event: reading the log again tells what is missing, and nothing twice."""


@follow(following.FOLLOWER, reset=nothing_to_tell_again)
def owe_destinations(event_ids: Sequence[int]) -> None:
    following.owe(event_ids, now=timezone.now())
