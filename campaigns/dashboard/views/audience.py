"""Whom a plan is for, in its order, each with what the place rests on."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_GET

from campaigns.ai.audience import with_reach
from campaigns.models import Plan
from campaigns.queries.estimates import expected_of, worth_of_one_message
from campaigns.rules.priority import told
from config.shared.access import needs
from config.shared.exports import csv_response
from config.shared.htmx import page
from loyalty.actions.members import note_export
from loyalty.models import Score
from loyalty.queries.brand import brand

SHOWN = 50


@require_GET
@needs("campaigns.view_plan")
def plan_audience(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    plan = get_object_or_404(Plan.objects.select_related("campaign"), public_id=plan_id)
    group = request.GET.get("group", "")
    now = timezone.now()
    audience = with_reach(plan, now=now)
    rows = audience.filter(group=group) if group else audience
    if request.GET.get("format") == "csv":
        chosen = {"plan": str(plan_id), **({"group": group} if group else {})}
        note_export(by=request.user, filters=chosen, is_masked=False, now=now)  # type: ignore[arg-type]
        return csv_response(f"audience-{plan.public_id}.csv", _heads(), _lines(rows))
    expected = expected_of(plan, now=now)
    counted = audience.order_by().aggregate(
        heard=Count("pk", filter=Q(is_held_out=False)),
        reached=Count("pk", filter=Q(is_reached=True)),
        held_out=Count("pk", filter=Q(is_held_out=True)),
    )
    candidates = Paginator(rows, SHOWN).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "plan": plan,
        "campaign": plan.campaign,
        "group": group,
        "candidates": candidates,
        "expected": expected.week if expected else None,
        "worth": worth_of_one_message(audience.filter(Q(is_reached=True)), now=now),
        "counted": counted,
        "unreached": counted["heard"] - counted["reached"],
        "selects": [{"name": "group", "label": "Group", "value": group, "options": Score.Group.choices}],
    }
    return page(request, "campaigns/audience.html", context, partials=("candidates",))


def _heads() -> tuple[str, ...]:
    return (
        "Place", "Member", "Group", "Points", "Made of", f"Expected to add ({brand().currency})", "Held out", "Reached",
        "Number of the member",
    )  # fmt: skip


def _lines(rows: Any) -> Iterator[tuple[Any, ...]]:
    for each in rows.iterator(chunk_size=1000):
        why = told(each.priority, each.why)
        yield (
            each.rank,
            each.member.name or "Unnamed",
            each.get_group_display(),
            each.priority,
            why,
            each.value if each.is_reached else "",
            each.is_held_out,
            each.is_reached,
            each.member.public_id,
        )
