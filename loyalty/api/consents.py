"""What a member allows, by channel and topic; with the words they saw."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from config.shared.access import client_address
from loyalty.actions import members
from loyalty.api.shoppers import ShopperView
from loyalty.api.sign_in import ConsentGiven
from loyalty.models import Consent
from loyalty.queries.shoppers import consents_of

SOURCE = "app"


class ConsentAnswer(serializers.Serializer[Any]):
    channel = serializers.ChoiceField(Consent.Channel.choices)
    topic = serializers.ChoiceField(Consent.Topic.choices)
    is_granted = serializers.BooleanField()
    wording = serializers.CharField()
    changed_at = serializers.DateTimeField()


class ConsentInput(ConsentGiven):
    is_granted = serializers.BooleanField()


class Consents(ShopperView):
    pagination_class = None  # type: ignore[assignment]

    @extend_schema(responses=ConsentAnswer(many=True))
    def get(self, request: Request) -> Response:
        """What you have said yes or no to. What is not in it, you were never asked for."""
        return Response(ConsentAnswer(consents_of(self.member), many=True).data)

    @extend_schema(request=ConsentInput, responses=ConsentAnswer)
    def put(self, request: Request) -> Response:
        """Say yes or no to one channel and topic, on the words you were shown."""
        said = self.said(ConsentInput)
        address = client_address(request._request)
        members.set_consent(member=self.member, **said, source=SOURCE, address=address, now=timezone.now())
        consent = self.member.consents.get(channel=said["channel"], topic=said["topic"])
        return Response(ConsentAnswer(consent).data)
