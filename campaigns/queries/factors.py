"""What the shop's own holdouts say of the shares that ranking assumes."""

from collections.abc import Mapping
from datetime import datetime

from campaigns.rules.priority import Factor


def factors_by_group(*, now: datetime) -> Mapping[str, Factor]:
    """By group; a group that was never measured is not there, and goes by the assumptions."""
    return {}
