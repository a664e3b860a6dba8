"""What a basket would earn: nothing is written, whoever asks."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from loyalty.api.shoppers import ShopperView
from loyalty.models import Member, Store
from loyalty.queries.basket import BasketLine, examine
from loyalty.queries.rewards import offered_to

MOST_LINES, LARGEST = 500, Decimal(1_000_000)
NOT_ENOUGH = "not_enough_points"


class LineInput(serializers.Serializer[dict[str, Any]]):
    sku = serializers.CharField(max_length=64)
    category = serializers.CharField(max_length=120, default="", allow_blank=True, help_text="Default: the product's.")
    quantity = serializers.DecimalField(max_digits=10, decimal_places=3, min_value=Decimal("0.001"), max_value=LARGEST)
    amount = serializers.DecimalField(
        max_digits=12, decimal_places=2, min_value=Decimal(0), max_value=LARGEST, help_text="After discounts."
    )


class BasketInput(serializers.Serializer[dict[str, Any]]):
    store = serializers.SlugRelatedField(
        slug_field="code", queryset=Store.objects.all(), required=False, allow_null=True, default=None
    )
    lines = serializers.ListField(child=LineInput(), allow_empty=False, max_length=MOST_LINES)


class RulePointsAnswer(serializers.Serializer[Any]):
    name = serializers.CharField(source="rule")
    points = serializers.IntegerField()


class BasketAnswer(serializers.Serializer[Any]):
    points = serializers.IntegerField()
    rules = RulePointsAnswer(many=True)
    balance_after = serializers.IntegerField()
    could_hold = serializers.ListField(child=serializers.UUIDField(), help_text="Rewards, once these points are there.")


class Basket(ShopperView):
    @extend_schema(request=BasketInput, responses=BasketAnswer)
    def post(self, request: Request) -> Response:
        """What you would earn by this basket, and could have then."""
        return Response(dry_run(member=self.member, **self.said(BasketInput), now=timezone.now()))


def dry_run(*, member: Member | None, store: Store | None, lines: Sequence[dict[str, Any]], now: datetime) -> Any:
    examined = examine(member=member, lines=[BasketLine(**line) for line in lines], store=store, at=now)
    offered = offered_to(member, now=now, store=store) if member else []
    could_hold = [
        each.reward.public_id
        for each in offered
        if each.can_hold or (each.code == NOT_ENOUGH and each.reward.cost <= examined.balance_after)
    ]
    told = {
        "points": examined.points,
        "rules": examined.rules,
        "balance_after": examined.balance_after,
        "could_hold": could_hold,
    }
    return BasketAnswer(told).data
