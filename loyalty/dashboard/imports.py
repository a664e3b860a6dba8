"""Purchases on their way in: upload, columns, check, import, and what was refused."""

from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from config.shared.access import needs
from config.shared.errors import DomainError
from config.shared.htmx import page
from config.shared.live import stream
from loyalty.actions import imports as actions
from loyalty.models import ImportIssue, PurchaseImport
from loyalty.queries import imports as queries
from loyalty.rules import purchases

SHOWN = 50
STEPS = ["Upload", "Columns", "Check", "Import"]
VIEW = needs("loyalty.view_purchaseimport")
CHANGE = needs("loyalty.import_purchases")
Status = PurchaseImport.Status
TONES = {
    Status.UPLOADED: "neutral",
    Status.CHECKING: "info",
    Status.CHECKED: "warning",
    Status.IMPORTING: "info",
    Status.DONE: "success",
    Status.FAILED: "danger",
    Status.CANCELLED: "neutral",
}
CURRENT_STEP = {Status.UPLOADED: 2, Status.CHECKING: 3, Status.CHECKED: 4, Status.IMPORTING: 4, Status.DONE: 5}


class UploadForm(forms.Form):
    file = forms.FileField(
        label="Purchases as CSV", allow_empty_file=True, widget=forms.FileInput(attrs={"accept": ".csv,.txt,.tsv,.gz"})
    )
    time_zone = forms.ChoiceField(
        label="Time zone of times without one",
        choices=lambda: [(zone, zone.replace("_", " ")) for zone in sorted(available_timezones())],
        initial=settings.TIME_ZONE,
        help_text="For stores that are new. Left as it is, a file like an earlier one is read in that one's zone.",
    )


class ReadingForm(forms.Form):
    """One select for each field of a line, and how numbers and times are written."""

    decimal_mark = forms.ChoiceField(label="Numbers", choices=[(".", "1,234.50"), (",", "1.234,50")])
    time_style = forms.ChoiceField(label="Times", choices=list(purchases.STYLES.items()))
    time_zone = UploadForm.base_fields["time_zone"]

    def __init__(self, row: PurchaseImport, data: Any = None) -> None:
        given = {f"column_{name}": column for name, column in row.mapping.items()}
        styles = {"decimal_mark": row.decimal_mark, "time_style": row.time_style, "time_zone": row.time_zone}
        super().__init__(data, initial=given | styles)
        self.fields["time_zone"].help_text = "For stores that are new. A store that is known keeps its own."
        columns = [("", "Not in the file"), *((column, column) for column in row.columns)]
        for field in purchases.FIELDS:
            self.fields[f"column_{field.name}"] = forms.ChoiceField(
                label=field.label, choices=columns, required=field.is_required, help_text=field.help_text
            )

    def columns(self) -> list[forms.BoundField]:
        return [self[f"column_{field.name}"] for field in purchases.FIELDS]

    def reading(self) -> dict[str, Any]:
        values = self.cleaned_data
        mapping = {field.name: values[f"column_{field.name}"] for field in purchases.FIELDS}
        return {"mapping": mapping} | {name: values[name] for name in ("decimal_mark", "time_style", "time_zone")}


@require_GET
@VIEW
def import_list(request: HttpRequest) -> HttpResponse:
    rows = Paginator(queries.imports(), SHOWN).get_page(request.GET.get("page"))
    context = {"rows": [(row, queries.outcome_of(row)) for row in rows], "imports": rows, "tones": TONES}
    return page(request, "loyalty/imports.html", context, partials=("imports",))


