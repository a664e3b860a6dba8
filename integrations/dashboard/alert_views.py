"""Where staff are told what went wrong, and one to try it with."""

from django.conf import settings
from django.contrib import messages
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from config.shared.access import needs
from integrations.alerts import telling
from integrations.alerts.base import outlets

TEST_PAUSE_SECONDS = 15


@require_POST
@needs("loyalty.change_business")
def alert_test(request: HttpRequest, name: str) -> HttpResponse:
    """An alert to one outlet, at once: whoever looks there sees it, or this page says why not."""
    outlet = outlets().get(name)
    if outlet is None:
        raise Http404
    if not cache.add(f"alert-test:{name}", True, TEST_PAUSE_SECONDS):
        messages.warning(request, "It was tried a moment ago. Wait a little.")
        return redirect("integrations:sending")
    link = settings.PUBLIC_URL + reverse("integrations:sending")
    by = request.user.get_full_name()  # type: ignore[union-attr]  # whoever gets this far is somebody
    why_not = telling.send_test(name=name, by=by, link=link, now=timezone.now())
    if why_not:
        messages.error(request, f"{outlet.title} at {outlet.place} was not told. {why_not}")
    else:
        messages.success(request, f"{outlet.title} at {outlet.place} was told.")
    return redirect("integrations:sending")
