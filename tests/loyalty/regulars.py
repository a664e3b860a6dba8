"""A shop with members who buy on given days, or as BG/NBD says people do."""

import datetime as dt
from decimal import Decimal

import numpy as np
from django.utils import timezone

from loyalty.actions import forecasting
from loyalty.actions.orders import sum_up_again
from loyalty.models import Member, Order, OrderLine, PointsAccount, Store
from tests.buyers import buyers

NOON = dt.time(12)
DAYS = 300


class Shop:
    """Members who buy on given days, told as days before today."""

    def __init__(self, now):
        self.now, self.today = now, timezone.localdate(now)
        self.store = Store.objects.create(code="S1", name="Harbor")
        self.orders = 0

    def members(self, count):
        members = Member.objects.bulk_create(
            Member(name=f"Member {number}", joined_at=self.now) for number in range(count)
        )
        PointsAccount.objects.bulk_create(PointsAccount(member=member) for member in members)
        return members

    def at(self, days_ago, time=NOON):
        return timezone.make_aware(dt.datetime.combine(self.today - dt.timedelta(days=days_ago), time))

    def order(self, member, days_ago, total=20, **values):
        self.orders += 1
        at = values.pop("at", None) or self.at(days_ago)
        return Order(number=f"N{self.orders}", member=member, store=self.store, ordered_at=at, total=total, **values)

    def buys(self, member, *days_ago, total=20, **values):
        return Order.objects.bulk_create(self.order(member, days, total, **values) for days in days_ago)

    def sells(self, member, days_ago, *products, discounts=None, **values):
        order = self.buys(member, days_ago, **values)[0]
        for place, product in enumerate(products):
            discount = (discounts or {}).get(place, 0)
            OrderLine.objects.create(
                order=order, product=product, key=str(place), quantity=1, amount=10, discount=discount
            )

    def sum_up(self):
        sum_up_again(list(Member.objects.values_list("pk", flat=True)))

    def filled(self, **shape):
        """Four hundred who buy as the model says."""
        made = buyers(400, days=DAYS, **shape)
        members = self.members(made.members)
        spends = np.random.default_rng(5).gamma(4, 6, made.members) + 1
        Order.objects.bulk_create(
            self.order(members[who], DAYS - 1 - int(day), Decimal(round(spends[who], 2)).quantize(Decimal("0.01")))
            for who, day in zip(made.who, made.on, strict=True)
        )
        self.sum_up()
        return members


def a_night(now, *, by=None):
    run = forecasting.request_refit(by=by, now=now)
    assert forecasting.run(run.pk, clock=lambda: now)
    run.refresh_from_db()
    return run
