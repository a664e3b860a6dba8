"""What a new copy starts with: segments, an earn rule, playbooks and offers. Written once; yours to change."""

from typing import Any

from django.utils import timezone

from campaigns.actions import playbooks
from loyalty.actions import points, segments


def write_defaults(**_: Any) -> None:
    now = timezone.now()
    points.ship_earn_rule()
    segments.ship_segments(now=now)
    playbooks.ship_playbooks()
