"""A file of purchases, from its first byte to the shop's tables and a report. The page and the command both use it."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

from loyalty.actions.imports import consents, entering, files, staging, turns
from loyalty.actions.imports.consents import Evidence
from loyalty.actions.imports.issues import Issues
from loyalty.actions.imports.stores import Stores
from loyalty.models import Consent, PurchaseImport
from loyalty.rules import purchases
from loyalty.rules.purchases import Purchase, Reader, Refused, Style

LINES_IN_A_BATCH = 5_000


@dataclass(frozen=True)
class Reading:
    """How one file is to be read: guessed from the file, changed by people."""

    encoding: str
    delimiter: str
    has_header: bool
    columns: list[str]
    mapping: dict[str, str]
    decimal_mark: str
    time_style: str
    time_zone: str

    @classmethod
    def guessed(
        cls,
        shape: files.Shape,
        *,
        time_zone: str,
        mapping: dict[str, str] | None = None,
        decimal_mark: str | None = None,
        time_style: str | None = None,
    ) -> "Reading":
        """What the file itself suggests, wherever nothing was said."""
        mapping = shape.guessed_mapping() if mapping is None else mapping
        decimal_mark = decimal_mark or shape.guessed_decimal_mark(mapping)
        return cls(
            encoding=shape.encoding,
            delimiter=shape.delimiter,
            has_header=shape.has_header,
            columns=shape.columns,
            mapping=mapping,
            decimal_mark=decimal_mark,
            time_style=time_style or shape.guessed_time_style(mapping, decimal_mark),
            time_zone=time_zone,
        )


@dataclass
class Report:
    """What a file held and what became of it. new + known + refused = read; changed lines are among the known."""

    lines_read: int = 0
    lines_new: int = 0
    lines_known: int = 0
    lines_changed: int = 0
    lines_refused: int = 0
    amount_new: str = "0"
    amount_known: str = "0"
    orders_new: int = 0
    orders_known: int = 0
    orders_anonymous: int = 0
    members_new: int = 0
    members_known: int = 0
    products_new: int = 0
    stores_new: int = 0
    stores_named: dict[str, str] = field(default_factory=dict)  # Found by name, not by code: name -> code.
    birth_dates_new: int = 0
    consents_given: int = 0
    consents_withdrawn: int = 0
    consents_declined: int = 0
    orders_named: int = 0
    details_filled: int = 0
    first_at: str | None = None
    last_at: str | None = None
    remarks: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)

    @property
    def is_nothing_new(self) -> bool:
        """Entering the file would change nothing."""
        return not any(
            (
                self.lines_new,
                self.lines_changed,
                self.members_new,
                self.products_new,
                self.stores_new,
                self.consents_given,
                self.consents_withdrawn,
                self.consents_declined,
                self.orders_named,
                self.details_filled,
            )
        )

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"is_nothing_new": self.is_nothing_new}


@dataclass(frozen=True)
class Progress:
    """Where a run is. `done` of `total` are bytes while reading and orders while entering."""

    phase: str
    done: int
    total: int
    lines: int = 0


Watch = Callable[[Progress], None]
MANY_ORDERS = 1_000


def import_file(
    path: Path,
    reading: Reading,
    *,
    now: datetime,
    dry_run: bool = False,
    refused_csv: Path | None = None,
    owner: PurchaseImport | None = None,
    watch: Watch = lambda progress: None,
) -> Report:
    """Read `path` and enter what is new, or with `dry_run` only say what would be.

    `watch` hears of progress every few thousand lines and stops the run by raising. Memory does not grow with the
    file: lines wait in the database's temporary tables. Raises AnotherImportIsRunning; a dry run never does.
    """
    if faults := purchases.faults(reading.mapping, reading.columns):
        raise files.UnreadableFile(" ".join(faults))
    with (
        nullcontext() if dry_run else turns.entering(),
        Issues(reading.columns, refused_csv=refused_csv, owner=owner) as issues,
        staging.tables(),
    ):
        stores = Stores.known(reading.time_zone)
        lines = _read(path, reading, stores, issues, now=now, watch=watch)
        for step, _ in enumerate(staging.settle(), start=1):
            watch(Progress("Comparing", step, 0, lines))
        report = _report(lines, stores, issues)
        issues.flush()
        if not dry_run:
            _enter(reading, lines, evidence=_evidence(path, reading, owner), now=now, watch=watch)
    return report


def _read(path: Path, reading: Reading, stores: Stores, issues: Issues, *, now: datetime, watch: Watch) -> int:
    size = path.stat().st_size
    reader = Reader(_style(reading), zone_of=stores.zone_of, now=now)
    lines = 0
    with files.table(path, reading.encoding, reading.delimiter, has_header=reading.has_header) as table:
        records = iter(table)
        while batch := list(islice(records, LINES_IN_A_BATCH)):
            staging.add(list(_understood(batch, reader, stores, issues)))
            issues.flush()
            lines += len(batch)
            watch(Progress("Reading", min(table.bytes_read, size), size, lines))
    return lines


def _understood(
    batch: list[files.Record], reader: Reader, stores: Stores, issues: Issues
) -> Iterator[tuple[int, Purchase]]:
    for number, cells, raw, fault in batch:
        if cells is None:
            issues.refuse(number, ["broken_line"], fault, [raw])
            continue
        try:
            purchase, remarks = reader.read(cells)
        except Refused as refusal:
            issues.refuse(number, refusal.codes, str(refusal), cells)
            continue
        for code in dict.fromkeys((*remarks, *purchases.remarks_on(purchase))):
            issues.remark(number, code, purchases.REMARKS[code], cells)
        yield number, purchase._replace(store=stores.code_of(purchase.store))


def _evidence(path: Path, reading: Reading, owner: PurchaseImport | None) -> Evidence:
    by = owner.created_by if owner else None
    return Evidence(
        file=owner.file_name if owner else path.name,
        columns={channel: reading.mapping.get(f"{channel}_consent", "") for channel in Consent.Channel.values},
        importer=by.get_full_name() if by else "the server's operator",
        by=by,
    )


def _enter(reading: Reading, lines: int, *, evidence: Evidence, now: datetime, watch: Watch) -> None:
    entering.enter_catalogue(time_zone=reading.time_zone)
    orders = staging.rows("SELECT batch, count(*) FROM incoming_orders GROUP BY batch ORDER BY batch")
    total, done = sum(count for _, count in orders), 0
    for place, (batch, count) in enumerate(orders, start=1):
        entering.enter_batch(batch, evidence=evidence, now=now)
        done += count
        if total >= MANY_ORDERS and place.bit_count() == 1:  # after batches 1, 2, 4, 8 ...: the tables have doubled
            entering.tell_the_planner()
        watch(Progress("Entering", done, total, lines))


def _report(lines: int, stores: Stores, issues: Issues) -> Report:
    """Counted from the tables that decide what is entered, so the check and the import say the same."""
    _remark_on_sets(issues)
    new, known, changed, amount_new, amount_known = staging.rows("""
        SELECT count(*) FILTER (WHERE line_id IS NULL), count(*) FILTER (WHERE line_id IS NOT NULL),
               count(*) FILTER (WHERE is_changed),
               coalesce(sum(amount) FILTER (WHERE line_id IS NULL), 0),
               coalesce(sum(amount) FILTER (WHERE line_id IS NOT NULL), 0)
        FROM incoming_lines
    """)[0]
    orders_new, orders_known, anonymous, first_at, last_at = staging.rows("""
        SELECT count(*) FILTER (WHERE order_id IS NULL), count(order_id),
               count(*) FILTER (WHERE person IS NULL AND known_member_id IS NULL), min(at), max(at)
        FROM incoming_orders
    """)[0]
    members_new, members_known, birth_dates = staging.rows("""
        SELECT count(*) FILTER (WHERE p.member_id IS NULL), count(p.member_id),
               count(p.birth_date) FILTER (WHERE m.birth_date IS NULL)
        FROM incoming_people p LEFT JOIN loyalty_member m ON m.id = p.member_id
        WHERE p.canonical = p.person AND p.first_line IS NOT NULL
    """)[0]
    given, withdrawn, declined = consents.counted()
    return Report(
        lines_read=lines,
        lines_new=new,
        lines_known=known,
        lines_changed=changed,
        lines_refused=issues.lines_refused,
        amount_new=_cents(amount_new),
        amount_known=_cents(amount_known),
        orders_new=orders_new,
        orders_known=orders_known,
        orders_anonymous=anonymous,
        members_new=members_new,
        members_known=members_known,
        products_new=staging.rows("SELECT count(*) FROM incoming_products WHERE product_id IS NULL")[0][0],
        stores_new=staging.rows("SELECT count(*) FROM incoming_stores WHERE store_id IS NULL")[0][0],
        stores_named=dict(stores.named),
        birth_dates_new=birth_dates,
        consents_given=given,
        consents_withdrawn=withdrawn,
        consents_declined=declined,
        orders_named=staging.rows(_ORDERS_NAMED)[0][0],
        details_filled=sum(staging.rows(f"SELECT count(*) {source}")[0][0] for source in entering.FILLED_IN),
        first_at=first_at and first_at.isoformat(),
        last_at=last_at and last_at.isoformat(),
        remarks=dict(issues.remarks),
        refused=dict(issues.refused),
    )


# Known orders whose customer this file names first.
_ORDERS_NAMED = """
    SELECT count(*) FROM incoming_orders WHERE order_id IS NOT NULL AND known_member_id IS NULL AND person IS NOT NULL
