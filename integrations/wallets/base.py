"""The port every wallet of phones stands behind: what a card shows in, a file out; and word of changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string


@dataclass(frozen=True, kw_only=True)
class Look:
    """How the shop looks. Colours as #rrggbb, `logo` a PNG or empty."""

    shop: str
    background: str
    text: str
    logo: bytes


@dataclass(frozen=True, kw_only=True)
class Field:
    """One thing on the card: what it is called there, and what it is."""

    name: str
    label: str
    value: str | int


@dataclass(frozen=True, kw_only=True)
class Card:
    """What one pass shows. `serial` is ours for ever; with `token` its phone proves that it has the pass.

    `code` is what a till scans. A card that is void has none, nor any field.
    """

    serial: str
    token: str
    service_url: str
    title: str
    look: Look
    headline: Sequence[Field] = ()
    details: Sequence[Field] = ()
    back: Sequence[Field] = ()
    code: str = ""
    is_void: bool = False


@dataclass(frozen=True, kw_only=True)
class File:
    """What a phone is given."""

    name: str
    content: bytes
    content_type: str


class Word(Enum):
    """What became of the word to one phone that its pass has changed. Told twice, it is the same."""

    TOLD = "told"
    GONE = "gone"  # it takes nothing more, ever
    REFUSED = "refused"  # for now: our certificate, their trouble, or no answer


@dataclass(frozen=True)
class Answer:
    """`wait` is how long they ask not to be spoken to of this phone. What is ours to mend, staff are to hear of."""

    word: Word
    why: str = ""
    wait: timedelta | None = None
    is_ours_to_mend: bool = False


class CannotMakePass(Exception):
    """The wallet is not set up as it must be; the message says what to change."""


class Wallet(Protocol):
    """One make of wallet. `pass_type` is what its phones call all passes of this shop."""

    pass_type: str

    def file_of(self, card: Card) -> File:
        """The pass as it is now. Raises CannotMakePass."""
        ...

    def tell_changed(self, tokens: Sequence[str]) -> list[Answer]:
        """Have phones ask for their passes again: what became of each, in their order. Raises nothing."""
        ...


def wallet(name: str) -> Wallet:
    """Raises KeyError for one that is not set up."""
    adapters: Mapping[str, str] = settings.WALLETS
    made: Wallet = import_string(adapters[name])()
    return made
