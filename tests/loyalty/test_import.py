"""Purchases from a stranger's file: every line is new, known or refused, and a second time nothing changes."""

import csv
import datetime as dt
import gzip
from decimal import Decimal

import pytest
from django.db.models import Sum

from loyalty.actions import imports, members
from loyalty.actions.imports import UnreadableFile, examine
from loyalty.models import Consent, EarnRule, Member, Order, OrderLine, PointsAccount, Product, Store
from tracking.models import Event

BEER = "O1,2026-03-01 18:30,BEER,Copper Beer,Beer,2,19.98,C1,S1"
WINE = "O1,2026-03-01 18:30,WINE,Red Wine,Wine,1,12.50,C1,S1"
GIN = "O2,2026-03-02 22:15,GIN,Dry Gin,Spirits,1,30.00,C2,S1"


def everything() -> dict[str, object]:
    """Counts, sums and events: what a second import must leave as it is."""
    counted = (Member, Consent, PointsAccount, Store, Product, Order, OrderLine, Event)
    rows = {model.__name__: model.objects.count() for model in counted}
    sums = OrderLine.objects.aggregate(Sum("amount"), Sum("quantity")) | Order.objects.aggregate(Sum("total"))
    return (
        rows | sums | {"versions": sorted(map(str, Order.objects.values_list("pk", "member", "total", "ordered_at")))}
    )


def accounted_for(report: imports.Report) -> bool:
    return report.lines_new + report.lines_known + report.lines_refused == report.lines_read


def test_lines_become_orders_of_members_at_stores(write, bring_in):
    report = bring_in(write(BEER, WINE, GIN))
    assert (report.lines_new, report.orders_new, report.members_new, report.stores_new) == (3, 2, 2, 1)
    order = Order.objects.get(number="O1")
    assert order.total == Decimal("32.48")
    assert order.member.external_id == "C1"
    assert order.ordered_at == dt.datetime(2026, 3, 1, 23, 30, tzinfo=dt.UTC)
    assert order.member.points_account.balance == 0
    assert Event.objects.filter(name="order.paid").count() == 2
    assert Event.objects.filter(name="member.joined").count() == 2


def test_a_store_is_known_by_its_name_too_when_only_one_has_it(write, bring_in):
    Store.objects.create(code="S7", name="Stone Field", time_zone="America/Denver")
    path = write(BEER.replace(",S1", ",stone field"))
    report = bring_in(path, dry_run=True)
    assert (report.stores_new, report.stores_named) == (0, {"Stone Field": "S7"})
    assert bring_in(path) == report
    order = Order.objects.get(number="O1")
    assert (order.store.code, order.ordered_at) == ("S7", dt.datetime(2026, 3, 2, 1, 30, tzinfo=dt.UTC))
    assert (bring_in(path).lines_known, Store.objects.count()) == (1, 1)


def test_a_name_that_two_stores_have_is_a_new_store_and_a_code_comes_before_a_name(write, bring_in):
    for code, name in (("S7", "Stone Field"), ("S8", "Stone Field"), ("Mill", "Harbor"), ("Harbor", "Mill")):
        Store.objects.create(code=code, name=name)
    report = bring_in(write(BEER.replace(",S1", ",Stone Field"), GIN.replace(",S1", ",Harbor")))
    assert (report.stores_new, report.stores_named) == (1, {})
    assert Order.objects.get(number="O2").store.name == "Mill"


def test_importing_a_file_twice_changes_nothing_and_tells_nobody(write, bring_in):
    path = write(BEER, WINE, GIN, BEER, "O3,2026-03-03 10:00,GIN,Dry Gin,Spirits,-1,-30.00,,S1", "O4,,GIN,,,1,1,C9,S1")
    first = bring_in(path)
    before = everything()
    second = bring_in(path)
    assert everything() == before
    assert accounted_for(first)
    assert accounted_for(second)
    assert (second.lines_new, second.lines_known, second.lines_changed) == (0, first.lines_new, 0)
    assert second.amount_known == first.amount_new


