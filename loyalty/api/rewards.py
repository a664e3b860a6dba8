"""The catalogue as a member sees it, and what they hold of it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from config.shared.rest import one_of
from loyalty.actions import redemptions
from loyalty.api.pictures import address_of
from loyalty.api.shoppers import ShopperView
from loyalty.api.views import Places
from loyalty.models import Redemption, Reward
from loyalty.queries import rewards as queries
from loyalty.rules import proofs

GIVEN_BACK = "Given back by the member"


class RewardAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="reward.public_id")
    name = serializers.CharField(source="reward.name")
    description = serializers.CharField(source="reward.description")
    terms = serializers.CharField(source="reward.terms")
    kind = serializers.ChoiceField(Reward.Kind.choices, source="reward.kind")
    cost = serializers.IntegerField(source="reward.cost", help_text="Points.")
    picture = serializers.SerializerMethodField()
    stock = serializers.IntegerField(
        source="reward.stock", allow_null=True, help_text="How many are left, if it is counted."
    )
    ends_at = serializers.DateTimeField(source="reward.ends_at", allow_null=True)
    can_hold = serializers.BooleanField()
    why_not = serializers.CharField(help_text="For people; empty when it can be held.")
    code = serializers.CharField(help_text="For programs, such as not_enough_points.")

    def get_picture(self, offered: queries.Offered) -> str | None:
        return address_of(offered.reward.picture)


class RewardsAnswer(serializers.Serializer[Any]):
    results = RewardAnswer(many=True)


class HeldReward(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    name = serializers.CharField()
    kind = serializers.ChoiceField(Reward.Kind.choices)
    terms = serializers.CharField()
    picture = serializers.SerializerMethodField()

    def get_picture(self, reward: Reward) -> str | None:
        return address_of(reward.picture)


class RedemptionAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    reward = HeldReward()
    points = serializers.IntegerField()
    status = serializers.ChoiceField(Redemption.Status.choices)
    code = serializers.CharField(help_text="Short, for the counter.")
    pin = serializers.SerializerMethodField(help_text="Proves at the counter that it is yours. Null unless it is held.")
    qr = serializers.SerializerMethodField(help_text="The same, for a scanner.")
    held_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)

    def get_pin(self, held: Redemption) -> str | None:
        return proofs.pin_of(held.public_id, settings.SECRET_KEY) if _is_held(held) else None

    def get_qr(self, held: Redemption) -> str | None:
        return proofs.qr_of(held.public_id, settings.SECRET_KEY) if _is_held(held) else None


class HoldInput(serializers.Serializer[dict[str, Any]]):
    reward = serializers.UUIDField(help_text="Its id.")


class Rewards(ShopperView):
    pagination_class = None  # type: ignore[assignment]

    @extend_schema(responses=RewardsAnswer)
    def get(self, request: Request) -> Response:
        """What there is for points, the cheapest first, and what you can have now."""
        offered = queries.offered_to(self.member, now=timezone.now())
        return Response(RewardsAnswer({"results": offered}).data)


class HeldFirst(Places):
    ordering = ("-held_at", "-pk")


class Redemptions(ShopperView):
    pagination_class = HeldFirst
    needs_key = frozenset({"post"})

    @extend_schema(responses=RedemptionAnswer(many=True))
    def get(self, request: Request) -> Response:
        """What you hold and what you have had, the latest first."""
        return self.paged(_shown(self.member.redemptions.all()), RedemptionAnswer)

    @extend_schema(request=HoldInput, responses={201: RedemptionAnswer})
    def post(self, request: Request) -> Response:
        """Hold a reward: its points are set aside until you collect it, give it back, or `expires_at`.

        Needs an Idempotency-Key, because two holds are two rewards. 409 with the code that the catalogue shows.
        """
        rewards = Reward.objects.select_related("tier", "segment", "picture").defer("picture__content")
        reward = one_of(rewards, public_id=self.said(HoldInput)["reward"])
        held = redemptions.hold(member=self.member, reward=reward, now=timezone.now())
        return Response(RedemptionAnswer(held).data, status.HTTP_201_CREATED)


class OneRedemption(ShopperView):
    @extend_schema(responses=RedemptionAnswer)
    def get(self, request: Request, public_id: UUID) -> Response:
        return Response(RedemptionAnswer(one_of(_shown(self.member.redemptions.all()), public_id=public_id)).data)


class Release(ShopperView):
    @extend_schema(request=None, responses=RedemptionAnswer)
    def post(self, request: Request, public_id: UUID) -> Response:
        """Give it back: the points return to where they came from."""
        held = one_of(_shown(self.member.redemptions.all()), public_id=public_id)
        redemptions.release(redemption=held, now=timezone.now(), note=GIVEN_BACK)
        return Response(RedemptionAnswer(held).data)


def _shown(rows: Any) -> Any:
    return rows.select_related("reward__picture", "member").defer("reward__picture__content")


def _is_held(held: Redemption, at: datetime | None = None) -> bool:
    return held.status == Redemption.Status.HELD and (at or timezone.now()) < held.expires_at
