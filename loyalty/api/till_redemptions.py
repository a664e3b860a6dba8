"""Held rewards at the counter: looked up, handed over to who proves that they are theirs, or given back."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from config.shared.rest import one_of
from loyalty.actions import redemptions
from loyalty.api.till_keys import TillView
from loyalty.models import Order, Redemption, Reward, TillKey
from loyalty.queries.rewards import held_by_code
from loyalty.rules.proofs import redemption_in

NOTE = "Given back at the till"


class CodeQuery(serializers.Serializer[dict[str, Any]]):
    code = serializers.CharField(max_length=200, help_text="The short code, or what the scanner read off the QR code.")


class HeldAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    status = serializers.ChoiceField(Redemption.Status.choices)
    code = serializers.CharField()
    reward = serializers.CharField(source="reward.name")
    kind = serializers.ChoiceField(Reward.Kind.choices, source="reward.kind")
    sku = serializers.CharField(
        source="reward.product.sku", allow_null=True, default=None, help_text="Of a free product."
    )
    value = serializers.DecimalField(max_digits=10, decimal_places=2)
    points = serializers.IntegerField()
    member = serializers.UUIDField(source="member.public_id")
    name = serializers.CharField(source="member.name")
    expires_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


class HeldAnswers(serializers.Serializer[Any]):
    results = HeldAnswer(many=True)


class RedeemInput(serializers.Serializer[dict[str, Any]]):
    """One proof."""

    pin = serializers.CharField(required=False, max_length=12)
    qr = serializers.CharField(required=False, max_length=200)
    order = serializers.CharField(required=False, max_length=64, help_text="The order it was handed over with.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("pin" in attrs) == ("qr" in attrs):
            raise serializers.ValidationError({"pin": [_("Send the PIN or the QR code.")]})
        return attrs


class RedemptionsView(TillView):
    scope = TillKey.Scope.REDEEM

    def answer(self, redemption_id: int) -> Response:
        return Response(HeldAnswer(_rows().get(pk=redemption_id)).data)


class Redemptions(RedemptionsView):
    pagination_class = None  # type: ignore[assignment]

    @extend_schema(parameters=[CodeQuery], responses=HeldAnswers)
    def get(self, request: Request) -> Response:
        """What is held under a code: one, or none."""
        code = self.asked(CodeQuery)["code"]
        named = redemption_in(code, settings.SECRET_KEY)
        found = _rows().filter(public_id=named) if named else _rows().filter(pk__in=held_by_code(code).values("pk"))
        return Response(HeldAnswers({"results": found}).data)


class Redeem(RedemptionsView):
    @extend_schema(request=RedeemInput, responses=HeldAnswer)
    def post(self, request: Request, public_id: UUID) -> Response:
        """Hand it over. 409 `wrong_proof`: the fifth wrong PIN gives the reward back; 409 `wrong_state`."""
        said = self.said(RedeemInput)
        order = one_of(Order.objects.filter(store=self.store), number=said["order"]) if "order" in said else None
        held = redemptions.hand_over(
            redemption=one_of(_rows(), public_id=public_id),
            proof=self.prepared,
            by=None,
            store=self.store,
            order=order,
            now=timezone.now(),
        )
        return self.answer(held.pk)

    def prepare(self, request: Request, public_id: UUID) -> Redemption.Proof:
        """A wrong PIN counts, whatever becomes of the rest."""
        said, held = self.said(RedeemInput), one_of(_rows(), public_id=public_id)
        return redemptions.check_proof(redemption=held, proof=said.get("pin") or said["qr"], now=timezone.now())


class Release(RedemptionsView):
    @extend_schema(request=None, responses=HeldAnswer)
    def post(self, request: Request, public_id: UUID) -> Response:
        """Give it back for the member: its points return to them."""
        held = one_of(_rows(), public_id=public_id)
        redemptions.release(redemption=held, now=timezone.now(), note=NOTE)
        return self.answer(held.pk)


def _rows() -> QuerySet[Redemption]:
    return Redemption.objects.select_related("member", "reward__product")
