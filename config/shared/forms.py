from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.renderers import TemplatesSetting


class Renderer(TemplatesSetting):
    """Draws `{{ form }}` and `{{ form.email.as_field_group }}` with our components."""

    form_template_name = "components/form.html"
    field_template_name = "components/field.html"


class DateInput(forms.DateInput):
    input_type = "date"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="%Y-%m-%d", **kwargs)


class TimeInput(forms.TimeInput):
    input_type = "time"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="%H:%M", **kwargs)


class MomentInput(forms.DateTimeInput):
    """A day and a time in the shop's zone."""

    input_type = "datetime-local"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M", **kwargs)


class ActionForm(forms.ModelForm):
    """A form whose action does the judging, in words: the database would only name the constraint."""

    def _post_clean(self) -> None:
        """Each field is held to its model's validators, such as the largest number its column takes. The row as read
        from the database stays as it is until the action changes it.
        """
        for field in self._meta.model._meta.fields:
            if field.name in self.fields and field.name in self.cleaned_data:
                try:
                    field.run_validators(self.cleaned_data[field.name])
                except ValidationError as fault:
                    self.add_error(field.name, fault)
