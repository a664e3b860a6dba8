"""Does it pay to write to whom we say? A simulation in which the truth is known, on the product's own plans.

Made-up shops of 20,000 members with two years of orders. Each member has a rate of purchases, a usual spend and a
chance to stay away for good after each (beta-geometric, as the forecasts assume), and beside them what no model here
assumes: a season, habits in two categories that end by themselves, and a response to messages of their own, drawn apart
from everything that can be seen; one in ten buys less after a message. What a message does differs from world to world:

    lifts      more of what is bought anyway
    saves      those about to stay away for good stay
    revives    some who left within half a year come back once
    reminds    whose habit of wine ended buys some wine again
    mixed      a quarter of each

The product sees orders only: statistics, scores, forecasts and the plan are made as in a shop. A campaign is planned,
approved and started, without a language model, and "our plan" is everybody who has a message of it waiting. "Our
ranking" is the plan's order alone, before its steps leave anybody out. Each way to choose takes as many members of the
same shop as the plan writes to. What a message adds to the next 90 days of each is drawn once, about the true
expectation; a choice is worth what it adds to the chosen, each counted once however often they are written to. The
best possible choice, by the true expectation, bounds them all. The table gives the mean over shops with its interval of
95 % (Student's t; against the others the difference shop by shop).
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from django.db import connection
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import stats

from campaigns.actions import planning, review
from campaigns.actions.campaigns import create_campaign, start_campaign
from campaigns.models import Plan
from loyalty.actions import forecasting
from loyalty.actions.orders import sum_up_again
from loyalty.actions.scores import rescore
from loyalty.actions.segments import create_segment
from loyalty.models import Product, Store, User
from tests.benchmarks.copying import copy
from tests.benchmarks.result import Result
from tests.campaigns.crowd import take_in_members

MEMBERS, TAKEN, SHOPS = 20_000, 600, 12
OURS, RFM = "our plan", "RFM, the best first"
NOW = dt.datetime(2026, 11, 20, 8, 10, tzinfo=dt.UTC)
HISTORY, AHEAD = 730, 90  # days
WORLDS: dict[str, tuple[float, float, float, float]] = {
    "lifts": (1, 0, 0, 0),
    "saves": (0, 1, 0, 0),
    "revives": (0, 0, 1, 0),
    "reminds": (0, 0, 0, 1),
    "mixed": (1 / 4, 1 / 4, 1 / 4, 1 / 4),
}
WINE = 0.6  # of their purchases, while it is a habit
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Shop:
    """The truth about `MEMBERS` members, each array of that length, and their orders so far."""

    rate: Floats  # purchases a day while they come
    spend: Floats  # the mean of one
    leaves: Floats  # chance to stay away after a purchase
    habit_ends: Floats  # the day of the last wine
    left: Floats  # the day of the last purchase of those who left, or inf
    response: Floats  # what a message does to them, 1 on average
    orders: pl.DataFrame  # member (from 0), day, cents, category


def measure() -> Result:
    gains: dict[str, dict[str, list[float]]] = {world: {} for world in WORLDS}
    for number in range(SHOPS):
        chance = np.random.default_rng(number)
        shop = _shop(chance)
        _fill_database(shop)
        chosen = _choices(chance)
        for world, mix in WORLDS.items():
            expected, drawn = _effects(shop, mix, np.random.default_rng([number, 1]))
            best = np.argsort(-expected)[: len(chosen[OURS])]
            for way, members in {**chosen, "the best possible": best}.items():
                gains[world].setdefault(way, []).append(float(drawn[members].mean()))
    told = _told(gains)
    for world, ways in gains.items():
        _refuse_defeat(world, ways)
    return told


# --- The shop -----------------------------------------------------------------------------------------------------


def _shop(chance: Generator) -> Shop:
    rate = chance.gamma(0.9, 1 / 45, MEMBERS)  # a purchase in 50 days, many far less
    leaves = chance.beta(0.9, 9, MEMBERS)
    spend = chance.gamma(4, 9, MEMBERS)
    came = chance.uniform(0, HISTORY - 30, MEMBERS)
    habit_ends = came + chance.uniform(0, 2 * HISTORY, MEMBERS)  # by itself, and for most of them not yet
    rows, left = _history(rate, leaves, spend, came, habit_ends, chance)
    response = chance.lognormal(-0.5, 1, MEMBERS) * np.where(chance.random(MEMBERS) < 0.1, -0.5, 1)
    return Shop(rate, spend, leaves, habit_ends, left, response, rows)


def _history(
    rate: Floats, leaves: Floats, spend: Floats, came: Floats, habit_ends: Floats, chance: Generator
) -> tuple[pl.DataFrame, Floats]:
    """Purchase after purchase of everybody at once, until all have left or the past is over."""
    at, left = came.copy(), np.full(MEMBERS, np.inf)
    here, frames = np.arange(MEMBERS), list[pl.DataFrame]()
    while len(here):
        cents = np.round(100 * spend[here] * chance.gamma(3, 1 / 3, len(here))).astype(int) + 100
        wine = (at[here] < habit_ends[here]) & (chance.random(len(here)) < WINE)
        frames.append(pl.DataFrame({"member": here, "day": at[here], "cents": cents, "wine": wine}))
        goes = chance.random(len(here)) < leaves[here]
        left[here[goes]] = at[here[goes]]
        here = here[~goes]
        season = 1 + 0.3 * np.sin(2 * np.pi * at[here] / 365)
        at[here] += chance.exponential(1 / np.maximum(rate[here] * season, 1e-6))
        here = here[at[here] < HISTORY]
    return pl.concat(frames), left


def _fill_database(shop: Shop) -> None:
    """As in a shop: members who may be written to, orders, and all that the product makes of them."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE loyalty_member, loyalty_segment, campaigns_campaign CASCADE")
        cursor.execute("TRUNCATE loyalty_store, loyalty_product, loyalty_forecastversion, loyalty_scoring CASCADE")
    take_in_members(MEMBERS)
    store = Store.objects.create(code="S", name="Harbor")
    wine, beer = (Product.objects.create(sku=name, name=name, category=name) for name in ("Wine", "Beer"))
    (first,) = _rows("SELECT min(id) FROM loyalty_member")[0]
    orders = shop.orders.with_row_index("id", offset=1).with_columns(
        member_id=pl.col("member") + first,
        ordered_at=pl.lit(NOW - dt.timedelta(days=HISTORY)).dt.replace_time_zone(None)
        + pl.duration(seconds=(pl.col("day") * 86_400).cast(pl.Int64)),
        total=pl.col("cents") / 100,
        product_id=pl.when("wine").then(wine.pk).otherwise(beer.pk),
    )
    same = {"number": pl.col("id"), "store_id": pl.lit(store.pk), "discount": pl.lit(0)}
    at = pl.col("ordered_at").dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    copy(orders.select("id", "member_id", "total", at, **same), "loyalty_order")
    line = {"order_id": pl.col("id"), "key": pl.lit("1"), "quantity": pl.lit(1), "discount": pl.lit(0)}
    copy(orders.select("product_id", amount=pl.col("total"), **line), "loyalty_orderline")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE loyalty_order, loyalty_orderline")
    sum_up_again([member for (member,) in _rows("SELECT id FROM loyalty_member")])
    rescore(now=NOW)
    assert forecasting.run(forecasting.request_refit(by=None, now=NOW).pk, clock=lambda: NOW)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE loyalty_memberstats, loyalty_score, loyalty_forecast")


