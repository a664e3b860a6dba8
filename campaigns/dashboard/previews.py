"""Messages inside frames of pages: as a member would get them, and never run."""

import re
from email.utils import parseaddr
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from lxml import html as lxml_html

from campaigns.models import PlanStep
from campaigns.models.experiments import LETTERS
from config.shared.letters import letter_response
from config.shared.sender import sender_under
from integrations.channels.base import Message
from loyalty.models import Consent, Member
from loyalty.queries.brand import brand

_BODY = re.compile(r"<body\b[^>]*>")
# Mail programs that darken a letter turn its colours around, and leave pictures as they are.
_DARKENED = (
    "<style>html { background: #fff; filter: invert(1) hue-rotate(180deg); }"
    " img { filter: invert(1) hue-rotate(180deg); }</style>"
)
_SHOWN_BESIDE = 140  # characters that an inbox has room for


def message_response(message: Message, channel: str, *, is_dark: bool = False) -> HttpResponse:
    """An email as its own HTML, below what an inbox shows of it; what a telephone shows as a telephone shows it."""
    if channel == Consent.Channel.EMAIL:
        inbox = render_to_string("emails/preview_inbox.html", _in_an_inbox(message))
        shown = _BODY.sub(lambda body: body[0] + inbox, message.html, count=1)
    else:
        context = {"message": message, "channel": channel, "name": brand().name}
        shown = render_to_string("emails/preview_phone.html", context)
    return letter_response(shown.replace("</head>", f"{_DARKENED}</head>", 1) if is_dark else shown)


def is_dark(request: HttpRequest) -> bool:
    return request.GET.get("scheme") == "dark"


def _in_an_inbox(message: Message) -> dict[str, Any]:
    """Who writes, about what, and the line beside it: the preview line, or else how the letter begins."""
    name, address = parseaddr(sender_under(brand().name))
    hidden = lxml_html.document_fromstring(message.html).xpath('//div[contains(@style, "display:none")]')
    preheader = " ".join(hidden[0].text_content().split()) if hidden else ""
    beside = preheader or " ".join(message.text.split())
    return {
        "sender": name,
        "address": address,
        "subject": message.subject,
        "beside": beside[:_SHOWN_BESIDE],
        "has_preheader": bool(preheader),
    }


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


def wording_of(request: HttpRequest, step: PlanStep) -> str:
    """The wording that `variant` names, of those the step has; A is its own."""
    asked = request.GET.get("variant") or request.POST.get("variant") or LETTERS[0]
    if asked not in letters_of(step):
        raise Http404("The step has no such wording.")
    return asked


def letters_of(step: PlanStep) -> list[str]:
    """Of the wordings of a step, A first."""
    experiment = getattr(step, "experiment", None)
    return [LETTERS[0], *(experiment.variants.values_list("letter", flat=True) if experiment else ())]


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Http404("There is no such member.") from None
