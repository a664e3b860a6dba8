"""A comparison in one sentence of plain words. Plain Python."""

from collections.abc import Callable, Mapping

from campaigns.rules import sample_sizes
from campaigns.rules.arms import ArmFigures, OutcomeReport
from campaigns.rules.effects import BUYERS, CLICKS, LESS, MARGIN, MORE, OPEN, ORDERS, REVENUE, TOO_FEW, UNCLEAR, Effect
from campaigns.rules.sample_sizes import Planned
from campaigns.rules.statistics import Difference

# What is counted, after its number.
NOUNS = {
    BUYERS: "members who bought",
    ORDERS: "orders",
    REVENUE: "revenue",
    MARGIN: "margin",
    CLICKS: "members who clicked",
}
LABELS = {BUYERS: "Members who bought", ORDERS: "Orders", REVENUE: "Revenue", MARGIN: "Margin", CLICKS: "Clicks"}
MONEY = (REVENUE, MARGIN)
VERDICTS = {
    MORE: "More",
    LESS: "Fewer",
    UNCLEAR: "Could be chance",
    OPEN: "Still counting",
    TOO_FEW: "Not enough data",
}
# A share of those who get an e-mail that is neither high nor low, to say what a test of some size could tell.
USUAL_SHARE = 0.05
SHARES = {CLICKS: "click", BUYERS: "buy"}
Show = Callable[[float], str]


def planned(members: Mapping[str, int], measure: str) -> str:
    """What a test of about so many `members` of each wording can tell.

    `About 27 get A, 27 get B. Where 5 of 100 click with one wording, another usually stands out only if 35 of 100 do.`
    """
    parted = ", ".join(f"{count:,} get {letter}" for letter, count in members.items())
    if measure not in SHARES:
        return f"About {parted}. Orders and money differ so much between members that it takes thousands to tell."
    least = sample_sizes.seen_above(USUAL_SHARE, min(members.values()))
    if least is None:
        return f"About {parted}. So few tell nothing: let more take part, or try fewer wordings."
    usual, needed = round(100 * USUAL_SHARE), round(100 * least)
    return (
        f"About {parted}. Where {usual} of 100 {SHARES[measure]} with one wording, another usually stands out only if"
        f" {needed} of 100 do."
    )


def planned_holdout(planned: Planned) -> str:
    """What a campaign's own holdout will be able to tell, in words.

    `20 of 300 are held out. Of 100 such members 31 buy within 14 days anyway: what the campaign adds stands out from
    chance only if 58 of 100 buy. To see a fifth more, hold out 45%.`
    """
    if not planned.held_out:
        return "Nobody is held out, so nobody will be able to say what it brought."
    held = f"{planned.held_out:,} of {planned.held_out + planned.treated:,} are held out"
    parts, least = sample_sizes.parts_of(planned.bought.rate), planned.seen_from
    if not planned.bought.hits:
        return (
            f"{held}. Hardly any of them buys within {planned.days} days anyway: "
            "it takes purchases to tell what a campaign adds."
        )
    if least is None:
        return f"{held}: too few to tell by themselves what the campaign adds. {_advice(planned)}"
    told = (
        f"{held}. Of {parts:,} such members {round(parts * planned.bought.rate)} buy within {planned.days} days anyway:"
        f" what the campaign adds stands out from chance only if {round(parts * least)} of {parts:,} buy."
    )
    return f"{told} {_advice(planned)}".rstrip()


def _advice(planned: Planned) -> str:
    """Nothing where enough are held out."""
    if percent := planned.percent_for_a_fifth:
        is_enough = 100 * planned.held_out >= percent * (planned.held_out + planned.treated)
        return "" if is_enough else f"To see a fifth more, hold out {percent}%."
    return "No share of them would show a fifth more: several campaigns together may."


