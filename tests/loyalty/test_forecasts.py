"""Forecasts: what a night fits and writes, who decides which version is used, and what the pages say."""

import datetime as dt

import psycopg
import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from loyalty.actions import forecasting
from loyalty.actions.forecasting import reading
from loyalty.actions.orders import sum_up_again
from loyalty.actions.scores import rescore
from loyalty.models import (
    Forecast,
    ForecastRun,
    ForecastVersion,
    GroupMove,
    Member,
    MemberStats,
    Order,
    Product,
)
from loyalty.queries import forecasts
from loyalty.scoring import bgnbd, gamma_gamma
from loyalty.tasks import refit_forecasts
from tests.loyalty.regulars import Shop, a_night

Verdict = ForecastVersion.Verdict


@pytest.fixture
def shop(db, now):
    return Shop(now)


@pytest.fixture
def regulars(shop):
    return shop.filled()


def a_change(version, by, now):
    run = forecasting.use_version(version=version, by=by, now=now)
    assert forecasting.run(run.pk, clock=lambda: now)
    run.refresh_from_db()
    return run


def numbers():
    names = ("member", "p_alive", "p_return", "expected_orders", "expected_value", "churn_risk")
    return list(Forecast.objects.order_by("member").values_list(*names))


def test_a_night_fits_a_version_and_forecasts_everybody_who_bought(regulars, now):
    run = a_night(now)
    version = ForecastVersion.objects.get()
    assert (run.status, run.written) == (ForecastRun.Status.DONE, 400)
    assert version.is_in_use
    assert (version.verdict, version.members, version.holdout["days"]) == (Verdict.TAKEN, 400, 90)
    assert version.orders == sum(MemberStats.objects.values_list("purchase_days", flat=True))
    assert abs(version.holdout_error) < 0.1
    assert version.holdout["correlation"] > 0.5
    assert Forecast.objects.count() == 400


def test_a_forecast_is_what_the_model_says_of_the_members_orders(regulars, now):
    a_night(now)
    version = ForecastVersion.objects.get()
    model = bgnbd.Parameters(**version.parameters)
    worth = gamma_gamma.Parameters(**version.value_parameters)
    today = timezone.localdate(now)
    for member in regulars[:20]:
        days = sorted({timezone.localdate(order.ordered_at) for order in member.orders.all()})
        known = ([len(days) - 1], [(days[-1] - days[0]).days], [(today - days[0]).days])
        orders = bgnbd.expected_purchases(model, 90, *known)[0]
        mean = float(sum(order.total for order in member.orders.all())) / len(days)
        value = orders * gamma_gamma.expected_value(worth, [len(days)], [mean])[0]
        forecast = Forecast.objects.get(member=member)
        assert forecast.expected_orders == pytest.approx(orders, abs=0.001)
        assert float(forecast.expected_value) == pytest.approx(value, abs=0.01)
        assert forecast.p_return == pytest.approx(bgnbd.p_return(model, 90, *known)[0], abs=1e-4)


def test_the_same_night_twice_writes_nothing_more(regulars, now):
    a_night(now)
    before = numbers()
    assert a_night(now).written == 0
    assert numbers() == before


def test_the_next_night_writes_only_those_whose_forecast_anybody_would_see_move(regulars, shop, now):
    a_night(now)
    tomorrow = now + dt.timedelta(days=1)
    shop.buys(regulars[0], -1)
    sum_up_again([regulars[0].pk])
    before = Forecast.objects.get(member=regulars[0]).expected_orders
    run = a_night(tomorrow)
    assert 0 < run.written < 400
    assert Forecast.objects.get(member=regulars[0]).expected_orders != before


def test_orders_of_one_day_are_one_purchase_and_void_ones_none(shop, now):
    ada, grace, joan = shop.members(3)
    shop.buys(ada, 40, 20)
    Order.objects.bulk_create([shop.order(ada, 0, at=shop.at(20, dt.time(23, 59))), shop.order(ada, 0, at=shop.at(19))])
    shop.buys(grace, 9)
    shop.buys(grace, 3, total=0, voided_at=now)
    shop.buys(joan, 12, total=-5)
    shop.sum_up()
    assert list(MemberStats.objects.order_by("member").values_list("orders", "purchase_days")) == [
        (4, 3),
        (1, 1),
        (0, 0),
    ]


