"""One wording of a step as members get it: its preview, a test of it, and what it costs."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_GET

from campaigns.dashboard.previews import letters_of, specimen_member, wording_of
from campaigns.models import Letter, PlanStep
from campaigns.rules.wording import WordingFault
from campaigns.writing import press
from config.shared.access import needs
from config.shared.htmx import page
from loyalty.models import Consent


@require_GET
@needs("campaigns.view_plan")
def step_wording(request: HttpRequest, step_id: UUID) -> HttpResponse:
    """The step's own words, or the wording that `variant` names, for the member that `member` names."""
    rows = PlanStep.objects.select_related("plan__campaign", "offer", "template", "experiment")
    step = get_object_or_404(rows, public_id=step_id)
    letter, member = wording_of(request, step), specimen_member(request)
    asked = urlencode({"variant": letter} | ({"member": str(member.public_id)} if member else {}))
    letters = letters_of(step)
    context = {
        "step": step,
        "letter": letter,
        "member": member,
        "tabs": [_tab(step, one, is_active=one == letter) for one in letters] if len(letters) > 1 else [],
        "preview_url": f"{reverse('campaigns:step-preview', args=[step.public_id])}?{asked}",
        "price_url": f"{reverse('campaigns:step-price', args=[step.public_id])}?{urlencode({'variant': letter})}",
        "languages": _languages(step, letter),
        "may_test": _may_test(request, step),
    }
    return page(request, "campaigns/wording.html", context)


def _tab(step: PlanStep, letter: str, *, is_active: bool) -> dict[str, Any]:
    url = f"{reverse('campaigns:step-wording', args=[step.public_id])}?{urlencode({'variant': letter})}"
    return {"label": f"Wording {letter}", "url": url, "is_active": is_active}


def _may_test(request: HttpRequest, step: PlanStep) -> bool:
    """Only emails: neither the phone nor the devices of a colleague are known."""
    may = request.user.has_perms(["campaigns.change_campaign", "loyalty.view_pii"])
    return may and step.channel == Consent.Channel.EMAIL


def _languages(step: PlanStep, letter: str) -> list[dict[str, str]]:
    """Those in which the wording has a letter, or will."""
    made: list[Letter]
    try:
        made = press.letters_to_show(step, variant=letter, now=timezone.now())
    except (press.CannotPress, WordingFault):
        return []
    names = dict(settings.LANGUAGES)
    return [{"code": one.language, "name": names.get(one.language, one.language)} for one in made]
