"""The rows behind what was sold."""

from datetime import date

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_GET

from analytics.queries import sales
from campaigns.dashboard.orders import orders_csv
from config.shared.access import needs
from config.shared.htmx import page
from loyalty.models import Order, Store

SHOWN, DAYS = 50, 30


@require_GET
@needs("loyalty.view_order")
def order_list(request: HttpRequest) -> HttpResponse:
    period = _period(request)
    asked = request.GET.get("store", "")
    store = Store.objects.filter(pk=int(asked)).first() if asked.isdecimal() and len(asked) < 10 else None
    number = request.GET.get("q", "").strip()
    orders = sales.orders_in(period, number=number, store=store)
    if request.GET.get("format") == "csv":
        return orders_csv(f"orders-{period.first}-{period.last}.csv", orders)
    context = {
        "period": period,
        "sales": sales.sums_of(orders),
        "orders": Paginator(orders, SHOWN).get_page(request.GET.get("page")),
        "q": number,
        "is_narrowed": bool(number or store),
        "selects": [
            {
                "name": "store",
                "label": "Store",
                "value": asked,
                "options": [(str(pk), name) for pk, name in Store.objects.order_by("name").values_list("pk", "name")],
            }
        ],
    }
    return page(request, "analytics/orders.html", context, partials=("orders",))


@require_GET
@needs("loyalty.view_order")
def order(request: HttpRequest, number: str) -> HttpResponse:
    row = get_object_or_404(Order.objects.select_related("member", "store"), number=number)
    context = {"order": row, "lines": row.lines.select_related("product").order_by("pk")}
    return page(request, "analytics/order.html", context)


def url_of(period: sales.Period) -> str:
    """Where the orders of a period are listed."""
    return f"{reverse('analytics:orders')}?first={period.first}&last={period.last}"


def _period(request: HttpRequest) -> sales.Period:
    usual = sales.period_of(DAYS, now=timezone.now())
    first, last = _day(request, "first") or usual.first, _day(request, "last") or usual.last
    return sales.Period(min(first, last), max(first, last))


def _day(request: HttpRequest, name: str) -> date | None:
    try:
        return parse_date(request.GET.get(name, ""))
    except ValueError:
        return None
