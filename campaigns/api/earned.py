"""What marketing earned, over REST: the same queries as the pages and their CSV."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.models import Campaign, Experiment
from campaigns.queries.campaigns import begun
from campaigns.queries.experiments import tried_of
from campaigns.queries.global_holdout import months_of_holdout
from campaigns.queries.lift import Lift, lifts_of
from config.shared.rest import RestView, one_of

MOST = 100


class SeesCampaigns(BasePermission):
    """Those who work here and may see campaigns."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.user and request.user.is_staff and request.user.has_perm("campaigns.view_campaign"))


class EffectAnswer(serializers.Serializer[Any]):
    """One measure: means of a member in each arm, the difference with its 95 % bounds, and that for all treated."""

    measure = serializers.CharField()
    members = serializers.IntegerField()
    other_members = serializers.IntegerField(help_text="Held out.")
    per_member = serializers.FloatField()
    other_per_member = serializers.FloatField()
    difference = serializers.FloatField(allow_null=True, help_text="Null where there is not enough data.")
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    total = serializers.FloatField(allow_null=True)
    total_low = serializers.FloatField(allow_null=True)
    total_high = serializers.FloatField(allow_null=True)
    percent = serializers.FloatField(allow_null=True, help_text="A share of what the other arm did: 0.12 is 12 %.")
    percent_low = serializers.FloatField(allow_null=True)
    percent_high = serializers.FloatField(allow_null=True)
    p = serializers.FloatField(allow_null=True)
    verdict = serializers.CharField(help_text="too_few, open (still counting), more, less or unclear.")
    enough = serializers.IntegerField(allow_null=True, help_text="Members the smaller arm would need.")


class LiftAnswer(serializers.Serializer[Any]):
    campaign = serializers.UUIDField()
    name = serializers.CharField()
    opens = serializers.DateTimeField(allow_null=True)
    closes = serializers.DateTimeField(allow_null=True)
    is_final = serializers.BooleanField()
    effects = EffectAnswer(many=True)


class MonthAnswer(serializers.Serializer[Any]):
    month = serializers.DateField(help_text="Its first day.")
    is_final = serializers.BooleanField()
    effects = EffectAnswer(many=True)


class WordingAnswer(serializers.Serializer[Any]):
    wording = serializers.CharField(help_text="B to E, each against A.")
    effects = EffectAnswer(many=True)


class VariantsAnswer(serializers.Serializer[Any]):
    step = serializers.UUIDField()
    measure = serializers.CharField(help_text="What decides: clicks, buyers, orders or revenue.")
    winner = serializers.CharField(allow_blank=True, help_text="What the rest get; empty: not decided.")
    is_certain = serializers.BooleanField(help_text="The figures decided. False: chance or a person did.")
    waiting = serializers.IntegerField(help_text="Members who wait for the winner.")
    wordings = WordingAnswer(many=True)


class SeenByStaff(RestView):
    permission_classes = [SeesCampaigns]
    pagination_class = None  # type: ignore[assignment]
    throttle_scope = "costly"


class Earned(SeenByStaff):
    @extend_schema(operation_id="campaigns_v1_earned", responses=LiftAnswer(many=True))
    def get(self, request: Request) -> Response:
        """The hundred campaigns begun last, each compared with those held out of it."""
        return Response([_told(lift) for lift in lifts_of(begun()[:MOST], now=timezone.now())])


class EarnedByOne(SeenByStaff):
    @extend_schema(operation_id="campaigns_v1_earned_by_one", responses=LiftAnswer)
    def get(self, request: Request, public_id: UUID) -> Response:
        """One campaign, compared with those held out of it."""
        campaign = one_of(Campaign.objects.all(), public_id=public_id)
        return Response(_told(lifts_of([campaign], now=timezone.now())[0]))


class Variants(SeenByStaff):
    @extend_schema(operation_id="campaigns_v1_variants", responses=VariantsAnswer)
    def get(self, request: Request, step_id: UUID) -> Response:
        """The wordings of one step, each compared with A."""
        rows = Experiment.objects.select_related("step__plan__campaign")
        experiment = one_of(rows, step__public_id=step_id)
        tried = tried_of(experiment, now=timezone.now())
        return Response(
            {
                "step": str(step_id),
                "measure": experiment.measure,
                "winner": experiment.winner,
                "is_certain": experiment.is_certain,
                "waiting": tried.waiting,
                "wordings": [
                    {"wording": arm.letter, "effects": [effect.figures for effect in arm.effects]}
                    for arm in tried.arms[1:]
                ],
            }
        )


class Holdout(SeenByStaff):
    @extend_schema(operation_id="campaigns_v1_holdout", responses=MonthAnswer(many=True))
    def get(self, request: Request) -> Response:
        """All marketing together, month by month: everybody against those who never get any."""
        return Response(
            [
                {
                    "month": month.first.isoformat(),
                    "is_final": month.is_final,
                    "effects": [effect.figures for effect in month.effects],
                }
                for month in months_of_holdout(now=timezone.now())
            ]
        )


def _told(lift: Lift) -> dict[str, Any]:
    return {
        "campaign": str(lift.campaign.public_id),
        "name": lift.campaign.name,
        "opens": lift.window.opens if lift.window else None,
        "closes": lift.window.closes if lift.window else None,
        "is_final": lift.is_final,
        "effects": [effect.figures for effect in lift.effects],
    }
