"""Orders as a till sends them: paid, returned in part or whole, voided, delivered."""

from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from config.shared.rest import one_of
from loyalty.actions import purchases
from loyalty.api.basket import LARGEST, MOST_LINES
from loyalty.api.till_keys import TillView
from loyalty.models import Order, TillKey
from loyalty.queries.at_the_till import members


class MoneyField(serializers.DecimalField):
    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=12, decimal_places=2, min_value=Decimal(0), max_value=LARGEST, **options)


class QuantityField(serializers.DecimalField):
    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=10, decimal_places=3, min_value=Decimal("0.001"), max_value=LARGEST, **options)


class SoldInput(serializers.Serializer[dict[str, Any]]):
    key = serializers.CharField(max_length=60, required=False, help_text="Tells lines apart. Default: its place.")
    sku = serializers.CharField(max_length=64)
    name = serializers.CharField(max_length=200, default="", allow_blank=True)
    category = serializers.CharField(max_length=120, default="", allow_blank=True)
    quantity = QuantityField()
    amount = MoneyField(help_text="What was paid for the line, after its discount.")
    discount = MoneyField(default=Decimal(0))


class OrderInput(serializers.Serializer[dict[str, Any]]):
    number = serializers.CharField(max_length=64, help_text="Yours, and one for the whole shop.")
    member = serializers.UUIDField(required=False, allow_null=True, default=None, help_text="None for a stranger.")
    ordered_at = serializers.DateTimeField(required=False, help_text="Default: now.")
    lines = serializers.ListField(child=SoldInput(), allow_empty=False, max_length=MOST_LINES)
    paid_with_points = MoneyField(default=Decimal(0), help_text="The part of the total that earns nothing.")


class ReturnedInput(serializers.Serializer[dict[str, Any]]):
    sku = serializers.CharField(max_length=64)
    quantity = QuantityField()
    amount = MoneyField()


class ReturnInput(serializers.Serializer[dict[str, Any]]):
    key = serializers.CharField(max_length=40, help_text="Yours for this return, so that it counts once.")
    lines = serializers.ListField(child=ReturnedInput(), allow_empty=False, max_length=MOST_LINES)


class OrderAnswer(serializers.Serializer[Any]):
    number = serializers.CharField()
    member = serializers.UUIDField(source="member.public_id", allow_null=True, default=None)
    store = serializers.CharField(source="store.code")
    ordered_at = serializers.DateTimeField()
    total = serializers.DecimalField(max_digits=12, decimal_places=2)
    paid_with_points = serializers.DecimalField(max_digits=12, decimal_places=2)
    delivered_at = serializers.DateTimeField(allow_null=True)
    voided_at = serializers.DateTimeField(allow_null=True)


class OrdersView(TillView):
    scope = TillKey.Scope.ORDERS

    def order(self, number: str) -> Order:
        """One of this till's own store; any other is not there."""
        return one_of(Order.objects.filter(store=self.store), number=number)

    def answer(self, order: Order, code: int = status.HTTP_200_OK) -> Response:
        return Response(OrderAnswer(order).data, code)


class Orders(OrdersView):
    @extend_schema(request=OrderInput, responses={201: OrderAnswer})
    def post(self, request: Request) -> Response:
        """Enter a paid order; its points are there within a second. The same order again changes nothing.

        409 `order_conflict` when another order has this number.
        """
        said, now = self.said(OrderInput), timezone.now()
        member = members().filter(public_id=said["member"]).first() if said["member"] else None
        if said["member"] and member is None:
            raise serializers.ValidationError({"member": [_("No member has this id.")]})
        lines = [purchases.SoldLine(**{"key": str(place)} | line) for place, line in enumerate(said["lines"], 1)]
        order = purchases.record_order(
            number=said["number"].strip(),
            member=member,
            store=self.store,
            ordered_at=said.get("ordered_at", now),
            lines=lines,
            paid_with_points=said["paid_with_points"],
            now=now,
        )
        return self.answer(order, status.HTTP_201_CREATED)


class Returns(OrdersView):
    @extend_schema(request=ReturnInput, responses=OrderAnswer)
    def post(self, request: Request, number: str) -> Response:
        """Take goods back: their points go. 409 `bad_return` when more comes back than was sold, and `order_conflict`
        for a key that has brought back something else.
        """
        said = self.said(ReturnInput)
        lines = [purchases.ReturnedLine(**line) for line in said["lines"]]
        order = purchases.return_lines(order=self.order(number), lines=lines, key=said["key"], now=timezone.now())
        return self.answer(order)


class Void(OrdersView):
    @extend_schema(request=None, responses=OrderAnswer)
    def post(self, request: Request, number: str) -> Response:
        """The order never was: all of its points go."""
        return self.answer(purchases.void(order=self.order(number), now=timezone.now()))


class Deliver(OrdersView):
    @extend_schema(request=None, responses=OrderAnswer)
    def post(self, request: Request, number: str) -> Response:
        """The goods are with the member: points that waited for it can be used."""
        return self.answer(purchases.deliver(order=self.order(number), now=timezone.now()))