def test_a_check_changes_no_row_and_says_what_the_import_will_do(write, bring_in):
    path = write(BEER, WINE, GIN, "O9,yesterday,GIN,,,1,1,C9,S1")
    before = everything()
    check = bring_in(path, dry_run=True)
    assert everything() == before
    assert check == bring_in(path)


def test_the_same_product_twice_in_a_basket_is_two_lines_whatever_their_order(write, bring_in):
    dearer = BEER.replace("19.98", "21.00")
    bring_in(write(BEER, BEER, dearer))
    assert OrderLine.objects.count() == 3
    before = everything()
    assert bring_in(write(dearer, BEER, BEER, name="sorted.csv")).lines_known == 3
    assert everything() == before


def test_a_basket_in_two_files_is_one_order_that_was_amended(write, bring_in):
    bring_in(write(BEER))
    report = bring_in(write(WINE, name="second.csv"))
    assert (report.orders_new, report.orders_known, report.lines_new) == (0, 1, 1)
    assert Order.objects.get().total == Decimal("32.48")
    assert Event.objects.filter(name="order.amended").count() == 1


def test_a_corrected_line_replaces_the_one_known(write, bring_in):
    bring_in(write(BEER, WINE))
    report = bring_in(write(BEER.replace("19.98", "17.98"), WINE, name="mended.csv"))
    assert (report.lines_known, report.lines_changed, report.remarks) == (2, 1, {"changed": 1})
    assert Order.objects.get().total == Decimal("30.48")


def test_a_basket_is_its_members_once_the_customer_is_named(write, bring_in):
    bring_in(write(BEER.replace("C1", "")))
    assert Order.objects.get().member is None
    assert not Event.objects.filter(name="order.paid").exists()
    bring_in(write(BEER, name="named.csv"))
    assert Order.objects.get().member.external_id == "C1"
    assert Event.objects.filter(name="order.paid").count() == 1


def test_a_run_that_broke_off_is_finished_by_the_next(write, bring_in, monkeypatch):
    monkeypatch.setattr("loyalty.actions.imports.staging.ORDERS_IN_A_BATCH", 1)
    monkeypatch.setattr(
        "loyalty.actions.imports.staging._ORDERS",
        tuple(part.replace("/ 5000", "/ 1") for part in imports.importer.staging._ORDERS),
    )
    path = write(*(f"O{number},2026-03-01 18:30,BEER,Beer,Beer,1,{number}.00,C{number},S1" for number in range(1, 8)))

    class PowerCut(Exception):
        pass

    def cut(progress):
        if progress.phase == "Entering" and progress.done == 3:
            raise PowerCut

    with pytest.raises(PowerCut):
        bring_in(path, watch=cut)
    assert Order.objects.count() == 3
    report = bring_in(path)
    assert (report.lines_known, report.lines_new) == (3, 4)
    assert Order.objects.aggregate(Sum("total"))["total__sum"] == 28
    assert Event.objects.filter(name="order.paid").count() == 7


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_any_usual_encoding_is_read(encoding, write, bring_in):
    bring_in(write(BEER.replace("Copper Beer", "Bière Château"), encoding=encoding))
    assert Product.objects.get().name == "Bière Château"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_any_usual_separator_is_found(delimiter, write, bring_in):
    path = write(
        BEER.replace(",", delimiter),
        header="Receipt,Date,SKU,Item,Category,Qty,Total,Customer,Store".replace(",", delimiter),
    )
    assert bring_in(path).lines_new == 1


