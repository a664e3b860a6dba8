"""The port every kind of destination stands behind: events in, one call out, what its answer means for each of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from integrations import outgoing

BUSY = {408, 425, 429}


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One event as it may be told. `id` is a ULID, the same however often and to whomever it is told.

    `subject` is the public id of the member it is about; `person` says who that is (name, email, phone), and is empty
    unless the destination is to know. `is_gone` when the member has left since. `forgets` when they are to be
    forgotten there, too.
    """

    id: str
    name: str
    at: datetime
    subject: str
    properties: Mapping[str, Any]
    person: Mapping[str, str] = field(default_factory=dict)
    is_gone: bool = False
    forgets: bool = False


@dataclass(frozen=True, kw_only=True)
class Call:
    url: str
    headers: Mapping[str, str]
    body: bytes
    method: str = "POST"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """At most 64 kB of `body` were read."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Told when there is no `error`. `is_final` is not tried again; `ends` switches the whole destination off.

    `error` is in our words and `said` in theirs: those may repeat what they were told.
    `apart`: one of several may be what is wrong, so each is told alone, at once.
    """

    error: str = ""
    said: str = ""
    is_final: bool = False
    ends: bool = False
    apart: bool = False
    retry_after: timedelta | None = None


TOLD = Verdict()


class CannotBeTold(Exception):
    """This event can never be told to this destination, and why."""


class Kind:
    """One kind of destination, and with `options` and `secrets` one destination of it.

    `options` is what `form` asked for. `secrets` holds the one in force first, and an earlier one while both count.
    """

    do_not_call_in_templates = True
    name: str
    title: str
    icon: str
    about: str
    form: type[forms.Form]
    asks_for = ""  # what the secret is called that they gave people; empty: we make one and show it once
    at_once = 1  # how many events one call may tell

    def __init__(self, options: Mapping[str, Any], secrets: Sequence[str]) -> None:
        self.options, self.secrets = options, secrets

    @classmethod
    def new_secret(cls) -> str:
        """For a kind whose secrets we make."""
        raise NotImplementedError

    @property
    def place(self) -> str:
        """Where it is, for people to recognise, without anything secret."""
        raise NotImplementedError

    def check(self, notice: Notice) -> None:
        """Raises CannotBeTold."""

    def call(self, notices: Sequence[Notice], *, now: datetime) -> Call:
        """One to `at_once` of them."""
        raise NotImplementedError

    def verdicts(self, answer: Answer, notices: Sequence[Notice]) -> list[Verdict]:
        """One for each of the notices that were in the call."""
        return [judged(answer)] * len(notices)


def judged(answer: Answer) -> Verdict:
    """What an HTTP status means where nothing else is agreed: 2xx is yes, 410 is never again, all else is not yet."""
    status = answer.status
    if 200 <= status < 300:
        return TOLD
    if status == 410:
        return Verdict(error="It answered 410: it wants to be told nothing any more.", is_final=True, ends=True)
    if 300 <= status < 400:
        return Verdict(error=f"It answered {status}. Redirects are not followed: enter the address it leads to.")
    waits = status in BUSY or status >= 500
    return Verdict(
        error=f"It answered {status}.",
        retry_after=outgoing.retry_after(answer.headers, now=timezone.now()) if waits else None,
    )
