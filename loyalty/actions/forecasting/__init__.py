"""What each member will probably do next: fitted each night, kept by version (see docs/forecasts.md)."""

from collections.abc import Callable
from datetime import datetime

from loyalty.actions.forecasting.requests import (
    TOPIC,
    NotPinned,
    let_refits_take_over,
    request_refit,
    use_version,
    waiting,
)


def run(run_id: int, *, clock: Callable[[], datetime]) -> bool:
    """Do what the row says. False when it is not wanted (any more), or when another run is at work: then it waits."""
    from loyalty.actions.forecasting import runs  # numpy and scipy are 24 MB that most processes never need

    return runs.run(run_id, clock=clock)


__all__ = ["TOPIC", "NotPinned", "let_refits_take_over", "request_refit", "run", "use_version", "waiting"]
