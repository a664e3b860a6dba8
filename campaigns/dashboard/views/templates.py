"""Templates: the list, and the editor. What stands beside it is in `beside`."""

import json
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from campaigns.actions import templates as actions
from campaigns.dashboard.views.beside import LANGUAGES, place_of, template_of, trial_form
from campaigns.forms import editing
from campaigns.forms.blocks import KINDS
from campaigns.models import SavedBlock, Template
from campaigns.queries import templates as queries
from campaigns.rules import content as c
from campaigns.rules import wording
from campaigns.rules.differences import CHANNELS
from campaigns.rules.starters import STARTERS
from campaigns.rules.thumbnails import drawing_of
from campaigns.sending.checklist import told_drift
from campaigns.writing import press
from config.shared.access import needs
from config.shared.htmx import page

ICONS = {"email": "mail", "sms": "message-2", "push": "bell"}


@require_GET
@needs("campaigns.view_template")
def template_list(request: HttpRequest) -> HttpResponse:
    is_archived = request.GET.get("shelf") == "archived"
    rows = [_told(template) for template in queries.templates(is_archived=is_archived)]
    context = {
        "rows": rows,
        "look": press.current_look() if rows else None,
        "is_archived": is_archived,
        "starters": STARTERS.items(),
        "has_archived": queries.templates(is_archived=True).exists(),
        "saved_blocks": SavedBlock.objects.all(),
        "may_write": request.user.has_perm("campaigns.add_template"),
        "has_default": any(row["template"].is_default for row in rows),
    }
    return page(request, "campaigns/templates.html", context)


def _told(template: Template) -> dict[str, Any]:
    content = c.read(template.draft)
    return {
        "template": template,
        "drawing": drawing_of(content),
        "languages": [LANGUAGES.get(code, code) for code in content.languages],
        "channels": [label for name, label in CHANNELS.items() if content.variants(name)],
    }


@require_POST
@needs("campaigns.add_template")
def template_new(request: HttpRequest) -> HttpResponse:
    starter = STARTERS.get(request.POST.get("starter", ""))
    if starter is None:
        raise Http404("There is no such start.")
    name = request.POST.get("name", "") or starter.name
    template = actions.create_template(name=name, content=starter.content, by=request.user, now=timezone.now())
    return redirect("campaigns:template", template.public_id)


# --- The editor ----------------------------------------------------------------------------------------------------


@require_GET
@needs("campaigns.view_template")
def template_page(request: HttpRequest, public_id: UUID) -> HttpResponse:
    template = template_of(public_id)
    channel, language = place_of(request, c.read(template.draft))
    context = _editor(request, template, editing.sheet_of(c.read(template.draft), channel, language))
    return page(request, "campaigns/template.html", context, partials=("editor",))


