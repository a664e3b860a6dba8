"""What a person should look at again before a plan is approved, and may leave as it is."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from campaigns.models import PlanStep, Variant
from campaigns.queries.experiments import said_by
from campaigns.queries.house import house
from campaigns.rules import guard
from campaigns.rules.guard import House, Words


def cautions_of(step: PlanStep) -> list[str]:
    """Of all its languages and wordings; those of another one than its own name it."""
    return _of_all_wordings(step, _variants_of([step])[step.pk], house())


def cautions_in(steps: Iterable[PlanStep]) -> dict[int, list[str]]:
    """By step, for those that have any. The steps need their offers loaded."""
    rules, kept = house(), [step for step in steps if step.removed_at is None]
    variants = _variants_of(kept)
    found = {step.pk: _of_all_wordings(step, variants[step.pk], rules) for step in kept}
    return {step: cautions for step, cautions in found.items() if cautions}


def _variants_of(steps: Sequence[PlanStep]) -> dict[int, list[Variant]]:
    """By step."""
    found = defaultdict[int, list[Variant]](list)
    tried = Variant.objects.filter(experiment__step__in=steps).select_related("experiment", "template")
    for variant in tried.order_by("letter"):
        found[variant.experiment.step_id].append(variant)
    return found


def _of_all_wordings(step: PlanStep, variants: Sequence[Variant], rules: House) -> list[str]:
    """What is to be said of A is not said again of a wording that repeats it."""
    own = _cautions(step, rules)
    others = [
        f"{variant.letter}: {text}"
        for variant in variants
        for text in _cautions(said_by(step, variant), rules)
        if text not in own
    ]
    return own + others


def _cautions(step: PlanStep, rules: House) -> list[str]:
    found = guard.warnings(Words(step.subject, step.body, step.channel, offer=step.offer_said), rules)
    for language, said in step.translations.items():
        words = Words(said["subject"], said["body"], step.channel, language, step.offer_said)
        found += [f"In {language}: {text}" for text in guard.warnings(words, rules)]
    return found
