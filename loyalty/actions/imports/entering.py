"""From the temporary tables into the shop's own: each batch of orders in one transaction, with its events.

Entering what is there already changes nothing and tells nobody, so a run that broke off is simply run again.
"""

from datetime import datetime
from typing import Any

from django.db import transaction

from loyalty.actions.imports import consents, turns
from loyalty.actions.imports.consents import Evidence
from loyalty.actions.imports.staging import execute, rows
from loyalty.events import MemberJoined, OrderAmended, OrderPaid
from loyalty.queries.brand import business
from tracking.actions import record_all
from tracking.actions.record import Occurrence

NAMELESS_STORE = "main"
_OF_BATCH = "p.batch = %s AND p.canonical = p.person"
_FILLS_IN_PRODUCT = "p.category = '' AND i.category <> ''"
_FILLS_IN_MEMBER = """
    ((m.external_id IS NULL AND p.customer IS NOT NULL) OR (m.name = '' AND p.name <> '')
        OR (m.email IS NULL AND p.email IS NOT NULL) OR (m.phone IS NULL AND p.phone IS NOT NULL)
        OR (m.birth_date IS NULL AND p.birth_date IS NOT NULL))
"""
# Members and products the shop has, of whom a file says more than is known.
FILLED_IN = (
    f"""
    FROM incoming_people p JOIN loyalty_member m ON m.id = p.member_id
    WHERE p.canonical = p.person AND {_FILLS_IN_MEMBER}
    """,
    f"FROM incoming_products i JOIN loyalty_product p ON p.id = i.product_id WHERE {_FILLS_IN_PRODUCT}",
)


@transaction.atomic
def enter_catalogue(*, time_zone: str) -> None:
    """Products and stores the shop did not have. What it has keeps its own words; an empty category is filled in."""
    execute("""
        INSERT INTO loyalty_product (sku, name, brand, category, kind, size)
        SELECT sku, name, brand, category, kind, size FROM incoming_products
        WHERE product_id IS NULL ORDER BY sku
        ON CONFLICT (sku) DO NOTHING
    """)
    execute(f"""
        UPDATE loyalty_product p SET category = i.category, kind = coalesce(nullif(p.kind, ''), i.kind)
        FROM incoming_products i WHERE i.product_id = p.id AND {_FILLS_IN_PRODUCT}
    """)
    execute(
        """
        INSERT INTO loyalty_store (code, name, state, time_zone)
        SELECT code, CASE WHEN code = %s THEN 'Main store' ELSE 'Store ' || code END, '', %s
        FROM incoming_stores WHERE store_id IS NULL ORDER BY code
        ON CONFLICT (code) DO NOTHING
        """,
        [NAMELESS_STORE, time_zone],
    )


@transaction.atomic
def enter_batch(batch: int, *, evidence: Evidence, now: datetime) -> None:
    """One batch of orders, with the members, consents and lines that belong to them."""
    turns.confirm()
    # A batch is a few thousand rows, whatever the tables hold. Without this the planner reads each of them whole.
    execute("SET LOCAL random_page_cost = 1")
    _enter_members(batch)
    consents.enter(batch, evidence=evidence, now=now)
    new, named = _enter_orders(batch)
    touched = _enter_lines(batch)
    _sum_up(touched - new)
    _tell_paid(new | named)
    _tell_amended(touched - new - named, now=now)


def tell_the_planner() -> None:
    """Let the database look at its tables now. Who follows the log reads them this second, long before it would look
    by itself, and a plan made for a small shop takes minutes in a large one.
    """
    execute("ANALYZE loyalty_member, loyalty_product, loyalty_order, loyalty_orderline, tracking_event")


def _enter_members(batch: int) -> None:
    joined = rows(
        f"""
        INSERT INTO loyalty_member (public_id, external_id, name, email, phone, birth_date, home_store_id, joined_at)
        SELECT p.public_id, p.customer, p.name, p.email, p.phone, p.birth_date, store.id, p.joined_at
        FROM incoming_people p LEFT JOIN loyalty_store store ON store.code = p.store
        WHERE {_OF_BATCH} AND p.member_id IS NULL ORDER BY p.person
        RETURNING id, public_id::text, joined_at
        """,
        [batch],
    )
    if joined:
        ids = [row[0] for row in joined]
        execute("INSERT INTO loyalty_pointsaccount (member_id, balance) SELECT unnest(%s::bigint[]), 0", [ids])
        execute(
            """
            UPDATE incoming_people p SET member_id = m.id FROM loyalty_member m
            WHERE m.id = ANY(%s) AND m.public_id = p.public_id AND p.batch = %s AND p.canonical = p.person
            """,
            [ids, batch],
        )
        record_all([Occurrence(MemberJoined(subject=uid, source="import"), uid, at) for _, uid, at in joined])
    execute(
        f"""
        UPDATE loyalty_member m SET
            external_id = coalesce(m.external_id, p.customer), name = coalesce(nullif(m.name, ''), p.name),
            email = coalesce(m.email, p.email), phone = coalesce(m.phone, p.phone),
            birth_date = coalesce(m.birth_date, p.birth_date)
        FROM incoming_people p
        WHERE {_OF_BATCH} AND m.id = p.member_id AND p.is_known
          AND {_FILLS_IN_MEMBER}
        """,
        [batch],
    )


