"""What every page needs: the brand, and the way around."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from loyalty.queries import brand, people
from tracking.models import Partner
from tracking.queries import scope


@dataclass(frozen=True)
class Place:
    label: str
    icon: str
    url: str
    is_active: bool


# label, icon, url name, permission
PLACES = (
    ("Home", "home", "analytics:home", None),
    ("Members", "users", "loyalty:members", "loyalty.view_member"),
    ("Segments", "chart-pie", "loyalty:segments", "loyalty.view_segment"),
    ("Campaigns", "send", "campaigns:campaigns", "campaigns.view_campaign"),
    ("Loyalty", "award", "loyalty:loyalty", "loyalty.view_earnrule"),
    ("Till", "cash-register", "loyalty:till", "loyalty.add_order"),
    ("Tracking", "activity", "tracking:events", "tracking.view_event"),
    ("Analytics", "chart-histogram", "analytics:analytics", "loyalty.view_order"),
    ("Integrations", "plug-connected", "integrations:integrations", "integrations.view_mailboxmessage"),
    ("Settings", "settings", "loyalty:settings", "loyalty.view_business"),
)


def shell(request: HttpRequest) -> dict[str, Any]:
    """Once for each request and person: every part of a page that is rendered by itself asks again."""
    person = getattr(request, "user", None)
    known = getattr(request, "shell", None)
    if known is None or known[0] != person:
        known = request.shell = (person, _shell(request))  # type: ignore[attr-defined]
    return known[1]


def _shell(request: HttpRequest) -> dict[str, Any]:
    role = _role(request)
    partner = None if role else _partner(request)
    return {
        "brand": brand.brand(),
        "navigation": _of_partner(request) if partner else _navigation(request),
        "search_url": "" if partner else reverse("loyalty:search"),
        "role": partner.name if partner else role,
    }


def business_name(request: HttpRequest) -> str:
    return brand.brand().name


def accent_stylesheet(request: HttpRequest) -> str:
    return brand.brand().accent_css_url


def _navigation(request: HttpRequest) -> list[Place]:
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return []
    return [
        Place(label, icon, url := reverse(name), _is_under(request.path, url))
        for label, icon, name, permission in PLACES
        if permission is None or user.has_perm(permission)
    ]


def _of_partner(request: HttpRequest) -> list[Place]:
    """A partner's people see what they send, and nothing else of the shop."""
    is_active = _is_under(request.path, reverse("tracking:events"))
    return [Place("Tracking", "activity", reverse("tracking:partners"), is_active)]


def _partner(request: HttpRequest) -> Partner | None:
    user = getattr(request, "user", None)
    return scope.partner_of(user) if user is not None and user.is_authenticated else None


def _role(request: HttpRequest) -> str:
    user = getattr(request, "user", None)
    return people.role_of(user) if user is not None and user.is_authenticated else ""


def _is_under(path: str, url: str) -> bool:
    return path == url if url == reverse("analytics:home") else path.startswith(url)
