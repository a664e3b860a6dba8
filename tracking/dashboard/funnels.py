"""Funnels: built step by step, answered as bars, and who was lost where. The address is the question."""

import json
from itertools import pairwise
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from config.shared.access import needs
from config.shared.exports import csv_response
from config.shared.htmx import page
from tracking.actions import funnels as actions
from tracking.dashboard import asking
from tracking.dashboard.access import for_onlookers
from tracking.models import SavedFunnel
from tracking.queries import funnels as queries
from tracking.queries import scope
from tracking.queries.counts import names_of
from tracking.queries.tracked import properties_of
from tracking.rules.funnels import MOST_STEPS, ORDERS, UNITS, asks_who_people_are, faults_of
from tracking.rules.privacy import REFUSAL, shown

SHOWN = 50
FEWEST_STEPS = 2
PERIODS = {7: "7 days", 30: "30 days", 90: "90 days", 365: "a year"}
SEGMENT_FIELD = "events.left_funnel"


@require_GET
@for_onlookers
def funnel_page(request: HttpRequest) -> HttpResponse:
    of, saved = asking.systems_of(request), _saved(request)
    asked = _from_definition(saved.definition) if saved and "event" not in request.GET else request.GET
    definition = _definition(asked)
    is_asked = any(step["names"] for step in definition["steps"])
    faults = faults_of(definition) if is_asked else []
    is_hidden = is_asked and not faults and _is_hidden(request, definition)
    context = {
        "of": of,
        "saved": saved,
        "names": names_of(of.ids),
        "form": _form(asked, of),
        "orders": ORDERS,
        "units": UNITS,
        "faults": faults,
        "is_hidden": is_hidden,
        "funnels": _offered(request),
        "may_save": _may_keep(request),
        "definition": json.dumps(definition),
    }
    if is_asked and not faults and not is_hidden and request.GET.get("do") != "add":
        context |= _answer(request, asked, definition, saved)
    return page(request, "tracking/funnel.html", context)


@require_GET
@for_onlookers
def funnel_people(request: HttpRequest) -> HttpResponseBase:
    """Who reached a step and not the next one: a page of names, or all of them as CSV."""
    definition = _definition(request.GET)
    step, after = asking.text(request, "step"), asking.text(request, "after")
    if faults_of(definition) or not step.isdecimal() or not 0 < int(step) <= len(definition["steps"]):
        raise Http404("There is no such step.")
    if _is_hidden(request, definition):
        raise PermissionDenied(REFUSAL)
    may_see = asking.may_see_people(request)
    question = queries.Funnel.of(definition, _ids(request, definition), now=timezone.now(), may_see=may_see)
    if request.GET.get("format") == "csv":
        everybody = queries.dropped_off(question, after_step=int(step))
        rows = ((shown(person, may_see=may_see),) for person in everybody)
        return csv_response(f"left-at-step-{step}.csv", ("person",), rows)
    found = queries.dropped_off(question, after_step=int(step), after=after, limit=SHOWN + 1)
    base = request.GET.copy()
    base.pop("after", None)
    newest = base.urlencode()
    if len(found) > SHOWN:
        base["after"] = found[SHOWN - 1]
    context = {
        "step": int(step),
        "names": " or ".join(definition["steps"][int(step) - 1]["names"]),
        "people": [
            {
                "shown": shown(person, may_see=may_see),
                "url": reverse("tracking:people") + asking.query(q=person) if may_see else "",
            }
            for person in found[:SHOWN]
        ],
        "newest": f"?{newest}" if after else "",
        "older": f"?{base.urlencode()}" if len(found) > SHOWN else "",
        "csv_url": f"?{newest}&format=csv",
        "back": reverse("tracking:funnel") + f"?{newest}",
    }
    return page(request, "tracking/funnel_people.html", context, partials=("people",))


