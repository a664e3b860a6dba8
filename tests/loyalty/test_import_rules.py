"""What cells mean: numbers, times and clocks, against whatever anybody could write."""

# ruff: noqa: DTZ001  # tills write naive times

import datetime as dt
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.rules.contacts import NotAnAddress, normal_email, normal_phone
from loyalty.rules.purchases import decimal_mark, guess, style
from loyalty.rules.purchases.numbers import NotANumber, number
from loyalty.rules.purchases.times import NotATime, moment, written

NOW = dt.datetime(2026, 3, 29, tzinfo=dt.UTC)
ZONES = ["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]
amounts = st.decimals(min_value=-999_999, max_value=999_999, places=2, allow_nan=False)


@given(amounts, st.sampled_from(["{}", "${}", "{} €", " {} ", "USD {}"]))
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


def test_a_day_without_a_time_is_taken_at_noon():
    taken = moment("2026-03-04", "iso", ZoneInfo("UTC"), NOW)
    assert (taken.at.hour, taken.remark) == (12, "no_time")


@pytest.mark.parametrize(
    ("columns", "fields"),
    [
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
    "text", ["ada", "ada@", "@example.com", "a..b@example.com", "a b@example.com", "ada@localhost", ""]
)
def test_what_cannot_be_an_email_is_refused(text):
    with pytest.raises(NotAnAddress):
        normal_email(text)


def test_one_phone_number_has_one_way_to_be_written():
    ways = ["(212) 555-0123", "212.555.0123", "+1 212 555 0123", "1-212-555-0123"]
    assert {normal_phone(way) for way in ways} == {"+12125550123"}
    assert normal_phone("+49 30 901820") == "+4930901820"
    assert number("1") == Decimal(1)
