from calendar import day_name
from datetime import date, timedelta
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.db.models import Q
from django.utils.formats import date_format

from campaigns.models import Campaign, Offer, Plan, PlanStep, Playbook
from campaigns.queries.templates import in_use
from campaigns.rules import wording
from campaigns.writing import press
from config.shared.forms import DateInput, TimeInput
from integrations.channels.base import available_channels
from loyalty.models import Consent, Score, Segment


class SegmentsField(forms.ModelMultipleChoiceField):
    """Each segment with how many members it had when it was last counted."""

    def label_from_instance(self, segment: Segment) -> str:
        if segment.member_count is None:
            return f"{segment.name}, not counted yet"
        return f"{segment.name}, {segment.member_count:,} member{'' if segment.member_count == 1 else 's'}"


class CampaignForm(forms.ModelForm):
    segments = SegmentsField(
        Segment.objects.filter(archived_at=None),
        widget=forms.CheckboxSelectMultiple,
        label="Whom it is for",
        help_text="Members in any of these segments.",
    )

    repeats_on = forms.TypedChoiceField(
        label="Repeats each week",
        choices=[("", "Does not repeat"), *((number, f"From {name}") for number, name in enumerate(day_name))],
        coerce=int,
        empty_value=None,
        required=False,
        help_text="Three days before, next week is drafted like this one, and its owner is told that it waits.",
    )

    class Meta:
        model = Campaign
        fields = (
            *("name", "goal", "starts_on", "ends_on", "segments", "follows_goal", "budget", "audience_limit"),
            *("holdout_percent", "repeats_on"),
        )
        labels = {
            "repeats_on": "Repeats each week",
            "follows_goal": "Only those of them whom the goal is about",
            "starts_on": "First day",
            "ends_on": "Last day",
            "audience_limit": "Members at most",
            "holdout_percent": "Held out, in percent",
        }
        help_texts = {
            "goal": "In plain words: what should be different when it is over?",
            "ends_on": "A plan covers up to seven days from the first.",
            "budget": "What the offers may cost if everybody takes them up. Leave empty for no limit.",
            "follows_goal": (
                "“Win back” is about members who stay away, “not to champions” leaves these out; the plan says what "
                "was understood. Without it, or where the goal names nobody, whoever brings most is written to."
            ),
            "audience_limit": "The best-ranked members are taken.",
            "holdout_percent": (
                "So many of them, drawn by lot, get nothing of this campaign: what they buy all the same shows what it "
                "brought. With 0 everybody gets it, and nobody can say what it brought."
            ),
        }
        widgets = {"goal": forms.Textarea(attrs={"rows": 3}), "starts_on": DateInput, "ends_on": DateInput}

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
        if self.instance.pk is None:
            self.fields["follows_goal"].initial = True
        if self.instance.series_id:  # the campaign that drafted it repeats
            del self.fields["repeats_on"]

    def clean_starts_on(self) -> date:
        first: date = self.cleaned_data["starts_on"]
        if first < self.today and "starts_on" in self.changed_data:  # what has begun keeps its own
            today = date_format(self.today, "F j")
            raise forms.ValidationError(f"This day has passed. Choose today, {today}, or a later day.")
        return first

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        first, last = data.get("starts_on"), data.get("ends_on")
        if first and last and last < first:
            self.add_error("ends_on", "The last day is before the first.")
        if first and last and last - first > timedelta(days=366):
            self.add_error("ends_on", "A campaign lasts a year at most.")
        return data


