"""What each member will probably do next: fitted each night, kept by version (see docs/forecasts.md)."""

from loyalty.actions.forecasting.runs import (
    TOPIC,
    NotPinned,
    let_refits_take_over,
    request_refit,
    run,
    use_version,
    waiting,
)

__all__ = ["TOPIC", "NotPinned", "let_refits_take_over", "request_refit", "run", "use_version", "waiting"]
