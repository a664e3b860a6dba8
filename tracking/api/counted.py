"""Properties whose values are counted as events arrive: listed, declared and stopped over REST."""

from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from config.shared.rest import one_of
from tracking.actions import counted as actions
from tracking.api import serializers_read as shapes
from tracking.api.authentication import systems_of
from tracking.api.events import ReadView
from tracking.api.management import named
from tracking.queries.values import counted_in


class CountedProperties(ReadView):
    needs = {"POST": "tracking.add_eventstructure"}

    @extend_schema(parameters=[shapes.CountedQuery], responses=shapes.CountedAnswer(many=True))
    def get(self, request: Request) -> Response:
        """What is counted as events arrive, and what was given up; the newest first."""
        asked = self.asked(shapes.CountedQuery)
        return self.paged(counted_in(self.ids(asked.get("system"))), shapes.CountedAnswer)

    @extend_schema(request=shapes.CountedInput, responses={202: shapes.CountedAnswer})
    def post(self, request: Request) -> Response:
        """Count the values of a property. Its past is counted too: ask the answer's address how far that is.

        409 with the reason for what cannot be counted, such as an order's number.
        """
        said = self.said(shapes.CountedInput)
        system = named(systems_of(request), "system", said.pop("system"))
        counted = actions.declare(system=system, by=request.user, now=timezone.now(), **said)
        return Response(shapes.CountedAnswer(counted).data, status=202)


class CountedProperty(ReadView):
    needs = {"DELETE": "tracking.change_eventstructure"}

    @extend_schema(responses=shapes.CountedAnswer)
    def get(self, request: Request, public_id: UUID) -> Response:
        return Response(shapes.CountedAnswer(one_of(counted_in(self.ids(None)), public_id=public_id)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, public_id: UUID) -> Response:
        """Stop counting; questions are answered from the events again, as truly and less quickly."""
        actions.stop(one_of(counted_in(self.ids(None)), public_id=public_id))
        return Response(status=204)