class WordsForm(forms.ModelForm):
    """What a step says and wears: all that can change while its messages leave. `others` are its other languages."""

    class Meta:
        model = PlanStep
        fields: tuple[str, ...] = ("template", "offer", "subject", "body")
        widgets: ClassVar[dict[str, Any]] = {"body": forms.Textarea(attrs={"rows": 9})}
        labels = {"body": "Text"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offers, templates = self.fields["offer"], self.fields["template"]
        # What it has stays to be chosen, in use or not: nobody loses it by mending a word.
        offered = Q(is_active=True, playbooks=self.instance.playbook) | Q(pk=self.instance.offer_id)
        offers.queryset = Offer.objects.filter(offered).distinct()  # type: ignore[attr-defined]
        offers.empty_label = "No offer"  # type: ignore[attr-defined]
        templates.queryset = in_use(or_else=self.instance.template_id)  # type: ignore[attr-defined]
        default = press.default_template()
        templates.empty_label = f"The default ({default or 'plain letter'})"  # type: ignore[attr-defined]
        self._languages = {code: name for code, name in settings.LANGUAGES if code != press.BASE_LANGUAGE}
        for code, name in self._languages.items():
            words = self.instance.translations.get(code, {})
            self.fields[f"subject_{code}"] = forms.CharField(
                label=f"Subject in {name}", max_length=150, required=False, initial=words.get("subject", "")
            )
            self.fields[f"body_{code}"] = forms.CharField(
                label=f"Text in {name}",
                required=False,
                widget=forms.Textarea(attrs={"rows": 7}),
                initial=words.get("body", ""),
            )

    @property
    def own(self) -> list[forms.BoundField]:
        return [field for field in self if "_" not in field.name or field.name == "send_at"]

    @property
    def others(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The fields of each other language, under its name."""
        return [(name, [self[f"subject_{code}"], self[f"body_{code}"]]) for code, name in self._languages.items()]

    def clean_body(self) -> str:
        return _with_plain_lines(self.cleaned_data["body"])

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        data["translations"] = {}
        for code in self._languages:
            subject, body = data.pop(f"subject_{code}", ""), _with_plain_lines(data.pop(f"body_{code}", ""))
            if bool(subject) != bool(body):
                self.add_error(f"{'body' if subject else 'subject'}_{code}", "Write both, or neither.")
            elif body:
                data["translations"][code] = {"subject": subject, "body": body}
        return data


class AnewForm(forms.Form):
    """What a new plan is asked for with, in place of one that is there."""

    note = forms.CharField(
        label="What should be different?",
        max_length=Plan._meta.get_field("note").max_length,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "Nothing on Monday, and no offers"}),
        help_text="Said to the planner beside the goal. The built-in rules read in it what they read in a goal: groups,"
        " categories, weekdays, channels, “no offers”.",
    )
    losing = forms.IntegerField(min_value=0, required=False, widget=forms.HiddenInput)


class StepForm(WordsForm):
    class Meta(WordsForm.Meta):
        fields = ("day", "timing", "send_at", "template", "offer", "subject", "body")
        widgets = {**WordsForm.Meta.widgets, "send_at": TimeInput}
        labels = {**WordsForm.Meta.labels, "timing": "When", "send_at": "Time"}
        help_texts = {
            "send_at": "For the best hour: the time where neither the member's nor their store's is known.",
        }

    def __init__(self, *args: Any, days: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["day"] = forms.TypedChoiceField(
            choices=[(day, f"{date.fromisoformat(day):%A, %d %B}") for day in days],
            coerce=forms.DateField().to_python,
        )


class PlaybookForm(forms.ModelForm):
    channels = forms.MultipleChoiceField(
        choices=[(value, label) for value, label in Consent.Channel.choices if value in available_channels()],
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = Playbook
        fields = ("name", "group", "aim", "tone", "channels", "offers", "template", "subject", "body", "is_active")
        labels = {"body": "Text", "is_active": "In use"}
        widgets = {"body": forms.Textarea(attrs={"rows": 9}), "offers": forms.CheckboxSelectMultiple}
        help_texts = {
            "subject": (
                "A subject that works. Words in {{ }} are filled in for each member, such as {{ member.first_name }}."
            ),
            "body": "A text that works. Words in {{ }} are filled in for each member.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if templates := self.fields.get("template"):  # the admin shows no field to who may only look
            templates.queryset = in_use()  # type: ignore[attr-defined]
            templates.empty_label = "The default"  # type: ignore[attr-defined]
        if group := self.fields.get("group"):
            first = [] if self.instance.pk else [("", "Choose a group")]
            group.choices = [*first, *Score.Group.choices]  # type: ignore[attr-defined]

    def clean_subject(self) -> str:
        return _readable(self.cleaned_data["subject"])

    def clean_body(self) -> str:
        return _readable(_with_plain_lines(self.cleaned_data["body"]))


class OfferForm(forms.ModelForm):
    class Meta:
        model = Offer
        fields = ("name", "code", "wording", "cost", "is_active")
        labels = {"cost": "Cost when one person takes it up", "is_active": "In use"}


def _with_plain_lines(text: str) -> str:
    """Browsers end lines with CR LF."""
    return text.replace("\r\n", "\n")


def _readable(text: str) -> str:
    if fault := wording.fault_in(text):
        raise forms.ValidationError(fault)
    return text