@require_POST
@needs("tracking.add_savedfunnel")
def funnel_save(request: HttpRequest) -> HttpResponse:
    try:
        definition = json.loads(request.POST.get("definition", ""))
    except ValueError:
        definition = None
    funnel = SavedFunnel.objects.filter(public_id=request.POST["funnel"]).first() if _kept_id(request) else None
    saved = actions.save(
        name=request.POST.get("name", ""), definition=definition, by=request.user, now=timezone.now(), funnel=funnel
    )
    messages.success(request, f"Saved as “{saved.name}”.")
    return redirect(reverse("tracking:funnel") + asking.query(funnel=saved.public_id))


@require_POST
@needs("tracking.change_savedfunnel")
def funnel_put_aside(request: HttpRequest, public_id: UUID) -> HttpResponse:
    funnel = get_object_or_404(SavedFunnel, public_id=public_id)
    actions.put_aside(funnel, now=timezone.now())
    messages.success(request, f"“{funnel.name}” is put aside. Segments that ask it go on.")
    return redirect("tracking:funnel")


def _kept_id(request: HttpRequest) -> bool:
    try:
        return bool(UUID(request.POST.get("funnel", "")))
    except ValueError:
        return False


def _may_keep(request: HttpRequest) -> bool:
    return request.user.has_perm("tracking.add_savedfunnel")


def _offered(request: HttpRequest) -> list[SavedFunnel]:
    """Kept by the shop's people for the shop's people."""
    if scope.partner_of(request.user) or not request.user.has_perm("tracking.view_savedfunnel"):
        return []
    return list(queries.saved_funnels())


def _saved(request: HttpRequest) -> SavedFunnel | None:
    asked = asking.text(request, "funnel")
    if not asked:
        return None
    found = next((each for each in _offered(request) if str(each.public_id) == asked), None)
    if found is None:
        raise Http404("There is no such funnel.")
    return found


# --- Between the form and a definition ----------------------------------------------------------------------------


def _definition(asked: QueryDict) -> dict[str, Any]:
    """What the form means. A step that names no event is none."""
    names, wheres = asked.getlist("event"), asked.getlist("where")
    wheres += [""] * (len(names) - len(wheres))
    steps = [
        {
            "names": [name.strip() for name in written.split("|") if name.strip()],
            "properties": [{"path": list(each.path), "values": list(each.values)} for each in properties_of(where)],
        }
        for written, where in zip(names, wheres, strict=False)
        if written.strip()
    ]
    breakdown = [name.strip() for name in asked.get("breakdown", "").split(".") if name.strip()]
    window, days = asked.get("window", "7"), asked.get("days", "30")
    return {
        "systems": [asked["system"]] if asked.get("system") else [],
        "steps": steps,
        "window": int(window) if window.isdecimal() and len(window) < 9 else window,
        "unit": asked.get("unit", "days"),
        "order": asked.get("order", "ordered"),
        "breakdown": breakdown,
        **_days(asked, days),
    }


def _days(asked: QueryDict, days: str) -> dict[str, Any]:
    if asked.get("first") and asked.get("last"):
        return {"since": asked["first"], "until": asked["last"]}
    return {"days": int(days) if days.isdecimal() and len(days) < 9 else days}


def _from_definition(definition: dict[str, Any]) -> QueryDict:
    """A saved definition as the form would have asked it."""
    asked = QueryDict(mutable=True)
    for step in definition["steps"]:
        asked.appendlist("event", " | ".join(step["names"]))
        asked.appendlist("where", "; ".join(map(_written, step.get("properties", ()))))
    asked["system"] = next(iter(definition.get("systems", ())), "")
    for name in {"window", "unit", "order"} & set(definition):
        asked[name] = str(definition[name])
    asked["breakdown"] = ".".join(definition.get("breakdown", ()))
    if "since" in definition:
        asked["first"], asked["last"] = definition["since"], definition["until"]
    else:
        asked["days"] = str(definition.get("days", queries.USUAL_DAYS))
    return asked


