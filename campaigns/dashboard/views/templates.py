"""Templates: the list, and the editor with its preview and its checks."""

import json
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET, require_POST

from campaigns.actions import sends as sending
from campaigns.actions import templates as actions
from campaigns.dashboard.previews import fault_response, message_response, specimen_member
from campaigns.forms import editing
from campaigns.forms.blocks import KINDS
from campaigns.models import SavedBlock, Template
from campaigns.queries import templates as queries
from campaigns.rules import checking, wording
from campaigns.rules import content as c
from campaigns.rules.differences import CHANNELS
from campaigns.rules.starters import STARTERS
from campaigns.sending import specimens
from campaigns.sending.checklist import checks_of
from campaigns.sending.specimens import Specimen
from campaigns.writing import press
from config.shared.access import needs
from config.shared.htmx import page
from integrations.link_checks import check_links
from loyalty.queries.brand import business

LANGUAGES = dict(settings.LANGUAGES)
ICONS = {"email": "mail", "sms": "message-2", "push": "bell"}
TONES = {checking.State.FINE: "success", checking.State.LOOK: "warning", checking.State.FAULT: "danger"}


@require_GET
@needs("campaigns.view_template")
def template_list(request: HttpRequest) -> HttpResponse:
    is_archived = request.GET.get("shelf") == "archived"
    rows = [_told(template) for template in queries.templates(is_archived=is_archived)]
    context = {
        "rows": rows,
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
    template = _template(public_id)
    channel, language = _place(request, c.read(template.draft))
    context = _editor(request, template, editing.sheet_of(c.read(template.draft), channel, language))
    return page(request, "campaigns/template.html", context, partials=("editor",))


@require_POST
@needs("campaigns.change_template")
def template_write(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Every few words: the draft is kept. A button in the form adds, moves or removes a block besides."""
    template = _template(public_id)
    content, do = c.read(template.draft), request.POST.get("do", "")
    channel, language = _place(request, content)
    sheet = editing.sent_sheet(request.POST, channel, language)
    revision = request.POST.get("revision", "")
    template.revision = int(revision) if revision.isdecimal() else 0  # what they saw, not what is there by now
    if not sheet.is_valid:
        return _refused(request, template, sheet)
    written = actions.write_draft(
        template=template,
        content=_wanted(content, sheet, do),
        revision=template.revision,
        by=request.user,
        now=timezone.now(),
    )
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect(f"{reverse('campaigns:template', args=[public_id])}?channel={channel}&language={language}")
    context = _editor(request, written, editing.sheet_of(c.read(written.draft), channel, language), do=do)
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


def _wanted(content: c.Content, sheet: editing.Sheet, do: str) -> c.Content:
    if do == "leave":
        return editing.without_language(content, sheet.channel, sheet.language)
    if do == "begin":
        return editing.with_language(content, sheet.channel, sheet.language, press.BASE_LANGUAGE)
    saved: list[c.Block] = []
    if do.startswith("put:"):
        name = do.split(":")[1]
        kept = get_object_or_404(SavedBlock, pk=int(name[:9]) if name.isdecimal() else 0)
        saved = c.Email.model_validate({"blocks": kept.blocks}).blocks
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
        "is_changed": latest is None or latest.content != template.draft,
        "channels": [
            {"label": label, "icon": ICONS[name], "url": f"?channel={name}", "is_active": name == sheet.channel}
            for name, label in CHANNELS.items()
        ],
        "languages": _languages(content, sheet),
        "kinds": KINDS,
        "saved_blocks": list(SavedBlock.objects.all()),
        "words": [word for word in wording.TEMPLATE_WORDS if word != "picks"],
        "may_write": request.user.has_perm("campaigns.change_template") and template.archived_at is None,
        "may_test": sheet.channel == "email" and request.user.has_perm("loyalty.view_pii"),
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


# --- Beside it -----------------------------------------------------------------------------------------------------


@require_GET
@needs("campaigns.view_template")
@xframe_options_sameorigin
def template_preview(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The draft, or the version that `version` names, as the member that `member` names would get it."""
    template = _template(public_id)
    content = c.read(_shown(request, template))
    channel, language = _place(request, content)
    try:
        shown = _specimen(request, content, channel, language)
    except (press.CannotPress, wording.WordingFault) as fault:
        return fault_response(fault)
    return message_response(shown.message, channel)


@require_GET
@needs("campaigns.view_template")
def template_checks(request: HttpRequest, public_id: UUID) -> HttpResponse:
    template = _template(public_id)
    content = c.read(template.draft)
    channel, language = _place(request, content)
    context = {"template": template, "channel": channel, "language": language, "tones": TONES}
    faults = [fault for fault in checking.faults_in(content) if fault.channel == CHANNELS[channel]]
    try:
        shown = _specimen(request, content, channel, language)
    except (press.CannotPress, wording.WordingFault) as fault:
        found = [checking.Check(checking.State.FAULT, "It cannot be shown", str(fault))]
    else:
        found = checks_of(content, channel, language, shown)
    told = [checking.Check(checking.State.FAULT, "It cannot be saved yet", str(fault)) for fault in faults]
    told += [check for check in found if not faults or check.title != "It cannot be shown"]
    return render(request, "campaigns/template_checks.html", {**context, "checks": told})


@require_POST
@needs("campaigns.change_template")
def template_links(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Whether what the draft links to answers. Asked for by a button: it calls other people's servers."""
    content = c.read(_template(public_id).draft)
    channel, language = _place(request, content)
    try:
        links = _specimen(request, content, channel, language).letter.links
    except (press.CannotPress, wording.WordingFault):
        links = []
    answers = check_links([link for link in links if isinstance(link, str) and "{" not in link])
    return render(request, "campaigns/template_links.html", {"answers": answers})


@require_GET
@needs("campaigns.view_template", "loyalty.view_member")
def specimen_list(request: HttpRequest) -> HttpResponse:
    """For whom a message may be shown."""
    context = {"members": queries.specimens(request.GET.get("q", "").strip())}
    return render(request, "campaigns/template_members.html", context)


@require_POST
@needs("campaigns.change_template", "loyalty.view_pii")
def template_test(request: HttpRequest, public_id: UUID) -> HttpResponse:
    template = _template(public_id)
    content = c.read(template.draft)
    _channel, language = _place(request, content)
    member = specimen_member(request)
    sending.send_trial(content=content, language=language, member=member, to=request.user, now=timezone.now())
    messages.success(request, f"Sent to {request.user}.")
    return redirect(f"{reverse('campaigns:template', args=[public_id])}?language={language}")


def _specimen(request: HttpRequest, content: c.Content, channel: str, language: str) -> Specimen:
    return specimens.specimen(
        content,
        channel=channel,
        language=language,
        member=specimen_member(request),
        shop=business(),
        now=timezone.now(),
    )


def _shown(request: HttpRequest, template: Template) -> Any:
    if number := request.GET.get("version", ""):
        if not number.isdecimal():
            raise Http404("There is no such version.")
        return get_object_or_404(template.versions, number=int(number[:9])).content
    return template.draft


def _place(request: HttpRequest, content: c.Content) -> tuple[str, str]:
    asked = request.GET if request.method == "GET" else request.POST
    channel = asked.get("channel", "")
    channel = channel if channel in CHANNELS else "email"
    language = asked.get("language", "")
    known = {*LANGUAGES, *content.variants(channel)}
    return channel, language if language in known else specimens.choose(content, channel)


def _template(public_id: UUID) -> Template:
    return get_object_or_404(Template.objects.select_related("draft_by"), public_id=public_id)
