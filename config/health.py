"""Is this copy alive, and is everything it leans on?"""

import redis
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tracking import queries
from tracking.ingest import spool


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """200 while the process answers at all."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """Each dependency by name, with how far followers of the log are behind. 503 when one does not answer."""
    checks = {"database": _database(), "redis": _redis()}
    if all(answer == "ok" for answer in checks.values()):
        checks["log"] = "run renumber_after_restore" if queries.is_ahead_of_its_server() else "ok"
    is_ready = all(answer == "ok" for answer in checks.values())
    lag = {state.name: round(state.behind_seconds, 1) for state in queries.follower_states()} if is_ready else {}
    spooled = spool.size_of(settings.INGEST_FOLDER / "spool")
    body = {"checks": checks, "behind_seconds": lag, "spooled_bytes": spooled}
    return JsonResponse(body, status=200 if is_ready else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Exception as error:
        return type(error).__name__
    return "ok"


def _redis() -> str:
    try:
        redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2).ping()
    except Exception as error:
        return type(error).__name__
    return "ok"
