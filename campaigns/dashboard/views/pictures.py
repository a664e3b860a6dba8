"""Pictures for messages: a shelf of them, one to describe, and a choice for whoever writes."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from campaigns.actions import media as actions
from campaigns.forms import PictureForm, UploadForm
from campaigns.models import MediaFile
from campaigns.queries import media as queries
from campaigns.rules.pictures import LARGEST, named
from config.shared.access import needs
from config.shared.errors import DomainError
from config.shared.htmx import page
from loyalty.models import User

SHOWN, OFFERED = 24, 12
# Some mailbox providers show nothing of a letter until its pictures are in.
HEAVY = 2**20
SHELVES = (("", "In use"), ("silent", "Without text"), ("archived", "Archived"))


@require_http_methods(["GET", "POST"])
@needs("campaigns.view_mediafile")
def picture_list(request: HttpRequest) -> HttpResponse:
    may_add = request.user.has_perm("campaigns.add_mediafile")
    if request.method == "POST" and not may_add:
        raise PermissionDenied
    form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
    if form.is_bound and form.is_valid():
        if kept := _keep_all(form, request.user):
            messages.success(request, "The picture is kept." if kept == 1 else f"{kept} pictures are kept.")
        if not form.errors:
            return redirect("campaigns:pictures")
    context = _shelf(request) | {"form": form, "may_add": may_add}
    return page(request, "campaigns/pictures.html", context, partials=("pictures",), status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@needs("campaigns.view_mediafile")
def picture_page(request: HttpRequest, public_id: str) -> HttpResponse:
    may_change = request.user.has_perm("campaigns.change_mediafile")
    if request.method == "POST" and not may_change:
        raise PermissionDenied
    media = get_object_or_404(MediaFile.objects.select_related("uploaded_by"), public_id=public_id)
    form = PictureForm(request.POST or None, instance=media)
    if form.is_valid():
        actions.describe(media=media, **form.cleaned_data)
        messages.success(request, "Saved.")
        return redirect("campaigns:pictures")
    context = {"picture": media, "form": form, "may_change": may_change, "facts": _facts(media)}
    return page(request, "campaigns/picture.html", context, status=422 if form.errors else 200)


@require_POST
@needs("campaigns.change_mediafile")
def picture_archive(request: HttpRequest, public_id: str) -> HttpResponse:
    media = get_object_or_404(MediaFile, public_id=public_id)
    if request.POST.get("back"):
        actions.bring_back(media=media)
        messages.success(request, f"“{media.name}” can be chosen again.")
    else:
        actions.archive(media=media, now=timezone.now())
        messages.success(request, f"“{media.name}” is archived. Letters that show it go on showing it.")
    return redirect("campaigns:pictures")


@require_GET
@needs("campaigns.view_mediafile")
def picture_choose(request: HttpRequest) -> HttpResponse:
    """A fragment for a dialog: each picture is a button that submits the form around it."""
    q = request.GET.get("q", "").strip()
    found = list(queries.pictures(q=q)[: OFFERED + 1])
    offered = [(media, queries.address_of(media)) for media in found[:OFFERED]]
    context = {"offered": offered, "has_more": len(found) > OFFERED, "q": q}
    return render(request, "campaigns/media_choose.html", context)


def _keep_all(form: UploadForm, by: User) -> int:
    """How many were kept. What was refused is said on the form, by the name of its file."""
    kept = 0
    for file in form.cleaned_data["pictures"]:
        try:
            actions.keep(content=file.read(LARGEST + 1), name=named(file.name), alt="", by=by, now=timezone.now())
        except DomainError as refusal:
            form.add_error("pictures", f"{file.name}: {refusal}")
        else:
            kept += 1
    return kept


def _shelf(request: HttpRequest) -> dict[str, Any]:
    q, shelf = request.GET.get("q", "").strip(), request.GET.get("shelf", "")
    counts = queries.shelf_counts()
    tabs = [
        {"label": label, "url": _url_of(name), "is_active": name == shelf, "count": counts[name]}
        for name, label in SHELVES
    ]
    pictures = Paginator(queries.pictures(q=q, shelf=shelf), SHOWN).get_page(request.GET.get("page"))
    return {"pictures": pictures, "q": q, "shelf": shelf, "tabs": tabs, "heavy": HEAVY}


def _url_of(shelf: str) -> str:
    return reverse("campaigns:pictures") + (f"?shelf={shelf}" if shelf else "")


def _facts(media: MediaFile) -> list[dict[str, Any]]:
    return [
        {"label": "Kept as", "value": media.content_type},
        {"label": "Size", "value": f"{media.width} × {media.height} pixels"},
        {"label": "Uploaded by", "value": media.uploaded_by.get_full_name() if media.uploaded_by else "–"},
    ]
