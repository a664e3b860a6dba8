"""Lines on their way in: temporary tables of this database session, and what the shop's own tables say of them.

Everything here reads the shop's tables and writes none of them, so it is the dry run as well. Sets, not rows: a
line is touched by Python once, when it is read.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from django.db import DataError, connection, transaction

from loyalty.rules.purchases import Purchase

Parameters = Sequence[Any] | Mapping[str, Any]
ORDERS_IN_A_BATCH = 5_000
_COLUMNS = ", ".join(("line_number", *Purchase._fields))
TABLES = (
    "incoming", "incoming_orders", "incoming_lines", "incoming_people", "incoming_refusals", "incoming_kept",
    "incoming_consents", "incoming_products", "incoming_stores",
)  # fmt: skip


@contextmanager
def tables() -> Iterator[None]:
    """An empty `incoming` on this connection, and none of the tables afterwards."""
    drop()
    _make_room()
    execute("""
        CREATE TEMP TABLE incoming (
            line_number bigint, number text, base text, sku text, product text, quantity numeric, amount numeric,
            discount numeric, at timestamptz, store text, customer text, name text, email text, phone text,
            birth_date date, email_consent boolean, sms_consent boolean, brand text, category text, kind text,
            size text,
            person text GENERATED ALWAYS AS (coalesce('c' || customer, 'e' || email, 'p' || phone)) STORED
        )
    """)
    try:
        yield
    finally:
        if not connection.needs_rollback:
            drop()
            execute("RESET work_mem")


def drop() -> None:
    execute(f"DROP TABLE IF EXISTS {', '.join(TABLES)}")


def _make_room() -> None:
    """Let a file of a million lines be sorted and looked up in memory, for as long as it is here."""
    execute("SET work_mem = '64MB'")
    # PostgreSQL takes this only before a session's first temporary table. An earlier import has set it already; where
    # something else came first, an import is a little slower.
    with suppress(DataError), transaction.atomic():
        execute("SET temp_buffers = '96MB'")


def add(lines: Sequence[tuple[int, Purchase]]) -> None:
    with connection.cursor() as cursor, cursor.copy(f"COPY incoming ({_COLUMNS}) FROM STDIN") as copy:
        for line_number, purchase in lines:
            copy.write_row((line_number, *purchase))


def settle() -> Iterator[None]:
    """Compare what came in with what is known, one set at a time; control returns after each."""
    for statement in (*_ORDERS, *_LINES, *_PEOPLE, *_CONSENTS, *_CATALOGUE):
        execute(statement)
        yield


def execute(statement: str, parameters: Parameters = ()) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return cursor.rowcount


def rows(statement: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return cursor.fetchall()


# The first line that names a customer speaks for the whole order.
_ORDERS = (
    "ANALYZE incoming",
    f"""
    CREATE TEMP TABLE incoming_orders AS
    SELECT head.*, known.id AS order_id, known.member_id AS known_member_id,
           row_number() OVER (ORDER BY head.first_line) / {ORDERS_IN_A_BATCH} AS batch
    FROM (
        SELECT DISTINCT ON (number) number, person, store, at, line_number AS first_line
        FROM incoming ORDER BY number, person IS NULL, line_number
    ) head
    LEFT JOIN loyalty_order known ON known.number = head.number
    """,
    "CREATE INDEX ON incoming_orders (batch)",
    "ANALYZE incoming_orders",
)

# `key`: the product (or the file's line number) and its how-manieth occurrence in the order. Counted by content, so
# that the same lines in another sequence have the same keys.
_LINES = (
    """
    CREATE TEMP TABLE incoming_lines AS
    SELECT keyed.line_number, keyed.number, keyed.key, keyed.sku, keyed.quantity, keyed.amount, keyed.discount,
           o.batch, o.order_id, known.id AS line_id,
           known.id IS NOT NULL AND (known.quantity, known.amount, known.discount, product.sku)
               IS DISTINCT FROM (keyed.quantity, keyed.amount, keyed.discount, keyed.sku) AS is_changed,
           o.at <> keyed.at OR o.store <> keyed.store OR o.person <> keyed.person AS disagrees
    FROM (
        SELECT *, row_number() OVER (
            PARTITION BY number, base ORDER BY quantity, amount, discount, line_number
        ) || ':' || base AS key
        FROM incoming
    ) keyed
    JOIN incoming_orders o ON o.number = keyed.number
    LEFT JOIN loyalty_orderline known ON known.order_id = o.order_id AND known.key = keyed.key
    LEFT JOIN loyalty_product product ON product.id = known.product_id
    """,
    "CREATE INDEX ON incoming_lines (batch)",
    "ANALYZE incoming_lines",
)


def _one_person_for_each(contact: str) -> str:
    """Of several people who name the same email or phone, the first keeps it."""
    return f"""
    UPDATE incoming_people p SET {contact} = NULL, contact_taken = true
    FROM (
        SELECT person, row_number() OVER (PARTITION BY {contact} ORDER BY customer IS NULL, first_line) AS place
        FROM incoming_people WHERE {contact} IS NOT NULL AND canonical = person
    ) ranked
    WHERE ranked.person = p.person AND ranked.place > 1
    """


def _member_by(contact: str) -> str:
    """A member with this contact is this person, unless the two have different customer numbers."""
    return f"""
    UPDATE incoming_people p SET member_id = m.id FROM loyalty_member m
    WHERE p.member_id IS NULL AND p.canonical = p.person AND m.{contact} = p.{contact}
      AND (p.customer IS NULL OR m.external_id IS NULL)
      AND NOT EXISTS (SELECT FROM incoming_people other WHERE other.member_id = m.id)
    """


def _not_another_members(contact: str) -> str:
    return f"""
    UPDATE incoming_people p SET {contact} = NULL, contact_taken = true FROM loyalty_member m
    WHERE p.canonical = p.person AND m.{contact} = p.{contact} AND m.id IS DISTINCT FROM p.member_id
    """


# A person is known by customer number, else email, else phone. Somebody who gives only an email (or only a phone) is
# the one who gave it together with a number (or an email) elsewhere in the file. Of several birth dates the latest is
# taken: nobody comes of age by a slip of the pen. `batch` is the first in which the person bought anything.
_PEOPLE = (
    """
    CREATE TEMP TABLE incoming_people AS
    SELECT person, person AS canonical, said.customer, said.email, said.phone, said.name, said.birth_date,
           said.first_line, first.at AS joined_at, first.store, first.batch, NULL::bigint AS member_id,
           false AS is_known, false AS contact_taken, gen_random_uuid() AS public_id
    FROM (
        SELECT person, min(customer) AS customer, min(email) AS email, min(phone) AS phone,
               coalesce(min(nullif(name, '')), '') AS name, max(birth_date) AS birth_date,
               min(line_number) AS first_line
        FROM incoming WHERE person IS NOT NULL GROUP BY person
    ) said
    JOIN (
        SELECT DISTINCT ON (person) person, at, store, min(batch) OVER (PARTITION BY person) AS batch
        FROM incoming_orders WHERE person IS NOT NULL ORDER BY person, at
    ) first USING (person)
    """,
    "CREATE UNIQUE INDEX ON incoming_people (person)",
    "CREATE INDEX ON incoming_people (member_id)",
    "ANALYZE incoming_people",
    """
    UPDATE incoming_people p SET canonical = first.person
    FROM (
        SELECT DISTINCT ON (email) email, person FROM incoming_people
        WHERE email IS NOT NULL ORDER BY email, customer IS NULL, first_line
    ) first
    WHERE first.email = p.email AND p.customer IS NULL
    """,
    """
    UPDATE incoming_people p SET canonical = first.canonical
    FROM (
        SELECT DISTINCT ON (phone) phone, canonical FROM incoming_people
        WHERE phone IS NOT NULL ORDER BY phone, customer IS NULL, email IS NULL, first_line
    ) first
    WHERE first.phone = p.phone AND p.customer IS NULL AND p.email IS NULL
    """,
    """
    UPDATE incoming_people p SET
        birth_date = coalesce(p.birth_date, others.birth_date), batch = least(p.batch, others.batch)
    FROM (
        SELECT canonical, max(birth_date) AS birth_date, min(batch) AS batch FROM incoming_people
        WHERE canonical <> person GROUP BY canonical
    ) others
    WHERE p.person = others.canonical
    """,
    _one_person_for_each("email"),
    _one_person_for_each("phone"),
    "UPDATE incoming_people p SET member_id = m.id FROM loyalty_member m WHERE m.external_id = p.customer",
    _member_by("email"),
    _member_by("phone"),
    _not_another_members("email"),
    _not_another_members("phone"),
    "UPDATE incoming_people SET is_known = true WHERE member_id IS NOT NULL",
    "CREATE INDEX ON incoming_people (batch) WHERE canonical = person",
    "ANALYZE incoming_people",
)


def _refused_by(people: str, columns: str) -> str:
    """Whom each no concerns, of people with a `customer`, an `email` and a `phone`: whoever said it, and whoever has
    the address it was said of. An email names the person unless two customer numbers do; a phone, unless two emails do.
    """
    no_two_numbers = "(r.customer IS NULL OR p.customer IS NULL)"
    no_two_emails = "(r.email IS NULL OR p.email IS NULL)"
    return " UNION ALL ".join(
        f"SELECT {columns} FROM incoming_refusals r JOIN {people} ON {condition}"
        for condition in (
            "p.customer = r.customer",
            f"p.email = r.email AND (r.channel = 'email' OR {no_two_numbers})",
            f"p.phone = r.phone AND (r.channel = 'sms' OR ({no_two_numbers} AND {no_two_emails}))",
        )
    )


# One answer of each person for each channel: of several, the last no, and without any, the last yes to the address the
# shop keeps. A no counts wherever it stands: members who head no order of the file come in for it alone.
_CONSENTS = (
    """
    CREATE TEMP TABLE incoming_refusals AS
    SELECT DISTINCT ON (i.person, i.email, i.phone, said.channel)
           i.customer, i.email, i.phone, said.channel, i.line_number, i.at AS said_at, o.batch
    FROM incoming i
    JOIN incoming_orders o USING (number)
    CROSS JOIN LATERAL (VALUES ('email', i.email_consent), ('sms', i.sms_consent)) said (channel, is_granted)
    WHERE i.person IS NOT NULL AND NOT said.is_granted
    ORDER BY i.person, i.email, i.phone, said.channel, i.at DESC, i.line_number
    """,
    "ANALYZE incoming_refusals",
    f"""
    INSERT INTO incoming_people (person, canonical, name, batch, member_id, is_known, contact_taken)
    SELECT 'm' || concerned.id, 'm' || concerned.id, '', min(concerned.batch), concerned.id, true, false
    FROM ({
        _refused_by("(SELECT id, external_id AS customer, email, phone FROM loyalty_member) p ", "p.id, r.batch")
    }) concerned
    WHERE NOT EXISTS (SELECT FROM incoming_people known WHERE known.member_id = concerned.id)
    GROUP BY concerned.id
    """,
    """
    CREATE TEMP TABLE incoming_kept AS
    SELECT p.person, coalesce(m.external_id, p.customer) AS customer, coalesce(m.email, p.email) AS email,
           coalesce(m.phone, p.phone) AS phone
    FROM incoming_people p LEFT JOIN loyalty_member m ON m.id = p.member_id
    WHERE p.canonical = p.person
    """,
    "ANALYZE incoming_kept",
    f"""
    CREATE TEMP TABLE incoming_consents AS
    SELECT DISTINCT ON (person, channel) * FROM (
        SELECT p.canonical AS person, said.channel, said.is_granted, i.line_number, i.at AS said_at,
               said.is_granted AND said.address IS NOT NULL AND said.address IS DISTINCT FROM said.kept AS is_elsewhere
        FROM incoming i
        JOIN incoming_people p USING (person)
        JOIN incoming_kept kept ON kept.person = p.canonical
        CROSS JOIN LATERAL (VALUES
            ('email', i.email_consent, i.email, kept.email), ('sms', i.sms_consent, i.phone, kept.phone)
        ) said (channel, is_granted, address, kept)
        WHERE (i.email_consent IS NOT NULL OR i.sms_consent IS NOT NULL) AND said.is_granted IS NOT NULL
        UNION ALL
        {_refused_by("incoming_kept p", "p.person, r.channel, false, r.line_number, r.said_at, false")}
    ) answers
    ORDER BY person, channel, is_granted, is_elsewhere, said_at DESC, line_number
    """,
    "CREATE INDEX ON incoming_consents (person)",
    "ANALYZE incoming_consents",
)

_CATALOGUE = (
    """
    CREATE TEMP TABLE incoming_products AS
    SELECT DISTINCT ON (i.sku) i.sku, coalesce(nullif(i.product, ''), i.sku) AS name, i.brand, i.category, i.kind,
           i.size, known.id AS product_id
    FROM incoming i LEFT JOIN loyalty_product known ON known.sku = i.sku
    ORDER BY i.sku, i.product = '', i.category = '', i.line_number
    """,
    """
    CREATE TEMP TABLE incoming_stores AS
    SELECT DISTINCT i.store AS code, known.id AS store_id
    FROM incoming_orders i LEFT JOIN loyalty_store known ON known.code = i.store
    """,
    "DROP TABLE incoming",
)
