"""Offers meant for a member, and what the shop has written to them."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.models import Action, Send
from campaigns.queries.for_member import messages_to, offers_for
from campaigns.rules.wording import WordingFault
from campaigns.sending import links, render
from campaigns.writing.press import CannotPress
from loyalty.api.shoppers import ShopperView
from loyalty.api.views import Places
from loyalty.models import Consent


class OfferAnswer(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="pk")
    name = serializers.CharField(source="step.promise.name")
    wording = serializers.CharField(source="step.promise.wording", help_text="What you get, as in “You get …”.")
    ends_at = serializers.DateTimeField(source="step.plan.campaign.ends_at")
    url = serializers.SerializerMethodField(help_text="The page to show at the till, where there is one.")

    def get_url(self, action: Action) -> str | None:
        send = next(iter(action.sends.all()), None)
        return links.offer_url(send) if send else None


class OffersAnswer(serializers.Serializer[Any]):
    results = OfferAnswer(many=True)


class MessageAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    channel = serializers.ChoiceField(Consent.Channel.choices)
    subject = serializers.CharField()
    text = serializers.CharField()
    sent_at = serializers.DateTimeField()
    url = serializers.SerializerMethodField(help_text="Its offer, or the points.")

    def get_url(self, send: Send) -> str:
        return links.click_url(send, links.offer_url(send))


class Offers(ShopperView):
    pagination_class = None  # type: ignore[assignment]

    @extend_schema(responses=OffersAnswer)
    def get(self, request: Request) -> Response:
        """What is meant for you and holds now."""
        return Response(OffersAnswer({"results": offers_for(self.member, today=timezone.localdate())}).data)


class SentFirst(Places):
    ordering = ("-sent_at", "-pk")
    page_size = 20


class Messages(ShopperView):
    pagination_class = SentFirst

    @extend_schema(responses=MessageAnswer(many=True))
    def get(self, request: Request) -> Response:
        """What the shop has written to you, the latest first."""
        page = self.paginate_queryset(messages_to(self.member)) or []
        writer = render.Writer()
        shown = [_with_words(send, writer) for send in page]
        return self.get_paginated_response(MessageAnswer(shown, many=True).data)


def _with_words(send: Send, writer: render.Writer) -> Send:
    """Its words are filled in again, as of now: what was sent is not kept."""
    try:
        subject, text = writer.words_for(send)
    except (WordingFault, CannotPress):  # somebody has changed what these words rest on
        subject, text = send.campaign.name, ""
    send.subject, send.text = subject, text  # type: ignore[attr-defined]
    return send
