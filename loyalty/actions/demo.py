"""The demo shop: a real year of purchases under made-up names, so that a new copy has something to show."""

import csv
import gzip
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from django.contrib.auth.models import Group
from django.core.cache import cache
from django.core.files import File
from django.db import transaction

from loyalty.actions import demo_programme, imports
from loyalty.events import ConsentChanged, MemberJoined
from loyalty.models import Business, Consent, Member, PointsAccount, PurchaseImport, Store, User
from loyalty.queries.brand import CACHE_KEY
from loyalty.rules import demo
from tracking.actions import record_all
from tracking.actions.record import Occurrence

DATA = Path(__file__).resolve().parent.parent / "demo"
NAME, ACCENT, ADDRESS = "Harbor & Vine", "#7c2d4f", "12 Harbor Street, Brooklyn, NY 11201"
ROLES = ("Admin", "Manager", "Marketer", "Viewer")
SOURCE = "demo"
COLUMNS = (
    "order_id", "ordered_at", "sku", "product_name", "quantity", "line_total", "discount", "coupon", "customer_id",
    "store_id", "brand", "category", "type", "size",
)  # fmt: skip
Row = dict[str, str]


@dataclass(frozen=True)
class Login:
    email: str
    role: str
    password: str


@transaction.atomic
def open_demo_shop(*, now: datetime) -> None:
    """Everything or nothing: members, stores, and the purchases through the ordinary importer."""
    rows = list(_rows("liquor_purchases.csv.gz"))
    zone = ZoneInfo(demo.ZONE)
    last = max(_local(row) for row in rows)
    weeks = demo.weeks_to_move(last, now.astimezone(zone).replace(tzinfo=None))
    _name_the_shop(weeks)
    _open_stores(rows)
    _take_in_members(rows, weeks=weeks, zone=zone, now=now)
    demo_programme.set_terms()
    demo_programme.bring_friends()
    _import(rows, weeks=weeks, now=now)
    demo_programme.furnish(now)


@transaction.atomic
def make_logins() -> list[Login]:
    """One person for each role, all with one new random password."""
    password = "-".join(secrets.token_hex(2) for _ in range(4))
    logins = [Login(f"{role.lower()}@example.com", role, password) for role in ROLES]
    for login in logins:
        user = User.objects.filter(email=login.email).first()
        user = user or User.objects.create_user(login.email, name=f"Demo {login.role}")
        user.set_password(password)
        user.save(update_fields=["password"])
        user.groups.set([Group.objects.get(name=login.role)])
    return logins


def write_logins(path: Path, logins: list[Login]) -> None:
    """Readable by the owner alone."""
    lines = [f"{login.role:<9} {login.email:<24} {login.password}" for login in logins]
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write("Sign in to the demo shop as\n" + "\n".join(lines) + "\n")


def _name_the_shop(weeks: int) -> None:
    notice = (
        "This is a demo shop. The purchases are real lines of a US grocery chain from 2017, "
        f"moved by {weeks} whole weeks. Names of members, stores and products, emails, phones, birth dates and "
        "consents are made up from a fixed seed; a few members are under age or gave no birth date on purpose."
    )
    Business.objects.filter(pk=1).update(
        name=NAME, accent=ACCENT, address=ADDRESS, vertical=Business.Vertical.LIQUOR, currency="USD", demo_notice=notice
    )
    transaction.on_commit(lambda: cache.delete(CACHE_KEY))


def _open_stores(rows: list[Row]) -> None:
    codes = sorted({row["store_id"] for row in rows}, key=int)
    names = demo.store_names(codes)
    Store.objects.bulk_create(
        [Store(code=code, name=names[code], state="NY", time_zone=demo.ZONE) for code in codes], ignore_conflicts=True
    )


