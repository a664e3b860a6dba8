"""What the programme offers: for everybody, members or not."""

from typing import Any, ClassVar

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from loyalty.api.sign_in import EntranceView
from loyalty.models import Business, Consent
from loyalty.queries.offering import offering


class ProgrammeTier(serializers.Serializer[Any]):
    name = serializers.CharField()
    colour = serializers.CharField()
    threshold = serializers.DecimalField(max_digits=12, decimal_places=2, coerce_to_string=False)
    perks = serializers.SerializerMethodField()

    def get_perks(self, tier: Any) -> list[str]:
        return tier.perks.splitlines()


class ProgrammeEarning(serializers.Serializer[Any]):
    name = serializers.CharField()
    words = serializers.CharField(help_text="What it gives.")
    conditions = serializers.CharField(help_text="When, for what and how often; empty where it always holds.")


class ProgrammeMilestone(serializers.Serializer[Any]):
    friends = serializers.IntegerField()
    points = serializers.IntegerField()


class ProgrammeReferral(serializers.Serializer[Any]):
    referrer_points = serializers.IntegerField(source="terms.referrer_points")
    friend_points = serializers.IntegerField(source="terms.friend_points")
    minimum = serializers.DecimalField(
        source="terms.referral_minimum", max_digits=10, decimal_places=2, help_text="Of the friend's first order."
    )
    milestones = ProgrammeMilestone(many=True)


class ProgrammeStore(serializers.Serializer[Any]):
    code = serializers.CharField()
    name = serializers.CharField()
    state = serializers.CharField()
    time_zone = serializers.CharField()


class ProgrammeTopic(serializers.Serializer[Any]):
    channel = serializers.ChoiceField(Consent.Channel.choices)
    topic = serializers.ChoiceField(Consent.Topic.choices)
    wording = serializers.CharField(help_text="Show exactly these words, and send them back with the consent.")


class ProgrammeAnswer(serializers.Serializer[Any]):
    name = serializers.CharField(source="shop.name")
    currency = serializers.CharField(source="shop.currency")
    legal_age = serializers.IntegerField(source="shop.legal_age")
    vertical = serializers.ChoiceField(Business.Vertical.choices, source="shop.vertical")
    tier_basis = serializers.CharField(source="terms.tier_basis", help_text="What counts: points, spend or visits.")
    tiers = ProgrammeTier(many=True)
    earn = ProgrammeEarning(many=True)
    referral = ProgrammeReferral(source="*")
    stores = ProgrammeStore(many=True)
    topics = ProgrammeTopic(many=True)
    wallets = serializers.SerializerMethodField(help_text="Of phones, in which members may keep their card: apple.")
    push_key = serializers.SerializerMethodField(help_text="For `applicationServerKey`; empty: none are sent.")

    def get_wallets(self, _offering: Any) -> list[str]:
        return list(settings.WALLETS)

    def get_push_key(self, _offering: Any) -> str:
        """A phone offers push messages by this key: without a channel that sends them there is none."""
        return str(settings.VAPID_PUBLIC_KEY) if Consent.Channel.PUSH in settings.CHANNELS else ""


class Programme(EntranceView):
    pagination_class = None  # type: ignore[assignment]
    cache: ClassVar[dict[str, Any]] = {"public": True, "max_age": 60}

    @extend_schema(responses=ProgrammeAnswer)
    def get(self, request: Request) -> Response:
        """The shop, its tiers, how points are earned, and what one may agree to."""
        return Response(ProgrammeAnswer(offering(today=timezone.localdate())).data)
