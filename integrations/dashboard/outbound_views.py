"""Events out: who is told what happens here, how that goes, and what can be done about it."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from config.shared.access import needs
from config.shared.errors import DomainError
from config.shared.htmx import page
from integrations.dashboard.outbound_forms import WARNING, DestinationForm, ReplayForm, TestForm, disable, initial_of
from integrations.models import Destination, OutboundDelivery
from integrations.outbound import managing, queries
from integrations.outbound.base import Kind
from integrations.outbound.kinds import kinds
from integrations.outbound.noting import WAITS

SHOWN = 50
VIEW, CHANGE = needs("integrations.view_destination"), needs("integrations.change_destination")
TONES = {"waiting": "info", "delivered": "success", "failed": "danger"}


@require_GET
@VIEW
def outbound(request: HttpRequest) -> HttpResponse:
    may_add = request.user.has_perm("integrations.add_destination")
    items = [
        {"label": kind.title, "icon": kind.icon, "url": reverse("integrations:outbound-new", args=[kind.name])}
        for kind in kinds().values()
    ]
    context = {"states": queries.states(timezone.now()), "kinds": kinds().values(), "may_add": may_add, "items": items}
    return page(request, "integrations/outbound.html", context)


# --- Setting up ---------------------------------------------------------------------------------------------------


@never_cache
@require_http_methods(["GET", "POST"])
@needs("integrations.add_destination")
def outbound_new(request: HttpRequest, kind: str) -> HttpResponse:
    """The answer to a POST is the only one that ever holds the secret."""
    if kind not in kinds():
        raise Http404
    form, options = _forms(request, kinds()[kind], None)
    if form.is_valid() and options.is_valid():
        try:
            made = managing.create(
                kind=kind, **_entered(form, options, False), by_id=request.user.pk, now=timezone.now()
            )
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            if made.secret:
                return _secret_page(request, made.destination, made.secret)
            messages.success(request, f"{made.destination} hears of what happens from now on. Send it a test.")
            return redirect("integrations:outbound-destination", made.destination.public_id)
    return _form_page(request, kinds()[kind], form, options, None)


@never_cache
@require_http_methods(["GET", "POST"])
@CHANGE
def outbound_change(request: HttpRequest, public_id: UUID) -> HttpResponse:
    destination = _destination(public_id)
    kind = kinds()[destination.kind]
    form, options = _forms(request, kind, destination)
    if form.is_valid() and options.is_valid():
        try:
            managing.change(
                destination=destination, **_entered(form, options, None), may_see_people=_may_see_people(request)
            )
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Saved. It counts from the next event on.")
            return redirect("integrations:outbound-destination", public_id)
    return _form_page(request, kind, form, options, destination)


def _forms(request: HttpRequest, kind: type[Kind], destination: Destination | None) -> tuple[DestinationForm, Form]:
    initial = initial_of(destination) if destination else {}
    form = DestinationForm(
        request.POST or None,
        initial=initial,
        kind=kind,
        is_new=destination is None,
        may_tell_people=_may_see_people(request),
        only_name=destination is not None and not _may_lead(request, destination),
    )
    if not form.only_name:
        return form, kind.form(request.POST or None, initial=initial)
    options = kind.form(initial if request.POST else None, initial=initial)
    disable(options)
    return form, options


def _may_see_people(request: HttpRequest) -> bool:
    return request.user.has_perm("loyalty.view_pii")


def _may_lead(request: HttpRequest, destination: Destination) -> bool:
    """Whether they may say where its events go: who people are goes along, perhaps."""
    return not destination.tells_people or _may_see_people(request)


def _entered(form: DestinationForm, options: Form, otherwise: bool | None) -> dict[str, Any]:
    """`otherwise`: whether people are told of, when whoever fills the form in may not say so."""
    return {
        "name": form.cleaned_data["name"].strip(),
        "options": options.cleaned_data,
        "events": form.cleaned_data["events"],
        "tells_people": form.cleaned_data.get("tells_people", otherwise),
        "secret": form.cleaned_data.get("secret", ""),
    }


def _form_page(
    request: HttpRequest, kind: type[Kind], form: DestinationForm, options: Form, destination: Destination | None
) -> HttpResponse:
    context = {"kind": kind, "form": form, "options": options, "destination": destination, "warning": WARNING}
    context["hidden"] = managing.HIDDEN if form.only_name else ""
    status = 422 if form.errors or options.errors else 200
    return page(request, "integrations/outbound_form.html", context, status=status)


def _secret_page(request: HttpRequest, destination: Destination, secret: str) -> HttpResponse:
    context = {"destination": destination, "secret": secret, "overlap": managing.OVERLAP}
    return page(request, "integrations/outbound_secret.html", context)


# --- One destination ----------------------------------------------------------------------------------------------


@require_GET
@VIEW
def outbound_destination(request: HttpRequest, public_id: UUID) -> HttpResponse:
    now, destination = timezone.now(), _destination(public_id)
    asked = {name: request.GET.get(name, "") for name in ("status", "event")}
    if asked["status"] not in OutboundDelivery.Status:
        asked["status"] = ""
    before = request.GET.get("before", "")
    place = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
    rows = list(queries.deliveries(destination, **asked, before=place)[: SHOWN + 1])
    may_change = request.user.has_perm("integrations.change_destination") and not destination.going_since
    context = {
        "state": queries.state(destination, now),
        "destination": destination,
        "rows": [(row, TONES[row.status]) for row in rows[:SHOWN]],
        "selects": [
            {"name": "status", "label": "State", "value": asked["status"], "options": OutboundDelivery.Status.choices},
            {
                "name": "event",
                "label": "Event",
                "value": asked["event"],
                "options": [(name, name) for name in destination.events],
            },
        ],
        "is_narrowed": any(asked.values()),
        "older": _asked(asked, before=rows[SHOWN - 1].pk) if len(rows) > SHOWN else "",
        "newest": _asked(asked) if place is not None else "",
        "signs_twice_until": _signs_twice_until(destination, now),
        "may_change": may_change,
        "may_lead": _may_lead(request, destination),
        "may_delete": request.user.has_perm("integrations.delete_destination"),
        "place": destination.options.get("url", "") if may_change else "",
        "test_form": TestForm(destination=destination),
        "replay_form": ReplayForm(initial={"since": timezone.localtime(now - timedelta(days=1))}),
        "overlap": managing.OVERLAP,
    }
    return page(request, "integrations/outbound_destination.html", context, partials=("deliveries",))


def _signs_twice_until(destination: Destination, now: Any) -> Any:
    until = destination.old_secret_until
    return until if until and until > now else None


def _asked(asked: dict[str, str], **more: Any) -> str:
    return "?" + urlencode({name: value for name, value in {**asked, **more}.items() if value})


@require_POST
@CHANGE
def outbound_test(request: HttpRequest, public_id: UUID) -> HttpResponse:
    destination = _destination(public_id)
    form = TestForm(request.POST, destination=destination)
    if not form.is_valid():
        messages.error(request, "Choose which event to send.")
        return redirect("integrations:outbound-destination", public_id)
    test = managing.send_test(destination=destination, event_name=form.cleaned_data["event"], now=timezone.now())
    return redirect("integrations:outbound-delivery", public_id, test.public_id)


@never_cache
@require_POST
@CHANGE
def outbound_rotate(request: HttpRequest, public_id: UUID) -> HttpResponse:
    may_see = _may_see_people(request)
    secret = managing.rotate(destination=_destination(public_id), may_see_people=may_see, now=timezone.now())
    return _secret_page(request, _destination(public_id), secret)


@require_POST
@CHANGE
def outbound_switch(request: HttpRequest, public_id: UUID) -> HttpResponse:
    destination = _destination(public_id)
    if request.POST.get("to") == "on":
        managing.enable(destination=destination, may_see_people=_may_see_people(request), now=timezone.now())
        messages.success(request, f"{destination} hears of what happens from now on, and of what still waited.")
    else:
        managing.disable(destination=destination)
        messages.success(request, f"{destination} is told nothing until you switch it on again.")
    return redirect("integrations:outbound-destination", public_id)


@require_POST
@CHANGE
def outbound_replay(request: HttpRequest, public_id: UUID) -> HttpResponse:
    destination, form = _destination(public_id), ReplayForm(request.POST)
    if form.is_valid():
        count = managing.replay_failed(destination=destination, since=form.cleaned_data["since"], now=timezone.now())
        messages.success(request, _told_again(count))
    else:
        messages.error(request, " ".join(map(str, form.errors["since"])))
    return redirect("integrations:outbound-destination", public_id)


def _told_again(count: int) -> str:
    if not count:
        return "Nothing has failed since then."
    said = f"{count:,} deliveries are told again."
    return said if count < managing.AT_ONCE else f"{said} Those are the oldest; ask again for more once they are told."


@require_POST
@needs("integrations.delete_destination")
def outbound_delete(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """A second click may find it gone, or going, and so may not lead back to its page."""
    destination = Destination.objects.filter(public_id=public_id).first()
    if destination is None:
        messages.info(request, "This destination is gone already.")
        return redirect("integrations:outbound")
    try:
        managing.delete(destination=destination, now=timezone.now())
    except managing.AlreadySo as refusal:
        messages.info(request, str(refusal))
    else:
        messages.success(request, f"{destination} is told nothing any more. Its deliveries go in the background.")
    return redirect("integrations:outbound")


# --- One delivery -------------------------------------------------------------------------------------------------


@require_GET
@VIEW
def outbound_delivery(request: HttpRequest, public_id: UUID, delivery_id: UUID) -> HttpResponse:
    """While an attempt is near, the page asks again by itself."""
    now, delivery = timezone.now(), _delivery(public_id, delivery_id)
    may_see = _may_see_people(request)
    is_waiting = delivery.status == OutboundDelivery.Status.WAITING and delivery.destination.is_enabled
    context = {
        "delivery": delivery,
        "destination": delivery.destination,
        "tone": TONES[delivery.status],
        "told": queries.told_with(delivery, may_see_people=may_see, now=now),
        "hides_people": delivery.destination.tells_people and not may_see,
        "attempts": queries.attempts(delivery),
        "most": len(WAITS) + 1,
        "in_round": delivery.attempts - delivery.attempts_before,
        "is_waiting": is_waiting,
        "is_near": is_waiting and delivery.due_at < now + timedelta(seconds=30),
        "may_change": request.user.has_perm("integrations.change_destination"),
    }
    return page(request, "integrations/outbound_delivery.html", context, partials=("attempts",))


@require_POST
@CHANGE
def outbound_delivery_again(request: HttpRequest, public_id: UUID, delivery_id: UUID) -> HttpResponse:
    managing.replay(delivery=_delivery(public_id, delivery_id), now=timezone.now())
    messages.success(request, "It is told again, under the same id.")
    return redirect("integrations:outbound-delivery", public_id, delivery_id)


@require_POST
@CHANGE
def outbound_delivery_now(request: HttpRequest, public_id: UUID, delivery_id: UUID) -> HttpResponse:
    managing.try_now(delivery=_delivery(public_id, delivery_id), now=timezone.now())
    messages.success(request, "It is tried now.")
    return redirect("integrations:outbound-delivery", public_id, delivery_id)


def _destination(public_id: UUID) -> Destination:
    return get_object_or_404(Destination.objects.select_related("created_by"), public_id=public_id, kind__in=kinds())


def _delivery(public_id: UUID, delivery_id: UUID) -> OutboundDelivery:
    rows = OutboundDelivery.objects.select_related("destination", "event")
    return get_object_or_404(
        rows, public_id=delivery_id, destination__public_id=public_id, destination__kind__in=kinds()
    )
