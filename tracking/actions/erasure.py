"""The one exception to a log that only grows: what somebody has a right to have forgotten."""

from collections.abc import Sequence

from django.db import connection, transaction

from tracking.models import Event


@transaction.atomic
def blank_properties(*, subject: str, name: str, properties: Sequence[str]) -> int:
    """Empty these properties of every event of this name about somebody; that it happened stays. How many events."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE {Event._meta.db_table}
            SET properties = properties || (SELECT jsonb_object_agg(word, NULL) FROM unnest(%s::text[]) AS word)
            WHERE subject = %s AND name = %s
            """,
            [list(properties), subject, name],
        )
        return cursor.rowcount
