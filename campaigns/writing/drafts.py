"""A template tried out: as a message of a plan that does not exist, for a member or for nobody in particular."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from campaigns.models import BrandKit, Campaign, Letter, Offer, Plan, PlanStep
from campaigns.rules import content as c
from campaigns.rules import wording
from campaigns.writing import press
from loyalty.models import Score

EXAMPLE_SUBJECT = "{{ member.first_name }}, something for your week"
EXAMPLE_WORDS = (
    "Hello {{ member.first_name }},\n\nthese are the words of the message that wears this template. Whoever plans the "
    "week writes them.\n\nSee you at {{ store.name }}."
)


def example_step(channel: str, *, now: datetime) -> PlanStep:
    """A step of nobody's plan; it is never kept."""
    offer = Offer.objects.filter(is_active=True).first() or Offer(name="Double points", wording="double points today")
    return PlanStep(
        plan=Plan(campaign=Campaign(name="Preview")),
        day=timezone.localtime(now).date(),
        group=Score.Group.CHAMPIONS,
        channel=channel,
        offer=offer,
        subject=EXAMPLE_SUBJECT,
        body=EXAMPLE_WORDS,
    )


def letter_of(content: c.Content, *, channel: str, language: str, now: datetime, kit: BrandKit | None = None) -> Letter:
    """What `content` makes of an example, in `language` or the nearest there is. Raises CannotPress."""
    step = example_step(channel, now=now)
    step.translations = {code: {"subject": EXAMPLE_SUBJECT, "body": EXAMPLE_WORDS} for code in content.languages}
    letters = press.pressed(step, content, version=None, now=now, look=press.current_look(kit))
    return press.best_for(language, letters)


def example_values(letter: Letter) -> dict[str, Any]:
    """What stands in a letter that is shown for no member."""
    return {**wording.preview_values(wording.TEMPLATE_WORDS), "links": letter.links}


def faults_in(content: c.Content, *, now: datetime | None = None) -> list[str]:
    """What only shows when letters are made of it: MJML that cannot be read."""
    at, found = now or timezone.now(), []
    for channel, variants in (("email", content.email), ("sms", content.sms), ("push", content.push)):
        for language in variants:
            only = c.Content.model_validate({channel: {language: variants[language].model_dump()}})
            try:
                letter_of(only, channel=channel, language=language, now=at)
            except press.CannotPress as fault:
                found.append(str(fault))
    return found