def _rows(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


# --- What a message does ------------------------------------------------------------------------------------------


def _effects(shop: Shop, mix: tuple[float, float, float, float], chance: Generator) -> tuple[Floats, Floats]:
    """What a message adds to the next 90 days of each member: expected, and drawn."""
    alive = np.isinf(shop.left)
    until_leaving = shop.rate * AHEAD * shop.leaves  # expected departures if nobody wrote
    share_lost = np.where(until_leaving > 0, 1 - (1 - np.exp(-until_leaving)) / np.maximum(until_leaving, 1e-9), 0)
    usual = shop.rate * AHEAD * shop.spend * alive
    ago = np.where(alive, np.inf, HISTORY - shop.left)
    lifts = 0.04 * usual * (1 - share_lost)
    saves = 0.2 * usual * share_lost
    revives = 0.05 * (ago < 182) * np.exp(-ago / 120) * shop.spend * (1 + shop.rate * AHEAD / 2)
    reminds = 0.06 * WINE * usual * (shop.habit_ends < HISTORY)
    expected = shop.response * (mix[0] * lifts + mix[1] * saves + mix[2] * revives + mix[3] * reminds)
    # As many more (or fewer) purchases as that is worth on average, each of a size of its own.
    purchases = chance.poisson(np.abs(expected) / shop.spend) * np.sign(expected)
    return expected, purchases * shop.spend * chance.gamma(3, 1 / 3, MEMBERS)


# --- Ways to choose -----------------------------------------------------------------------------------------------


def _choices(chance: Generator) -> dict[str, NDArray[np.int64]]:
    rows = _rows(
        """
        SELECT member_id - (SELECT min(id) FROM loyalty_member), recency, frequency, monetary, "group", spent
        FROM loyalty_score JOIN loyalty_memberstats USING (member_id)
        """
    )
    scored = pl.DataFrame(rows, orient="row", schema=["member", "r", "f", "m", "group", "spent"])
    by_sum = scored.sort(-(pl.col("r") + pl.col("f") + pl.col("m")), -pl.col("spent"))
    at_risk = scored.filter(pl.col("group").is_in(["cannot_lose", "at_risk"])).sort(-pl.col("spent"))
    rest = by_sum.filter(~pl.col("member").is_in(at_risk["member"].implode()))
    planned, ranked = _planned()
    orders = {
        "our ranking": ranked,
        RFM: by_sum["member"].to_numpy(),
        "RFM, at risk first": pl.concat([at_risk, rest])["member"].to_numpy(),
        "who spent most": scored.sort(-pl.col("spent"))["member"].to_numpy(),
        "at random": chance.permutation(scored["member"].to_numpy()),
    }
    return {OURS: planned} | {way: order[: len(planned)] for way, order in orders.items()}


def _planned() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Whom a campaign for everybody writes to, and its candidates, the first first."""
    owner = User.objects.filter(email="owner@shop.example").first() or User.objects.create_superuser(
        "owner@shop.example", "correct horse battery staple", name="Owner"
    )
    everybody = create_segment(name="Everybody", description="", rule={"all": []}, by=None, now=NOW)
    campaign = create_campaign(
        name="Everybody", goal="Sell more", starts_on=NOW.date() + dt.timedelta(days=1),
        ends_on=NOW.date() + dt.timedelta(days=14), segments=[everybody], budget=None, audience_limit=TAKEN,
        owner=owner, now=NOW,
    )  # fmt: skip
    plan = planning.request_plan(campaign=campaign, by=owner, now=NOW)
    planning.make_plan(plan.pk, now=NOW)
    plan.refresh_from_db()
    assert plan.status == Plan.Status.READY, plan.error
    review.approve_plan(plan=plan, by=owner, now=NOW)
    start_campaign(campaign=campaign, by=owner, now=NOW)
    first = "member_id - (SELECT min(id) FROM loyalty_member)"
    sends = _rows(f"SELECT DISTINCT {first} FROM campaigns_send WHERE campaign_id = %s", campaign.pk)
    candidates = _rows(f"SELECT {first} FROM campaigns_candidate WHERE plan_id = %s ORDER BY rank", plan.pk)
    return np.array([member for (member,) in sends]), np.array([member for (member,) in candidates])


# --- What came of it ----------------------------------------------------------------------------------------------


def _told(gains: Mapping[str, Mapping[str, list[float]]]) -> Result:
    width = max(len(way) for ways in gains.values() for way in ways)
    detail: dict[str, Any] = {"members": MEMBERS, "taken": TAKEN}
    for world, ways in gains.items():
        print(f"\n{world:{width}}  a message adds, of 95 %          times at random   ours is ahead by, of 95 %")
        ours, random = ways[OURS], np.mean(ways["at random"])
        for way, values in sorted(ways.items(), key=lambda item: -np.mean(item[1])):
            mean, low, high = _interval(values)
            told = f"{way:{width}}  {mean:7.2f} ({low:6.2f} to {high:6.2f})  {np.mean(values) / random:10.1f}"
            if way != OURS:
                ahead, least, most = _interval(np.subtract(ours, values))
                told += f"         {ahead:8.2f} ({least:6.2f} to {most:6.2f})"
            print(told)
        detail[world] = {way: round(float(np.mean(values)), 3) for way, values in ways.items()}
    mixed = gains["mixed"]
    ours, limit = (float(np.mean(mixed[way])) for way in (OURS, "the best possible"))
    return Result(
        "targeting", round(ours, 3), "money a message", round(limit, 3), round(ours / limit, 3), SHOPS, detail
    )


def _refuse_defeat(world: str, ways: Mapping[str, list[float]]) -> None:
    """Surely ahead of chance in every world, surely behind plain RFM in none, surely ahead of it in the mixed one."""
    _, least, _ = _interval(np.subtract(ways[OURS], ways["at random"]))
    assert least > 0, f"{world}: the plan is not ahead of chance"
    _, least, most = _interval(np.subtract(ways[OURS], ways[RFM]))
    assert most > 0, f"{world}: {RFM} beats the plan"
    assert least > 0 or world != "mixed", f"{world}: the plan is not ahead of {RFM}"


def _interval(values: Any) -> tuple[float, float, float]:
    """The mean over shops, and where the mean of all such shops lies, by Student's t."""
    mean, error = float(np.mean(values)), float(np.std(values, ddof=1)) / len(values) ** 0.5
    off = float(stats.t.ppf(0.975, len(values) - 1)) * error
    return mean, mean - off, mean + off
