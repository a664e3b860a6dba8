"""The web service that phones speak to about the passes they have, as Apple describes it, below /wallet/v1/.

https://developer.apple.com/documentation/walletpasses/adding-a-web-service-to-update-passes
A phone proves by a pass's token that it has it. Asked only which of its passes changed, it shows its own long id.
"""

import json
import logging
import re
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.http import http_date, parse_http_date_safe
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.actions.wallets import file_of
from campaigns.queries.wallets import news_for, pass_shown_by
from config.shared.masking import masked
from integrations.wallets.base import CannotMakePass, wallet
from loyalty.actions import wallet as actions
from loyalty.api.shoppers import ShopperView
from loyalty.api.sign_in import EntranceView
from loyalty.models import WalletPass

# Of the link by which a phone is given its pass: long enough for a tap, too short to be of use elsewhere.
LINK_LASTS = 600
LONGEST_BODY = 64 * 1024
MOST_LINES, LONGEST_LINE = 10, 300
TOKEN = re.compile(r"[0-9a-fA-F]{1,200}")
DEVICE = re.compile(r"[\w.-]{1,100}")
_LINKS = signing.TimestampSigner(salt="campaigns.api.wallet")
logger = logging.getLogger(__name__)


# --- In the app ----------------------------------------------------------------------------------------------------


class PassAnswer(serializers.Serializer[Any]):
    url = serializers.CharField(help_text="Open it: the phone offers to keep the card. Good for ten minutes.")


class Pass(ShopperView):
    """The card in the wallet of the member's phones."""

    @extend_schema(request=None, responses={200: PassAnswer, 404: None})
    def post(self, request: Request, kind: str) -> Response:
        """A link to your card for this wallet. 404 where the shop has not set it up."""
        if kind not in settings.WALLETS:
            return Response({"detail": _("There are no cards for this wallet.")}, status.HTTP_404_NOT_FOUND)
        made = actions.issue(member=self.member, kind=kind, now=timezone.now())
        return Response({"url": f"/wallet/cards/{_LINKS.sign(made.public_id.hex)}"})

    @extend_schema(request=None, responses={204: None, 404: None})
    def delete(self, request: Request, kind: str) -> Response:
        """Empty the cards you have in wallets, such as on a lost phone. A new one can be added at once.

        404 for a wallet that nobody knows here.
        """
        if kind not in WalletPass.Kind.values:
            return Response({"detail": _("There are no cards for this wallet.")}, status.HTTP_404_NOT_FOUND)
        actions.void(member=self.member, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


@require_GET
@never_cache
def card(request: HttpRequest, link: str) -> HttpResponse:
    """The file behind such a link, which opens in the wallet."""
    try:
        public_id = _LINKS.unsign(link, max_age=LINK_LASTS)
    except signing.BadSignature:
        return HttpResponse(_("This link has run out. Tap the button in the app again."), "text/plain", status=410)
    found = WalletPass.objects.select_related("member").filter(public_id=public_id, voided_at=None).first()
    return _file(found) if found and found.kind in settings.WALLETS else HttpResponse(status=404)


# --- What phones ask -----------------------------------------------------------------------------------------------


@csrf_exempt
@require_http_methods(["POST", "DELETE"])
def registration(request: HttpRequest, device_id: str, pass_type: str, serial: str) -> HttpResponse:
    """A phone has the pass and wants to hear of its changes; or it has it no more."""
    found = _shown(request, pass_type, serial)
    if found is None:
        return HttpResponse(status=401)
    if request.method == "DELETE":
        actions.unregister(wallet_pass=found, device_id=device_id)
        return HttpResponse(status=200)
    token = _body(request).get("pushToken")
    if not (isinstance(token, str) and TOKEN.fullmatch(token) and DEVICE.fullmatch(device_id)):
        return HttpResponse("Say the pushToken in hex, in JSON.", "text/plain", status=400)
    is_new = actions.register(wallet_pass=found, device_id=device_id, push_token=token, now=timezone.now())
    return HttpResponse(status=201 if is_new else 200)


@require_GET
@never_cache
def registrations(request: HttpRequest, device_id: str, pass_type: str) -> HttpResponse:
    """Which of a phone's passes changed since the tag it was given."""
    news = news_for(device_id, since=request.GET.get("passesUpdatedSince", "")) if _is_ours(pass_type) else None
    if news is None:
        return HttpResponse(status=204)
    return JsonResponse({"serialNumbers": news.serials, "lastUpdated": str(news.revision)})


@require_GET
def latest(request: HttpRequest, pass_type: str, serial: str) -> HttpResponse:
    """The pass as it is now, unless the phone has it."""
    found = _shown(request, pass_type, serial)
    if found is None:
        return HttpResponse(status=401)
    since = parse_http_date_safe(request.headers.get("If-Modified-Since", ""))
    if since is not None and int(found.changed_at.timestamp()) <= since:
        return HttpResponse(status=304)
    return _file(found)


@extend_schema(exclude=True)
class Log(EntranceView):
    """What phones complain of. Anybody may say anything here, so little of it is written down, and so often."""

    def post(self, request: Request) -> HttpResponse:
        if not settings.WALLETS:
            return HttpResponse(status=404)
        lines = _body(request._request).get("logs")
        for line in (lines if isinstance(lines, list) else [])[:MOST_LINES]:
            logger.info("A phone says of a pass: %s", masked(_printable(str(line)[:LONGEST_LINE])))
        return HttpResponse(status=200)


def _printable(text: str) -> str:
    """On one line, and without what would steer the screen of who reads it."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())


def _shown(request: HttpRequest, pass_type: str, serial: str) -> WalletPass | None:
    scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
    return pass_shown_by(serial, token.strip()) if scheme == "ApplePass" and _is_ours(pass_type) else None


def _is_ours(pass_type: str) -> bool:
    apple = WalletPass.Kind.APPLE
    return apple in settings.WALLETS and wallet(apple).pass_type == pass_type


def _file(found: WalletPass) -> HttpResponse:
    try:
        file = file_of(found)
    except CannotMakePass:
        logger.exception("A pass could not be made.")
        return HttpResponse(status=503)
    response = HttpResponse(file.content, content_type=file.content_type)
    response["Content-Disposition"] = f'attachment; filename="{file.name}"'
    response["Last-Modified"] = http_date(found.changed_at.timestamp())
    return response


def _body(request: HttpRequest) -> dict[str, Any]:
    """The JSON object that was sent; empty for what is none."""
    try:
        told = json.loads(request.read(LONGEST_BODY))
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}
