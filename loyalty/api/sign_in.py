"""Signing in by a one-time code. Nobody has a password, and an answer never tells who is a member before the code is
right.

A browser keeps its refresh token in a cookie that no script can read and that goes to these addresses only; a native
app says `native` and keeps it itself.
"""

from base64 import urlsafe_b64encode
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from config.shared.access import client_address
from config.shared.trail import spoken_for
from loyalty.actions import login_codes, sign_in
from loyalty.actions.enrolment import Allowed, Joining
from loyalty.api.contacts import email_of, phone_of
from loyalty.api.problems import Told
from loyalty.api.shoppers import LASTS, ShopperView, access_token
from loyalty.api.views import LoyaltyView
from loyalty.models import Consent
from loyalty.rules.contacts import masked_email, masked_phone
from loyalty.rules.proofs import card_key
from loyalty.rules.shopper_tokens import CODE_LASTS, DEVICE_LASTS, new_mark
from tracking.rules.keys import digest_of

PATH = "/api/loyalty/v1/sign-in/"
REFRESH, BROWSER = "rg_refresh", "rg_browser"
BROWSER_LASTS = 400 * 86_400  # as long as browsers keep anything
OURS = "regulars"
FROM_OUR_PAGE = OpenApiParameter(
    "X-Requested-With", str, OpenApiParameter.HEADER, description=f"`{OURS}`, when the cookie is to count."
)


class CodeInput(serializers.Serializer[dict[str, Any]]):
    """One of the two."""

    email = serializers.CharField(required=False, max_length=254)
    phone = serializers.CharField(required=False, max_length=40)

    def validate_email(self, value: str) -> str:
        return email_of(value)

    def validate_phone(self, value: str) -> str:
        return phone_of(value)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise serializers.ValidationError({"email": [_("Say an email address or a phone number.")]})
        if "email" in attrs:
            return {"channel": login_codes.EMAIL, "destination": attrs["email"]}
        return {"channel": login_codes.SMS, "destination": attrs["phone"]}


class CodeAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="Send it back with the code.")
    channel = serializers.ChoiceField(login_codes.CHANNELS)
    sent_to = serializers.CharField(help_text="Where to look, mostly hidden.")
    expires_in = serializers.IntegerField(help_text="Seconds.")


class ConsentGiven(serializers.Serializer[dict[str, Any]]):
    channel = serializers.ChoiceField(Consent.Channel.choices)
    topic = serializers.ChoiceField(Consent.Topic.choices)
    wording = serializers.CharField(max_length=1_000, help_text="Exactly the words that were shown.")


class JoinInput(serializers.Serializer[dict[str, Any]]):
    name = serializers.CharField(max_length=120)
    birth_date = serializers.DateField()
    language = serializers.RegexField(r"^([a-z]{2,3}(-[A-Za-z0-9]{2,3})?)?$", default="", allow_blank=True)
    invite = serializers.CharField(max_length=40, default="", allow_blank=True)
    consents = ConsentGiven(many=True, default=list)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        consents = [Allowed(**given) for given in attrs.pop("consents")]
        return {"join": Joining(**attrs, consents=consents)}


class TokenInput(serializers.Serializer[dict[str, Any]]):
    id = serializers.UUIDField()
    code = serializers.RegexField(r"^\s*\d{6}\s*$")
    device_name = serializers.CharField(max_length=120, default="", allow_blank=True)
    native = serializers.BooleanField(default=False, help_text="Answer the refresh token, set no cookie.")
    join = JoinInput(required=False, allow_null=True, default=None)


class RefreshInput(serializers.Serializer[dict[str, Any]]):
    refresh = serializers.CharField(required=False, max_length=200, help_text="Of a native app.")


class AccessAnswer(serializers.Serializer[Any]):
    access = serializers.CharField(help_text="For `Authorization: Bearer …`.")
    expires_in = serializers.IntegerField(help_text="Seconds.")
    refresh = serializers.CharField(required=False, help_text="For native apps. Good once, for the next one.")


class SignedInAnswer(AccessAnswer):
    is_new = serializers.BooleanField(help_text="Whether somebody has just joined.")
    card_key = serializers.CharField(help_text="Base64url. Draws the member card on this device, also offline.")
    device_id = serializers.UUIDField()


