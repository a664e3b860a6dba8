"""A member's own link, and whom it brought."""

from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from loyalty.actions import referrals
from loyalty.api.shoppers import ShopperView
from loyalty.models import Referral, ReferralMilestone
from loyalty.queries.terms import terms

SHOWN = 200


class FriendAnswer(serializers.Serializer[Any]):
    name = serializers.SerializerMethodField(help_text="The first name only.")
    status = serializers.ChoiceField(Referral.Status.choices)
    joined_at = serializers.DateTimeField()

    def get_name(self, referral: Referral) -> str:
        return referral.friend.name.split(" ")[0]


class MilestoneAnswer(serializers.Serializer[Any]):
    friends = serializers.IntegerField()
    points = serializers.IntegerField()


class InviteAnswer(serializers.Serializer[Any]):
    code = serializers.CharField()
    url = serializers.CharField()
    friend_points = serializers.IntegerField()
    referrer_points = serializers.IntegerField()
    friends = FriendAnswer(many=True)
    milestones = MilestoneAnswer(many=True)


class Invite(ShopperView):
    pagination_class = None  # type: ignore[assignment]

    @extend_schema(responses=InviteAnswer)
    def get(self, request: Request) -> Response:
        """Your link, what you and a friend get by it, and who came."""
        invite, programme = referrals.invite_of(self.member, now=timezone.now()), terms()
        friends = self.member.referrals.select_related("friend").order_by("-joined_at", "-pk")
        answer = {
            "code": invite.code,
            "url": settings.PUBLIC_URL + reverse("pwa:join", args=[invite.code]),
            "friend_points": programme.friend_points,
            "referrer_points": programme.referrer_points,
            "friends": friends[:SHOWN],
            "milestones": ReferralMilestone.objects.all(),
        }
        return Response(InviteAnswer(answer).data)
