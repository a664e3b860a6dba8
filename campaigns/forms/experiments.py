from collections.abc import Iterator
from typing import Any, ClassVar

from django import forms
from django.conf import settings

from campaigns.actions.wordings import Words
from campaigns.models import Experiment, PlanStep, Variant
from campaigns.models.experiments import LETTERS
from campaigns.queries.templates import in_use
from campaigns.writing import press


class ExperimentForm(forms.ModelForm):
    """How a step is tried, and up to four other wordings; what is left empty is as in A."""

    class Meta:
        model = Experiment
        fields = ("measure", "decides", "hours", "test_percent", "own_weight")
        labels: ClassVar = {
            "measure": "What decides",
            "decides": "When the rest get the winner",
            "hours": "Hours after the first message",
            "test_percent": "Take part in the test, in percent",
            "own_weight": "Weight of A",
        }
        help_texts: ClassVar = {
            "hours": "Clicks need a day, orders a week. Without a clear winner the rest get A.",
            "test_percent": "The others wait for the winner, and get it at the hour that was planned for them.",
            "own_weight": "Against the weights below: 1 to 1 is half each.",
        }

    def __init__(self, *args: Any, step: PlanStep, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._languages = {code: name for code, name in settings.LANGUAGES if code != press.BASE_LANGUAGE}
        known = {variant.letter: variant for variant in self.instance.variants.all()} if self.instance.pk else {}
        for letter in LETTERS[1:]:
            self._add(letter, known.get(letter) or Variant(letter=letter), step)

    def _add(self, letter: str, variant: Variant, step: PlanStep) -> None:
        area = forms.Textarea(attrs={"rows": 5})
        self.fields[f"subject_{letter}"] = forms.CharField(
            label="Subject",
            max_length=150,
            required=False,
            initial=variant.subject,
            help_text=f"A says: {step.unfilled_subject}",
        )
        self.fields[f"body_{letter}"] = forms.CharField(
            label="Text", required=False, widget=area, initial=variant.body, help_text="Empty: as in A."
        )
        self.fields[f"template_{letter}"] = forms.ModelChoiceField(
            in_use(or_else=variant.template_id), label="Template", required=False, empty_label="As in A",
            initial=variant.template_id,
        )  # fmt: skip
        self.fields[f"weight_{letter}"] = forms.IntegerField(
            label=f"Weight of {letter}", min_value=1, max_value=100, initial=variant.weight, required=False
        )
        for code, name in self._languages.items():
            words = variant.translations.get(code, {})
            self.fields[f"subject_{letter}_{code}"] = forms.CharField(
                label=f"Subject in {name}", max_length=150, required=False, initial=words.get("subject", "")
            )
            self.fields[f"body_{letter}_{code}"] = forms.CharField(
                label=f"Text in {name}", required=False, widget=forms.Textarea(attrs={"rows": 4}),
                initial=words.get("body", ""),
            )  # fmt: skip

    @property
    def own(self) -> list[forms.BoundField]:
        return [self[name] for name in self.Meta.fields]

    @property
    def wordings(self) -> Iterator[tuple[str, list[forms.BoundField], bool]]:
        """(letter, its fields, whether anything is written there)"""
        for letter in LETTERS[1:]:
            names = [name for name in self.fields if name.split("_")[1:2] == [letter]]
            fields = [self[name] for name in names]
            written = any(field.value() for field in fields if not field.name.startswith("weight"))
            yield letter, fields, bool(written) or any(field.errors for field in fields)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        data["variants"] = []
        for letter in LETTERS[1:]:
            words = self._words(letter, data)
            for name in [name for name in data if name.split("_")[1:2] == [letter]]:
                del data[name]
            if words:
                data["variants"].append(words)
        if not data["variants"]:
            raise forms.ValidationError("Write at least one other subject or text, or choose another template.")
        return data

    def _words(self, letter: str, data: dict[str, Any]) -> Words | None:
        subject, body = (data.get(f"{part}_{letter}") or "" for part in ("subject", "body"))
        template = data.get(f"template_{letter}")
        if not (subject or body or template):
            return None
        translations = {}
        for code in self._languages:
            said = {part: (data.get(f"{part}_{letter}_{code}") or "") for part in ("subject", "body")}
            if bool(said["subject"]) != bool(said["body"]):
                self.add_error(f"{'body' if said['subject'] else 'subject'}_{letter}_{code}", "Write both, or neither.")
            elif said["body"]:
                translations[code] = said | {"body": said["body"].replace("\r\n", "\n")}
        weight = data.get(f"weight_{letter}") or 1
        return Words(
            weight=weight,
            subject=subject,
            body=body.replace("\r\n", "\n"),
            template=template,
            translations=translations,
        )
