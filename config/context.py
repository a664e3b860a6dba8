"""What every page needs: the brand, and the way around."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from loyalty.queries import brand, people


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
    ("Tracking", "activity", "tracking:events", "tracking.view_event"),
    ("Analytics", "chart-histogram", "analytics:analytics", "loyalty.view_order"),
    ("Integrations", "plug-connected", "integrations:integrations", "integrations.view_mailboxmessage"),
    ("Settings", "settings", "loyalty:settings", "loyalty.view_business"),
)


def shell(request: HttpRequest) -> dict[str, Any]:
    return {
        "brand": brand.brand(),
        "navigation": _navigation(request),
        "search_url": reverse("loyalty:search"),
        "role": _role(request),
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


def _role(request: HttpRequest) -> str:
    user = getattr(request, "user", None)
    return people.role_of(user) if user is not None and user.is_authenticated else ""


def _is_under(path: str, url: str) -> bool:
    return path == url if url == reverse("analytics:home") else path.startswith(url)
