from tracking.queries.log import (
    FollowerState,
    event_names,
    events,
    events_about,
    failing_dispatches,
    follower_states,
    owed_dispatches,
)

__all__ = [
    "FollowerState",
    "event_names",
    "events",
    "events_about",
    "failing_dispatches",
    "follower_states",
    "owed_dispatches",
]