class EntranceView(LoyaltyView):
    """For whoever is not in yet."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        spoken_for("A member, on their phone")


class Codes(EntranceView):
    @extend_schema(request=CodeInput, responses={202: CodeAnswer})
    def post(self, request: Request) -> Response:
        """Have a code sent, to a member or to somebody who wants to join: the answer is the same.

        429 after five in an hour or two in half a minute; 409 `no_sms` for a phone where the shop sends no SMS.
        """
        said = self.said(CodeInput)
        try:
            asked = login_codes.ask_for_code(
                **said,
                language=translation.get_language() or "",
                address=client_address(request._request),
                now=timezone.now(),
            )
        except login_codes.TooManyCodes as refusal:
            raise Told(refusal, status.HTTP_429_TOO_MANY_REQUESTS, wait=refusal.seconds) from None
        masked = masked_email if asked.channel == login_codes.EMAIL else masked_phone
        answer = {
            "id": asked.public_id,
            "channel": asked.channel,
            "sent_to": masked(asked.destination),
            "expires_in": int(CODE_LASTS.total_seconds()),
        }
        return Response(CodeAnswer(answer).data, status.HTTP_202_ACCEPTED)


class Tokens(EntranceView):
    @extend_schema(request=TokenInput, responses=SignedInAnswer)
    def post(self, request: Request) -> Response:
        """Sign in with the code, or join with it.

        409 `not_a_member`: nobody has joined with this yet. The code stays good: send it again with `join`.
        409 `too_young`: nothing of it is kept. 400 `wrong_code`: five wrong tries end a code.
        """
        said, now = self.said(TokenInput), timezone.now()
        native, join = said.pop("native"), said.pop("join")
        mark = request.COOKIES.get(BROWSER) or new_mark()
        try:
            signed_in = sign_in.sign_in_with_code(
                asked_id=said["id"],
                code=said["code"].strip(),
                device_name=said["device_name"],
                join=join["join"] if join else None,
                address=client_address(request._request),
                browser_digest=None if native else digest_of(mark),
                now=now,
            )
        except login_codes.WrongCode as refusal:
            raise Told(refusal, status.HTTP_400_BAD_REQUEST) from None
        device = signed_in.device
        extra = {"is_new": signed_in.is_new, "card_key": _card_key(device.public_id), "device_id": device.public_id}
        response = Response(SignedInAnswer(_access(signed_in, native, now) | extra).data)
        if not native:
            _keep(response, REFRESH, signed_in.refresh, int(DEVICE_LASTS.total_seconds()))
            _keep(response, BROWSER, mark, BROWSER_LASTS)
        return response

    @extend_schema(request=None, responses={204: None}, parameters=[FROM_OUR_PAGE])
    def delete(self, request: Request) -> Response:
        """Sign a browser out by its cookie alone, also long after somebody did so without a connection."""
        sign_in.sign_out_with(_from_cookie(request), now=timezone.now())
        return _without_cookie()


class Refresh(EntranceView):
    @extend_schema(request=RefreshInput, responses=AccessAnswer, parameters=[FROM_OUR_PAGE])
    def post(self, request: Request) -> Response:
        """A new access token, and a new refresh token for the old one.

        401 `signed_out`: sign in again. A refresh token used a second time signs its device out, after 30 seconds in
        which several tabs may ask side by side.
        """
        now, native = timezone.now(), self.said(RefreshInput).get("refresh")
        token = native or _from_cookie(request)
        try:
            signed_in = sign_in.refresh(token=token, address=client_address(request._request), now=now)
        except sign_in.SignedOut as refusal:
            raise Told(refusal, status.HTTP_401_UNAUTHORIZED) from None
        response = Response(AccessAnswer(_access(signed_in, bool(native), now)).data)
        if not native:
            _keep(response, REFRESH, signed_in.refresh, int(DEVICE_LASTS.total_seconds()))
        return response


class SignOut(ShopperView):
    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """This device is shut at once: its tokens open nothing any more."""
        sign_in.sign_out(self.device, now=timezone.now())
        return _without_cookie()


def _without_cookie() -> Response:
    response = Response(status=status.HTTP_204_NO_CONTENT)
    response.delete_cookie(REFRESH, path=PATH, samesite="Strict")
    return response


def _from_cookie(request: Request) -> str:
    """The cookie counts only for our own page: no other site can make a browser send this header."""
    if request.headers.get("X-Requested-With") != OURS:
        raise PermissionDenied(_("Send the header %(header)s.") % {"header": f"X-Requested-With: {OURS}"})
    return request.COOKIES.get(REFRESH, "")


def _access(signed_in: sign_in.SignedIn, native: bool, now: Any) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "access": access_token(signed_in.device, now=now),
        "expires_in": int(LASTS.total_seconds()),
    }
    return answer | {"refresh": signed_in.refresh} if native else answer


def _card_key(device_id: UUID) -> str:
    return urlsafe_b64encode(card_key(device_id, settings.SECRET_KEY)).rstrip(b"=").decode()


def _keep(response: Response, name: str, value: str, seconds: int) -> None:
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path=PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )
