"""How often the REST API answers: so many calls a minute by token, by person, by key, and by address for strangers.

A courtesy limit in the cache, by the clock of this machine: several calls at the same instant may pass as one.
The way in of events has rates of its own.
"""

import math
from typing import Any

from django.db.models import Model
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import SimpleRateThrottle

from config.shared.access import client_address

COSTLY = "costly"  # A view's `throttle_scope`, when its question may take seconds.


class _PerMinute(SimpleRateThrottle):
    scope: str

    def get_rate(self) -> str | None:
        """As the settings say now; none where the number is 0."""
        number = (api_settings.DEFAULT_THROTTLE_RATES or {}).get(self.scope)
        return f"{number}/min" if number else None

    def wait(self) -> float:
        """Until the oldest call of the minute counts no more; a whole one when the limit was lowered meanwhile."""
        return super().wait() or 60

    def key_of(self, caller: str) -> str:
        return self.cache_format % {"scope": self.scope, "ident": caller}


class Callers(_PerMinute):
    """Each token and key has its own minute, and so has whoever is signed in."""

    scope = "caller"

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        caller = _caller(request)
        return self.key_of(caller) if caller else None


class CostlyCallers(Callers):
    scope = COSTLY

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        return super().get_cache_key(request, view) if getattr(view, "throttle_scope", "") == COSTLY else None


class Strangers(_PerMinute):
    """Whoever shows nothing, or what is not known. All behind one address share its minute."""

    scope = "stranger"

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        return None if _caller(request) else self.key_of(client_address(request._request) or "nowhere")


def seconds_after_refusal(request: Request, view: Any) -> int:
    """A call that was refused at the door counts too. 0 while its reason may still be told."""
    asked = [limit for limit in (Strangers(), Callers()) if not limit.allow_request(request, view)]
    return math.ceil(max((limit.wait() for limit in asked), default=0))


def _caller(request: Request) -> str:
    """What was shown, rather than who showed it: a script that runs wild does not lock its owner out."""
    shown = request.auth if isinstance(request.auth, Model) else request.user
    if not isinstance(shown, Model):
        return ""
    return f"{shown._meta.label_lower}:{shown.pk}"
