"""Segments: the list, one of them, and the editor of its rule with a live count beside it."""

import json
from typing import Any
from uuid import UUID

from django import forms
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
from config.shared.htmx import page
from loyalty.actions import segments as actions
from loyalty.actions.members import note_export
from loyalty.dashboard.rule_editor import editor_of
from loyalty.models import Segment
from loyalty.queries import members as member_queries
from loyalty.queries import segments as queries
from loyalty.queries.brand import business
from loyalty.rules.segments import Rule, drafts, faults_of
from loyalty.rules.segments.words import in_words

SHOWN, SAMPLE = 50, 10
VIEW, CHANGE = needs("loyalty.view_segment", "loyalty.view_member"), needs("loyalty.change_segment")


class SegmentForm(forms.Form):
    name = forms.CharField(max_length=80)
    description = forms.CharField(max_length=300, required=False)


@require_GET
@VIEW
def segment_list(request: HttpRequest) -> HttpResponse:
    q = request.GET.get("q", "").strip()[:80].replace("\x00", "")
    rows = Paginator(queries.segments(q=q), SHOWN).get_page(request.GET.get("page"))
    return page(request, "loyalty/segments.html", {"segments": rows, "q": q}, partials=("segments",))


@require_GET
@VIEW
def segment_page(request: HttpRequest, public_id: UUID) -> HttpResponseBase:
    segment, now = get_object_or_404(Segment.objects.select_related("created_by"), public_id=public_id), timezone.now()
    may_see, today = request.user.has_perm("loyalty.view_pii"), timezone.localdate(now)
    found = member_queries.with_all_shown(queries.members_matching(segment.rule, now=now)).order_by("-joined_at", "-pk")
    if request.GET.get("format") == "csv":
        note_export(by=request.user, filters={"segment": str(public_id)}, is_masked=not may_see, now=now)  # type: ignore[arg-type]
        rows = member_queries.csv_rows(found, may_see=may_see, today=today)
        return csv_response(f"segment-{public_id}.csv", member_queries.CSV_COLUMNS, rows)
    members = Paginator(found, SHOWN).get_page(request.GET.get("page"))
    context = {
        "segment": segment,
        "words": in_words(segment.rule, queries.known_values(), business().currency),
        "members": members,
        "shown": list(member_queries.all_shown(members, may_see=may_see, today=today)),
        "may_see": may_see,
    }
    return page(request, "loyalty/segment.html", context, partials=("members",))


@require_http_methods(["GET", "POST"])
@CHANGE
def segment_edit(request: HttpRequest, public_id: UUID | None = None) -> HttpResponse:
    """One address for the form, its re-drawing while it is edited, and the saving of it."""
    segment = None if public_id is None else get_object_or_404(Segment, public_id=public_id)
    if request.method == "GET":
        rule = segment.rule if segment else _suggested(request)
        draft = drafts.draft_of(rule) if rule else drafts.Group(children=(drafts.Condition(),))
        initial = (
            {"name": segment.name, "description": segment.description}
            if segment
            else {"name": request.GET.get("name", "")[:80]}
        )
        return _form_page(request, segment, draft, SegmentForm(initial=initial))
    draft = drafts.read(list(request.POST), request.POST.getlist)
    if do := request.POST.get("do"):
        return _form_page(request, segment, _reshaped(draft, do), SegmentForm(initial=request.POST.dict()), touched=do)
    if request.htmx.target == "matching":  # type: ignore[attr-defined]
        return _form_page(request, segment, draft, SegmentForm(initial=request.POST.dict()))
    return _save(request, segment, draft)


def _suggested(request: HttpRequest) -> Rule | None:
    """The rule another page put into the address, when it can be used."""
    try:
        rule = json.loads(request.GET.get("rule", ""))
    except (ValueError, RecursionError):
        return None
    return None if faults_of(rule) else rule


def _save(request: HttpRequest, segment: Segment | None, draft: drafts.Group) -> HttpResponse:
    form, rule, now = SegmentForm(request.POST), drafts.rule_of(draft), timezone.now()
    if form.is_valid() and not faults_of(rule):
        try:
            if segment:
                saved = actions.change_segment(segment=segment, rule=rule, now=now, **form.cleaned_data)
            else:
                saved = actions.create_segment(rule=rule, by=request.user, now=now, **form.cleaned_data)  # type: ignore[arg-type]
        except DomainError as refusal:
            form.add_error("name", str(refusal))
        else:
            messages.success(request, f"Saved. {saved.member_count:,} members are in it now.")
            return redirect("loyalty:segment", saved.public_id)
    return _form_page(request, segment, draft, form, status=422)


def _form_page(
    request: HttpRequest,
    segment: Segment | None,
    draft: drafts.Group,
    form: SegmentForm,
    *,
    touched: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {
        "segment": segment,
        "form": form,
        "here": request.path,
        "rule": editor_of(draft, queries.known_values(), touched=touched, is_final=status == 422),
        "currency": business().currency,
    } | _matching(request, draft)
    response = page(request, "loyalty/segment_form.html", context, partials=("conditions", "matching"), status=status)
    if request.htmx.target == "conditions":  # type: ignore[attr-defined]
        response["HX-Trigger-After-Settle"] = "rule-changed"
    return response


def _reshaped(draft: drafts.Group, do: str) -> drafts.Group:
    """`add-condition:r-0` and the like; what no button of ours says changes nothing."""
    verb, _, key = do.partition(":")
    try:
        place = drafts.place_of(key)
    except ValueError:
        return draft
    match verb:
        case "add-condition":
            return drafts.add(draft, place, drafts.Condition())
        case "add-group":
            return drafts.add(draft, place, drafts.Group(drafts.ANY, (drafts.Condition(),)))
        case "field":
            return drafts.refit(draft, place)
        case "remove":
            return drafts.remove(draft, place)
    return draft


def _matching(request: HttpRequest, draft: drafts.Group) -> dict[str, Any]:
    """How many are meant and ten of them; or what must be mended first."""
    errors, faults = drafts.errors_of(draft), faults_of(drafts.rule_of(draft))
    if errors or faults:
        return {"to_mend": len(errors), "fault": "" if errors else faults[0].text}
    may_see, now = request.user.has_perm("loyalty.view_pii"), timezone.now()
    preview = queries.preview(drafts.rule_of(draft), sample=SAMPLE, now=now)
    shown = member_queries.all_shown(preview.sample, may_see=may_see, today=timezone.localdate(now))
    return {"count": preview.count, "everybody": preview.everybody, "sample": list(shown)}


@require_POST
@needs("loyalty.delete_segment")
def segment_archive(request: HttpRequest, public_id: UUID) -> HttpResponse:
    segment = get_object_or_404(Segment, public_id=public_id)
    actions.archive_segment(segment=segment, now=timezone.now())
    messages.success(request, f"“{segment.name}” is put aside. Campaigns that use it go on.")
    return redirect("loyalty:segments")
