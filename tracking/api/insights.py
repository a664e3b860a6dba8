"""Funnels, retention and sessions over REST: the same queries as the pages."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from tracking.api import serializers_read as shapes
from tracking.api.authentication import ReadsSystems, systems_of
from tracking.api.events import ReadView, WholeView
from tracking.queries import funnels, places
from tracking.queries.retention import retention
from tracking.queries.sessions import session_sums, sessions
from tracking.rules.funnels import asks_who_people_are
from tracking.rules.privacy import REFUSAL, shown


class Sessions(ReadView):
    throttle_scope = "costly"

    @extend_schema(parameters=[shapes.SessionsQuery], responses=shapes.SessionsAnswer)
    def get(self, request: Request) -> Response:
        """Visits and their sums; half an hour of quiet ends one."""
        asked = self.asked(shapes.SessionsQuery)
        ids, span = self.ids(asked.get("system")), {"since": asked["since"], "until": asked["until"]}
        before, visitor = places.read(asked["cursor"]) if asked["cursor"] else (None, "")
        found = sessions(ids, **span, before=before, visitor=visitor, limit=asked["limit"] + 1)
        page = found[: asked["limit"]]
        rows: Any = shapes.SessionAnswer(page, many=True).data
        for row in rows:
            row |= {name: shown(row[name], may_see=self.may_see) for name in ("person", "anonymous_id")}
        following = places.written(page[-1].started_at, page[-1].anonymous_id) if len(found) > len(page) else None
        sums = shapes.SessionSumsAnswer(session_sums(ids, **span)).data
        return Response({"sums": sums, "sessions": rows, "next": following})


class Retention(WholeView):
    @extend_schema(parameters=[shapes.RetentionQuery], responses=shapes.CohortAnswer(many=True))
    def get(self, request: Request) -> Response:
        """Who came back, by the day or week of their first event."""
        asked = self.asked(shapes.RetentionQuery)
        today = timezone.localdate()
        last = asked.get("last") or today
        length = 1 if asked["unit"] == "day" else 7
        first = asked.get("first") or max(last, today.min + timedelta(days=7 * 62)) - timedelta(days=12 * length)
        found = retention(
            self.ids(asked.get("system")), unit=asked["unit"], first=first, last=last, units=asked["units"], today=today
        )
        return Response(shapes.CohortAnswer(found, many=True).data)


class Funnels(WholeView):
    """A question that is too long for an address, so it is posted; nothing is changed by it."""

    permission_classes = [ReadsSystems]
    throttle_scope = "costly"
    only_asks = True

    @extend_schema(request=shapes.FunnelQuestion, responses=shapes.ReachedAnswer(many=True))
    def post(self, request: Request) -> Response:
        """How many people reached each step; with a breakdown, for each value."""
        definition = self.said(shapes.FunnelQuestion)
        if not self.may_see and asks_who_people_are(definition):
            raise PermissionDenied(REFUSAL)
        systems = systems_of(request)
        if named := definition.get("systems"):
            systems = systems.filter(public_id__in=named)
        ids = list(systems.values_list("pk", flat=True))
        asked = funnels.Funnel.of(definition, ids, now=timezone.now(), may_see=self.may_see)
        return Response(shapes.ReachedAnswer(funnels.funnel(asked), many=True).data)
