"""The whole URL space: DESIGN of addresses lives in docs/architecture.md."""

from allauth.account.decorators import secure_admin_login
from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from config import health, metrics

admin.autodiscover()
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("", include("loyalty.pwa.urls")),
    path("staff/", include("analytics.dashboard.urls")),
    path("staff/", include("loyalty.dashboard.urls")),
    path("staff/", include("campaigns.dashboard.urls")),
    path("staff/", include("tracking.dashboard.urls")),
    path("staff/", include("integrations.dashboard.urls")),
    path("", include("campaigns.dashboard.public_urls")),
    path("", include("integrations.inbound.urls")),
    path("", include("tracking.api.urls")),
    path("api/loyalty/v1/", include("loyalty.api.urls")),
    path("", include("campaigns.api.urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="api-docs"),
    path("accounts/", include("allauth.urls")),
    path("accounts/", include("loyalty.dashboard.account_urls")),
    path("admin/", admin.site.urls),
    path("favicon.ico", RedirectView.as_view(url=f"{settings.STATIC_URL}img/favicon.svg")),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", metrics.metrics),
]

handler404 = "config.api.not_found"

if settings.DEBUG:
    from config import gallery

    urlpatterns.append(path("staff/gallery/", gallery.gallery, name="gallery"))
