"""Look up and correct anything. Every write goes through the action that the other pages use."""

from loyalty.admin import counter, members, people, points, rewards, shop, trail

__all__ = ["counter", "members", "people", "points", "rewards", "shop", "trail"]