def _take_in_members(rows: list[Row], *, weeks: int, zone: ZoneInfo, now: datetime) -> None:
    """Each joined at the first purchase, at that store."""
    first: dict[str, Row] = {}
    for row in sorted(rows, key=lambda row: row["purchased_at"]):
        first.setdefault(row["household_id"], row)
    age_bands = {row["household_id"]: row["age"] for row in _rows("liquor_households.csv.gz")}
    stores = dict(Store.objects.values_list("code", "pk"))
    people = list(demo.people(sorted(first, key=int), age_bands, today=now.astimezone(zone).date()))
    members = Member.objects.bulk_create(
        Member(
            external_id=person.external_id,
            name=person.name,
            email=person.email,
            phone=person.phone,
            birth_date=person.birth_date,
            home_store_id=stores[first[person.external_id]["store_id"]],
            joined_at=_moved(first[person.external_id], weeks).replace(tzinfo=zone),
        )
        for person in people
    )
    PointsAccount.objects.bulk_create([PointsAccount(member=member) for member in members])
    record_all([_joined(member) for member in members])
    _note_consents(list(zip(members, people, strict=True)))


def _joined(member: Member) -> Occurrence:
    uid = str(member.public_id)
    return Occurrence(MemberJoined(subject=uid, source=SOURCE), uid, member.joined_at)


def _note_consents(asked: list[tuple[Member, demo.Person]]) -> None:
    answers = [
        Consent(
            member=member,
            channel=channel,
            is_granted=answer,
            wording=demo.WORDING,
            source=SOURCE,
            changed_at=member.joined_at,
        )
        for member, person in asked
        for channel, answer in (("email", person.email_consent), ("sms", person.sms_consent))
        if answer is not None
    ]
    Consent.objects.bulk_create(answers)
    record_all([_agreed(consent) for consent in answers])


def _agreed(consent: Consent) -> Occurrence:
    uid, topic = str(consent.member.public_id), str(Consent.Topic.MARKETING)
    event = ConsentChanged(
        subject=uid,
        channel=consent.channel,
        topic=topic,
        is_granted=consent.is_granted,
        wording=consent.wording,
        source=consent.source,
        address=None,
    )
    return Occurrence(event, f"{uid}:{consent.channel}:{topic}:{consent.changed_at.isoformat()}", consent.changed_at)


def _import(rows: list[Row], *, weeks: int, now: datetime) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "demo-purchases.csv"
        _write_purchases(path, rows, weeks)
        with path.open("rb") as file:
            row = imports.take_in(file=File(file), name=path.name, time_zone=demo.ZONE, by=None, now=now)
    PurchaseImport.objects.filter(pk=row.pk).update(status=PurchaseImport.Status.IMPORTING)
    imports.run(row.pk, clock=lambda: now)
    row.refresh_from_db()
    if row.status != PurchaseImport.Status.DONE:
        raise RuntimeError(f"The demo purchases could not be imported: {row.error}")


def _write_purchases(path: Path, rows: list[Row], weeks: int) -> None:
    numbers: dict[str, int] = {}
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(COLUMNS)
        for row in rows:
            number = numbers.setdefault(row["product_id"], len(numbers))
            kind = demo.kind(row["product_type"])
            out.writerow([
                row["basket_id"], _moved(row, weeks).isoformat(sep=" "), row["product_id"],
                demo.product_name(number, kind, row["package_size"]), row["quantity"], row["sales_value"],
                row["retail_disc"], row["coupon_disc"], row["household_id"], row["store_id"], row["brand"],
                demo.CATEGORIES[row["product_category"]], kind, row["package_size"].lower(),
            ])  # fmt: skip


def _moved(row: Row, weeks: int) -> datetime:
    """Local and naive, on the same weekday at the same hour."""
    return _local(row) + timedelta(weeks=weeks)


def _local(row: Row) -> datetime:
    """By the clock of the shop: the file's times are UTC (see NOTICE.md)."""
    at = datetime.fromisoformat(row["purchased_at"]).replace(tzinfo=UTC)
    return at.astimezone(ZoneInfo(demo.ZONE)).replace(tzinfo=None)


def _rows(name: str) -> Iterator[Row]:
    with gzip.open(DATA / name, "rt", newline="") as file:
        yield from csv.DictReader(file)
