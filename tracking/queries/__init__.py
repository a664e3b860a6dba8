from tracking.queries.counts import Statistics, counts_by_system, statistics
from tracking.queries.log import (
    FollowerState,
    event_names,
    events,
    events_about,
    events_left,
    failing_dispatches,
    follower_states,
    is_ahead_of_its_server,
    owed_dispatches,
)

__all__ = [
    "FollowerState",
    "Statistics",
    "counts_by_system",
    "event_names",
    "events",
    "events_about",
    "events_left",
    "failing_dispatches",
    "follower_states",
    "is_ahead_of_its_server",
    "owed_dispatches",
    "statistics",
]
