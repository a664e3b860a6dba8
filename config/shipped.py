"""What a new copy starts with: settings, segments, an earn rule, playbooks and offers. Written once; then yours."""

from typing import Any

from django.utils import timezone

from campaigns.actions import playbooks, policy
from loyalty.actions import business, points, programme, segments


def write_defaults(**_: Any) -> None:
    now = timezone.now()
    business.ship_business()
    policy.ship_policy()
    programme.ship_programme()
    points.ship_earn_rule()
    segments.ship_segments(now=now)
    playbooks.ship_playbooks()
