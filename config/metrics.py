"""What an operator's Prometheus wants to know. Asked from the rows at each scrape, so every process says the same."""

import hmac
from collections.abc import Iterator

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from campaigns.queries.touches import oldest_waiting_touch
from config.shared.access import client_address
from integrations.outbound import queries as outbound
from tracking import queries
from tracking.ingest import spool

HERE = ("127.0.0.1", "::1")


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """404 for whoever may not read them, as if there were none."""
    if not _may_read(request):
        raise Http404
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Rows())  # type: ignore[arg-type]  # any object that can collect()
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _may_read(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        told = request.headers.get("Authorization", "")
        return hmac.compare_digest(told.encode(), f"Bearer {settings.METRICS_TOKEN}".encode())
    return client_address(request) in HERE


class _Rows:
    def collect(self) -> Iterator[Metric]:
        lag = GaugeMetricFamily(
            "regulars_follower_lag_seconds", "Age of the oldest event a follower has not read.", labels=["follower"]
        )
        failing = GaugeMetricFamily(
            "regulars_follower_failing", "1 while a follower's last step failed.", labels=["follower"]
        )
        for state in queries.follower_states():
            lag.add_metric([state.name], state.behind_seconds)
            failing.add_metric([state.name], float(state.failed_at is not None))
        yield lag
        yield failing
        received = CounterMetricFamily(
            "regulars_events", "Events that reached the read model.", labels=["partner", "system", "outcome"]
        )
        for row in queries.counts_by_system():
            for outcome in ("valid", "invalid", "duplicates"):
                received.add_metric([row.partner, row.system, outcome], getattr(row, outcome))
        yield received
        owed = queries.owed_dispatches(timezone.now()).count()
        yield GaugeMetricFamily("regulars_dispatches_owed", "Events that handlers still have to hear of.", owed)
        waiting, sick = outbound.waiting_deliveries(), outbound.failing_destinations()
        yield GaugeMetricFamily("regulars_deliveries_waiting", "Events that destinations have to hear of.", waiting)
        yield GaugeMetricFamily("regulars_destinations_failing", "Destinations whose last delivery failed.", sick)
        heard = oldest_waiting_touch()
        yield GaugeMetricFamily(
            "regulars_touches_lag_seconds",
            "Age of the oldest opening or click that was heard and not taken up.",
            max(0.0, (timezone.now() - heard).total_seconds()) if heard else 0.0,
        )
        spooled = spool.size_of(settings.INGEST_FOLDER / "spool")
        yield GaugeMetricFamily(
            "regulars_spool_bytes", "Events on this machine's disk that wait for PostgreSQL.", spooled
        )