def test_a_day_is_one_of_the_business_and_not_of_utc(shop, now, settings):
    """Half past eleven at night and half past midnight in New York are one day in UTC and two there."""
    (ada,) = shop.members(1)
    zone = timezone.get_default_timezone()
    late = dt.datetime(2026, 3, 10, 23, 30, tzinfo=zone)
    Order.objects.bulk_create(shop.order(ada, 0, at=late + dt.timedelta(hours=hours)) for hours in (0, 1))
    shop.sum_up()
    assert MemberStats.objects.get().purchase_days == 2


def test_too_few_orders_are_refused_with_what_is_missing(shop, now, viewer, client_of):
    for member in shop.members(30):
        shop.buys(member, 100, 20)
    shop.sum_up()
    run = a_night(now)
    assert (run.status, run.error) == (ForecastRun.Status.FAILED, "30 members have an order; 100 are needed.")
    assert "30 members have an order; 100 are needed." in shown(client_of(viewer), "forecasts")
    refit_forecasts()
    assert ForecastRun.objects.count() == 1, "no night asks for what cannot be"


def test_whoever_has_no_order_any_more_has_no_forecast(regulars, now):
    a_night(now)
    Order.objects.filter(member=regulars[0]).update(voided_at=now, total=0)
    sum_up_again([regulars[0].pk])
    a_night(now)
    assert Forecast.objects.count() == 399


# --- Versions ------------------------------------------------------------------------------------------------------


def test_going_back_to_a_version_scores_everybody_with_it_and_it_stays(regulars, shop, marketer, now):
    a_night(now)
    first, before = ForecastVersion.objects.get(), numbers()
    shop.buys(regulars[0], 3, 2, 1)
    sum_up_again([regulars[0].pk])
    a_night(now)
    second = ForecastVersion.objects.get(is_in_use=True)
    assert second != first
    assert a_change(first, marketer, now).written > 0
    first.refresh_from_db()
    assert (first.is_in_use, first.pinned_by) == (True, marketer)
    untouched = [row for row in numbers() if row[0] != regulars[0].pk]
    assert untouched == [row for row in before if row[0] != regulars[0].pk]
    a_night(now)
    newest = ForecastVersion.objects.latest("pk")
    assert (newest.verdict, newest.is_in_use) == (Verdict.PINNED, False)
    assert ForecastVersion.objects.get(is_in_use=True) == first


def test_a_version_that_was_let_go_makes_room_for_the_next_fit(regulars, marketer, now):
    a_night(now)
    a_change(ForecastVersion.objects.get(), marketer, now)
    forecasting.let_refits_take_over(by=marketer)
    a_night(now)
    assert ForecastVersion.objects.latest("pk").is_in_use
    with pytest.raises(forecasting.NotPinned):
        forecasting.let_refits_take_over(by=marketer)


def test_a_fit_that_is_clearly_worse_on_the_holdout_is_kept_aside_and_says_so(shop, now, viewer, client_of):
    """Nobody has come for ninety days. The version in use had foreseen it; a new fit, blind to them, had not."""
    for number, member in enumerate(shop.members(150)):
        shop.buys(member, *range(95 + number % 20, 280, 15))
    shop.sum_up()
    a_night(now)
    foreseen = {"r": 0.01, "alpha": 900.0}
    wise = ForecastVersion.objects.get()
    wise.trained = wise.trained | {"parameters": foreseen}
    wise.save(update_fields=["trained"])
    a_night(now)
    refused = ForecastVersion.objects.latest("pk")
    assert (refused.verdict, refused.is_in_use) == (Verdict.WORSE, False)
    assert refused.reason.startswith("In the same 90 days it missed each member by")
    assert "clearly worse" in shown(client_of(viewer), "forecasts")


