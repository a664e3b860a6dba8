"""Replays and merges over REST: looked at by whoever sees the systems, begun by those who may."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from config.shared.rest import one_of
from tracking.actions import identity
from tracking.actions import replays as actions
from tracking.api import serializers_read as shapes
from tracking.api.authentication import systems_of
from tracking.api.events import ReadView, WholeView
from tracking.api.management import partners_of
from tracking.models import Replay, UserMerge
from tracking.queries import replays as queries


class Replays(ReadView):
    needs = {"POST": "tracking.add_replay"}

    @extend_schema(responses=shapes.ReplayAnswer(many=True))
    def get(self, request: Request) -> Response:
        """The newest first."""
        return self.paged(queries.replays_of(self.ids(None)), shapes.ReplayAnswer)

    @extend_schema(request=shapes.ReplayInput, responses={202: shapes.ReplayAnswer})
    def post(self, request: Request) -> Response:
        """Have invalid events judged anew. Ask the answer's address how far it is."""
        replay = actions.start(**_about(self, request), by=request.user, now=timezone.now())
        return Response(shapes.ReplayAnswer(replay).data, status=202)


class ReplayPreview(WholeView):
    """Posted like the replay itself, and changes nothing."""

    throttle_scope = "costly"
    only_asks = True
    needs = {"POST": "tracking.add_replay"}

    @extend_schema(request=shapes.ReplayInput, responses=shapes.PreviewAnswer)
    def post(self, request: Request) -> Response:
        """What a replay would change."""
        return Response(shapes.PreviewAnswer(queries.preview(Replay(**_about(self, request)))).data)


class OneReplay(ReadView):
    @extend_schema(responses=shapes.ReplayAnswer)
    def get(self, request: Request, public_id: UUID) -> Response:
        return Response(shapes.ReplayAnswer(one_of(queries.replays_of(self.ids(None)), public_id=public_id)).data)


class ReplayCancel(ReadView):
    needs = {"POST": "tracking.change_replay"}

    @extend_schema(request=None, responses=shapes.ReplayAnswer)
    def post(self, request: Request, public_id: UUID) -> Response:
        """Stop it; what was mended by then stays valid. 409 when it is over."""
        replay = one_of(queries.replays_of(self.ids(None)), public_id=public_id)
        actions.cancel(replay, now=timezone.now())
        replay.refresh_from_db()
        return Response(shapes.ReplayAnswer(replay).data)


class Merges(ReadView):
    """Who is whom; for those who may see people."""

    needs = {"POST": "tracking.add_usermerge"}

    @extend_schema(responses=shapes.MergeAnswer(many=True))
    def get(self, request: Request) -> Response:
        """The newest first, those undone too."""
        if not self.may_see:
            raise PermissionDenied("Who people are is for those who may see it.")
        return self.paged(_merges(request), shapes.MergeAnswer)

    @extend_schema(request=shapes.MergeInput, responses={201: shapes.MergeAnswer})
    def post(self, request: Request) -> Response:
        """Two known users are one person. 409 with the reason when they cannot be."""
        said = self.said(shapes.MergeInput)
        made = identity.merge(
            partner=one_of(partners_of(request), public_id=said["partner"]),
            user_id=said["user_id"],
            into=said["into_user_id"],
            by=request.user,
            now=timezone.now(),
        )
        return Response(shapes.MergeAnswer(made).data, status=201)


class MergeUndo(ReadView):
    needs = {"POST": "tracking.change_usermerge"}

    @extend_schema(request=None, responses=shapes.MergeAnswer)
    def post(self, request: Request, number: int) -> Response:
        """Take them apart again. 409 when that was done already."""
        merged = one_of(_merges(request), pk=number)
        identity.undo(merged, by=request.user, now=timezone.now())
        merged.refresh_from_db()
        return Response(shapes.MergeAnswer(merged).data)


def _about(view: ReadView, request: Request) -> dict[str, Any]:
    said = view.said(shapes.ReplayInput)
    return said | {"system": one_of(systems_of(request), public_id=said["system"])}


def _merges(request: Request) -> QuerySet[UserMerge]:
    return UserMerge.objects.filter(partner__in=partners_of(request)).select_related("partner")
