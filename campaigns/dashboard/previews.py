"""Messages inside frames of pages: as a member would get them, and never run."""

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string

from config.shared.letters import letter_response
from integrations.channels.base import Message
from loyalty.models import Consent, Member
from loyalty.queries.brand import brand


def message_response(message: Message, channel: str) -> HttpResponse:
    """An email as its own HTML; what a telephone shows as a telephone shows it."""
    if channel == Consent.Channel.EMAIL:
        return letter_response(message.html)
    context = {"message": message, "channel": channel, "name": brand().name}
    return letter_response(render_to_string("emails/preview_phone.html", context))


def fault_response(fault: Exception) -> HttpResponse:
    return letter_response(render_to_string("emails/preview_fault.html", {"fault": fault}))


def specimen_member(request: HttpRequest) -> Member | None:
    """Whom `member` names, to show a message for; nobody without the right to see members."""
    asked = request.GET.get("member") or request.POST.get("member")
    if not asked:
        return None
    if not request.user.has_perm("loyalty.view_member"):
        raise PermissionDenied
    rows = Member.objects.filter(left_at=None).select_related("home_store", "stats", "points_account")
    return get_object_or_404(rows, public_id=_uuid(asked))


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Http404("There is no such member.") from None
