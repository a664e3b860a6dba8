"""The programme: points, earn rules, score groups, and scoring on demand."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from config.shared.access import needs
from config.shared.errors import DomainError
from config.shared.forms import ActionForm, DateInput
from config.shared.htmx import page
from config.shared.nudge import nudge
from loyalty.actions import earn_rules as actions
from loyalty.models import EarnRule
from loyalty.queries import programme as queries
from loyalty.queries.brand import business
from loyalty.queries.scores import latest_scoring

SHOWN = 15
VIEW = needs("loyalty.view_earnrule", "loyalty.view_pointsentry", "loyalty.view_score")
CHANGE = needs("loyalty.change_earnrule")


class EarnRuleForm(ActionForm):
    class Meta:
        model = EarnRule
        fields = ("name", "points_per_unit", "minimum_total", "starts_on", "ends_on", "priority", "is_active")
        labels = {
            "minimum_total": "Smallest order",
            "starts_on": "First day",
            "ends_on": "Last day",
            "is_active": "In use",
        }
        help_texts = {
            "minimum_total": "Orders below it earn nothing by this rule.",
            "starts_on": "Leave empty to begin at once.",
            "ends_on": "Leave empty for no end.",
        }
        widgets = {"starts_on": DateInput, "ends_on": DateInput}


@require_GET
@VIEW
def loyalty_page(request: HttpRequest) -> HttpResponse:
    groups = queries.group_rows()
    context = {
        "standing": queries.standing(now=timezone.now()),
        "rules": queries.earn_rules(),
        "entries": Paginator(queries.latest_entries(), SHOWN).get_page(request.GET.get("page")),
        "groups": groups,
        "scored": sum(row.members for row in groups),
        "scoring": latest_scoring(),
        "charts": _group_charts(groups, business().currency),
        "may_change": request.user.has_perm("loyalty.change_earnrule"),
    }
    return page(request, "loyalty/loyalty.html", context, partials=("ledger",))


@require_http_methods(["GET", "POST"])
@CHANGE
def earn_rule_edit(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    rule = None if pk is None else get_object_or_404(EarnRule, pk=pk)
    form = EarnRuleForm(request.POST or None, instance=rule)
    if form.is_valid():
        try:
            actions.save_earn_rule(rule=rule, **form.cleaned_data)
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Saved. It holds for orders from now on; points already entered stay.")
            return redirect("loyalty:loyalty")
    context = {"form": form, "rule": rule}
    return page(request, "loyalty/earn_rule_form.html", context, status=422 if form.errors else 200)


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
