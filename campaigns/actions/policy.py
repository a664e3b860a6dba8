from django.db import transaction

from campaigns.models import CampaignPolicy
from campaigns.queries.policy import policy


@transaction.atomic
def change_policy(
    *, needs_second_person: bool, max_retries: int, retry_minutes: int, attribution_days: int
) -> CampaignPolicy:
    """How campaigns run from now on; sends that wait follow the new numbers."""
    row = policy()
    row.needs_second_person, row.max_retries = needs_second_person, max_retries
    row.retry_minutes, row.attribution_days = retry_minutes, attribution_days
    row.save(update_fields=["needs_second_person", "max_retries", "retry_minutes", "attribution_days"])
    return row
