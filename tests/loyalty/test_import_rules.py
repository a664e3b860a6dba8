"""What cells mean: numbers, times and clocks, against whatever anybody could write."""

# ruff: noqa: DTZ001  # tills write naive times

import datetime as dt
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.rules.contacts import NotAnAddress, normal_email, normal_phone
from loyalty.rules.purchases import decimal_mark, guess, mark_is_open, order_is_open, style
from loyalty.rules.purchases.answers import NotAnAnswer, yes_or_no
from loyalty.rules.purchases.numbers import NotANumber, number
from loyalty.rules.purchases.times import NotATime, birth_date, moment, written

NOW = dt.datetime(2026, 3, 29, tzinfo=dt.UTC)
ZONES = ["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]
amounts = st.decimals(min_value=-999_999, max_value=999_999, places=2, allow_nan=False)


@given(amounts, st.sampled_from(["{}", "${}", "{} €", " {} ", "USD {}", "Fr. {}", "{} zł", "₽{}"]))
def test_an_amount_is_read_as_it_was_meant_in_both_worlds(amount, dress):
    english = f"{amount:,.2f}"
    european = english.replace(",", " ").replace(".", ",").replace(" ", ".")
    assert number(dress.format(english), ".") == amount
    assert number(dress.format(european), ",") == amount


@given(amounts)
def test_brackets_and_trailing_signs_mean_minus(amount):
    assert number(f"({abs(amount):.2f})") == number(f"{abs(amount):.2f}-") == -abs(amount)


@given(st.text(max_size=30), st.sampled_from([".", ","]))
def test_any_text_is_a_finite_number_or_refused(text, mark):
    try:
        value = number(text, mark)
    except NotANumber:
        return
    assert abs(value) < 10**6
    assert value.is_finite()


@pytest.mark.parametrize(
    ("column", "mark"),
    [
        (["1,234.50", "3.00"], "."),
        (["1.234,50", "3,00"], ","),
        (["12,5", "3"], ","),
        (["1.234.567", "1.000"], ","),
        (["1,234", "5,678"], "."),
        (["5", "7"], "."),
        ([], "."),
    ],
)
def test_one_column_writes_numbers_one_way(column, mark):
    assert decimal_mark(column) == mark


@given(st.datetimes(dt.datetime(1990, 1, 2), dt.datetime(2026, 3, 27)), st.sampled_from(ZONES))
def test_a_local_time_survives_unless_the_clocks_were_changed(local, name):
    zone = ZoneInfo(name)
    taken = moment(local.isoformat(), "iso", zone, NOW)
    back = taken.at.astimezone(zone).replace(tzinfo=None)
    if taken.remark == "gap":
        assert dt.timedelta(0) < back - local <= dt.timedelta(hours=24)
    else:
        assert back == local
    if taken.remark == "fold":
        later = local.replace(tzinfo=zone, fold=1).astimezone(dt.UTC)
        assert taken.at < later


@given(st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2026, 1, 1)).map(lambda at: at.replace(microsecond=0)))
def test_one_time_written_four_ways_is_one_time(at):
    assert written(at.isoformat(sep=" "), "iso")[0] == at
    assert written(at.strftime("%m/%d/%Y %I:%M:%S %p"), "mdy")[0] == at
    assert written(at.strftime("%d.%m.%Y %H:%M:%S"), "dmy")[0] == at
    assert written(str(int(at.replace(tzinfo=dt.UTC).timestamp()) + 10**9), "epoch")[0].tzinfo is dt.UTC


@given(st.text(max_size=25), st.sampled_from(["iso", "mdy", "dmy", "epoch"]))
def test_any_text_is_a_time_or_refused(text, how):
    try:
        taken = moment(text, how, ZoneInfo("America/New_York"), NOW)
    except NotATime:
        return
    assert dt.datetime(1990, 1, 1, tzinfo=dt.UTC) <= taken.at <= NOW


@pytest.mark.parametrize(
    ("column", "how"),
    [
        (["2026-03-04 10:00"], "iso"),
        (["20260304"], "iso"),
        (["3/4/2026", "3/14/2026"], "mdy"),
        (["3/4/2026"], "mdy"),
        (["14/3/2026", "3/4/2026"], "dmy"),
        (["4.3.2026"], "dmy"),
        (["1774798200"], "epoch"),
        (["1774798200000"], "epoch"),
    ],
)
def test_one_column_writes_times_one_way(column, how):
    assert style(column) == how