def _written(each: dict[str, Any]) -> str:
    path = ".".join(each["path"])
    return f"{path}={'|'.join(each['values'])}" if each.get("values") else path


def _form(asked: QueryDict, of: asking.Of) -> dict[str, Any]:
    names, wheres = asked.getlist("event"), asked.getlist("where")
    wheres += [""] * (len(names) - len(wheres))
    steps = [(name, where) for name, where in zip(names, wheres, strict=False) if name.strip()]
    blanks = max(FEWEST_STEPS - len(steps), 1 if asked.get("do") == "add" else 0)
    steps += [("", "")] * min(blanks, MOST_STEPS - len(steps))
    return {
        "steps": steps,
        "may_add": len(steps) < MOST_STEPS,
        "system": asked.get("system", ""),
        "systems": of.select()["options"],
        "periods": [(str(days), text) for days, text in PERIODS.items()],
        "window": asked.get("window", "7"),
        "unit": asked.get("unit", "days"),
        "order": asked.get("order", "ordered"),
        "breakdown": asked.get("breakdown", ""),
        "days": asked.get("days", "30"),
        "first": asked.get("first", ""),
        "last": asked.get("last", ""),
    }


# --- The answer ---------------------------------------------------------------------------------------------------


def _ids(request: HttpRequest, definition: dict[str, Any]) -> tuple[int, ...]:
    """Of the systems that are named, or of all; none that the asker may not see."""
    seen = asking.systems_of(request).systems
    named = set(definition["systems"])
    return tuple(system.pk for system in seen if not named or str(system.public_id) in named)


def _is_hidden(request: HttpRequest, definition: dict[str, Any]) -> bool:
    """Whether it asks for what this reader may not see."""
    return not asking.may_see_people(request) and asks_who_people_are(definition)


def _answer(
    request: HttpRequest, asked: QueryDict, definition: dict[str, Any], saved: SavedFunnel | None
) -> dict[str, Any]:
    may_see = asking.may_see_people(request)
    question = queries.Funnel.of(definition, _ids(request, definition), now=timezone.now(), may_see=may_see)
    found = queries.funnel(question)
    steps = definition["steps"]
    return {
        "groups": [
            {
                "title": (each.group or "Without a value") if definition["breakdown"] else "How many got how far",
                "steps": _bars(each.people, steps),
            }
            for each in found
        ],
        # Groups are the largest ones only, so what they lost is not everybody.
        "lost": [
            _lost(number, steps, asked, saved) | {"people": None if definition["breakdown"] else before - reached}
            for number, (before, reached) in enumerate(pairwise(found[0].people), start=1)
        ],
        "since": question.since,
        "until": question.until,
    }


def _bars(people: list[int], steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    first = people[0]
    return [
        {
            "number": number,
            "names": " or ".join(step["names"]),
            "people": count,
            "of_first": count / first if first else None,
            "bar": f"{count / first:.4f}" if first else "0",
            "of_before": count / before if before else None,
            "lost": max(0, before - count),
        }
        for number, (step, count, before) in enumerate(zip(steps, people, [first, *people], strict=False), start=1)
    ]


def _lost(number: int, steps: list[dict[str, Any]], asked: QueryDict, saved: SavedFunnel | None) -> dict[str, Any]:
    here = asked.copy()
    here.pop("do", None)
    here["step"] = str(number)
    rule = saved and {"field": SEGMENT_FIELD, "is": "one_of", "value": [f"{saved.public_id}:{number}"]}
    name = " or ".join(steps[number - 1]["names"])
    return {
        "number": number,
        "names": name,
        "next": " or ".join(steps[number]["names"]),
        "url": f"{reverse('tracking:funnel-people')}?{here.urlencode()}",
        "segment": asking.query(rule=json.dumps(rule), name=f"Left {saved.name} after {name}"[:80]) if saved else "",
    }
