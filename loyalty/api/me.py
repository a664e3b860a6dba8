"""Who a member is and what they have; everything about themselves, and nothing about anybody else."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from config.shared.errors import DomainError
from loyalty.actions import profiles
from loyalty.api.shoppers import ShopperView
from loyalty.api.views import Places
from loyalty.models import PointsEntry, Store
from loyalty.queries import shoppers
from loyalty.queries.brand import business
from loyalty.queries.tiers import Standing


class NotConfirmed(DomainError):
    code = "not_confirmed"


class ExpiringAnswer(serializers.Serializer[Any]):
    points = serializers.IntegerField()
    at = serializers.DateTimeField()


class PointsAnswer(serializers.Serializer[Any]):
    balance = serializers.IntegerField(help_text="What can be spent; below zero only after a return.")
    pending = serializers.IntegerField(help_text="Not to be spent yet.")
    expiring = ExpiringAnswer(many=True, help_text="The next days on which points run out.")


class NextTierAnswer(serializers.Serializer[Any]):
    name = serializers.CharField()
    missing = serializers.DecimalField(max_digits=14, decimal_places=2, coerce_to_string=False)


class TierAnswer(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="Empty below the first tier.")
    colour = serializers.CharField()
    perks = serializers.ListField(child=serializers.CharField())
    words = serializers.CharField(help_text="Such as “40 points to stay Gold”.")
    progress = serializers.FloatField(min_value=0, max_value=1, help_text="Of the way to the next tier.")
    keeps_until = serializers.DateTimeField(allow_null=True)
    next = NextTierAnswer(allow_null=True)


class MeAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="member.public_id")
    name = serializers.CharField(source="member.name")
    email = serializers.CharField(source="member.email", allow_null=True)
    phone = serializers.CharField(source="member.phone", allow_null=True)
    birth_date = serializers.DateField(source="member.birth_date", allow_null=True)
    language = serializers.CharField(source="member.language")
    home_store = serializers.CharField(source="member.home_store.code", allow_null=True, default=None)
    joined_at = serializers.DateTimeField(source="member.joined_at")
    points = PointsAnswer(source="*")
    tier = serializers.SerializerMethodField()

    @extend_schema_field(TierAnswer(allow_null=True))
    def get_tier(self, profile: shoppers.Profile) -> dict[str, Any] | None:
        """Null in a shop without tiers."""
        return tier_of(profile.standing)


class MeInput(serializers.Serializer[dict[str, Any]]):
    """What is not said stays. A date of birth can be told once. Email and phone are changed in the shop; who signs in
    with another one joins as another member.
    """

    name = serializers.CharField(max_length=120, required=False)
    language = serializers.RegexField(r"^[a-z]{2,3}(-[A-Za-z0-9]{2,3})?$", required=False)
    home_store = serializers.SlugRelatedField(slug_field="code", queryset=Store.objects.all(), required=False)
    birth_date = serializers.DateField(required=False)


class LeaveInput(serializers.Serializer[dict[str, Any]]):
    confirm = serializers.CharField(max_length=80, help_text="The name of the shop.")


class EntryAnswer(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="pk")
    points = serializers.IntegerField(help_text="What it changed of what can be spent.")
    pending = serializers.IntegerField(help_text="What it changed of what waits.")
    reason = serializers.ChoiceField(PointsEntry.Reason.choices)
    text = serializers.SerializerMethodField(help_text="What it was for; may be empty.")
    at = serializers.DateTimeField(source="occurred_at")

    def get_text(self, entry: PointsEntry) -> str:
        return shoppers.words_of(entry)


class Me(ShopperView):
    @extend_schema(responses=MeAnswer)
    def get(self, request: Request) -> Response:
        """Who you are, your points and your tier."""
        return Response(MeAnswer(shoppers.profile_of(self.member, now=timezone.now())).data)

    @extend_schema(request=MeInput, responses=MeAnswer)
    def patch(self, request: Request) -> Response:
        """Change what you say. 409 `birth_date_known` once it was told; 409 `too_young`."""
        now = timezone.now()
        member = profiles.change_profile(member=self.member, **self.said(MeInput), now=now)
        return Response(MeAnswer(shoppers.profile_of(member, now=now)).data)

    @extend_schema(request=LeaveInput, responses={204: None})
    def delete(self, request: Request) -> Response:
        """Leave for good: nothing personal is kept, and points are gone. Cannot be undone."""
        name = business().name
        if self.said(LeaveInput)["confirm"].strip().casefold() != name.casefold():
            raise NotConfirmed(_("Write “%(shop)s” to confirm that you want to leave.") % {"shop": name})
        profiles.forget(self.member, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class LatestFirst(Places):
    ordering = ("-occurred_at", "-pk")


class Points(ShopperView):
    pagination_class = LatestFirst

    @extend_schema(responses=EntryAnswer(many=True))
    def get(self, request: Request) -> Response:
        """Every change of your points, the latest first."""
        return self.paged(shoppers.entries_of(self.member), EntryAnswer)


def tier_of(standing: Standing | None) -> dict[str, Any] | None:
    if standing is None:
        return None
    tier, following = standing.tier, standing.next
    told = {
        "name": tier.name if tier else "",
        "colour": tier.colour if tier else "",
        "perks": tier.perks.splitlines() if tier else [],
        "words": standing.words,
        "progress": standing.progress.share,
        "keeps_until": standing.keeps_until,
        "next": {"name": following.name, "missing": standing.progress.missing} if following else None,
    }
    return dict(TierAnswer(told).data)
