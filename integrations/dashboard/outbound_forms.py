"""What is asked when a destination is set up or changed. What its kind wants to know is in the kind's own form."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.utils import timezone

from config.shared.forms import MomentInput
from integrations.models import Destination
from integrations.outbound.base import Kind
from integrations.outbound.managing import HIDDEN
from integrations.outbound.notices import GROUPS, Told, told

WARNING = (
    "Names, emails and phone numbers then leave this house with every event. That is for somebody who may have them, "
    "such as a processor you have a contract with, and who forgets a member when member.left comes."
)


class DestinationForm(forms.Form):
    """`events` are check boxes, a field for each app they come from.

    With `only_name` the rest is shown, and none of it is taken.
    """

    name = forms.CharField(max_length=80, help_text="For you to recognise it by.")
    secret = forms.CharField(
        max_length=200,
        strip=True,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    tells_people = forms.BooleanField(required=False, label="Say who each event is about: name, email and phone")

    def __init__(
        self, *args: Any, kind: type[Kind], is_new: bool, may_tell_people: bool, only_name: bool, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        if kind.asks_for:
            secret = self.fields["secret"]
            secret.label, secret.required = kind.asks_for, is_new
            secret.help_text = (
                "Kept sealed and never shown." if is_new else "Leave it empty to keep the one you entered."
            )
        else:
            del self.fields["secret"]
        if not may_tell_people:
            del self.fields["tells_people"]
        for group in dict.fromkeys(each.group for each in told().values()):
            self.fields[f"events_{group}"] = forms.MultipleChoiceField(
                choices=[(each.name, each.name) for each in told().values() if each.group == group],
                label=GROUPS.get(group, group.capitalize()),
                required=False,
                widget=forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"}),
            )
        self.only_name = only_name
        if only_name:
            disable(self, but="name")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.only_name and set(self.data) - {"name", "csrfmiddlewaretoken"}:
            raise forms.ValidationError(HIDDEN)
        cleaned["events"] = [name for field in self._event_fields() for name in cleaned.get(field, [])]
        if not cleaned["events"]:
            self.add_error(None, "Choose at least one event.")
        return cleaned

    def _event_fields(self) -> list[str]:
        return [name for name in self.fields if name.startswith("events_")]

    def groups(self) -> Iterator[tuple[forms.BoundField, list[tuple[Any, Told]]]]:
        """Each group of events, and each check box with what it is about."""
        for name in self._event_fields():
            yield self[name], [(option, told()[option.data["value"]]) for option in self[name]]


def disable(form: forms.Form, *, but: str = "") -> None:
    """Its fields are shown, and keep what they have whatever is sent."""
    for name, field in form.fields.items():
        field.disabled = name != but


def initial_of(destination: Destination) -> dict[str, Any]:
    chosen: dict[str, list[str]] = {}
    for name in destination.events:
        if name in told():
            chosen.setdefault(f"events_{told()[name].group}", []).append(name)
    return {"name": destination.name, "tells_people": destination.tells_people, **chosen, **destination.options}


class TestForm(forms.Form):
    """`event`: one of those the destination is told of."""

    def __init__(self, *args: Any, destination: Destination, **options: Any) -> None:
        super().__init__(*args, **options)
        choices = [(name, name) for name in destination.events if name in told()]
        self.fields["event"] = forms.ChoiceField(label="Event", choices=choices)


class ReplayForm(forms.Form):
    since = forms.DateTimeField(
        widget=MomentInput, help_text="Everything that failed of what happened since then is told once more."
    )

    def clean_since(self) -> Any:
        since = self.cleaned_data["since"]
        if since > timezone.now():
            raise forms.ValidationError("This is in the future. Enter when the trouble began.")
        return since
