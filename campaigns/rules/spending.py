"""How many tokens a call to a language model takes and what it costs. Plain Python."""

import re
from dataclasses import dataclass
from decimal import Decimal

MILLION = 1_000_000
# English has about four bytes to a token, JSON and other languages fewer: an estimate that errs upwards.
BYTES_PER_TOKEN = 3
# What is left must hold an answer worth asking for.
SHORTEST_ANSWER = 500
_DAY = re.compile(r'"day"\s*:\s*"([0-9]{4}-[0-9]{2}-[0-9]{2})"')


@dataclass(frozen=True)
class Prices:
    """US dollars for a million tokens in and out."""

    tokens_in: Decimal
    tokens_out: Decimal

    def cost(self, tokens_in: int, tokens_out: int) -> Decimal:
        return (self.tokens_in * tokens_in + self.tokens_out * tokens_out) / MILLION


@dataclass(frozen=True)
class Caps:
    """What a plan may use. `cost` in US dollars; None where tokens alone count."""

    tokens: int
    cost: Decimal | None
    pictures: int = 0


@dataclass(frozen=True)
class Used:
    """What a plan's calls took so far."""

    tokens: int
    cost: Decimal
    pictures: int = 0


class OverTheCap(Exception):
    """The call would pass a cap. Says which, and where it is set."""


def tokens_in(text: str) -> int:
    """An estimate for what nobody counted."""
    return -(-len(text.encode(errors="replace")) // BYTES_PER_TOKEN)


def longest_answer(asked: int, used: Used, caps: Caps, prices: Prices | None, *, wish: int | None = None) -> int:
    """Tokens an answer to a question of `asked` tokens may have, so that no cap is passed. Raises OverTheCap."""
    left = caps.tokens - used.tokens - asked
    if left < SHORTEST_ANSWER:
        raise OverTheCap(
            f"This plan has used {used.tokens:,} of the {caps.tokens:,} tokens it may use, and the next question alone"
            f" takes about {asked:,}. Raise “Tokens for one plan” under Settings → Campaigns."
        )
    if caps.cost is not None and prices is not None:
        spare = caps.cost - used.cost - prices.cost(asked, 0)
        affordable = int(spare * MILLION / prices.tokens_out) if prices.tokens_out else left
        if spare < 0 or affordable < SHORTEST_ANSWER:
            raise OverTheCap(
                f"This plan has cost ${used.cost:.2f} of the ${caps.cost:.2f} it may cost; too little is left for"
                " another answer. Raise “US dollars for one plan” under Settings → Campaigns."
            )
        left = min(left, affordable)
    return left if wish is None else min(left, wish)


def refuse_pictures(count: int, used: Used, caps: Caps, price: Decimal | None) -> None:
    """Raises OverTheCap where `count` pictures more would pass one. `price` is that of one picture, None if unknown."""
    if used.pictures + count > caps.pictures:
        raise OverTheCap(
            f"{_pictures(used.pictures)} of the {caps.pictures} this plan may have made are used up, and {count} more"
            " are asked for. Raise “Pictures for one plan” under Settings → Campaigns."
        )
    if caps.cost is not None and price is not None and used.cost + count * price > caps.cost:
        raise OverTheCap(
            f"This plan has cost ${used.cost:.2f} of the ${caps.cost:.2f} it may cost, and {_pictures(count)} cost"
            f" ${count * price:.2f}. Raise “US dollars for one plan” under Settings → Campaigns."
        )


def _pictures(number: int) -> str:
    return f"{number} picture{'' if number == 1 else 's'}"


def day_being_written(answer: str) -> str:
    """The last day an unfinished answer names, such as 2026-03-29; empty before the first."""
    days = _DAY.findall(answer)
    return days[-1] if days else ""
