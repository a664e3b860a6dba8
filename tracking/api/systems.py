"""Systems and their keys over REST."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from config.shared.rest import one_of
from tracking.actions import partners as actions
from tracking.api.authentication import systems_of
from tracking.api.management import ManagementView, keys_of, named, partners_of
from tracking.api.serializers_management import (
    InferenceAnswer,
    InferenceQuery,
    KeyAnswer,
    KeyInput,
    MadeKeyAnswer,
    OfSystemQuery,
    RotationInput,
    SystemAnswer,
    SystemChange,
    SystemInput,
    SystemsQuery,
    UnplannedAnswer,
)
from tracking.models import SystemKey
from tracking.queries import traffic, trials

MONTH = timedelta(days=30)
MOST_NAMES = 500


class Systems(ManagementView):
    needs = {"POST": "tracking.add_partnersystem"}

    @extend_schema(parameters=[SystemsQuery], responses=SystemAnswer(many=True))
    def get(self, request: Request) -> Response:
        """The systems you may see, newest first."""
        asked, rows = self.asked(SystemsQuery), systems_of(request)
        if "partner" in asked:
            rows = rows.filter(partner__public_id=asked["partner"])
        return self.paged(rows, SystemAnswer)

    @extend_schema(request=SystemInput, responses={201: SystemAnswer})
    def post(self, request: Request) -> Response:
        """A new system of a partner. 409 when the partner has one of this name."""
        said = self.said(SystemInput)
        partner = named(partners_of(request), "partner", said.pop("partner"))
        return Response(SystemAnswer(actions.add_system(partner=partner, **said)).data, status=201)


class System(ManagementView):
    needs = {"PATCH": "tracking.change_partnersystem"}

    @extend_schema(responses=SystemAnswer)
    def get(self, request: Request, public_id: UUID) -> Response:
        return Response(SystemAnswer(one_of(systems_of(request), public_id=public_id)).data)

    @extend_schema(request=SystemChange, responses=SystemAnswer)
    def patch(self, request: Request, public_id: UUID) -> Response:
        """Change what it is called and may send, or switch it off and on."""
        system = one_of(systems_of(request), public_id=public_id)
        present = {name: getattr(system, name) for name in ("name", "kind", "events_per_second", "is_active")}
        actions.change_system(system, **present | self.said(SystemChange, partial=True))
        system.refresh_from_db()
        return Response(SystemAnswer(system).data)


class Unplanned(ManagementView):
    pagination_class = None  # type: ignore[assignment]

    @extend_schema(responses=UnplannedAnswer(many=True))
    def get(self, request: Request, public_id: UUID) -> Response:
        """Event names that came in the last 30 days and have no structure: at most 500, the most frequent first."""
        system, now = one_of(systems_of(request), public_id=public_id), timezone.now()
        rows = traffic.unplanned_names(system, since=now - MONTH, until=now)[:MOST_NAMES]
        return Response(UnplannedAnswer(rows, many=True).data)


class Inference(ManagementView):
    throttle_scope = "costly"

    @extend_schema(parameters=[InferenceQuery], responses=InferenceAnswer)
    def get(self, request: Request, public_id: UUID) -> Response:
        """The structure that the newest events of a name would have. Nothing is kept."""
        system, asked = one_of(systems_of(request), public_id=public_id), self.asked(InferenceQuery)
        drafted = trials.drafted_from_events(system, asked["event_name"], last=asked["last"])
        return Response({"event_name": asked["event_name"], **asdict(drafted)})


class Keys(ManagementView):
    needs = {"POST": "tracking.add_systemkey"}

    @extend_schema(parameters=[OfSystemQuery], responses=KeyAnswer(many=True))
    def get(self, request: Request) -> Response:
        """The keys you may see, newest first, by their visible beginnings."""
        asked, rows = self.asked(OfSystemQuery), keys_of(request)
        if "system" in asked:
            rows = rows.filter(system__public_id=asked["system"])
        return self.paged(rows, KeyAnswer)

    @extend_schema(request=KeyInput, responses={201: MadeKeyAnswer})
    def post(self, request: Request) -> Response:
        """A new key. This answer is the only one that ever holds it."""
        said = self.said(KeyInput)
        system = named(systems_of(request), "system", said["system"])
        make = actions.add_pair if said["kind"] == SystemKey.Kind.PAIR else actions.add_write_key
        return _shown_once(make(system=system, by=request.user))


class KeyRotation(ManagementView):
    needs = {"POST": "tracking.change_systemkey"}

    @extend_schema(request=RotationInput, responses={201: MadeKeyAnswer})
    def post(self, request: Request, number: int) -> Response:
        """A new key of the same kind; the old one works for `overlap_hours` more."""
        key, said = one_of(keys_of(request), pk=number), self.said(RotationInput)
        overlap = timedelta(hours=said["overlap_hours"])
        return _shown_once(actions.rotate(key, overlap=overlap, by=request.user, now=timezone.now()))


class KeyRevocation(ManagementView):
    needs = {"POST": "tracking.change_systemkey"}

    @extend_schema(request=None, responses=KeyAnswer)
    def post(self, request: Request, number: int) -> Response:
        """It stops at once, everywhere, for good."""
        key = one_of(keys_of(request), pk=number)
        actions.revoke(key, now=timezone.now())
        key.refresh_from_db()
        return Response(KeyAnswer(key).data)


def _shown_once(made: actions.MadeKey) -> Response:
    told: dict[str, Any] = dict(KeyAnswer(made.key).data)
    if made.key.kind == SystemKey.Kind.PAIR:
        told |= {"id": made.key.prefix, "secret": made.shown}
    else:
        told["write_key"] = made.shown
    return Response(told, status=201, headers={"Cache-Control": "no-store"})
