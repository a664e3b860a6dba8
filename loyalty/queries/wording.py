"""What members read, in their language, of the facts that rules find."""

from copy import copy
from datetime import datetime
from decimal import Decimal

from babel import Locale
from babel.numbers import format_decimal
from django.conf import settings
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import get_language, ngettext, to_locale
from django.utils.translation import gettext as _

from loyalty.rules.rewards import Refusal
from loyalty.rules.tiers import POINTS, SPEND, Progress


def number(value: Decimal | int, decimals: int = 0) -> str:
    """As this language writes it, and the app as well: 1,250.5 or 1.250,5. So many `decimals`, or those there are."""
    shape = "#,##0." + "0" * decimals + "#" * (0 if decimals else 6)
    return format_decimal(value, format=shape, locale=to_locale(get_language() or settings.LANGUAGE_CODE))


def money(value: Decimal | int, currency: str, *, cents: bool = True) -> str:
    """As this language writes it: $1,250.50 or 1.250,50 US$. Without `cents`, none where there are none: $20."""
    locale = Locale.parse(to_locale(get_language() or settings.LANGUAGE_CODE))
    pattern, is_whole = copy(locale.currency_formats["standard"]), not cents and value == int(value)
    if is_whole:
        pattern.frac_prec = (0, 0)
    return str(pattern.apply(value, locale, currency=currency, currency_digits=not is_whole))


def points(count: int) -> str:
    return ngettext("%(number)s point", "%(number)s points", count) % {"number": number(count)}


def amount(reached: Decimal, basis: str, currency: str) -> str:
    """Of what tiers count: `40 points`, `1 visit`, `$12.50`."""
    if basis == SPEND:
        return money(reached, currency)
    count = int(reached.to_integral_value(rounding="ROUND_CEILING"))
    if basis == POINTS:
        return points(count)
    return ngettext("%(number)s visit", "%(number)s visits", count) % {"number": number(count)}


def progress(made: Progress, basis: str, currency: str, *, until: datetime | None = None) -> str:
    """Such as `40 points to stay Gold`; empty below the first tier when there is no way to it.

    `until`: when a tier that is no longer reached is lost.
    """
    if made.tier and made.to_stay:
        told = {"amount": amount(made.to_stay, basis, currency), "tier": made.tier}
        if until:
            told["day"] = date_format(localtime(until), "MONTH_DAY_FORMAT")
            return _("%(amount)s to stay %(tier)s, until %(day)s") % told
        return _("%(amount)s to stay %(tier)s") % told
    if made.missing is not None and made.next_tier:
        return _("%(amount)s to %(tier)s") % {"amount": amount(made.missing, basis, currency), "tier": made.next_tier}
    return _("You have reached %(tier)s") % {"tier": made.tier} if made.tier else ""


def why_not(refusal: Refusal) -> str:
    """Why a reward cannot be held."""
    match refusal.code:
        case "forbidden":
            return refusal.denial
        case "age_unknown":
            told = _("Tell us your date of birth first.")
        case "too_young":
            told = _("Rewards are for members of %(number)s and older.")
        case "not_offered":
            told = _("This reward is not offered now.")
        case "not_for_you":
            told = _("This reward is meant for other members.")
        case "tier_too_low":
            told = _("This reward is for %(tier)s members and above.")
        case "sold_out":
            told = _("This reward has run out.")
        case "taken_already":
            told = ngettext(
                "Each member gets this reward once.", "Each member gets this reward %(number)s times.", refusal.number
            )
        case "not_enough_points":
            told = ngettext("%(number)s more point to go.", "%(number)s more points to go.", refusal.number)
        case unknown:
            raise ValueError(f"There are no words for “{unknown}”.")
    return told % {"number": number(refusal.number), "tier": refusal.tier}


def referral(note: str, reference: str) -> str:
    """What points for a friend were for. The ledger keeps English notes; a milestone's reference ends on how many."""
    if reference.startswith("milestone:"):
        friends = int(reference.rpartition(":")[2])
        return ngettext("%(number)s friend brought", "%(number)s friends brought", friends) % {"number": friends}
    return _(note) if note else ""


def law(denial: str) -> str:
    """What a policy says of rewards: a text of ours in the reader's language, and the shop's own as it is."""
    return _(denial) if denial else ""
