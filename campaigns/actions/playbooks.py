from collections.abc import Iterable
from decimal import Decimal

from django.db import transaction

from campaigns.models import Offer, Playbook, Template
from campaigns.queries.house import house
from campaigns.rules import guard, shipped, wording
from campaigns.rules.guard import Words
from config.shared.errors import DomainError
from loyalty.models import Consent


class BadWording(DomainError):
    code = "bad_wording"


@transaction.atomic
def ship_playbooks() -> None:
    """Write the shipped offers and playbooks into a copy that has none."""
    if Playbook.objects.exists() or Offer.objects.exists():
        return
    offers = {
        offer.code: Offer.objects.create(
            code=offer.code, name=offer.name, wording=offer.wording, cost=Decimal(offer.cost)
        )
        for offer in shipped.OFFERS
    }
    for recipe in shipped.PLAYBOOKS:
        playbook = Playbook.objects.create(
            name=recipe.name,
            group=recipe.group,
            aim=recipe.aim,
            tone=recipe.tone,
            channels=["email"],
            subject=recipe.subject,
            body=recipe.body,
        )
        playbook.offers.set(offers[code] for code in recipe.offers)


@transaction.atomic
def save_playbook(
    *,
    playbook: Playbook | None,
    name: str,
    group: str,
    aim: str,
    tone: str,
    channels: list[str],
    offers: Iterable[Offer],
    template: Template | None,
    subject: str,
    body: str,
    is_active: bool,
) -> Playbook:
    """Make a playbook or change one. Plans that exist keep their texts. Raises BadWording."""
    for text in (subject, body):
        if fault := wording.fault_in(text):
            raise BadWording(fault)
    playbook = playbook or Playbook()
    playbook.name, playbook.group, playbook.aim, playbook.tone = name, group, aim, tone
    playbook.channels, playbook.subject, playbook.body, playbook.is_active = channels, subject, body, is_active
    playbook.template = template
    playbook.save()
    playbook.offers.set(offers)
    return playbook


@transaction.atomic
def save_offer(*, offer: Offer | None, code: str, name: str, wording: str, cost: Decimal, is_active: bool) -> Offer:
    """Make an offer or change one. Steps that are approved keep its words. Raises BadWording."""
    if is_active and (faults := guard.of_law(Words(name, wording, Consent.Channel.EMAIL), house())):
        raise BadWording(" ".join(faults))
    offer = offer or Offer()
    offer.code, offer.name, offer.wording, offer.cost, offer.is_active = code, name, wording, cost, is_active
    offer.save()
    return offer