def _enter_orders(batch: int) -> tuple[set[int], set[int]]:
    """New orders, and known ones whose customer is named only now. Anything else known stays as first told.

    Which is which is asked of the write itself: a row that was inserted has never been locked (its xmax is zero).
    """
    touched = rows(
        """
        INSERT INTO loyalty_order AS o (number, member_id, store_id, ordered_at, total, discount)
        SELECT i.number, whole.member_id, store.id, i.at, sums.total, sums.discount
        FROM incoming_orders i
        JOIN (
            SELECT number, sum(amount) AS total, sum(discount) AS discount
            FROM incoming_lines WHERE batch = %s GROUP BY number
        ) sums ON sums.number = i.number
        JOIN loyalty_store store ON store.code = i.store
        LEFT JOIN incoming_people named ON named.person = i.person
        LEFT JOIN incoming_people whole ON whole.person = named.canonical
        WHERE i.batch = %s AND (i.order_id IS NULL OR (i.known_member_id IS NULL AND whole.member_id IS NOT NULL))
        ORDER BY i.number
        ON CONFLICT (number) DO UPDATE SET member_id = excluded.member_id
            WHERE o.member_id IS NULL AND excluded.member_id IS NOT NULL
        RETURNING o.id, o.xmax = 0
        """,
        [batch, batch],
    )
    return {order for order, is_new in touched if is_new}, {order for order, is_new in touched if not is_new}


def _enter_lines(batch: int) -> set[int]:
    touched = rows(
        """
        INSERT INTO loyalty_orderline AS line (order_id, product_id, key, quantity, amount, discount)
        SELECT o.id, product.id, i.key, i.quantity, i.amount, i.discount
        FROM incoming_lines i
        JOIN loyalty_order o ON o.number = i.number
        JOIN loyalty_product product ON product.sku = i.sku
        WHERE i.batch = %s AND (i.line_id IS NULL OR i.is_changed)
        ORDER BY i.number, i.key
        ON CONFLICT (order_id, key) DO UPDATE SET
            product_id = excluded.product_id, quantity = excluded.quantity, amount = excluded.amount,
            discount = excluded.discount
            WHERE (line.product_id, line.quantity, line.amount, line.discount)
                IS DISTINCT FROM (excluded.product_id, excluded.quantity, excluded.amount, excluded.discount)
        RETURNING order_id
        """,
        [batch],
    )
    return {row[0] for row in touched}


def _sum_up(orders: set[int]) -> None:
    """Bring totals of known orders in line with all their lines, whichever file they came from."""
    execute(
        """
        UPDATE loyalty_order o SET total = sums.total, discount = sums.discount
        FROM (
            SELECT order_id, sum(amount) AS total, sum(discount) AS discount
            FROM loyalty_orderline WHERE order_id = ANY(%s) GROUP BY order_id
        ) sums
        WHERE o.id = sums.order_id AND o.voided_at IS NULL AND (o.total, o.discount) <> (sums.total, sums.discount)
        """,
        [list(orders)],
    )


def _tell_paid(orders: set[int]) -> None:
    """What is new to its member. Nobody hears of anonymous baskets."""
    currency = business().currency
    record_all(
        [
            Occurrence(OrderPaid(subject=member, order=number, store=store, total=total, currency=currency), number, at)
            for number, member, store, total, at, _ in _told_of(orders)
        ]
    )


def _tell_amended(orders: set[int], *, now: datetime) -> None:
    currency = business().currency
    record_all(
        [
            Occurrence(
                OrderAmended(subject=member, order=number, total=total, currency=currency), f"{number}:{change}", now
            )
            for number, member, _, total, _, change in _told_of(orders)
        ]
    )


def _told_of(orders: set[int]) -> list[tuple[Any, ...]]:
    """Number, member, store, total, time and this transaction of every order that has a member."""
    return rows(
        """
        SELECT o.number, m.public_id::text, s.code, o.total::text, o.ordered_at, pg_current_xact_id()::text
        FROM loyalty_order o
        JOIN loyalty_member m ON m.id = o.member_id
        JOIN loyalty_store s ON s.id = o.store_id
        WHERE o.id = ANY(%s) ORDER BY o.ordered_at, o.id
        """,
        [list(orders)],
    )
