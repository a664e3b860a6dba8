"""The small shop of these tests, and what they ask of a campaign."""

import datetime as dt
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from django.db import connections
from django.forms import model_to_dict
from django.utils import timezone

from campaigns.actions.policy import change_policy
from campaigns.actions.reports import apply_reports
from campaigns.actions.sends import send_due
from campaigns.models import Campaign, Plan, PlanStep, Send
from campaigns.queries.policy import policy
from integrations.channels.base import Message
from integrations.models import ProviderReport
from loyalty.actions import imports
from loyalty.actions.members import join, set_consent
from loyalty.actions.scores import rescore
from loyalty.models import Member

OF_AGE = dt.date(1980, 5, 17)


class Shop:
    """Members join, allow, and buy; scores follow."""

    def __init__(self, now: dt.datetime, folder: Path, follow_events: Callable[[], None]) -> None:
        self.now, self.orders = now, 0
        self._folder, self._follow = folder, follow_events

    def join(
        self, name: str, *, email: str | None = None, born: dt.date | None = OF_AGE, allows: bool = True
    ) -> Member:
        email = f"{name.lower().replace(' ', '.')}@example.com" if email is None else email
        number = f"C{Member.objects.count() + 1}"
        member = join(now=self.now, source="till", name=name, email=email, birth_date=born, external_id=number)
        if allows:
            self.allow(member)
        return member

    def allow(self, member: Member, *, is_granted: bool = True) -> None:
        words = {"wording": "Yes, write to me.", "source": "till"}
        set_consent(member=member, channel="email", is_granted=is_granted, now=self.now, **words)

    def sell(self, *purchases: tuple[Member, int, str], category: str = "WINE", now: dt.datetime | None = None) -> None:
        """Each purchase: who, how many days ago, for how much. Scores are brought up to date."""
        lines = ["order_id,ordered_at,sku,product_name,category,quantity,amount,customer_id,store"]
        for member, days_ago, amount in purchases:
            self.orders += 1
            at = (now or self.now) - dt.timedelta(days=days_ago)
            quantity = "-1" if amount.startswith("-") else "1"
            sku = "S1" if category == "WINE" else f"S-{category[:20]}"
            cells = (f"O{self.orders}", f"{at:%Y-%m-%d %H:%M:%S}", sku, "Red", category, quantity, amount)
            lines.append(",".join((*cells, str(member.external_id), "Harbor")))
        path = self._folder / f"sales-{self.orders}.csv"
        path.write_text("\n".join(lines) + "\n")
        reading = imports.Reading.guessed(imports.examine(path), time_zone="UTC")
        report = imports.import_file(path, reading, now=now or self.now)
        assert report.lines_new == len(purchases), report
        self._follow()

    def score(self, now: dt.datetime | None = None) -> None:
        rescore(now=now or self.now)


class Outlet:
    """A channel of the tests' own. `during` happens while the provider has the message, and gives its id."""

    provider = "tests"
    remembers_for = dt.timedelta(0)
    during: Callable[[Message], str]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def send(self, message: Message) -> str:
        return Outlet.during(message)


def rule(**changes: Any) -> None:
    """The shop's policy as it is, but for these."""
    change_policy(**({"now": timezone.now()} | model_to_dict(policy(), exclude=["id"]) | changes))


def send_all(now: dt.datetime) -> None:
    while send_due(now=now):
        pass


def states(campaign: Campaign) -> Counter[str]:
    return Counter(campaign.sends.values_list("status", flat=True))


def first_of(plan: Plan) -> PlanStep:
    step = plan.steps.first()
    assert step
    return step


def somebody_waits_for_me() -> bool:
    """Another connection wants a row this one has changed and not yet committed."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid)))"
        )
        return bool(cursor.fetchone()[0])


def report(kind: str, *, at: dt.datetime, send: Send | None = None, **said: Any) -> None:
    """A provider says `kind` of a message, and it is applied at once."""
    named = {"channel": send.channel, "provider_id": send.provider_id, "address": send.recipient} if send else {}
    ProviderReport.objects.create(
        sender="mailgun", key=str(uuid4()), kind=kind, occurred_at=at, received_at=at, **(named | said)
    )
    apply_reports(now=at)
