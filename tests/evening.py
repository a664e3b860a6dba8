import datetime as dt


def evening_zone() -> str:
    """A zone where it is between 20 and 21 o'clock now: after every hour at which the rules let a message go."""
    ahead = 20 - dt.datetime.now(dt.UTC).hour
    ahead -= 24 if ahead > 14 else 0
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"