@require_POST
@needs("campaigns.change_template")
def template_write(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Every few words: the draft is kept. A button in the form adds, moves or removes a block besides."""
    template = template_of(public_id)
    content, do = c.read(template.draft), request.POST.get("do", "")
    channel, language = place_of(request, content)
    sheet = editing.sent_sheet(request.POST, channel, language)
    revision = request.POST.get("revision", "")
    template.revision = int(revision) if revision.isdecimal() else 0  # what they saw, not what is there by now
    if not sheet.is_valid:
        return _refused(request, template, sheet)
    saved = _saved_blocks(do)
    written = actions.write_draft(
        template=template,
        content=_wanted(content, sheet, do, saved),
        revision=template.revision,
        by=request.user,
        now=timezone.now(),
    )
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect(f"{reverse('campaigns:template', args=[public_id])}?channel={channel}&language={language}")
    names = None if do in ("leave", "begin") else editing.names_after(sheet, do, saved)
    context = _editor(request, written, editing.sheet_of(c.read(written.draft), channel, language, names), do=do)
    if request.htmx.target == "saved":  # type: ignore[attr-defined]
        response = render(request, "campaigns/template.html#saved", context)
    else:
        response = page(request, "campaigns/template.html", context, partials=("editor",))
    response["HX-Trigger"] = json.dumps({"draft-written": "", **_kept(sheet, do)})
    return response


def _refused(request: HttpRequest, template: Template, sheet: editing.Sheet) -> HttpResponse:
    """What is wrong, beside it. Whatever asked, the form as a whole is drawn again."""
    context = _editor(request, template, sheet)
    part = "#editor" if request.htmx else ""  # type: ignore[attr-defined]
    response = render(request, f"campaigns/template.html{part}", context, status=422)
    response["HX-Retarget"], response["HX-Reswap"] = "#editor", "outerHTML"
    return response


def _kept(sheet: editing.Sheet, do: str) -> dict[str, Any]:
    """Keeps the block that `keep:x:2` asks to keep, and says so."""
    verb, _, rest = do.partition(":")
    place = rest.rpartition(":")[2]
    if verb != "keep" or not place.isdecimal() or int(place) >= len(sheet.blocks):
        return {}
    kept = actions.save_block(block=sheet.blocks[int(place)].block(), now=timezone.now())
    return {"toast": {"tone": "success", "text": f"Kept: “{kept.name}” can be put into every template."}}


def _saved_blocks(do: str) -> list[c.Block]:
    """What `put:7:2` asks to put in."""
    if not do.startswith("put:"):
        return []
    name = do.split(":")[1]
    kept = get_object_or_404(SavedBlock, pk=int(name[:9]) if name.isdecimal() else 0)
    return c.Email.model_validate({"blocks": kept.blocks}).blocks


def _wanted(content: c.Content, sheet: editing.Sheet, do: str, saved: list[c.Block]) -> c.Content:
    if do == "leave":
        return editing.without_language(content, sheet.channel, sheet.language)
    if do == "begin":
        return editing.with_language(content, sheet.channel, sheet.language, press.BASE_LANGUAGE)
    try:
        return editing.content_with(content, sheet, do=do, saved=saved)
    except c.BadContent as fault:
        raise actions.CannotWrite(str(fault)) from fault


def _editor(request: HttpRequest, template: Template, sheet: editing.Sheet, *, do: str = "") -> dict[str, Any]:
    content, latest = c.read(template.draft), template.versions.first()
    pictures = press.pictures_in(content.email.values())
    for place, form in enumerate(sheet.blocks):
        chosen = pictures.get(str(form["picture"].value())) if "picture" in form.fields else None
        form.address = chosen.file.url if chosen else None
        form.is_opened = place == editing.opened_by(do)
    return {
        "write_url": reverse("campaigns:template-write", args=[template.public_id]),
        "template": template,
        "sheet": sheet,
        "latest": latest,
        "drifts": [told_drift(drift) for drift in queries.drifts_of(template, sheet.channel)],
        "is_changed": latest is None or latest.content != template.draft,
        "channels": [
            {"label": label, "icon": ICONS[name], "url": f"?channel={name}", "is_active": name == sheet.channel}
            for name, label in CHANNELS.items()
        ],
        "languages": _languages(content, sheet),
        "kinds": KINDS,
        "saved_blocks": list(SavedBlock.objects.all()),
        "places": list(c.PLACES.items()),
        "words": [word for word in wording.TEMPLATE_WORDS if word != "picks"],
        "may_write": request.user.has_perm("campaigns.change_template") and template.archived_at is None,
        "test": trial_form(request, sheet.channel),
        "why_worn": queries.why_worn(template),
        "language_name": LANGUAGES.get(sheet.language, sheet.language),
        "channel_name": CHANNELS[sheet.channel],
    }


def _languages(content: c.Content, sheet: editing.Sheet) -> list[dict[str, Any]]:
    variants = content.variants(sheet.channel)
    known = dict.fromkeys([*LANGUAGES, *variants])
    return [
        {
            "label": LANGUAGES.get(code, code),
            "url": f"?channel={sheet.channel}&language={code}",
            "is_active": code == sheet.language,
            "icon": "check" if code in variants else "plus",
        }
        for code in known
    ]
