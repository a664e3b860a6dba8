"""Earn rules as members read them, in their language: what one gives, and when.

Staff read loyalty.rules.earning_words.
"""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, time

from babel.dates import format_time, get_day_names
from babel.lists import format_list
from django.conf import settings
from django.db.models import Q
from django.utils.translation import get_language, ngettext, to_locale
from django.utils.translation import gettext as _

from loyalty.models import EarnRule, Product, Store, Tier
from loyalty.queries import wording
from loyalty.queries.earning import rule_of
from loyalty.rules.earning import Conditions, Rule


@dataclass(frozen=True)
class Earning:
    """Such as `3 points for each $1`, and `Imported wine, 4:00 PM to 6:00 PM`; empty where it always holds."""

    name: str
    words: str
    conditions: str


def ways_to_earn(*, today: date, currency: str) -> list[Earning]:
    """What holds today and for members of any segment."""
    begun, not_over = Q(starts_on=None) | Q(starts_on__lte=today), Q(ends_on=None) | Q(ends_on__gte=today)
    rows = EarnRule.objects.filter(begun, not_over, is_active=True, segment=None).order_by("priority", "pk")
    told = [rule for rule in map(rule_of, rows) if not rule.conditions.segments]
    names = _Names(told)
    return [Earning(rule.name, _gives(rule, currency), _conditions(rule, names, currency)) for rule in told]


class _Names:
    """Of whatever the rules name, in a query for each kind of it."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        asked = [rule.conditions for rule in rules]
        skus = set[str]().union(*(each.skus for each in asked))
        self.products = dict(Product.objects.filter(sku__in=skus).values_list("sku", "name")) if skus else {}
        is_any = any(each.stores for each in asked), any(each.tiers for each in asked)
        self.stores = dict(Store.objects.values_list("code", "name")) if is_any[0] else {}
        self.tiers = dict(Tier.objects.values_list("pk", "name")) if is_any[1] else {}


def _gives(rule: Rule, currency: str) -> str:
    match rule.effect:
        case EarnRule.Effect.PER_UNIT:
            each = rule.points_per_unit
            told = ngettext(
                "%(points)s point for each %(amount)s", "%(points)s points for each %(amount)s", math.ceil(each)
            )
            return told % {"points": wording.number(each), "amount": wording.money(1, currency, cents=False)}
        case EarnRule.Effect.MULTIPLIER:
            return _("%(times)s times the points") % {"times": wording.number(rule.multiplier)}
        case EarnRule.Effect.BRACKET:
            return ", ".join(
                f"{wording.money(start, currency, cents=False)}: {wording.points(points)}"
                for start, points in rule.brackets
            )
    return wording.points(rule.points)


def _conditions(rule: Rule, names: _Names, currency: str) -> str:
    return " · ".join([*_occasion(rule), *_asked(rule.conditions, names), *_limits(rule, currency)])


def _occasion(rule: Rule) -> Iterator[str]:
    match rule.trigger:
        case EarnRule.Trigger.SCAN:
            yield _("For each scan")
        case EarnRule.Trigger.REFERRAL:
            yield _("For each friend who buys")
        case EarnRule.Trigger.BIRTHDAY:
            yield _("On your birthday")
        case EarnRule.Trigger.REVIEW:
            yield _("For each review")


def _asked(asked: Conditions, names: _Names) -> Iterator[str]:
    if asked.asks_for_products:
        yield _either([*sorted(asked.categories), *sorted(names.products.get(sku, sku) for sku in asked.skus)])
    if asked.weekdays:
        days = get_day_names(locale=_locale())
        yield _either([days[day] for day in sorted(asked.weekdays)])
    if asked.from_time and asked.to_time:
        yield _("%(from)s to %(until)s") % {"from": _clock(asked.from_time), "until": _clock(asked.to_time)}
    if asked.stores:
        yield _either(sorted(names.stores.get(code, code) for code in asked.stores))
    if asked.tiers:
        yield _either([names.tiers.get(tier, "…") for tier in sorted(asked.tiers)])


def _limits(rule: Rule, currency: str) -> Iterator[str]:
    if rule.minimum_total:
        yield _("From %(amount)s on") % {"amount": wording.money(rule.minimum_total, currency)}
    if rule.cap_points is not None:
        yield _at_most(wording.points(rule.cap_points), rule.cap_period)
    if rule.cap_times is not None:
        times = ngettext("%(number)s time", "%(number)s times", rule.cap_times)
        yield _at_most(times % {"number": wording.number(rule.cap_times)}, rule.cap_period)


def _at_most(amount: str, period: str) -> str:
    told = {
        EarnRule.Period.DAY: _("At most %(amount)s a day"),
        EarnRule.Period.WEEK: _("At most %(amount)s a week"),
        EarnRule.Period.MONTH: _("At most %(amount)s a month"),
        EarnRule.Period.YEAR: _("At most %(amount)s a year"),
        EarnRule.Period.EVER: _("At most %(amount)s in all"),
    }
    return told[EarnRule.Period(period)] % {"amount": amount}


def _either(names: Collection[str]) -> str:
    return format_list(list(names), style="or", locale=_locale())


def _clock(at: time) -> str:
    return format_time(at, format="short", locale=_locale())


def _locale() -> str:
    return to_locale(get_language() or settings.LANGUAGE_CODE)
