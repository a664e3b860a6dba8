"""What stands beside a template that is being written: its preview, its checklist, and a test of it."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET, require_POST

from campaigns.actions import trials
from campaigns.dashboard.previews import fault_response, is_dark, message_response, specimen_member
from campaigns.forms.trials import TrialForm
from campaigns.models import Template
from campaigns.queries import templates as queries
from campaigns.rules import checking, wording
from campaigns.rules import content as c
from campaigns.rules.differences import CHANNELS
from campaigns.sending import specimens
from campaigns.sending.checklist import checks_of, told_drift
from campaigns.sending.specimens import Specimen
from campaigns.writing import press
from config.shared.access import needs
from integrations.channels.base import available_channels
from integrations.link_checks import check_links
from loyalty.models import Consent
from loyalty.queries.brand import business

LANGUAGES = dict(settings.LANGUAGES)


@require_GET
@needs("campaigns.view_template")
@xframe_options_sameorigin
def template_preview(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The draft, or the version that `version` names, as the member that `member` names would get it."""
    template = template_of(public_id)
    content = c.read(_shown(request, template))
    channel, language = place_of(request, content)
    try:
        shown = _specimen(request, content, channel, language)
    except (press.CannotPress, wording.WordingFault) as fault:
        return fault_response(fault)
    return message_response(shown.message, channel, is_dark=is_dark(request))


@require_GET
@needs("campaigns.view_template")
def template_checks(request: HttpRequest, public_id: UUID) -> HttpResponse:
    template = template_of(public_id)
    content = c.read(template.draft)
    channel, language = place_of(request, content)
    context: dict[str, Any] = {"template": template, "channel": channel, "language": language}
    faults = [fault for fault in checking.faults_in(content) if fault.channel == CHANNELS[channel]]
    try:
        shown = _specimen(request, content, channel, language)
    except (press.CannotPress, wording.WordingFault) as fault:
        found = [checking.Check(checking.State.FAULT, "It cannot be shown", str(fault))]
    else:
        drifts = [told_drift(drift) for drift in queries.drifts_of(template, channel)]
        found = checks_of(content, channel, language, shown, drifts)
    told = [checking.Check(checking.State.FAULT, "It cannot be saved yet", fault.told(LANGUAGES)) for fault in faults]
    told += [check for check in found if not faults or check.title != "It cannot be shown"]
    context["counts"] = [sum(check.state == state for check in told) for state in checking.State]
    return render(request, "campaigns/template_checks.html", {**context, "checks": told})


@require_POST
@needs("campaigns.change_template")
def template_links(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Whether what the draft links to answers. Asked for by a button: it calls other people's servers."""
    content = c.read(template_of(public_id).draft)
    channel, language = place_of(request, content)
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
    """Send the draft to whoever asks; to another address only by those who may let campaigns run."""
    template, now = template_of(public_id), timezone.now()
    channel, language = place_of(request, c.read(template.draft))
    form = trial_form(request, channel, request.POST)
    if form is None:
        raise PermissionDenied
    if _is_sent(form, request, template, language, now):
        said = f"Sent to {form.cleaned_data['to']}."
        form = trial_form(request, channel)
        if not request.htmx:  # type: ignore[attr-defined]
            messages.success(request, said)
            return redirect(f"{reverse('campaigns:template', args=[public_id])}?channel={channel}&language={language}")
        response = render(request, "campaigns/template_test.html", {"template": template, "test": form})
        response["HX-Trigger"] = json.dumps({"toast": {"tone": "success", "text": said}, "test-sent": ""})
        return response
    return render(request, "campaigns/template_test.html", {"template": template, "test": form}, status=422)


def _is_sent(form: TrialForm, request: HttpRequest, template: Template, language: str, now: datetime) -> bool:
    """What is refused is said beside the address."""
    if not form.is_valid():
        return False
    try:
        trials.send_trial(
            template=template,
            channel=form.channel,
            language=language,
            member=specimen_member(request),
            to=form.cleaned_data["to"],
            by=request.user,
            now=now,
        )
    except trials.TestNotSent as refusal:
        form.add_error("to", str(refusal))
        return False
    return True


def trial_form(request: HttpRequest, channel: str, data: QueryDict | None = None) -> TrialForm | None:
    """For who may send tests by this channel. To an address that is not their own, it takes more."""
    user: Any = request.user
    may_choose = user.has_perm("campaigns.run_campaign")
    is_email = channel == Consent.Channel.EMAIL
    by_phone = channel == Consent.Channel.SMS and may_choose and channel in available_channels()
    if not user.has_perms(["campaigns.change_template", "loyalty.view_pii"]) or not (is_email or by_phone):
        return None
    return TrialForm(data, channel=channel, own=user.email, may_choose=may_choose)


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


def place_of(request: HttpRequest, content: c.Content) -> tuple[str, str]:
    """The channel and the language that are asked for, or those to begin with."""
    asked = request.GET if request.method == "GET" else request.POST
    channel = asked.get("channel", "")
    channel = channel if channel in CHANNELS else "email"
    language = asked.get("language", "")
    known = {*LANGUAGES, *content.variants(channel)}
    return channel, language if language in known else specimens.choose(content, channel)


def template_of(public_id: UUID) -> Template:
    return get_object_or_404(Template.objects.select_related("draft_by"), public_id=public_id)