"""

# What only shows when a line is seen beside others: code -> where to find the lines.
_SET_REMARKS = {
    "order_disagrees": "FROM incoming_lines l WHERE l.disagrees",
    "changed": "FROM incoming_lines l WHERE l.is_changed",
    "contact_taken": """
        FROM incoming_people p JOIN incoming_lines l ON l.line_number = p.first_line WHERE p.contact_taken
    """,
    "birth_date_known_otherwise": """
        FROM incoming_people p
        JOIN loyalty_member m ON m.id = p.member_id
        JOIN incoming_lines l ON l.line_number = p.first_line
        WHERE p.canonical = p.person AND m.birth_date <> p.birth_date
    """,
    **consents.REMARKS,
    "order_known_otherwise": """
        FROM incoming_orders i
        JOIN loyalty_order o ON o.id = i.order_id
        JOIN loyalty_store s ON s.id = o.store_id
        JOIN incoming_lines l ON l.line_number = i.first_line
        LEFT JOIN incoming_people named ON named.person = i.person
        LEFT JOIN incoming_people whole ON whole.person = named.canonical
        WHERE o.ordered_at <> i.at OR s.code <> i.store OR (
            i.person IS NOT NULL AND o.member_id IS NOT NULL AND whole.member_id IS DISTINCT FROM o.member_id
        )
    """,
}


def _remark_on_sets(issues: Issues) -> None:
    for code, source in _SET_REMARKS.items():
        count = staging.rows(f"SELECT count(*) {source}")[0][0]
        if not count:
            continue
        shown = staging.rows(
            f"SELECT l.line_number, l.number, l.sku, l.quantity::text, l.amount::text {source} ORDER BY 1 LIMIT %s",
            [max(issues.room_for_remarks(), 0)],
        )
        for line_number, *cells in shown:
            issues.remark(line_number, code, purchases.REMARKS[code], cells)
        issues.remarks[code] = count


def _style(reading: Reading) -> Style:
    return Style(reading.columns, reading.mapping, reading.decimal_mark, reading.time_style)


def _cents(amount: Decimal) -> str:
    return str(amount.quantize(Decimal("0.01")))