def test_a_packed_file_is_read_as_it_is(write, bring_in):
    path = write(BEER)
    packed = path.with_suffix(".csv.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert bring_in(packed).lines_new == 1


def test_european_numbers_and_days_are_read_by_column(write, bring_in):
    bring_in(
        write(
            "1;13.02.2026 21:30;Rotwein;2;1.234,50",
            "2;14.02.2026 09:00;Bier;0,5;12,00",
            header="Receipt;Date;Item;Qty;Total",
        )
    )
    assert Order.objects.get(number="1").total == Decimal("1234.50")
    assert OrderLine.objects.get(order__number="2").quantity == Decimal("0.500")


def test_quoted_newlines_stay_inside_their_cell(write, bring_in):
    assert bring_in(write(BEER.replace("Copper Beer", '"Copper\nBeer"'), WINE)).lines_new == 2
    assert Product.objects.get(sku="BEER").name == "Copper\nBeer"


def test_a_quote_never_closed_costs_one_line_and_not_the_rest(write, bring_in, tmp_path):
    path = write(BEER, 'O7,2026-03-01 18:30,X,"never closed,Beer,1,1.00,C1,S1', *[WINE] * 60, GIN)
    refused = tmp_path / "refused.csv"
    report = bring_in(path, refused_csv=refused)
    assert (report.lines_new, report.refused) == (62, {"broken_line": 1})
    rows = list(csv.DictReader(refused.open(encoding="utf-8-sig")))
    assert [row["line"] for row in rows] == ["3"]
    assert accounted_for(report)


def test_bytes_that_no_database_takes_cost_their_line_only(write, bring_in):
    report = bring_in(write(BEER.replace("Copper", "Cop\x00per"), WINE, GIN.replace("Dry Gin", "G" * 150_000)))
    assert (report.lines_new, report.refused) == (1, {"broken_line": 2})
    assert accounted_for(report)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("19.98", "NaN"), "bad_number"),
        (("19.98", "inf"), "bad_number"),
        (("19.98", "99999999"), "bad_number"),
        (("2026-03-01 18:30", "2031-01-01"), "bad_time"),
        (("2026-03-01 18:30", "1901-01-01"), "bad_time"),
        (("2026-03-01 18:30", "soon"), "bad_time"),
        (("O1", ""), "missing"),
        (("O1", "O" * 65), "too_long"),
        (("S1", "S1,surplus"), "too_many_cells"),
    ],
)
def test_a_line_that_cannot_be_true_is_refused_with_its_reason(change, code, write, bring_in):
    report = bring_in(write(BEER.replace(*change), GIN))
    assert (report.lines_new, report.refused) == (1, {code: 1})
    assert accounted_for(report)


def test_returns_and_empty_lines_of_a_till_are_taken_with_a_remark(write, bring_in):
    report = bring_in(
        write(
            "O1,2026-03-01 18:30,BEER,,,-1,-9.99,C1,S1",
            "O2,2026-03-01 18:30,BEER,,,0,0.00,C1,S1",
            "O3,2026-03-01 18:30,BEER,,,1,0.00,C1,S1",
            "O4,2026-03-01 18:30,BEER,,,1,($4.00),C1,S1",
        )
    )
    assert report.lines_new == 4
    assert report.remarks == {"return": 2, "zero_quantity": 1, "zero_amount": 1}


def test_hours_that_never_were_or_came_twice_are_taken_and_said(write, bring_in):
    report = bring_in(
        write(
            "O1,2026-03-08 02:30,BEER,,,1,1,C1,S1",
            "O2,2025-11-02 01:30,BEER,,,1,1,C1,S1",
        )
    )
    assert report.remarks == {"gap": 1, "fold": 1}
    assert Order.objects.get(number="O1").ordered_at == dt.datetime(2026, 3, 8, 7, 30, tzinfo=dt.UTC)
    assert Order.objects.get(number="O2").ordered_at == dt.datetime(2025, 11, 2, 5, 30, tzinfo=dt.UTC)


def test_a_store_keeps_its_own_time_zone(write, bring_in):
    Store.objects.create(code="S1", name="Coast", time_zone="America/Los_Angeles")
    bring_in(write(BEER))
    assert Order.objects.get().ordered_at == dt.datetime(2026, 3, 2, 2, 30, tzinfo=dt.UTC)


def test_people_are_known_by_number_else_email_else_phone(write, bring_in):
    header = "order,date,sku,qty,amount,customer id,email,phone"
    report = bring_in(
        write(
            "O1,2026-03-01,BEER,1,5,C1,Ada@Example.com,(212) 555-0123",
            "O2,2026-03-02,BEER,1,5,,ada@example.com,",
            "O3,2026-03-03,BEER,1,5,,,212-555-0123",
            "O4,2026-03-04,BEER,1,5,C2,ada@example.com,",
            "O5,2026-03-05,BEER,1,5,,not an address,",
            header=header,
        )
    )
    ada = Member.objects.get(external_id="C1")
    assert (ada.email, ada.phone) == ("ada@example.com", "+12125550123")
    assert ada.orders.count() == 3
    assert Member.objects.get(external_id="C2").email is None
    assert (report.members_new, report.orders_anonymous) == (2, 1)
    assert report.remarks["contact_taken"] == 1
    assert report.remarks["email_unreadable"] == 1
    before = everything()
    bring_in(write(*[], header=header + "\n" + "O4,2026-03-04,BEER,1,5,C2,ada@example.com,", name="again.csv"))
    assert everything() == before


