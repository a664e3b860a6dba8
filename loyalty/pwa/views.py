"""What the server gives the shoppers' app: one page, its manifest, icons, words and service worker, and invitations."""

import json
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe
from django_permissions_policy.decorators import permissions_policy_override

from config import locales
from config.shared.language import in_their_language
from loyalty.models import Business
from loyalty.pwa import assets, icons
from loyalty.queries import brand, invites

# The app alone may ask for the camera, to read product codes.
with_camera = permissions_policy_override({**settings.PERMISSIONS_POLICY, "camera": "self"})
for_ever = cache_control(public=True, max_age=31_536_000, immutable=True)
asked_again = cache_control(no_cache=True)


@require_safe
@with_camera
@asked_again
@in_their_language
def shell(request: HttpRequest, screen: str = "") -> HttpResponse:
    """The same page for everybody and every screen; what it shows comes from the API."""
    business = brand.business()
    language = translation.get_language()
    context = _look(business) | {
        "modules": assets.first_modules(),
        "words_url": _words_url(language) if language in locales.codes()[1:] else "",
        "boot": {
            "name": business.name,
            "currency": business.currency,
            "legal_age": business.legal_age,
            "logo": brand.brand().logo_url,
            "mark": brand.brand().logo_url or _icon_url(business, "any", 192),
            "language": language,
            "languages": dict(settings.LANGUAGES),
            "words": _words_url("LANGUAGE"),
            "version": assets.version(business),
        },
    }
    return render(request, "pwa/shell.html", context)


@require_safe
@asked_again
@in_their_language
def manifest(request: HttpRequest) -> HttpResponse:
    business = brand.business()
    body = {
        "id": "/",
        "name": business.name,
        "short_name": business.name if len(business.name) <= 12 else business.name.split()[0][:12],
        "description": gettext("Your points, rewards and offers at %(shop)s.") % {"shop": business.name},
        "lang": translation.get_language(),
        "start_url": reverse("pwa:home"),
        "scope": "/",
        "display": "standalone",
        "background_color": "#f7f7f8",
        "theme_color": business.accent,
        "categories": ["shopping", "lifestyle"],
        "icons": [_icon(business, purpose, size) for purpose in ("any", "maskable") for size in (192, 512)],
        "shortcuts": [
            {"name": gettext("My card"), "url": reverse("pwa:screen", args=["card"])},
            {"name": gettext("Scan a code"), "url": reverse("pwa:screen", args=["scan"])},
            {"name": gettext("Rewards"), "url": reverse("pwa:screen", args=["rewards"])},
        ],
    }
    return HttpResponse(json.dumps(body, ensure_ascii=False), content_type="application/manifest+json")


@require_safe
@for_ever
def icon(request: HttpRequest, purpose: str, size: int) -> HttpResponse:
    if purpose not in icons.PURPOSES or size not in icons.SIZES:
        raise Http404("There is no such icon.")
    look = Business.objects.get(pk=1)
    key = f"pwa-icon:{look_digest(look)}:{purpose}:{size}"
    drawn = cache.get_or_set(key, lambda: _drawn(look, purpose, size), timeout=None)
    return HttpResponse(drawn, content_type="image/png")


@require_safe
@asked_again
def service_worker(request: HttpRequest) -> HttpResponse:
    """At the root, so that it serves every screen. Another version of the app is another text of this file."""
    business = brand.business()
    look = brand.brand()
    app = {
        "version": assets.version(business),
        "shell": reverse("pwa:home"),
        "offline": reverse("pwa:offline"),
        "name": business.name,
        "icon": _icon_url(business, "any", 192),
        "files": [
            *map(assets.url, assets.files()),
            *map(_words_url, locales.codes()),
            look.accent_css_url,
            *([look.logo_url] if look.logo_url else []),
        ],
    }
    body = f"const APP = {json.dumps(app, indent=2)}\n{assets.WORKER.read_text()}"
    response = HttpResponse(body, content_type="text/javascript; charset=utf-8")
    response["Service-Worker-Allowed"] = "/"
    return response


@require_safe
@for_ever
def words(request: HttpRequest, language: str) -> HttpResponse:
    if language not in locales.codes():
        raise Http404("Nobody has translated the app into this language yet.")
    return JsonResponse(locales.words_of_scripts(language), json_dumps_params={"ensure_ascii": False})


@require_safe
@asked_again
@in_their_language
def join(request: HttpRequest, code: str) -> HttpResponse:
    """Where an invitation leads: who invites, what both get, and the way into the app."""
    invite = invites.invite_by(code)
    context = _look(brand.business()) | {"invite": invite}
    return render(request, "pwa/join.html", context, status=200 if invite else 404)


@require_safe
@asked_again
@in_their_language
def offline(request: HttpRequest) -> HttpResponse:
    return render(request, "pwa/offline.html", _look(brand.business()))


def _look(business: Business) -> dict[str, Any]:
    """What the head of every page of the app names."""
    look = brand.brand()
    return {
        "business": business,
        "language": translation.get_language(),
        "look": look_digest(business),
        "logo_url": look.logo_url,
        "font": assets.url(assets.FONT),
        "stylesheet": assets.url("pwa/app.css"),
        "accent_stylesheet": look.accent_css_url,
        "theme_script": assets.url("pwa/theme.js"),
    }


def _words_url(language: str) -> str:
    return f"{reverse('pwa:words', args=[language])}?v={assets.files_digest()[:16]}"


def look_digest(business: Business) -> str:
    """Names what an icon is drawn from."""
    return f"{business.logo_digest or business.name.strip()[:1]}-{business.accent[1:]}"


def _icon(business: Business, purpose: str, size: int) -> dict[str, str]:
    src = _icon_url(business, purpose, size)
    return {"src": src, "sizes": f"{size}x{size}", "type": "image/png", "purpose": purpose}


def _icon_url(business: Business, purpose: str, size: int) -> str:
    return f"{reverse('pwa:icon', args=[purpose, size])}?v={look_digest(business)}"


def _drawn(look: Business, purpose: str, size: int) -> bytes:
    return icons.draw(logo=bytes(look.logo), name=look.name, accent=look.accent, purpose=purpose, size=size)
