"""Filters and block tags of the pages: how money, numbers, times and form controls look. `{% load tags %}`."""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from babel.numbers import format_compact_decimal, format_currency, format_decimal, format_percent
from django import forms, template
from django.core.serializers.json import DjangoJSONEncoder
from django.forms import BoundField
from django.template.context import Context
from django.template.defaultfilters import date as format_date
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.timezone import localtime, now

register = template.Library()

LOCALE = "en_US"
ABSENT = "–"  # the dash for no value
Number = int | float | Decimal


@register.filter
def money(value: Number | None, currency: str = "USD") -> str:
    """`{{ order.total|money:order.currency }}` gives $1,234.50."""
    return ABSENT if value is None else format_currency(value, currency or "USD", locale=LOCALE)


@register.filter
def roughly(value: Number | None, currency: str = "USD") -> str:
    """Money that is only estimated, in two significant figures, and from 10 up without cents: $140, $4.20."""
    if not value:
        return ABSENT if value is None else _whole(0, currency)
    rough = float(f"{value:.2g}")
    return _whole(rough, currency) if abs(rough) >= 10 else money(rough, currency)


def _whole(value: Number, currency: str) -> str:
    return format_currency(value, currency or "USD", format="¤#,##0", currency_digits=False, locale=LOCALE)


@register.filter
def number(value: Number | None) -> str:
    """1,234,567, and at most two decimals."""
    return ABSENT if value is None else format_decimal(value, format="#,##0.##", locale=LOCALE)


@register.filter
def compact(value: Number | None) -> str:
    """1.2M, for places too narrow for the whole number."""
    return ABSENT if value is None else format_compact_decimal(value, locale=LOCALE, fraction_digits=1)


@register.filter
def points(value: int | None) -> str:
    """1 point, 1,234 points."""
    if value is None:
        return ABSENT
    return f"{number(value)} {'point' if abs(value) == 1 else 'points'}"


@register.filter
def percent(value: Number | None, digits: int = 1) -> str:
    """A share of one: 0.125 gives 12.5%."""
    if value is None:
        return ABSENT
    pattern = "#,##0" + ("." + "#" * digits if digits else "") + "%"
    return format_percent(value, format=pattern, locale=LOCALE)


@register.filter
def moment(value: datetime | None) -> SafeString | str:
    """A date and time in the current time zone, machine-readable too."""
    if value is None:
        return ABSENT
    return format_html(
        '<time datetime="{}">{}</time>', value.isoformat(), format_date(localtime(value), "M j, Y, g:i a")
    )


@register.filter
def ago(value: datetime | None, at: datetime | None = None) -> SafeString | str:
    """How long before (or after) `at`, which is now unless given; the exact time is in the tooltip."""
    if value is None:
        return ABSENT
    at = at or now()
    distance = timesince(min(value, at), max(value, at), depth=1)
    words = f"{distance} ago" if value <= at else f"in {distance}"
    if distance.startswith("0"):
        words = "just now"
    exact = format_date(localtime(value), "M j, Y, g:i a")
    return format_html('<time datetime="{}" title="{}">{}</time>', value.isoformat(), exact, words)


@register.filter
def initials(name: str) -> str:
    """Ada Lovelace gives AL; an email address gives its first letter."""
    words = [word for word in str(name).partition("@")[0].split() if word[0].isalnum()]
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "?"


@register.filter
def hue(name: str) -> int:
    """One of six avatar colours, the same for the same name always."""
    return sum(map(ord, str(name))) % 6 + 1


@register.filter
def as_json(value: Any) -> str:
    """For an attribute. A script of data would be taken out of whatever htmx puts into a page."""
    return json.dumps(value, cls=DjangoJSONEncoder)


@register.filter
def chart_rows(chart: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """The rows of a chart's table: each label with its value in every series, written as the chart writes it."""
    columns = [series["values"] for series in chart["series"]]
    write = {"money": lambda value: money(value, chart.get("currency", "USD")), "percent": percent}.get(
        chart.get("format", "number"), number
    )
    return [
        (label, [write(value) for value in values])
        for label, values in zip(chart["labels"], zip(*columns, strict=True), strict=True)
    ]


_CONTROLS = (
    (forms.CheckboxInput, "form-check-input"),
    (forms.CheckboxSelectMultiple, "form-check-input"),
    (forms.RadioSelect, "form-check-input"),
    (forms.Select, "form-select"),
    (forms.HiddenInput, ""),
    (forms.Widget, "form-control"),
)


@register.filter
def styled(field: BoundField) -> BoundField:
    """The field with the classes its control needs; `components/field.html` draws it."""
    widget = field.field.widget
    look = next(classes for kind, classes in _CONTROLS if isinstance(widget, kind))
    invalid = "is-invalid" if field.errors else ""
    wanted = dict.fromkeys(f"{widget.attrs.get('class', '')} {look} {invalid}".split())
    widget.attrs["class"] = " ".join(wanted)
    return field


@register.simple_block_tag(takes_context=True)
def card(context: Context, content: str, **options: Any) -> str:
    """`{% card title="Points" %}...{% endcard %}`; the options are described in components/card.html."""
    return render_to_string("components/card.html", {**options, "content": content})


@register.simple_block_tag(takes_context=True)
def dialog(context: Context, content: str, **options: Any) -> str:
    """`{% dialog id="invite" title="Invite" %}...{% enddialog %}`, opened by a button with `commandfor="invite"`."""
    return render_to_string("components/dialog.html", {**options, "content": content})
