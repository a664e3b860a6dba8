from dataclasses import dataclass

from django.core.cache import cache
from django.urls import reverse

from loyalty.models import Business
from loyalty.rules import colours

CACHE_KEY = "brand:with-address"


@dataclass(frozen=True)
class Brand:
    """How the business looks on every page. The colours are chosen to be readable (WCAG AA) in both themes."""

    name: str
    logo_url: str
    accent: str
    accent_on: str
    accent_strong_light: str
    accent_strong_dark: str
    accent_css_url: str
    currency: str
    address: str
    demo_notice: str


def business() -> Business:
    """The one row; config.shipped writes it."""
    return Business.objects.defer("logo").get(pk=1)


def brand() -> Brand:
    """Cached: every page asks. actions.business clears it."""
    return cache.get_or_set(CACHE_KEY, _read, timeout=300)  # type: ignore[return-value]


def _read() -> Brand:
    row = business()
    return Brand(
        name=row.name,
        logo_url=f"{reverse('loyalty:brand-logo')}?v={row.logo_digest}" if row.logo_digest else "",
        accent=row.accent,
        accent_on=colours.readable_on(row.accent),
        accent_strong_light=colours.readable_against(row.accent, colours.LIGHT_PAGE),
        accent_strong_dark=colours.readable_against(row.accent, colours.DARK_PAGE),
        accent_css_url=f"{reverse('loyalty:brand-css')}?v={row.accent[1:]}",
        currency=row.currency,
        address=row.address,
        demo_notice=row.demo_notice,
    )
