"""Structures over REST: draft, compare, try on what came, publish, retire."""

from dataclasses import asdict
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from config.shared.rest import one_of
from tracking.actions import structures as actions
from tracking.api.authentication import systems_of
from tracking.api.management import ManagementView, named, structures_of
from tracking.api.serializers_management import (
    ComparisonAnswer,
    LastQuery,
    StructureAnswer,
    StructureInput,
    StructuresQuery,
    TrialAnswer,
)
from tracking.models import EventStructure
from tracking.queries import trials
from tracking.rules.differences import differences


class Structures(ManagementView):
    needs = {"POST": "tracking.add_eventstructure"}

    @extend_schema(parameters=[StructuresQuery], responses=StructureAnswer(many=True))
    def get(self, request: Request) -> Response:
        """The structures you may see, newest first."""
        asked, rows = self.asked(StructuresQuery), structures_of(request)
        if "system" in asked:
            rows = rows.filter(system__public_id=asked.pop("system"))
        return self.paged(rows.filter(**asked), StructureAnswer)

    @extend_schema(request=StructureInput, responses={201: StructureAnswer})
    def post(self, request: Request) -> Response:
        """Draft the next version, or change the draft there is. It holds for no event until it is published."""
        said = self.said(StructureInput)
        system = named(systems_of(request), "system", said.pop("system"))
        return Response(StructureAnswer(actions.draft(system=system, by=request.user, **said)).data, status=201)


class Structure(ManagementView):
    needs = {"DELETE": "tracking.delete_eventstructure"}

    @extend_schema(responses=StructureAnswer)
    def get(self, request: Request, public_id: UUID) -> Response:
        return Response(StructureAnswer(one_of(structures_of(request), public_id=public_id)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, public_id: UUID) -> Response:
        """Discard a draft. 409 for what was published once."""
        actions.discard(one_of(structures_of(request), public_id=public_id))
        return Response(status=204)


class Publication(ManagementView):
    needs = {"POST": "tracking.change_eventstructure"}

    @extend_schema(request=None, responses=StructureAnswer)
    def post(self, request: Request, public_id: UUID) -> Response:
        """Events are checked against it from now on; the version before it is retired."""
        structure = one_of(structures_of(request), public_id=public_id)
        actions.publish(structure, now=timezone.now())
        structure.refresh_from_db()
        return Response(StructureAnswer(structure).data)


class Retirement(ManagementView):
    needs = {"POST": "tracking.change_eventstructure"}

    @extend_schema(request=None, responses=StructureAnswer)
    def post(self, request: Request, public_id: UUID) -> Response:
        """Events of this name pass unchecked from now on."""
        structure = one_of(structures_of(request), public_id=public_id)
        actions.retire(structure, now=timezone.now())
        structure.refresh_from_db()
        return Response(StructureAnswer(structure).data)


class Trial(ManagementView):
    throttle_scope = "costly"

    @extend_schema(parameters=[LastQuery], responses=TrialAnswer)
    def get(self, request: Request, public_id: UUID) -> Response:
        """How many of the newest events of its name would fail it, and in which ways."""
        structure, asked = one_of(structures_of(request), public_id=public_id), self.asked(LastQuery)
        trial = trials.trial(
            structure.system, structure.event_name, structure.schema, may_see=self.may_see, last=asked["last"]
        )
        return Response(TrialAnswer(trial).data)


class Comparison(ManagementView):
    @extend_schema(responses=ComparisonAnswer)
    def get(self, request: Request, public_id: UUID) -> Response:
        """What it changes against the version in force."""
        structure = one_of(structures_of(request), public_id=public_id)
        in_force = structures_of(request).filter(
            system=structure.system, event_name=structure.event_name, status=EventStructure.Status.PUBLISHED
        )
        before = in_force.first()
        found = differences(before.schema, structure.schema) if before else []
        return Response({"before": before.version if before else None, "differences": [asdict(each) for each in found]})