def test_a_run_waits_while_another_is_at_work(transactional_db, now):
    run = forecasting.request_refit(by=None, now=now)
    with psycopg.connect(_address(), autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(hashtextextended('loyalty.forecasts', 0))")
        assert not forecasting.run(run.pk, clock=lambda: now)
    assert forecasting.waiting(now) == [run.pk]
    assert forecasting.run(run.pk, clock=lambda: now)
    assert forecasting.waiting(now) == []


def _address():
    known = connection.get_connection_params()
    return psycopg.conninfo.make_conninfo(
        **{name: known[name] for name in ("dbname", "user", "password", "host", "port") if known.get(name)}
    )


def test_a_run_whose_worker_died_is_taken_up_again_and_one_at_work_is_not(regulars, now):
    run = forecasting.request_refit(by=None, now=now)
    ForecastRun.objects.filter(pk=run.pk).update(status=ForecastRun.Status.RUNNING, beat_at=now)
    assert forecasting.waiting(now) == []
    later = now + dt.timedelta(minutes=2)
    assert forecasting.waiting(later) == [run.pk]
    assert forecasting.run(run.pk, clock=lambda: later)
    assert Forecast.objects.count() == 400


def test_two_who_ask_for_the_same_share_one_run(regulars, marketer, now):
    assert forecasting.request_refit(by=marketer, now=now) == forecasting.request_refit(by=None, now=now)


# --- Habits --------------------------------------------------------------------------------------------------------


@pytest.fixture
def goods(db):
    names = {"Riesling": "Wine", "Glasses": "Mixers", "Merlot": "Wine", "Gin": "Spirits"}
    return {name: Product.objects.create(sku=name, name=name, category=category) for name, category in names.items()}


def test_what_comes_next_is_what_others_bought_who_bought_the_same(regulars, shop, goods, now):
    ada, *others = regulars[:12]
    for other in others:
        shop.sells(other, 30, goods["Riesling"], goods["Merlot"], goods["Glasses"])
    shop.sells(ada, 20, goods["Riesling"])
    shop.sells(ada, 10, goods["Glasses"])
    a_night(now)
    forecast = Forecast.objects.get(member=ada)
    assert (forecast.next_product, forecast.next_category) == (goods["Merlot"], "Wine")
    assert Forecast.objects.get(member=others[0]).next_product is None, "they have all of it"


def test_nobody_is_told_of_what_is_not_there(regulars, shop, goods, now):
    ada, *others = regulars[:12]
    for other in others:
        shop.sells(other, 30, goods["Riesling"], goods["Merlot"])
    shop.sells(ada, 20, goods["Riesling"])
    Product.objects.filter(name="Merlot").update(is_in_stock=False)
    a_night(now)
    assert Forecast.objects.get(member=ada).next_product is None
    Product.objects.filter(name="Merlot").update(is_in_stock=True)
    a_night(now)
    assert Forecast.objects.get(member=ada).next_product == goods["Merlot"]


def test_a_discount_nobody_told_of_is_not_known_and_not_zero(regulars, shop, goods, now):
    ada, grace = regulars[:2]
    shop.sells(ada, 20, goods["Riesling"], goods["Gin"])
    a_night(now)
    assert Forecast.objects.get(member=ada).discount_share is None
    shop.sells(ada, 9, goods["Gin"], goods["Merlot"], discounts={1: 2})
    shop.sells(grace, 9, goods["Gin"])
    a_night(now)
    assert Forecast.objects.get(member=ada).discount_share == 0.25
    assert Forecast.objects.get(member=grace).discount_share == 0
    assert Forecast.objects.get(member=regulars[2]).discount_share is None


def test_a_day_of_the_week_is_told_where_there_is_a_habit(shop, regulars, now):
    friday, torn, seldom = shop.members(3)
    ago = (shop.today.weekday() - 4) % 7
    shop.buys(friday, *(ago + 7 * week for week in range(1, 5)), ago + 2)
    shop.buys(torn, *(ago + 7 * week for week in range(1, 4)), *(ago + 1 + 7 * week for week in range(1, 4)))
    shop.buys(seldom, ago + 7, ago + 14)
    shop.sum_up()
    a_night(now)
    days = dict(Forecast.objects.values_list("member", "best_weekday"))
    assert (days[friday.pk], days[torn.pk], days[seldom.pk]) == (4, None, None)


# --- Moves between groups ------------------------------------------------------------------------------------------


def test_each_scoring_counts_who_went_from_which_group_to_which(shop, now):
    members = shop.members(5)
    for place, member in enumerate(members):
        shop.buys(member, *range(50 - 10 * place, 55 - 10 * place + place), total=10 + place)
    shop.sum_up()
    rescore(now=now)
    assert not forecasts.movement(days=30, now=now).moves, "a first score is no move"
    assert sum(GroupMove.objects.values_list("members", flat=True)) == 5
    was = Member.objects.get(pk=members[0].pk).score.group
    shop.buys(members[0], *range(0, 30))
    shop.sum_up()
    rescore(now=now + dt.timedelta(days=1))
    moved = {(move.from_group, move.to_group): move.members for move in _movement(now)}
    assert moved[was, Member.objects.get(pk=members[0].pk).score.group] >= 1
    rescore(now=now + dt.timedelta(days=1))
    assert {(move.from_group, move.to_group): move.members for move in _movement(now)} == moved


def _movement(now):
    return forecasts.movement(days=30, now=now + dt.timedelta(days=1)).moves


# --- How it came ---------------------------------------------------------------------------------------------------


def test_the_weeks_since_a_fit_are_counted_for_the_members_it_knew(regulars, shop, now):
    a_night(now)
    later = now + dt.timedelta(days=15)
    (newcomer,) = shop.members(1)
    shop.buys(regulars[0], -1, -2, -9)
    shop.buys(regulars[1], -2)
    shop.buys(newcomer, -3, -4)
    shop.sum_up()
    drift = forecasts.drift_since(ForecastVersion.objects.get(), now=later)
    assert [week.actual for week in drift.weeks] == [3, 1]
    assert drift.expected == pytest.approx(sum(ForecastVersion.objects.get().expected_by_week[:2]))


def test_a_fit_of_today_shows_how_an_older_one_held_up(regulars, now):
    a_night(now)
    assert forecasts.drift_since(ForecastVersion.objects.get(), now=now) is None
    later = now + dt.timedelta(days=10)
    a_night(later)
    first, second = ForecastVersion.objects.order_by("pk")
    assert forecasts.drift_since(second, now=later).version == first


# --- Pages ---------------------------------------------------------------------------------------------------------


def shown(client, name, *args):
    return client.get(reverse(f"loyalty:{name}", args=args)).content.decode()


def test_the_card_says_what_was_fitted_and_a_viewer_changes_nothing(regulars, now, viewer, marketer, client_of):
    a_night(now)
    card = shown(client_of(viewer), "forecasts")
    assert "Does it come as foretold?" in card
    assert "Make them anew" not in card
    assert client_of(viewer).post(reverse("loyalty:forecast-refit")).status_code == 403
    assert "Make them anew" in shown(client_of(marketer), "forecasts")
    assert client_of(marketer).post(reverse("loyalty:forecast-refit")).status_code == 302
    assert "Waiting for a worker" in shown(client_of(marketer), "forecasts")


def test_the_churn_table_says_who_is_not_in_it_and_adds_up_to_all_members(regulars, shop, now, viewer, client_of):
    for number in range(7):
        Member.objects.create(name=f"Nothing yet {number}", joined_at=now)
    a_night(now)
    version = forecasts.version_in_use()
    found = forecasts.judged_of(version)
    held = version.holdout
    assert found.judged == sum(band["members"] for band in held["bands"])
    assert abs(found.judged - found.laid) <= 1
    assert found.new == version.members - held["members"]
    assert (found.without, found.everybody) == (7, Member.objects.count())
    page = " ".join(client_of(viewer).get(reverse("loyalty:forecasts")).content.decode().split())
    for reason, members in (("cannot judge them: every second member", found.laid), ("Had bought nothing by", 7)):
        assert reason in page
        assert f'class="number">{members:,}</td>' in page
    assert f"<strong>{found.everybody:,}</strong></td>" in page


def test_a_shop_whose_members_never_leave_is_told_so(shop, now, viewer, client_of):
    shop.filled(a=0, r=2.0, alpha=40.0)
    a_night(now)
    assert ForecastVersion.objects.get().kind == ForecastVersion.Kind.NBD
    assert "Nobody is seen to leave" in shown(client_of(viewer), "forecasts")
    assert "No sign that members leave" in shown(
        client_of(viewer), "member-forecast", Forecast.objects.first().member.public_id
    )


def test_members_are_sorted_and_narrowed_by_their_forecast(regulars, now, viewer, client_of):
    a_night(now)
    answer = client_of(viewer).get(reverse("loyalty:members"), {"sort": "expected", "risk": "low"})
    listed = [row.member.forecast for row in answer.context["shown"]]
    assert listed
    assert {forecast.churn_risk for forecast in listed} == {"low"}
    values = [forecast.expected_value for forecast in listed]
    assert values == sorted(values, reverse=True)


def test_a_member_without_a_forecast_is_told_when_there_will_be_one(shop, viewer, client_of):
    (ada,) = shop.members(1)
    assert "Nothing is forecast yet" in shown(client_of(viewer), "member-forecast", ada.public_id)


def test_orders_that_arrive_meanwhile_leave_each_member_read_once(regulars, now, monkeypatch):
    monkeypatch.setattr(reading, "MEMBERS_AT_ONCE", 50)
    parts = reading.everybody(forecasts.extent(now=now))
    seen = list(next(parts).ids)
    sum_up_again(list(MemberStats.objects.values_list("member_id", flat=True)))
    for part in parts:
        seen += list(part.ids)
    assert seen == sorted(MemberStats.objects.filter(orders__gt=0).values_list("member_id", flat=True))


def test_forecasts_are_made_while_developing_too(regulars, now, settings):
    settings.DEBUG = True
    assert a_night(now).status == ForecastRun.Status.DONE