def test_days_that_could_be_read_both_ways_follow_the_numbers_and_are_known_to_be_open():
    assert style(["3/4/2026"], day_first=True) == "dmy"
    assert style(["3/14/2026"], day_first=True) == "mdy"
    assert order_is_open(["3/4/2026", "5/6/2026"])
    assert not order_is_open(["3/4/2026", "31/12/2025"])
    assert not order_is_open(["3.4.2026"])
    assert mark_is_open(["1,234", "5"])
    assert not mark_is_open(["1,234", "5,50"])


@pytest.mark.parametrize("clock", ["18:30", "18.30", "18:30:00", "18:30 Uhr", "18:30 h", "6:30 PM", "6:30 p. m."])
def test_one_time_of_day_is_written_many_ways(clock):
    assert written(f"31.12.2025 {clock}", "dmy")[0] == dt.datetime(2025, 12, 31, 18, 30)


@pytest.mark.parametrize(
    ("text", "how", "born"),
    [
        ("1985-02-03", "mdy", dt.date(1985, 2, 3)),
        ("03.02.1985", "mdy", dt.date(1985, 2, 3)),
        ("02/03/1985", "mdy", dt.date(1985, 2, 3)),
        ("03/02/1985", "dmy", dt.date(1985, 2, 3)),
        ("02/13/1985", "iso", dt.date(1985, 2, 13)),
        ("2/13/85", "iso", dt.date(1985, 2, 13)),
        ("2/13/05", "iso", dt.date(2005, 2, 13)),
    ],
)
def test_a_birth_date_is_read_whatever_the_times_are_like(text, how, born):
    assert birth_date(text, how, NOW.date()) == born


@pytest.mark.parametrize("text", ["02/03/1985", "2031-01-01", "1801-01-01", "1985", "unknown"])
def test_a_birth_date_is_not_guessed(text):
    with pytest.raises(NotATime):
        birth_date(text, "iso", NOW.date())


@pytest.mark.parametrize(
    ("words", "answer"),
    [("Yes y TRUE 1 ja Sí si opt-in subscribed", True), ("No n false 0 nein NO unsubscribed", False)],
)
def test_yes_and_no_are_understood_in_three_languages(words, answer):
    assert {yes_or_no(word) for word in words.split()} == {answer}


@pytest.mark.parametrize("word", ["maybe", "2", "?", "-", "n/a"])
def test_what_is_neither_yes_nor_no_is_no_answer(word):
    with pytest.raises(NotAnAnswer):
        yes_or_no(word)


def test_a_day_without_a_time_is_taken_at_noon():
    taken = moment("2026-03-04", "iso", ZoneInfo("UTC"), NOW)
    assert (taken.at.hour, taken.remark) == (12, "no_time")


@pytest.mark.parametrize(
    ("columns", "fields"),
    [
        ("Date|Time|Ticket|Item|Qty|Total", "time|clock|order|product|quantity|amount"),
        (
            "Bonnummer|Datum|Uhrzeit|Artikel|Menge|Gesamtpreis|Rabatt|Filiale|E-Mail|Telefon|Geburtsdatum|Einwilligung",
            "order|time|clock|product|quantity|amount|discount|store|email|phone|birth_date|email_consent",
        ),
        (
            "Factura|Fecha|Hora|Código|Descripción|Unidades|Importe|Tienda|Correo electrónico|Fecha de nacimiento",
            "order|time|clock|sku|product|quantity|amount|store|email|birth_date",
        ),
        ("Order Number|Created At|SKU|Qty|Line Total", "order|time|sku|quantity|amount"),
        ("receiptId|soldAt|itemName|units|netSales", "order|time|product|quantity|amount"),
    ],
)
def test_columns_are_guessed_by_their_names(columns, fields):
    assert guess(columns.split("|"), []) == dict(zip(fields.split("|"), columns.split("|"), strict=True))


def test_columns_nobody_named_well_are_guessed_by_what_stands_in_them():
    guessed = guess(["a", "b", "c"], [["2026-03-04 10:00", "ada@example.com", "12.50"]] * 3)
    assert guessed == {"time": "a", "email": "b", "amount": "c"}


@pytest.mark.parametrize(
    "text", ["ada", "ada@", "anna.müller@", "@example.com", "a..b@example.com", "a b@example.com", "ada@localhost", ""]
)
def test_what_cannot_be_an_email_is_refused(text):
    with pytest.raises(NotAnAddress):
        normal_email(text)


def test_one_phone_number_has_one_way_to_be_written():
    ways = ["(212) 555-0123", "212.555.0123", "+1 212 555 0123", "1-212-555-0123"]
    assert {normal_phone(way) for way in ways} == {"+12125550123"}
    assert normal_phone("+49 30 901820") == "+4930901820"
    assert number("1") == Decimal(1)
