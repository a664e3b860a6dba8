"""What a till asks: who stands at the counter, what their basket earns, and what they have held."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from config.shared.rest import one_of
from loyalty.actions import cards
from loyalty.actions.enrolment import Allowed, Joining, enrol
from loyalty.api.basket import MOST_LINES, BasketAnswer, LineInput, dry_run
from loyalty.api.contacts import email_of, phone_of
from loyalty.api.me import TierAnswer, tier_of
from loyalty.api.sign_in import ConsentGiven
from loyalty.api.till_keys import TillView
from loyalty.models import Member, TillKey
from loyalty.queries import at_the_till
from loyalty.rules.contacts import masked_email, masked_phone

SOURCE = "till"


class FindQuery(serializers.Serializer[dict[str, Any]]):
    """One of the two."""

    card = serializers.CharField(
        required=False, max_length=200, help_text="What the scanner read off the app, or the card in a phone's wallet."
    )
    q = serializers.CharField(
        required=False, max_length=100, help_text="A whole email, phone or customer number, or part of a name."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise serializers.ValidationError({"q": [_("Say a card or what to look for.")]})
        return attrs


class FoundAnswer(serializers.Serializer[Any]):
    """Enough to tell two people apart, and no more."""

    id = serializers.UUIDField(source="public_id")
    name = serializers.CharField()
    email = serializers.SerializerMethodField(help_text="Mostly hidden.")
    phone = serializers.SerializerMethodField(help_text="Mostly hidden.")

    def get_email(self, member: Member) -> str:
        return masked_email(member.email)

    def get_phone(self, member: Member) -> str:
        return masked_phone(member.phone)


class FoundMembers(serializers.Serializer[Any]):
    results = FoundAnswer(many=True)


class AtTheTill(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="member.public_id")
    name = serializers.CharField(source="member.name")
    is_of_age = serializers.BooleanField(allow_null=True, help_text="Null: no date of birth is known.")
    balance = serializers.IntegerField(source="profile.balance")
    pending = serializers.IntegerField(source="profile.pending")
    tier = serializers.SerializerMethodField()

    @extend_schema_field(TierAnswer(allow_null=True))
    def get_tier(self, shown: at_the_till.AtTheTill) -> dict[str, Any] | None:
        return tier_of(shown.profile.standing)


class EnrolInput(serializers.Serializer[dict[str, Any]]):
    """An email or a phone, by which they sign in on their own phone later."""

    name = serializers.CharField(max_length=120)
    birth_date = serializers.DateField(help_text="As their card says it.")
    email = serializers.CharField(max_length=254, default="", allow_blank=True)
    phone = serializers.CharField(max_length=40, default="", allow_blank=True)
    language = serializers.RegexField(r"^([a-z]{2,3}(-[A-Za-z0-9]{2,3})?)?$", default="", allow_blank=True)
    invite = serializers.CharField(max_length=40, default="", allow_blank=True)
    consents = ConsentGiven(many=True, default=list)

    def validate_email(self, value: str) -> str:
        return email_of(value) if value.strip() else ""

    def validate_phone(self, value: str) -> str:
        return phone_of(value) if value.strip() else ""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs["email"] and not attrs["phone"]:
            raise serializers.ValidationError({"email": [_("Say an email address or a phone number.")]})
        return attrs


class TillBasketInput(serializers.Serializer[dict[str, Any]]):
    member = serializers.UUIDField(required=False, allow_null=True, default=None, help_text="None for a stranger.")
    lines = serializers.ListField(child=LineInput(), allow_empty=False, max_length=MOST_LINES)


class Members(TillView):
    scope = TillKey.Scope.MEMBERS
    pagination_class = None  # type: ignore[assignment]

    @extend_schema(operation_id="loyalty_v1_till_members_find", parameters=[FindQuery], responses=FoundMembers)
    def get(self, request: Request) -> Response:
        """Find somebody by the card on their phone (the app's counts once), or by what they say: five at most."""
        asked = self.asked(FindQuery)
        if "card" in asked:
            found = [cards.holder_of(text=asked["card"], now=timezone.now())]
        else:
            found = at_the_till.found(asked["q"])
        return Response(FoundMembers({"results": found}).data)

    @extend_schema(request=EnrolInput, responses={201: AtTheTill})
    def post(self, request: Request) -> Response:
        """Take somebody in who is old enough. 409 `too_young`, `already_a_member`."""
        said, now = self.said(EnrolInput), timezone.now()
        consents = [Allowed(**given) for given in said.pop("consents")]
        contact = {"email": said.pop("email"), "phone": said.pop("phone")}
        joining = Joining(**said, consents=consents)
        member = enrol(joining, **contact, source=SOURCE, home_store=self.store, now=now)
        return Response(AtTheTill(at_the_till.shown(member, now=now)).data, status.HTTP_201_CREATED)


class OneMember(TillView):
    scope = TillKey.Scope.MEMBERS

    @extend_schema(responses=AtTheTill)
    def get(self, request: Request, public_id: UUID) -> Response:
        """Their points and tier."""
        member = one_of(at_the_till.members(), public_id=public_id)
        return Response(AtTheTill(at_the_till.shown(member, now=timezone.now())).data)


class Basket(TillView):
    scope = TillKey.Scope.ORDERS

    @extend_schema(request=TillBasketInput, responses=BasketAnswer)
    def post(self, request: Request) -> Response:
        """What a basket would earn in this store, and what could be had then. Nothing is written."""
        said = self.said(TillBasketInput)
        member = one_of(at_the_till.members(), public_id=said["member"]) if said["member"] else None
        return Response(dry_run(member=member, store=self.store, lines=said["lines"], now=timezone.now()))
