"""The nightly comparison of what accounts keep with what they are made of."""

import logging
from collections.abc import Callable
from datetime import datetime
from itertools import islice

from django.db import transaction

from loyalty.models import LedgerCheck
from loyalty.queries.points import NAMED, differences, size_of_ledger

logger = logging.getLogger(__name__)


@transaction.atomic
def check_ledger(*, clock: Callable[[], datetime]) -> LedgerCheck:
    """Compare every account, at one instant, and keep what was found. Nothing is corrected: a person decides."""
    started_at = clock()
    found = differences()  # by one statement, so nothing moves while it compares
    named = [difference.as_json() for difference in islice(found, NAMED)]
    count = len(named) + sum(1 for _ in found)
    accounts, entries = size_of_ledger()
    if count:
        logger.error("The ledger of points does not add up for %d accounts; the first: %s", count, named[0])
    return LedgerCheck.objects.create(
        started_at=started_at,
        finished_at=clock(),
        accounts=accounts,
        entries=entries,
        differences=named,
        difference_count=count,
    )
