"""What a new copy starts with: settings, segments, an earn rule, what the law says, playbooks and offers.

Written once; then yours.
"""

from typing import Any

from django.utils import timezone

from campaigns.actions import brand_kit, permits, playbooks, policy, voice
from loyalty.actions import business, points, programme, reward_policies, segments


def write_defaults(**_: Any) -> None:
    now = timezone.now()
    business.ship_business()
    policy.ship_policy()
    brand_kit.ship_brand_kit()
    voice.ship_brand_voice()
    permits.ship_permits()
    programme.ship_programme()
    points.ship_earn_rule()
    reward_policies.ship_reward_policies()
    segments.ship_segments(now=now)
    playbooks.ship_playbooks()
