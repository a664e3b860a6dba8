"""What a template said before: its versions, what differs, and what is done with the template as a whole."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from campaigns.actions import templates as actions
from campaigns.forms.telling import LANGUAGES, outline
from campaigns.models import SavedBlock, Template, TemplateVersion
from campaigns.queries.templates import worn_by
from campaigns.rules import content as c
from campaigns.rules.differences import CHANNELS, Difference, differences
from campaigns.writing import press
from config.shared.access import needs
from config.shared.htmx import page


@require_GET
@needs("campaigns.view_template")
def version_list(request: HttpRequest, public_id: UUID) -> HttpResponse:
    template = get_object_or_404(Template, public_id=public_id)
    context = {
        "template": template,
        "versions": list(template.versions.select_related("saved_by")),
        "worn_by": worn_by(template),
    }
    return page(request, "campaigns/template_versions.html", context)


@require_GET
@needs("campaigns.view_template")
def version_page(request: HttpRequest, public_id: UUID, number: int) -> HttpResponse:
    """One version, as it looks, and what it changed; `against` names another to compare it with."""
    template = get_object_or_404(Template.objects.select_related("draft_by"), public_id=public_id)
    versions = {version.number: version for version in template.versions.select_related("saved_by")}
    if number not in versions:
        raise Http404("There is no such version.")
    asked = request.GET.get("against", "")
    other = int(asked[:9]) if asked.isdecimal() else number
    against = versions.get(number - 1 if other == number else other)
    content, newest = c.read(versions[number].content), versions[max(versions)]
    may_write = request.user.has_perm("campaigns.change_template") and template.archived_at is None
    may_restore = may_write and number != newest.number
    places = _places(content)
    context = {
        "template": template,
        "version": versions[number],
        "against": against,
        "others": [other for other in versions.values() if other.number != number],
        "differences": _between(c.read(against.content) if against else c.Content(), content),
        "may_restore": may_restore,
        "is_finished": may_restore and actions.is_finished(content),
        "unsaved": _unsaved(template, newest) if may_restore else [],
        "places": places,
        "shown": _shown(places, request.GET.get("show", "")),
    }
    return page(request, "campaigns/template_version.html", context)


def _between(before: c.Content, after: c.Content) -> list[Difference]:
    shown = press.pictures_in([*before.email.values(), *after.email.values()])
    pictures = {public_id: picture.name for public_id, picture in shown.items()}
    return differences(outline(before, pictures), outline(after, pictures))


def _unsaved(template: Template, newest: TemplateVersion) -> list[Difference]:
    """What the draft changes: a restored version takes its place."""
    return _between(c.read(newest.content), c.read(template.draft))


def _places(content: c.Content) -> list[dict[str, str]]:
    """Where it says something: a channel in a language."""
    return [
        {"name": f"{channel}-{code}", "channel": channel, "language": code, "label": _label(content, channel, code)}
        for channel in CHANNELS
        for code in content.variants(channel)
    ]


def _label(content: c.Content, channel: str, code: str) -> str:
    """The language alone, where there is only one channel."""
    used = [name for name in CHANNELS if content.variants(name)]
    language = LANGUAGES.get(code, code)
    return language if len(used) == 1 else f"{CHANNELS[channel]}, {language}"


def _shown(places: list[dict[str, str]], asked: str) -> dict[str, str] | None:
    return next((place for place in places if place["name"] == asked), places[0] if places else None)


@require_POST
@needs("campaigns.change_template")
def version_save(request: HttpRequest, public_id: UUID) -> HttpResponse:
    template = get_object_or_404(Template, public_id=public_id)
    seen = request.POST.get("revision", "")
    version = actions.save_version(
        template=template,
        revision=int(seen[:9]) if seen.isdecimal() else 0,
        note=request.POST.get("note", "")[:200],
        by=request.user,
        now=timezone.now(),
    )
    messages.success(request, f"Saved as version {version.number}. Plans that are approved from now on wear it.")
    return redirect("campaigns:template", public_id)


@require_POST
@needs("campaigns.change_template")
def version_restore(request: HttpRequest, public_id: UUID, number: int) -> HttpResponse:
    old = get_object_or_404(Template, public_id=public_id).versions.filter(number=number).first()
    if old is None:
        raise Http404("There is no such version.")
    if actions.is_finished(c.read(old.content)):
        version = actions.restore_version(version=old, by=request.user, now=timezone.now())
        messages.success(request, f"Version {number} is back, as version {version.number}.")
    else:
        actions.take_into_draft(version=old, by=request.user, now=timezone.now())
        messages.success(request, f"Version {number} is the draft now. It has faults: mend them, and save it.")
    return redirect("campaigns:template", public_id)


@require_POST
@needs("campaigns.change_template")
def template_do(request: HttpRequest, public_id: UUID, verb: str) -> HttpResponse:
    """What is done with the whole of it."""
    template, now = get_object_or_404(Template, public_id=public_id), timezone.now()
    match verb:
        case "rename":
            actions.rename_template(template=template, name=request.POST.get("name", ""))
        case "default":
            actions.make_default(template=template)
            messages.success(request, f"{template.name} is what messages wear that name no template.")
        case "plain":
            actions.make_default(template=None)
            messages.success(request, "Messages that name no template wear the plain letter.")
        case "back":
            actions.take_back(template=template)
        case "copy":
            name = request.POST.get("name", "")
            copied = actions.copy_template(template=template, name=name, by=request.user, now=now)
            return redirect("campaigns:template", copied.public_id)
        case "discard":
            actions.discard_draft(template=template, by=request.user, now=now)
            messages.info(request, "The draft is as the newest version again.")
        case _:
            actions.archive_template(template=template, now=now)
            messages.success(request, f"{template.name} is archived.")
            return redirect("campaigns:templates")
    return redirect("campaigns:template", public_id)


@require_POST
@needs("campaigns.change_template")
def block_forget(request: HttpRequest, pk: int) -> HttpResponse:
    actions.forget_block(block=get_object_or_404(SavedBlock, pk=pk))
    return redirect("campaigns:templates")