def test_refused_lines_are_kept_safe_for_a_spreadsheet_and_ready_to_mend(write, bring_in, tmp_path):
    refused = tmp_path / "refused.csv"
    bring_in(write("=cmd(),2026-03-01,BEER,,,-1,abc,C1,S1", GIN), refused_csv=refused)
    row = next(csv.DictReader(refused.open(encoding="utf-8-sig")))
    assert (row["order_id"], row["quantity"]) == ("'=cmd()", "-1")
    assert "abc" in row["reason"]


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        (b"", "empty"),
        (b"  \n ", "empty"),
        (b"PK\x03\x04rest", "Excel"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(32)) * 50, "not a text file"),
        (b"\x1f\x8bdamaged", "damaged"),
        (b"one column\nonly\n", "columns"),
        (b"order,date,sku,qty,amount\n", "no lines"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_what_to_change(content, advice, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(UnreadableFile, match=advice):
        examine(path)


def test_points_are_not_needed_to_import(write, bring_in):
    EarnRule.objects.all().delete()
    assert bring_in(write(BEER)).lines_new == 1


HEADER_OF_PEOPLE = "order,date,sku,qty,amount,customer id,email,phone,birth date,email opt-in,sms opt-in"


def line_of(customer: str, *, born: str = "", email: str = "", sms: str = "", day: str = "2026-03-01", order: str = ""):
    return f"{order or customer},{day},BEER,1,5,{customer},{customer}@example.com,,{born},{email},{sms}"


@pytest.fixture
def bring_in_people(write, bring_in):
    return lambda *lines, **options: bring_in(write(*lines, header=HEADER_OF_PEOPLE), **options)


def standing(channel: str = "email") -> dict[str, bool]:
    consents = Consent.objects.filter(channel=channel)
    return {consent.member.external_id: consent.is_granted for consent in consents.select_related("member")}


def test_a_birth_date_is_noted_where_none_is_known(bring_in_people, now):
    members.join(name="Ada", external_id="ada", birth_date=dt.date(1980, 1, 2), source="till", now=now)
    members.join(name="Grace", external_id="grace", source="till", now=now)
    report = bring_in_people(
        line_of("ada", born="1999-09-09"),
        line_of("grace", born="12/31/85"),
        line_of("new", born="31.12.1990"),
        line_of("odd", born="soon"),
        line_of("open", born="03/04/1990"),
    )
    born = dict(Member.objects.values_list("external_id", "birth_date"))
    assert born["ada"] == dt.date(1980, 1, 2)
    assert born["grace"] == dt.date(1985, 12, 31)
    assert born["new"] == dt.date(1990, 12, 31)
    assert (born["odd"], born["open"]) == (None, None)
    assert report.birth_dates_new == 2
    assert report.remarks["birth_date_unreadable"] == 2
    assert report.remarks["birth_date_known_otherwise"] == 1


def test_of_two_birth_dates_the_younger_is_taken(bring_in_people):
    bring_in_people(line_of("ada", born="1980-01-02", order="1"), line_of("ada", born="1989-01-02", order="2"))
    assert Member.objects.get().birth_date == dt.date(1989, 1, 2)


def test_consents_come_in_with_the_line_that_says_so_as_evidence(bring_in_people, write, bring_in):
    lines = (line_of("ada", email="Ja", sms="no"), line_of("grace", email="0"), line_of("bob", email="perhaps"))
    report = bring_in_people(*lines)
    assert standing() == {"ada": True, "grace": False}
    assert standing("sms") == {"ada": False}
    evidence = Consent.objects.get(member__external_id="ada", channel="email")
    assert evidence.source == "import"
    assert evidence.wording == (
        "“email opt-in” says yes in purchases.csv, line 2; imported by the server's operator on 2026-03-29"
    )
    told = Event.objects.get(name="consent.changed", subject=evidence.member.public_id, properties__channel="email")
    assert (told.properties["wording"], told.properties["is_granted"]) == (evidence.wording, True)
    assert (report.consents_given, report.consents_withdrawn, report.consents_declined) == (1, 0, 2)
    assert report.remarks["consent_unreadable"] == 1
    before = everything()
    again = bring_in_people(*lines)
    assert everything() == before
    assert (again.consents_given, again.consents_withdrawn) == (0, 0)


def test_an_import_never_undoes_an_opt_out(bring_in_people, now):
    for name, wording in (("ada", "unsubscribe link"), ("grace", "unsubscribe link")):
        member = members.join(name=name, external_id=name, source="till", now=now)
        members.set_consent(member=member, channel="email", is_granted=False, wording=wording, source="link", now=now)
    report = bring_in_people(line_of("ada", email="yes"), line_of("grace", email="no"))
    assert standing() == {"ada": False, "grace": False}
    assert (report.consents_given, report.remarks) == (0, {"no_time": 2, "opted_out": 1})


def test_a_no_withdraws_what_was_allowed_before_and_not_what_was_allowed_since(bring_in_people, now):
    for name, at in (("before", dt.datetime(2026, 2, 1, tzinfo=dt.UTC)), ("since", now)):
        member = members.join(name=name, external_id=name, source="till", now=at)
        members.set_consent(member=member, channel="email", is_granted=True, wording="Yes!", source="till", now=at)
    report = bring_in_people(line_of("before", email="nein"), line_of("since", email="nein"))
    assert standing() == {"before": False, "since": True}
    assert (report.consents_withdrawn, report.remarks["opted_in_since"]) == (1, 1)


def test_a_later_file_withdraws_what_an_earlier_one_brought_and_the_earlier_one_does_not_bring_it_back(bring_in_people):
    bring_in_people(line_of("ada", email="yes"))
    bring_in_people(line_of("ada", email="no"))
    assert standing() == {"ada": False}
    bring_in_people(line_of("ada", email="yes"))
    assert standing() == {"ada": False}


def test_one_no_among_several_lines_counts(bring_in_people):
    bring_in_people(
        line_of("ada", email="no", order="1"),
        line_of("ada", email="yes", order="2", day="2026-03-02"),
        line_of("ada", order="3"),
    )
    assert standing() == {"ada": False}


def said_yes(name: str, **contact: str) -> Member:
    """A member who agreed to email and SMS a month before the purchases of these files."""
    before = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
    member = members.join(name=name, external_id=name, source="till", now=before, **contact)
    for channel in Consent.Channel.values:
        members.set_consent(member=member, channel=channel, is_granted=True, wording="Yes!", source="till", now=before)
    return member


def test_the_no_of_a_member_counts_on_any_line_of_an_order(bring_in_people, now):
    said_yes("ada")
    report = bring_in_people(line_of("grace", order="1"), line_of("ada", order="1", email="no"))
    assert standing() == {"ada": False}
    assert report.consents_withdrawn == 1
    assert "line 3" in Consent.objects.get(member__external_id="ada", channel="email").wording
    assert (Member.objects.count(), report.members_new, report.members_known) == (2, 1, 0)


def test_somebody_new_who_heads_no_order_is_no_member_for_saying_no(bring_in_people):
    bring_in_people(line_of("grace", order="1"), line_of("ada", order="1", email="no", sms="no"))
    assert [member.external_id for member in Member.objects.all()] == ["grace"]
    assert not Consent.objects.exists()


def test_a_no_counts_for_the_member_who_has_the_address_as_well(bring_in_people):
    said_yes("ada", email="ada@example.com", phone="+12125550123")
    no = "1,2026-03-01,BEER,1,5,grace,ada@example.com,,,no,no"
    report = bring_in_people(no)
    assert standing() == {"ada": False, "grace": False}
    assert standing("sms") == {"ada": True, "grace": False}
    assert (report.consents_withdrawn, report.consents_declined) == (1, 2)
    before = everything()
    bring_in_people(no)
    assert everything() == before
    bring_in_people("2,2026-03-01,BEER,1,5,hedy,,212-555-0123,,,no")
    assert standing("sms") == {"ada": False, "grace": False, "hedy": False}


def test_a_no_counts_for_whoever_gets_the_address_from_the_same_file(bring_in_people):
    bring_in_people(
        line_of("ada", email="yes"), line_of("bob", email="yes"), "3,2026-03-01,BEER,1,5,grace,ada@example.com,,,no,"
    )
    assert standing() == {"ada": False, "bob": True, "grace": False}


def test_a_yes_holds_for_the_address_it_was_given_with(bring_in_people, now):
    for name in ("ada", "grace", "hedy"):
        members.join(
            name=name, external_id=name, email=f"{name}@example.com" if name != "hedy" else "", source="till", now=now
        )
    report = bring_in_people(
        "1,2026-03-01,BEER,1,5,ada,other@example.com,,,yes,",
        "2,2026-03-01,BEER,1,5,grace,other.grace@example.com,,,yes,",
        "3,2026-02-01,BEER,1,5,grace,grace@example.com,,,yes,",
        line_of("hedy", email="yes"),
    )
    assert standing() == {"grace": True, "hedy": True}
    assert "line 4" in Consent.objects.get(member__external_id="grace").wording
    assert (report.consents_given, report.remarks["consent_elsewhere"]) == (2, 1)


def test_a_refused_line_tells_everything_that_is_wrong_with_it(write, bring_in, tmp_path):
    refused = tmp_path / "refused.csv"
    report = bring_in(
        write("O1,soon,BEER,,,many,much,C1,S1", f"{'O' * 65},,BEER,,,1,much,C1,S1,x", GIN), refused_csv=refused
    )
    first, second = csv.DictReader(refused.open(encoding="utf-8-sig"))
    assert all(word in first["reason"] for word in ("“soon”", "“many”", "“much”"))
    assert all(word in second["reason"] for word in ("10 cells", "time is empty", "longer than 64", "“much”"))
    assert (report.lines_refused, report.lines_new) == (2, 1)
    assert report.refused == {"bad_number": 2, "bad_time": 1, "too_many_cells": 1, "missing": 1, "too_long": 1}
    assert accounted_for(report)


def test_an_address_without_a_domain_is_left_out_and_said(write, bring_in):
    header = "order,date,sku,qty,amount,customer id,email"
    report = bring_in(
        write(
            "O1,2026-03-01,BEER,1,5,C1,anna.müller@",
            "O2,2026-03-01,BEER,1,5,C2,anna.müller@example.de",
            header=header,
        )
    )
    assert report.remarks["email_unreadable"] == 1
    assert dict(Member.objects.values_list("external_id", "email")) == {"C1": None, "C2": "anna.müller@example.de"}


def test_a_german_till_is_understood_as_it_is(write, bring_in):
    bring_in(
        write(
            "4711;31.12.2025;18.30 Uhr;1001;Rotwein;2;1.234,50 €;K7;31.12.1980;ja",
            header="Beleg-Nr.;Datum;Uhrzeit;Artikelnummer;Artikelbezeichnung;Menge;Betrag;Kundennummer;Geburtsdatum;Newsletter",
        )
    )
    order = Order.objects.get(number="4711")
    assert order.total == Decimal("1234.50")
    assert order.ordered_at == dt.datetime(2025, 12, 31, 23, 30, tzinfo=dt.UTC)
    assert order.lines.get().product.name == "Rotwein"
    assert (order.member.external_id, order.member.birth_date) == ("K7", dt.date(1980, 12, 31))
    assert standing() == {"K7": True}


def test_a_spanish_till_is_understood_as_it_is(write, bring_in):
    bring_in(
        write(
            "F1;31/12/2025 18:30;Vino tinto;1;12,50 €;S4;sí",
            header="Número de ticket;Fecha;Artículo;Cantidad;Importe;Número de socio;Consentimiento",
        )
    )
    order = Order.objects.get(number="F1")
    assert (order.total, order.member.external_id) == (Decimal("12.50"), "S4")
    assert standing() == {"S4": True}
