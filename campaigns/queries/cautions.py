"""What a person should look at again before a plan is approved, and may leave as it is."""

from collections.abc import Iterable

from campaigns.models import PlanStep
from campaigns.queries.house import house
from campaigns.rules import guard
from campaigns.rules.guard import House, Words


def cautions_of(step: PlanStep) -> list[str]:
    """Of all its languages; those of another one name it."""
    return _cautions(step, house())


def cautions_in(steps: Iterable[PlanStep]) -> dict[int, list[str]]:
    """By step, for those that have any. The steps need their offers loaded."""
    rules = house()
    found = {step.pk: _cautions(step, rules) for step in steps if step.removed_at is None}
    return {step: cautions for step, cautions in found.items() if cautions}


def _cautions(step: PlanStep, rules: House) -> list[str]:
    offer = f"{step.offer.name}\n{step.offer.wording}" if step.offer else ""
    own = Words(subject=step.subject, body=step.body, channel=step.channel, offer=offer)
    found = guard.warnings(own, rules)
    for language, said in step.translations.items():
        words = Words(subject=said["subject"], body=said["body"], channel=step.channel, language=language, offer=offer)
        found += [f"In {language}: {text}" for text in guard.warnings(words, rules)]
    return found
