"""Everything kept about a member, in one file. It stands here because only campaigns know what was sent."""

from collections.abc import Collection
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiTypes, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.models import Send
from campaigns.queries.experiments import subject_of_send
from loyalty.api.shoppers import ShopperView
from loyalty.models import Member
from loyalty.queries.kept import everybody_in, kept_of


class Export(ShopperView):
    pagination_class = None  # type: ignore[assignment]

    @extend_schema(operation_id="loyalty_v1_me_export", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Everything we keep about you, as a file: who you are, what you did, what you allowed, what we sent."""
        kept = kept_of(self.member) | {"messages": _messages(everybody_in(self.member))}
        name = f"my-data-{timezone.localdate():%Y-%m-%d}.json"
        return Response(kept, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _messages(people: Collection[Member]) -> list[dict[str, Any]]:
    rows = (
        Send.objects.filter(member__in=people)
        .order_by("pk")
        .select_related("campaign")
        .annotate(said=subject_of_send())
    )
    return [
        {
            "campaign": send.campaign.name,
            "subject": send.said,
            "channel": send.channel,
            "recipient": send.recipient,
            "status": send.status,
            "sent_at": send.sent_at,
            "opened_at": send.opened_at,
            "clicked_at": send.clicked_at,
        }
        for send in rows
    ]
