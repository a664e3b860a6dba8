"""Rows that are kept for some time. Dropped a page at a time, the oldest first, so that nobody waits for long."""

import calendar
from datetime import datetime, timedelta
from time import monotonic

from django.db.models import Model, QuerySet

A_PAGE = 5_000


def months_before(now: datetime, months: int) -> datetime:
    """The same day of the month and time of day; the last day of a month that is shorter."""
    year, month = divmod(now.year * 12 + now.month - 1 - months, 12)
    return now.replace(year=year, month=month + 1, day=min(now.day, calendar.monthrange(year, month + 1)[1]))


def drop_older(rows: QuerySet[Model], *, field: str, than: datetime, within: timedelta, page: int = A_PAGE) -> int:
    """Delete those of `rows` whose `field` is older; how many. What there is no time for waits for the next call.

    For tables that grow in the order of `field`: they are read from their first row on, by the primary key, until a
    page has nothing old in it.
    """
    dropped, after, ends = 0, 0, monotonic() + within.total_seconds()
    every = rows.model._default_manager.order_by("pk").values_list("pk", field)
    while seen := list(every.filter(pk__gt=after)[:page]):
        old = [number for number, at in seen if at < than]
        if not old:
            break
        dropped += rows.filter(pk__in=old).delete()[0]
        after = seen[-1][0]
        if monotonic() > ends:
            break
    return dropped
