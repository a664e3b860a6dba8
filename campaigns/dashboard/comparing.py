"""Comparisons of arms as pages show them: sentences, cells of a table, intervals drawn."""

from collections.abc import Sequence
from typing import Any

from babel.numbers import format_currency
from django.utils import timezone
from django.utils.dateformat import format as format_date

from campaigns.models import Campaign
from campaigns.queries.lift import Lift
from campaigns.rules import sayings
from campaigns.rules.effects import SHARES, Effect
from config.shared import tags

# What shares and their differences are in, in a spreadsheet.
IN_PERCENT = "percent, differences in percentage points"


def said_of(lift: Lift, currency: str) -> list[tuple[str, str]]:
    """A sentence for each measure, under its name."""
    final = format_date(timezone.localtime(lift.window.closes), "F j") if lift.window else ""
    return [
        (label, sayings.said_of(effect, money=whole_money(currency), final=final))
        for label, effect in labelled(lift.effects)
    ]


def waits_for(lift: Lift) -> str:
    """Why a campaign that held members out has nothing to compare yet; empty where it has, or held nobody out."""
    if lift.effects or not lift.campaign.holdout_percent:
        return ""
    if lift.has_begun:
        missing = "was held out" if lift.treated.members else "is left to get its messages"
        return f"Its audience was so small that by lot nobody {missing}."
    if lift.campaign.status == Campaign.Status.CANCELLED:
        return "It was cancelled before its first message had left."
    if lift.campaign.status == Campaign.Status.DRAFT:
        return "Counting begins with the first message, once the campaign has been started."
    if lift.window is None:
        return "Counting begins once the first message has left."
    opens = format_date(timezone.localtime(lift.window.opens), "F j, g:i a")
    return f"Counting begins with the first message, {opens.rstrip('.')}."


def whole_money(currency: str) -> sayings.Show:
    """$2,582: an estimate has no cents."""
    return lambda value: format_currency(
        round(value), currency, format="¤#,##0", locale=tags.LOCALE, currency_digits=False
    )


def chance(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def chance_in_percent(p: float) -> str:
    return "below 0.1%" if p < 0.001 else tags.percent(p)


def labelled(effects: tuple[Effect, ...]) -> list[tuple[str, Effect]]:
    return [(sayings.LABELS[effect.measure], effect) for effect in effects]


def cells_of(effect: Effect, currency: str) -> list[str]:
    """As campaigns/effects.html shows one: the means, the total with its bounds, percent, and how often by chance."""

    def each(value: float) -> str:
        if effect.measure in sayings.MONEY:
            return tags.money(value, currency)
        return tags.percent(value) if effect.measure in SHARES else tags.number(value)

    def whole(value: float) -> str:
        return whole_money(currency)(value) if effect.measure in sayings.MONEY else tags.number(round(value))

    means = [each(effect.mean), each(effect.other_mean)]
    if not effect.is_told:
        return [*means, "Not enough data", *[tags.ABSENT] * 4]
    total, percent = effect.total, effect.percent
    return [
        *means,
        *(whole(value) for value in (total.value, total.low, total.high)),
        tags.percent(percent.value if percent else None),
        chance_in_percent(effect.difference.p),
    ]


def columns(others: str) -> tuple[str, ...]:
    """The heads of `exactly` in a spreadsheet. `others` is what the members of the other arm are called: held out."""
    return (
        "Measure", "Members", f"Members {others}", "Unit", "A member", f"A member {others}", "Difference", "At least",
        "At most", "Unit in all", "In all", "In all, at least", "In all, at most", "In percent",
        "In percent, at least", "In percent, at most", "By chance alone (p)", "Result", "Members it would take",
    )  # fmt: skip


def exactly(effect: Effect, currency: str) -> list[Any]:
    """The figures of one measure, unrounded, with the words of the page and what they are in."""
    told, noun = effect.figures, sayings.NOUNS[effect.measure]
    is_share, is_money = effect.measure in SHARES, effect.measure in sayings.MONEY
    each = [told[name] for name in ("per_member", "other_per_member", "difference", "low", "high")]
    unit, unit_in_all = (currency, currency) if is_money else (IN_PERCENT if is_share else noun, noun)
    return [
        sayings.LABELS[effect.measure], told["members"], told["other_members"],
        unit, *(map(in_percent, each) if is_share else each),
        unit_in_all, told["total"], told["total_low"], told["total_high"],
        *(in_percent(told[name]) for name in ("percent", "percent_low", "percent_high")),
        told["p"], sayings.VERDICTS[effect.verdict], told["enough"],
    ]  # fmt: skip


def in_percent(share: float | None) -> float | None:
    """12.5 for 0.125, and 57 for 0.57, without what binary fractions add to it."""
    return None if share is None else float(f"{100 * share:.15g}")


def interval_chart(chart_id: str, title: str, rows: Sequence[tuple[str, Effect]]) -> dict[str, Any]:
    """Differences in percent of what the other arm did, with their bounds; what nobody can tell is left out."""
    shown = [(label, effect.percent) for label, effect in rows if effect.is_told and effect.percent]
    return {
        "id": chart_id,
        "title": title,
        "kind": "intervals",
        "labels": [label for label, _ in shown],
        "series": [
            {"name": "Difference", "values": [percent.value for _, percent in shown]},
            {"name": "At least", "values": [percent.low for _, percent in shown]},
            {"name": "At most", "values": [percent.high for _, percent in shown]},
        ],
        "format": "percent",
        "size": "sm" if len(shown) < 5 else "",
        "axis": "Measure",
        "empty": "There is not enough data yet for an interval worth drawing.",
    }
