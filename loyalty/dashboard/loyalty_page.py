"""The programme at a glance: points, score groups, and scoring on demand."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from config.shared.access import needs
from config.shared.htmx import page
from config.shared.nudge import nudge
from loyalty.queries import programme as queries
from loyalty.queries.brand import business
from loyalty.queries.scores import latest_scoring

SHOWN = 15
VIEW = needs("loyalty.view_earnrule", "loyalty.view_pointsentry", "loyalty.view_score")
CHANGE = needs("loyalty.change_earnrule")


@require_GET
@VIEW
def loyalty_page(request: HttpRequest) -> HttpResponse:
    groups = queries.group_rows()
    context = {
        "standing": queries.standing(now=timezone.now()),
        "entries": Paginator(queries.latest_entries(), SHOWN).get_page(request.GET.get("page")),
        "groups": groups,
        "scored": sum(row.members for row in groups),
        "scoring": latest_scoring(),
        "charts": _group_charts(groups, business().currency),
        "may_change": request.user.has_perm("loyalty.change_earnrule"),
    }
    return page(request, "loyalty/loyalty.html", context, partials=("ledger",))


@require_POST
@CHANGE
def rescore_now(request: HttpRequest) -> HttpResponse:
    nudge("loyalty.rescore")
    messages.success(request, "Scoring has begun. Reload in a moment to see the new groups.")
    return redirect("loyalty:loyalty")


def _group_charts(groups: list[queries.GroupRow], currency: str) -> list[dict[str, Any]]:
    empty = "Members are scored each night, from their first order on."
    scored = any(row.members for row in groups)
    labels = [row.label for row in groups] if scored else []
    shape = {"kind": "bars", "labels": labels, "axis": "Group", "empty": empty}
    members = [{"name": "Members", "values": [row.members for row in groups]}]
    revenue = [{"name": "Revenue", "values": [float(row.revenue) for row in groups]}]
    return [
        {"id": "group-members", "title": "Members by group", "series": members, **shape},
        {
            "id": "group-revenue",
            "title": "Revenue by group",
            "series": revenue,
            "format": "money",
            "currency": currency,
            **shape,
        },
    ]