@require_http_methods(["GET", "POST"])
@CHANGE
def import_new(request: HttpRequest) -> HttpResponse:
    form = UploadForm(request.POST or None, request.FILES or None)
    if form.is_valid():
        file = form.cleaned_data["file"]
        try:
            row = actions.take_in(
                file=file,
                name=file.name,
                time_zone=form.cleaned_data["time_zone"] if "time_zone" in form.changed_data else None,
                by=request.user,  # type: ignore[arg-type]
                now=timezone.now(),
            )
        except DomainError as refusal:
            form.add_error("file", str(refusal))
        else:
            return redirect("loyalty:import-columns", row.public_id)
    context = {"form": form, "steps": STEPS, "largest": actions.LARGEST_UPLOAD // 2**20}
    return page(request, "loyalty/import_new.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@CHANGE
def import_columns(request: HttpRequest, public_id: UUID) -> HttpResponse:
    row = _import(public_id)
    if not row.can_be_changed:
        return redirect("loyalty:import", public_id)
    form = ReadingForm(row, request.POST or None)
    if form.is_valid():
        try:
            actions.change_reading(row, **form.reading())
            actions.start_check(row)
        except actions.BadReading as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("loyalty:import", public_id)
    context = {
        "row": row,
        "form": form,
        "steps": STEPS,
        "encoding": actions.ENCODINGS[row.encoding],
        "delimiter": actions.DELIMITERS[row.delimiter],
        "doubts": [purchases.DOUBTS[code] for code in row.doubts],
    }
    return page(request, "loyalty/import_columns.html", context, status=422 if form.errors else 200)


@require_GET
@VIEW
def import_page(request: HttpRequest, public_id: UUID) -> HttpResponse:
    row = _import(public_id)
    context = {
        "row": row,
        "outcome": queries.outcome_of(row),
        "zone": row.time_zone.replace("_", " "),
        "steps": STEPS,
        "step": CURRENT_STEP.get(Status(row.status), 0),
        "tone": TONES[Status(row.status)],
        "has_refused_csv": row.refused_csv.exists(),
        "may_import": request.user.has_perm("loyalty.import_purchases"),
    }
    return page(request, "loyalty/import.html", context, partials=("standing",))


@require_GET
@VIEW
def import_issues(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The refused lines, or those taken with a remark: a fragment of the import's page."""
    row, kind = _import(public_id), request.GET.get("kind", "")
    severity = ImportIssue.Severity.REMARK if kind == "remarks" else ImportIssue.Severity.REFUSED
    issues = Paginator(queries.issues_of(row, severity), SHOWN).get_page(request.GET.get("page"))
    tabs = [
        {
            "label": "Refused",
            "url": f"{request.path}?kind=refused",
            "is_active": severity == ImportIssue.Severity.REFUSED,
        },
        {
            "label": "Remarks",
            "url": f"{request.path}?kind=remarks",
            "is_active": severity == ImportIssue.Severity.REMARK,
        },
    ]
    may_see = request.user.has_perm("loyalty.view_pii")
    return page(request, "loyalty/import_issues.html", {"row": row, "issues": issues, "tabs": tabs, "may_see": may_see})


@require_GET
@needs("loyalty.view_purchaseimport", "loyalty.view_pii")
def import_refused(request: HttpRequest, public_id: UUID) -> FileResponse:
    """Every refused line as it stood in the file, with its reason."""
    row = _import(public_id)
    if not row.refused_csv.exists():
        raise Http404
    return FileResponse(row.refused_csv.open("rb"), as_attachment=True, filename=f"refused-{row.file_name}.csv")


@require_POST
@CHANGE
def import_check(request: HttpRequest, public_id: UUID) -> HttpResponse:
    actions.start_check(_import(public_id))
    return redirect("loyalty:import", public_id)


@require_POST
@CHANGE
def import_start(request: HttpRequest, public_id: UUID) -> HttpResponse:
    actions.start_import(_import(public_id))
    return redirect("loyalty:import", public_id)


@require_POST
@CHANGE
def import_cancel(request: HttpRequest, public_id: UUID) -> HttpResponse:
    actions.cancel(_import(public_id), now=timezone.now())
    messages.success(request, "Cancelled. What was taken by then stays; importing the file again takes the rest.")
    return redirect("loyalty:import", public_id)


@require_GET
@VIEW
def import_stream(request: HttpRequest, public_id: UUID) -> StreamingHttpResponse:
    return stream(actions.topic(_import(public_id)))


def _import(public_id: UUID) -> PurchaseImport:
    return get_object_or_404(PurchaseImport.objects.select_related("created_by", "read_like"), public_id=public_id)
