"""How all messages look, with a letter beside it that shows what was chosen before it is saved."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.dateformat import format as date_as
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET, require_http_methods

from campaigns.actions import brand_kit as actions
from campaigns.actions import voice
from campaigns.forms import BrandKitForm, BrandVoiceForm
from campaigns.models import BrandKit
from campaigns.queries.brand_kit import brand_kit
from campaigns.queries.house import brand_voice
from campaigns.rules.claims import BANS, WRITTEN_ON, Weight
from campaigns.rules.content import HOUSE
from campaigns.rules.wording import fill_html
from campaigns.writing import drafts
from config.shared.access import needs
from config.shared.htmx import page
from config.shared.letters import letter_response
from loyalty.queries.brand import business


@require_http_methods(["GET", "POST"])
@needs("campaigns.view_brandkit")
def look_page(request: HttpRequest) -> HttpResponse:
    may_edit = request.user.has_perm("campaigns.change_brandkit")
    if request.method == "POST" and not may_edit:
        raise PermissionDenied
    form = BrandKitForm(request.POST or None, instance=brand_kit(), accent=business().accent)
    if _is_saved(form):
        messages.success(request, "Saved. Plans that are approved from now on look like this.")
        return redirect("campaigns:look")
    form.begin_at_the_first_error()
    context = {"form": form, "may_edit": may_edit, "asked": request.POST.urlencode()}
    return page(request, "campaigns/look.html", context, status=422 if form.errors else 200)


@require_GET
@needs("campaigns.view_brandkit")
@xframe_options_sameorigin
def look_preview(request: HttpRequest) -> HttpResponse:
    """A letter in the look that the address asks for; what it leaves out, or gets wrong, is as it was saved."""
    form = BrandKitForm(request.GET or None, instance=brand_kit(), accent=business().accent)
    letter = drafts.letter_of(HOUSE, channel="email", language="en", now=timezone.now(), kit=_as_asked(form))
    return letter_response(fill_html(letter.html, drafts.example_values(letter)))


@require_http_methods(["GET", "POST"])
@needs("campaigns.view_brandvoice")
def voice_page(request: HttpRequest) -> HttpResponse:
    """How messages speak: what whatever writes is told, and what it is held to."""
    may_edit = request.user.has_perm("campaigns.change_brandvoice")
    if request.method == "POST" and not may_edit:
        raise PermissionDenied
    form = BrandVoiceForm(request.POST or None, instance=brand_voice())
    if form.is_valid():
        voice.change_brand_voice(**form.cleaned_data)
        messages.success(request, "Saved. Plans and texts made from now on keep to it.")
        return redirect("campaigns:voice")
    context = {
        "form": form,
        "may_edit": may_edit,
        "bans": _bans_of(business().vertical),
        "read_on": f"A beginning of {date_as(WRITTEN_ON, 'F j, Y')}, and no legal advice: let your counsel read it.",
    }
    return page(request, "campaigns/voice.html", context, status=422 if form.errors else 200)


def _bans_of(vertical: str) -> list[dict[str, Any]]:
    """What every text is held to in this trade, with what it rests on."""
    return [
        {
            "told": ban.told,
            "source": ban.source,
            "words": ", ".join(ban.words),
            "is_law": ban.weight == Weight.LAW,
        }
        for ban in BANS
        if vertical in ban.verticals
    ]


def _is_saved(form: BrandKitForm) -> bool:
    """What the action refuses is said beside the colour that was changed."""
    if not form.is_valid():
        return False
    try:
        actions.change_brand_kit(**form.cleaned_data)
    except actions.HardToRead as refusal:
        form.add_error(form.changed_one_of(refusal.fields), str(refusal))
        return False
    return True


def _as_asked(form: BrandKitForm) -> BrandKit:
    """Never saved."""
    kit: BrandKit = form.instance
    if form.is_bound:
        form.full_clean()
        for name, value in form.cleaned_data.items():
            setattr(kit, name, value)
    return kit
