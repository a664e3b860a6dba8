"""What all views of the programme's API have in common: the reader's language, lists by place, writes done once."""

import hashlib
import json
from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone, translation
from django.utils.cache import get_conditional_response, patch_cache_control, patch_vary_headers
from django.utils.translation import gettext as _
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from config.shared.errors import DomainError
from config.shared.rest import NewestFirst, RestView
from loyalty.actions import answers
from loyalty.api.problems import Told

KEY = "Idempotency-Key"
LONGEST_KEY = 100
WRITES = ("post", "put", "patch", "delete")
OK = range(200, 300)


class Places(NewestFirst):
    """`next` is the `cursor` of the page that follows, or null."""

    def get_paginated_response(self, data: Any) -> Response:
        following = self.get_next_link()
        cursor = parse_qs(urlsplit(following).query)[self.cursor_query_param][0] if following else None
        return Response({"next": cursor, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        told = {"type": ["string", "null"], "description": "`cursor` of the page that follows."}
        return {
            "type": "object",
            "required": ["next", "results"],
            "properties": {"next": told, "results": schema},
        }


class LoyaltyView(RestView):
    """Answers in the language that `Accept-Language` asks for, and tells caches how long an answer holds.

    An answer to a GET has an ETag: who has it already is told so (304) and is sent nothing.
    """

    pagination_class = Places
    cache: ClassVar[dict[str, Any]] = {"private": True, "no_cache": True}

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with translation.override(translation.get_language_from_request(request)):
            return super().dispatch(request, *args, **kwargs)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        if response.status_code in OK and request.method == "GET":
            patch_vary_headers(response, ["Accept-Language"])
            patch_cache_control(response, **self.cache)
            response.add_post_render_callback(_told_once)
        else:
            patch_cache_control(response, no_store=True)
        return response


def _told_once(response: Any) -> Any:
    response["ETag"] = f'"{hashlib.sha256(response.content).hexdigest()[:32]}"'
    return get_conditional_response(response.renderer_context["request"], etag=response["ETag"], response=response)


class WritesOnce(LoyaltyView):
    """A write that carries an Idempotency-Key happens once, however often it is sent.

    The same key with the same request gets the same answer, also where the business refused; with another request, 422.
    `needs_key` names the methods that are not taken without one.
    """

    needs_key: ClassVar[frozenset[str]] = frozenset()
    prepared: Any = None

    def prepare(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        """What must stay done even if the write is refused. Asked before its transaction; see `prepared`."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Each write of each view, so that none can be forgotten."""
        super().__init_subclass__(**options)
        for name in WRITES:
            if name in vars(cls):
                setattr(cls, name, _once(vars(cls)[name]))

    @property
    def caller(self) -> str:
        """Whose keys these are: two callers may choose the same."""
        shown = self.request.auth
        return f"{shown._meta.model_name}:{shown.pk}"


def _once(write: Callable[..., Response]) -> Callable[..., Response]:
    @wraps(write)
    def answered(view: WritesOnce, request: Request, *args: Any, **kwargs: Any) -> Response:
        def prepare() -> None:
            view.prepared = view.prepare(request, *args, **kwargs)

        def write_now() -> Response:
            return write(view, request, *args, **kwargs)

        key = _key_of(view, request)
        if not key:
            prepare()
            return write_now()
        try:
            keyed = answers.Keyed(caller=view.caller, key=key, digest=_digest_of(request))
            return _remembered(view, keyed, prepare, write_now)
        except answers.KeyReused as refusal:
            raise Told(refusal, status.HTTP_422_UNPROCESSABLE_ENTITY) from None
        except answers.InProgress as refusal:
            raise Told(refusal, status.HTTP_409_CONFLICT, wait=1) from None

    return answered


def _remembered(
    view: WritesOnce, asked: answers.Keyed, prepare: Callable[[], None], write: Callable[[], Response]
) -> Response:
    is_prepared = type(view).prepare is not WritesOnce.prepare
    given = answers.given(asked) if is_prepared else None
    if given is None:
        refusal = _refusal_of(prepare) if is_prepared else None
        with transaction.atomic():
            given = answers.claim(asked, now=timezone.now())
            if given is None:
                response = view.handle_exception(refusal) if refusal else _written(view, write)
                body = None if response.data is None else json.loads(JSONRenderer().render(response.data))
                answers.keep(asked, status=response.status_code, body=body)
                return response
    return _again(given.status, given.body)


def _refusal_of(deed: Callable[[], None]) -> DomainError | None:
    try:
        deed()
    except DomainError as refusal:
        return refusal
    return None


def _written(view: WritesOnce, write: Callable[[], Response]) -> Response:
    """Also what the business refuses is an answer, and is given again."""
    try:
        return write()
    except DomainError as refusal:
        return view.handle_exception(refusal)


def _again(status_code: int, body: Any) -> Response:
    is_problem = status_code not in OK
    return Response(body, status_code, content_type="application/problem+json" if is_problem else None)


def _key_of(view: WritesOnce, request: Request) -> str:
    key = request.headers.get(KEY, "").strip()
    if len(key) > LONGEST_KEY or not (key.isascii() and key.isprintable()):
        raise ValidationError({KEY: [_("At most %(most)s plain letters.") % {"most": LONGEST_KEY}]})
    if not key and (request.method or "").lower() in view.needs_key:
        told = _("Send one, such as a UUID made for this wish, and the same when you try again.")
        raise ValidationError({KEY: [told]})
    return key


def _digest_of(request: Request) -> bytes:
    """Of what is asked, however it is laid out."""
    body = json.dumps(request.data, sort_keys=True, default=str)
    return hashlib.sha256(f"{request.method} {request.get_full_path()}\n{body}".encode()).digest()
