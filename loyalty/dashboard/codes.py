"""Product codes: made by the batch, printed on sheets, withdrawn; and the scans of them."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from config.shared.access import needs
from config.shared.errors import DomainError
from config.shared.exports import csv_response
from config.shared.forms import ActionForm, MomentInput
from config.shared.htmx import page
from loyalty.actions import codes as actions
from loyalty.dashboard import code_sheets
from loyalty.dashboard.fields import SkuField
from loyalty.models import CodeBatch, Member
from loyalty.queries import codes as queries
from loyalty.queries.brand import business

SHOWN, FRAGMENT = 50, 10
CODES_A_SHEET = 240
VIEW, CHANGE = needs("loyalty.view_codebatch"), needs("loyalty.change_codebatch")
VIEW_SCANS = needs("loyalty.view_scan")


class BatchForm(ActionForm):
    sku = SkuField(help_text="What carries these codes.")

    class Meta:
        model = CodeBatch
        fields = ("name", "sku", "size", "use", "per_member", "points", "expires_at")
        labels = {
            "size": "How many codes",
            "use": "How often a code counts",
            "per_member": "Most scans of one code by a member",
            "expires_at": "Valid until",
        }
        help_texts = {
            "name": "Such as “Spring labels”. Members read it where the codes are of no product.",
            "size": "Up to 10,000 at once. For a poster, one code that each member may scan is enough.",
            "per_member": "For codes that each member may scan.",
            "expires_at": "Leave empty for no end.",
        }
        widgets = {"expires_at": MomentInput}


@require_GET
@VIEW
def batch_list(request: HttpRequest) -> HttpResponse:
    q = request.GET.get("q", "").strip()[:80]
    rows = Paginator(queries.batches(q=q), SHOWN).get_page(request.GET.get("page"))
    context = {"batches": rows, "q": q, "now": timezone.now()}
    return page(request, "loyalty/codes.html", context, partials=("codes",))


@require_http_methods(["GET", "POST"])
@needs("loyalty.add_codebatch")
def batch_new(request: HttpRequest) -> HttpResponse:
    form = BatchForm(request.POST or None)
    if form.is_valid():
        values = dict(form.cleaned_data)
        try:
            batch = actions.make(product=values.pop("sku"), **values, by=request.user, now=timezone.now())  # type: ignore[arg-type]
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"{batch.size:,} codes are made. Print them, or take them to your label printer.")
            return redirect("loyalty:code-batch", batch.public_id)
    return page(request, "loyalty/code_batch_form.html", {"form": form}, status=422 if form.errors else 200)


@require_GET
@VIEW
def batch_page(request: HttpRequest, public_id: UUID) -> HttpResponse:
    batch = get_object_or_404(CodeBatch.objects.select_related("product", "created_by"), public_id=public_id)
    context = {
        "batch": batch,
        "sums": queries.sums_of(batch),
        "sheets": _sheets(batch),
        "scans": Paginator(queries.scans(batch=batch), FRAGMENT).get_page(request.GET.get("page")),
        "is_over": bool(batch.expires_at and batch.expires_at <= timezone.now()),
    }
    return page(request, "loyalty/code_batch.html", context, partials=("scans",))


@require_GET
@CHANGE
def batch_sheet(request: HttpRequest, public_id: UUID, number: int) -> HttpResponse:
    """Some of the codes as a PDF to print. Whoever has it can scan them, so it is for those who make codes."""
    batch = get_object_or_404(CodeBatch.objects.select_related("product"), public_id=public_id)
    start = (number - 1) * CODES_A_SHEET
    texts = list(queries.texts_of(batch, start=start, stop=start + CODES_A_SHEET)) if number else []
    if not texts:
        messages.error(request, "There is no such sheet.")
        return redirect("loyalty:code-batch", public_id)
    title = batch.product.name if batch.product else batch.name
    address = f"{settings.PUBLIC_URL}/app/scan?code="
    content = code_sheets.sheet(texts, title=title, shop=business().name, address=address)
    response = HttpResponse(content, content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="codes-{batch.pk}-{number}.pdf"'
    return response


@require_GET
@CHANGE
def batch_csv(request: HttpRequest, public_id: UUID) -> HttpResponseBase:
    """All codes for a label printer, with the address that a phone's camera opens."""
    batch = get_object_or_404(CodeBatch, public_id=public_id)
    rows = ((text, f"{settings.PUBLIC_URL}/app/scan?code={text}") for text in queries.texts_of(batch))
    return csv_response(f"codes-{batch.pk}.csv", ("code", "address"), rows)


@require_POST
@CHANGE
def batch_withdraw(request: HttpRequest, public_id: UUID) -> HttpResponse:
    actions.withdraw(batch=get_object_or_404(CodeBatch, public_id=public_id), now=timezone.now())
    messages.success(request, "Withdrawn. These codes earn nothing any more.")
    return redirect("loyalty:code-batch", public_id)


@require_GET
@VIEW_SCANS
def scan_list(request: HttpRequest) -> HttpResponseBase:
    q = request.GET.get("q", "").strip()[:80]
    found = queries.scans(q=q)
    if request.GET.get("format") == "csv":
        return csv_response("scans.csv", queries.SCAN_COLUMNS, queries.scan_rows(found))
    rows = Paginator(found, SHOWN).get_page(request.GET.get("page"))
    return page(request, "loyalty/scans.html", {"scans": rows, "q": q}, partials=("scans",))


@require_GET
@needs("loyalty.view_member", "loyalty.view_scan")
def member_scans(request: HttpRequest, public_id: UUID) -> HttpResponse:
    member = get_object_or_404(Member, public_id=public_id)
    rows = Paginator(queries.scans_of(member), FRAGMENT).get_page(request.GET.get("page"))
    return page(request, "loyalty/member_scans.html", {"member": member, "scans": rows})


def _sheets(batch: CodeBatch) -> list[dict[str, Any]]:
    starts = range(0, batch.size, CODES_A_SHEET)
    return [
        {"number": number, "first": start + 1, "last": min(start + CODES_A_SHEET, batch.size)}
        for number, start in enumerate(starts, start=1)
    ]
