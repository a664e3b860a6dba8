from datetime import datetime


def ship_segments(*, now: datetime) -> None:
    pass
