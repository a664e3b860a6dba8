"""Events over REST: lists by place, one person's timeline, and what is wrong with the invalid ones."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from tracking.api import serializers_read as shapes
from tracking.api.authentication import systems_of
from tracking.api.management import ManagementView
from tracking.models import PartnerSystem, TrackedEvent
from tracking.queries import people
from tracking.queries.tracked import Place, Wanted, errors, properties_of, tracked
from tracking.queries.values import top_values
from tracking.rules.privacy import REFUSAL, may_be_asked, shown, shown_faults, shown_properties


class ReadView(ManagementView):
    """Answers about the systems that the asker may see, and no others."""

    def ids(self, public_id: UUID | None) -> tuple[int, ...]:
        """Of the system that is named, or of all. 404 for one that is not there and one of somebody else, alike."""
        systems = systems_of(self.request)
        if public_id is None:
            return tuple(systems.values_list("pk", flat=True))
        found = systems.filter(public_id=public_id).first()
        if found is None:
            raise Http404("There is no such system.")
        return (found.pk,)

    def events(self, rows: QuerySet[TrackedEvent], limit: int) -> Response:
        found = list(rows[: limit + 1])
        page, may_see = found[:limit], self.may_see
        if not may_see:
            _hide(page)
        following = str(Place.of(page[-1])) if len(found) > limit else None
        return Response({"events": shapes.EventAnswer(page, many=True).data, "next": following})

    def found(self, ids: Sequence[int], asked: dict[str, Any]) -> Response:
        wanted = _wanted(ids, asked, hides_people=not self.may_see)
        if not self.may_see and not all(
            may_be_asked(each.path, names=wanted.names, values=each.values) for each in wanted.properties
        ):
            raise PermissionDenied(REFUSAL)
        return self.events(tracked(wanted, before=_place(asked)), asked["limit"])


class WholeView(ReadView):
    """An answer in one piece."""

    pagination_class = None  # type: ignore[assignment]


class Events(ReadView):
    @extend_schema(parameters=[shapes.EventsOfQuery], responses=shapes.EventsAnswer)
    def get(self, request: Request) -> Response:
        """Events, newest first."""
        asked = self.asked(shapes.EventsOfQuery)
        return self.found(self.ids(asked.get("system")), asked)


class EventsOfSystem(ReadView):
    @extend_schema(parameters=[shapes.EventsQuery], responses=shapes.EventsAnswer)
    def get(self, request: Request, public_id: UUID) -> Response:
        """Events of one system, newest first."""
        asked = self.asked(shapes.EventsQuery)
        return self.found(self.ids(public_id), asked)


class Timeline(ReadView):
    @extend_schema(parameters=[shapes.TimelineQuery], responses=shapes.EventsAnswer)
    def get(self, request: Request, person: str) -> Response:
        """What somebody did, by any of their ids, newest first."""
        asked = self.asked(shapes.TimelineQuery)
        systems = systems_of(request)
        if partner := asked.get("partner"):
            systems = systems.filter(partner__public_id=partner)
        partner_ids = sorted(set(systems.values_list("partner_id", flat=True)))
        if not partner_ids:
            raise Http404("There is no such partner.")
        if len(partner_ids) > 1:
            raise ValidationError({"partner": ["You see several partners: say of which one."]})
        wanted = Wanted(_ids(systems), person=people.person_called(partner_ids[0], person))
        return self.events(tracked(wanted, before=_place(asked)), asked["limit"])


class Errors(WholeView):
    @extend_schema(parameters=[shapes.OfSystem], responses=shapes.ErrorsAnswer(many=True))
    def get(self, request: Request) -> Response:
        """What is wrong with invalid events, the most frequent fault first."""
        asked = self.asked(shapes.OfSystem)
        ids = self.ids(asked.get("system"))
        found = errors(ids, since=asked["since"], until=asked["until"], may_see=self.may_see)
        return Response(shapes.ErrorsAnswer(found, many=True).data)


class Values(WholeView):
    throttle_scope = "costly"

    @extend_schema(parameters=[shapes.ValuesQuery], responses=shapes.ValueAnswer(many=True))
    def get(self, request: Request) -> Response:
        """The most frequent values of a property."""
        asked = self.asked(shapes.ValuesQuery)
        ids, wanted = self.ids(asked.pop("system", None)), {name: asked[name] for name in ("name", "path")}
        if not self.may_see and not may_be_asked(wanted["path"].split("."), names=[wanted["name"]]):
            raise PermissionDenied(REFUSAL)
        found = top_values(ids, **wanted, since=asked["since"], until=asked["until"], may_see=self.may_see)
        return Response(shapes.ValueAnswer(found.rows, many=True).data)


def _wanted(ids: Sequence[int], asked: dict[str, Any], *, hides_people: bool) -> Wanted:
    error = asked.get("error", "")
    return Wanted(
        tuple(ids),
        names=tuple(asked["name"]),
        person=asked["person"],
        is_valid=asked["valid"],
        error_type=error,
        error_pointer=asked.get("pointer") if error else None,
        since=asked["since"],
        until=asked["until"],
        properties=properties_of(asked["property"]),
        hides_people=hides_people,
    )


def _place(asked: dict[str, Any]) -> Place | None:
    return Place.read(asked["cursor"]) if asked["cursor"] else None


def _ids(systems: QuerySet[PartnerSystem]) -> tuple[int, ...]:
    return tuple(systems.values_list("pk", flat=True))


def _hide(events: Sequence[TrackedEvent]) -> None:
    """For somebody who may not see who people are."""
    for event in events:
        event.errors = shown_faults(event.kind, event.errors, may_see=False)
        event.properties = shown_properties(event.kind, event.properties, may_see=False)
        for name in ("person", "user_id", "anonymous_id"):
            setattr(event, name, shown(getattr(event, name), may_see=False))
