"""What an event should look like: written or inferred, tried on what came already, published, retired."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from config.shared.access import needs
from config.shared.htmx import page
from tracking.actions import structures as actions
from tracking.dashboard.access import for_onlookers
from tracking.models import EventStructure, PartnerSystem
from tracking.queries import scope, trials
from tracking.rules import schema_text
from tracking.rules.differences import differences, text_difference
from tracking.rules.schema_text import Unreadable, laid_out

LASTS = (100, 1_000, 10_000)
BLANK = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {},
    "required": [],
}
Status = EventStructure.Status


class StructureForm(forms.Form):
    event_name = forms.CharField(
        label="Event", max_length=200, strip=False, help_text="Exactly as the SDK sends it, such as “Order Completed”."
    )
    schema = forms.CharField(
        label="JSON Schema of its properties",
        strip=False,
        widget=forms.Textarea(attrs={"rows": 24, "spellcheck": "false", "class": "code"}),
        help_text="Draft 2020-12, unless “$schema” names another. It may point inside itself, never elsewhere.",
    )

    def clean_schema(self) -> Any:
        try:
            return schema_text.read(self.cleaned_data["schema"])
        except Unreadable as fault:
            raise forms.ValidationError(f"Line {fault.line}: {fault}") from None


@require_http_methods(["GET", "POST"])
@needs("tracking.add_eventstructure", "tracking.view_eventstructure")
def structure_edit(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The draft of one event of a system, which may be the first thing anybody says of it."""
    system = get_object_or_404(PartnerSystem.objects.select_related("partner"), public_id=public_id)
    if request.method == "POST":
        return _save(request, system)
    name = request.GET.get("event", "")[:200]
    drafted = trials.drafted_from_events(system, name, last=_asked_last(request)) if "infer" in request.GET else None
    if drafted and drafted.schema is None:
        among = f"among the newest {drafted.looked_at}" if drafted.there_are else "yet"
        messages.info(request, f"No valid event of this name came {among}, so there is nothing to infer from.")
        drafted = None
    schema = drafted.schema if drafted else _present_schema(system, name)
    form = StructureForm(initial={"event_name": name, "schema": laid_out(schema)})
    return _form_page(request, system, form, name, drafted=drafted)


def _save(request: HttpRequest, system: PartnerSystem) -> HttpResponse:
    form = StructureForm(request.POST)
    if form.is_valid():
        try:
            structure = actions.draft(system=system, by=request.user, **form.cleaned_data)
        except actions.BadSchema as refusal:
            form = _with_fault(form.cleaned_data, refusal)
        else:
            messages.success(request, "The draft is saved. See below what publishing it would mean.")
            return redirect("tracking:structure", structure.public_id)
    return _form_page(request, system, form, request.POST.get("event_name", ""), status=422)


def _with_fault(said: dict[str, Any], refusal: actions.BadSchema) -> StructureForm:
    """The text is laid out anew, so that its lines are those that are counted."""
    form = StructureForm(said | {"schema": laid_out(said["schema"])})
    form.add_error("schema", f"Line {schema_text.line_of(said['schema'], refusal.path)}: {refusal}")
    return form


def _present_schema(system: PartnerSystem, name: str) -> Any:
    """The draft there is, or what is in force, or what was last."""
    versions = system.structures.filter(event_name=name).order_by("-version")
    by_status = {structure.status: structure for structure in reversed(versions)}
    for status in (Status.DRAFT, Status.PUBLISHED, Status.RETIRED):
        if status in by_status:
            return by_status[status].schema
    return BLANK


def _form_page(
    request: HttpRequest,
    system: PartnerSystem,
    form: StructureForm,
    name: str,
    *,
    drafted: trials.Drafted | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {"system": system, "form": form, "event_name": name, "drafted": drafted, "lasts": LASTS}
    return page(request, "tracking/structure_form.html", context, status=status)


@require_GET
@for_onlookers
def structure_page(request: HttpRequest, public_id: UUID) -> HttpResponse:
    structure = get_object_or_404(
        scope.structures_seen_by(request.user).select_related("created_by"), public_id=public_id
    )
    versions = list(
        EventStructure.objects.filter(system_id=structure.system_id, event_name=structure.event_name)
        .select_related("created_by")
        .order_by("-version")
    )
    before = _to_compare_with(structure, versions)
    context = {
        "structure": structure,
        "schema": laid_out(structure.schema),
        "versions": versions,
        "before": before,
        "differences": differences(before.schema, structure.schema) if before else [],
        "lines": text_difference(before.schema, structure.schema) if before else [],
        "may_change": request.user.has_perm("tracking.change_eventstructure"),
        "has_draft": any(version.status == Status.DRAFT for version in versions),
    }
    return page(request, "tracking/structure.html", context)


def _to_compare_with(structure: EventStructure, versions: list[EventStructure]) -> EventStructure | None:
    """A draft with what is in force; any other version with the one before it."""
    if structure.status == Status.DRAFT:
        published = next((version for version in versions if version.status == Status.PUBLISHED), None)
        if published:
            return published
    return next((version for version in versions if version.version < structure.version), None)


@require_GET
@for_onlookers
def structure_trial(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """A fragment: how many of the last events would fail it, and in which ways."""
    structure = get_object_or_404(scope.structures_seen_by(request.user), public_id=public_id)
    last, may_see = _asked_last(request), scope.may_see_people(request.user)
    trial = trials.trial(structure.system, structure.event_name, structure.schema, may_see=may_see, last=last)
    context = {"structure": structure, "trial": trial, "last": last, "lasts": LASTS}
    return page(request, "tracking/structure_trial.html", context)


@require_POST
@needs("tracking.change_eventstructure")
def structure_move(request: HttpRequest, public_id: UUID, verb: str) -> HttpResponse:
    structure, now = (
        get_object_or_404(EventStructure.objects.select_related("system"), public_id=public_id),
        timezone.now(),
    )
    match verb:
        case "publish":
            actions.publish(structure, now=now)
            messages.success(request, f"{structure} is in force: events are checked against it from now on.")
        case "retire":
            actions.retire(structure, now=now)
            messages.success(request, f"{structure.event_name} is unplanned again, and passes unchecked.")
        case "discard":
            if not request.user.has_perm("tracking.delete_eventstructure"):
                raise PermissionDenied
            actions.discard(structure)
            messages.success(request, "The draft is gone.")
            return redirect("tracking:system", structure.system.public_id)
        case _:
            raise Http404("A structure is published, retired or discarded.")
    return redirect("tracking:structure", public_id)


def _asked_last(request: HttpRequest) -> int:
    asked = request.GET.get("last", "")
    return int(asked) if asked in map(str, LASTS) else trials.USUAL