def said_of(effect: Effect, *, money: Show, than: str = "without it", others: str = "held out", final: str = "") -> str:
    """`About 41 more orders than without it: between 12 and 70 more.`

    `money` writes an amount, `others` is what the other arm's members are called, `final` the day the window closes.
    """
    if effect.verdict == TOO_FEW:
        return _too_few(effect, others)
    total, noun = effect.total, NOUNS[effect.measure]
    show = money if effect.measure in MONEY else _whole
    between = _between(total.low, total.high, show, effect.measure)
    if effect.verdict in (MORE, LESS):
        return f"About {_signed(total.value, show, effect.measure)} {noun} than {than}: {between}."
    if effect.verdict == OPEN:
        so_far = f"So far about {_signed(total.value, show, effect.measure)} {noun} than {than}"
        return f"{so_far}, and however often you look, {between}. The result is final on {final.rstrip('.')}."
    more = "" if effect.enough is None else _would_show(effect, others)
    return f"No difference that chance alone would not make: {between} {noun}.{more}"


def _too_few(effect: Effect, others: str) -> str:
    if effect.enough is None:
        return "Not enough data: nobody has done it yet."
    if not min(effect.members, effect.other_members):
        return f"Nothing to compare with: nobody is {others}."
    return (
        f"Not enough data: with as many as so far, it takes about {effect.enough:,} members {others} to tell anything, "
        f"and there are {effect.other_members:,}."
    )


def _would_show(effect: Effect, others: str) -> str:
    return (
        f" A tenth more would show from about {effect.enough:,} members {others} on; there are "
        f"{effect.other_members:,}."
    )


def _between(low: float, high: float, show: Show, measure: str) -> str:
    """`between 12 fewer and 70 more`"""
    if low >= 0:
        return f"between {show(low)} and {_signed(high, show, measure)}"
    if high <= 0:
        return f"between {show(-high)} and {_signed(low, show, measure)}"
    return f"between {_signed(low, show, measure)} and {_signed(high, show, measure)}"


def _signed(value: float, show: Show, measure: str) -> str:
    fewer = "less" if measure in MONEY else "fewer"
    return f"{show(abs(value))} {'more' if value >= 0 else fewer}"


def said_of_arm(outcome: OutcomeReport, arm: ArmFigures, *, show: Show) -> str:
    """`B earned $3.10 more per member than A; that is beyond chance.`"""
    control, name = outcome.control, outcome.outcome
    if arm.difference is None or arm.verdict == TOO_FEW:
        smaller = min(arm, control, key=lambda each: each.units)
        people = f"{smaller.units:,} {'person' if smaller.units == 1 else 'people'} in {smaller.arm}"
        would_do = f", and about {arm.enough:,} would do" if arm.enough else f", and nobody with any {name} yet"
        return f"{arm.arm}: not enough data, {people}{would_do}."
    more = "more" if arm.difference.value >= 0 else "less"
    by = show(abs(arm.difference.value))
    chance = "; that is beyond chance." if arm.is_clear else ", which could be chance."
    if outcome.is_share:
        shares = f"{show(arm.mean)} of the members of {arm.arm}, {show(control.mean)} of {control.arm}"
        return f"{name.capitalize()}: {shares}{chance}"
    if by == show(0):
        as_much = "as much" if outcome.is_money else "as many"
        return f"{arm.arm} had {as_much} {name} per member as {control.arm}."
    if outcome.is_money:
        what = "" if name == REVENUE else f" {name}"
        return f"{arm.arm} earned {by} {more}{what} per member than {control.arm}{chance}"
    return f"{arm.arm} had {by} {more} {name} per member than {control.arm}{chance}"


def orders_in_all(total: Difference) -> str:
    """`about 41 more than without them, between 12 and 70 more`"""
    bounds = _between(total.low, total.high, _whole, ORDERS)
    chance = "" if total.is_clear else ", which could be chance"
    return f"about {_signed(total.value, _whole, ORDERS)} than without them, {bounds}{chance}"


def _whole(value: float) -> str:
    return f"{round(value):,}"
