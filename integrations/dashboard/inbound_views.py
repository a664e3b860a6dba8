"""What providers tell us: who may call, what came, and what was not understood."""

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from config.shared.access import needs
from config.shared.htmx import page
from integrations.inbound import calls, queries
from integrations.inbound.senders import senders
from integrations.models import InboundCall

SHOWN = 50


@require_GET
@needs("integrations.view_inboundcall")
def reports(request: HttpRequest) -> HttpResponse:
    unread = Paginator(queries.unreadable_calls(), SHOWN).get_page(request.GET.get("page"))
    context = {
        "states": queries.sender_states(timezone.now()),
        "unread": unread,
        "rows": [(_label(call), call) for call in unread],
        "may_read_again": request.user.has_perm("integrations.change_inboundcall"),
    }
    return page(request, "integrations/reports.html", context, partials=("unread",))


def _label(call: InboundCall) -> str:
    sender = senders().get(call.sender)
    return sender.label if sender else call.sender


@require_POST
@needs("integrations.change_inboundcall")
def call_read_again(request: HttpRequest, public_id: UUID) -> HttpResponse:
    call = get_object_or_404(InboundCall, public_id=public_id)
    if calls.read_again(call=call, now=timezone.now()):
        messages.success(request, "It was understood this time.")
    else:
        messages.warning(request, "It is still not understood.")
    return redirect("integrations:reports")


@require_POST
@needs("integrations.change_inboundcall")
def calls_read_again(request: HttpRequest) -> HttpResponse:
    waiting = calls.read_all_again()
    messages.success(request, f"{waiting:,} calls are read again within seconds.")
    return redirect("integrations:reports")
