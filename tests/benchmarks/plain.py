"""The same batches as most projects would take them: a DRF view, nested serializers, one bulk_create."""

from django.urls import path
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from uuid_utils.compat import uuid7

from tracking.models import ReceivedEvent


class Viewed(serializers.Serializer):
    sku = serializers.RegexField("^SKU-[0-9]+$")
    price = serializers.FloatField(min_value=0)
    quantity = serializers.IntegerField(min_value=1)
    currency = serializers.CharField(min_length=3, max_length=3)
    category = serializers.CharField()


class Event(serializers.Serializer):
    type = serializers.ChoiceField(["track"])
    event = serializers.CharField()
    messageId = serializers.CharField()
    userId = serializers.CharField()
    timestamp = serializers.DateTimeField()
    context = serializers.JSONField()
    properties = Viewed()


class Batch(serializers.Serializer):
    batch = Event(many=True)
    sentAt = serializers.DateTimeField()
    writeKey = serializers.CharField()


class TakeBatch(APIView):
    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()

    def post(self, request: Request) -> Response:
        asked = Batch(data=request.data)
        asked.is_valid(raise_exception=True)
        now = timezone.now()
        ReceivedEvent.objects.bulk_create(
            ReceivedEvent(
                id=uuid7(),
                received_at=now,
                system_id=1,
                dialect="plain",
                kind=event["type"],
                name=event["event"],
                message_id=event["messageId"],
                user_id=event["userId"],
                occurred_at=event["timestamp"],
                properties=event["properties"],
                context=event["context"],
            )
            for event in asked.validated_data["batch"]
        )
        return Response({"success": True})


urlpatterns = [path("v1/batch", TakeBatch.as_view())]
