"""The door: who is not believed leaves nothing behind but a line in the log."""

import logging

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from integrations.inbound import calls
from integrations.inbound.base import Call, Forged, NotNow
from integrations.inbound.senders import senders

logger = logging.getLogger(__name__)

LARGEST = 2**20


@csrf_exempt
@require_POST
def hook(request: HttpRequest, name: str) -> HttpResponse:
    """Take one call of a provider. 200 means that it is kept, or was already."""
    sender = senders().get(name)
    if sender is None:
        return _said(404, "No provider of this name is known here.")
    secrets = settings.INBOUND_SECRETS.get(sender.variable, [])
    if not secrets:
        logger.warning("%s called, but %s is not set.", sender.label, sender.variable)
        return _said(403, "This provider is not set up here.")
    body = request.read(LARGEST + 1)
    if len(body) > LARGEST:
        return _said(413, "A call may have a megabyte.")
    try:
        call = _call(request, body)
        sender.verify(call, secrets)
        sender.welcome(call)
        answer = calls.take(sender, call)
    except Forged as refusal:
        logger.warning("A call in the name of %s was not believed: %s", sender.label, refusal)
        return _said(401, "The signature or its time is wrong.")
    except NotNow as refusal:
        logger.warning("A call of %s has to wait: %s", sender.label, refusal)
        return _said(503, "Call again in a moment.")
    return HttpResponse(answer.text, content_type=f"{answer.content_type}; charset=utf-8")


def _call(request: HttpRequest, body: bytes) -> Call:
    """The address is the public one, which providers sign, whatever a proxy in front has made of it."""
    return Call(
        body=body,
        received_at=timezone.now(),
        headers={header.lower(): value for header, value in request.headers.items()},
        url=settings.PUBLIC_URL + request.get_full_path(),
    )


def _said(status: int, words: str) -> HttpResponse:
    return HttpResponse(f"{words}\n", status=status, content_type="text/plain; charset=utf-8")
