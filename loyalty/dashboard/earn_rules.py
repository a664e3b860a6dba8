"""Earn rules: the list in the order they are asked, the editor, and a basket to try a draft with."""

from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from config.shared.access import needs
from config.shared.errors import DomainError
from config.shared.forms import ActionForm, DateInput, MomentInput, TimeInput
from config.shared.htmx import page
from loyalty.actions import earn_rules as actions
from loyalty.models import EarnRule, Member, Programme, Store, Tier
from loyalty.queries import programme as queries
from loyalty.queries.at_the_till import the_one
from loyalty.queries.basket import BasketLine, examine
from loyalty.queries.brand import business
from loyalty.queries.earning import rule_of
from loyalty.queries.programme import categories
from loyalty.queries.segments import segments
from loyalty.queries.terms import terms
from loyalty.rules.earning_words import words_of

VIEW = needs("loyalty.view_earnrule")
CHANGE = needs("loyalty.change_earnrule")
HOW = {
    Programme.Earning.FIRST: "The first rule that fits gives points, and the first multiplier goes with it.",
    Programme.Earning.ADDITIVE: "All rules that fit add up. Each multiplier multiplies what the others give.",
}
WEEKDAYS = [(str(n), name) for n, name in enumerate(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"))]


class EarnRuleForm(ActionForm):
    """The rule, with its conditions and brackets as fields a person can fill in."""

    brackets_text = forms.CharField(
        label="Brackets",
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "placeholder": "50 = 100\n100 = 250"}),
        help_text="One a line: from which total on, and how many points. The highest that is reached counts.",
    )
    categories = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    skus = forms.CharField(
        label="Products (SKU)", required=False, max_length=4000, help_text="Separated by commas. Empty: any."
    )
    stores = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    weekdays = forms.MultipleChoiceField(
        label="Days of the week", required=False, choices=WEEKDAYS, widget=forms.CheckboxSelectMultiple
    )
    from_time = forms.TimeField(label="From", required=False, widget=TimeInput, help_text="By the store's clock.")
    to_time = forms.TimeField(label="To", required=False, widget=TimeInput)
    tiers = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    segments = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)

    class Meta:
        model = EarnRule
        fields = (
            "name", "trigger", "event_name", "segment", "effect", "points_per_unit", "points", "multiplier",
            "minimum_total", "starts_on", "ends_on", "cap_points", "cap_times", "cap_period", "priority", "is_active",
        )  # fmt: skip
        labels = {
            "trigger": "It earns when",
            "event_name": "Event",
            "effect": "What it gives",
            "minimum_total": "Smallest order",
            "starts_on": "First day",
            "ends_on": "Last day",
            "cap_points": "Most points a member gets",
            "cap_times": "Most times a member earns",
            "cap_period": "Counted within",
            "is_active": "In use",
        }
        help_texts = {
            "event_name": "As a backend or a point of sale sends it. Events of websites and apps give no points.",
            "points": "",
            "multiplier": "2 doubles what the other rules give.",
            "minimum_total": "Orders below it earn nothing by this rule.",
            "starts_on": "Leave empty to begin at once.",
            "ends_on": "Leave empty for no end.",
            "cap_points": "Leave empty for no limit.",
            "cap_times": "",
        }
        widgets = {"starts_on": DateInput, "ends_on": DateInput}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._offer("categories", [(name, name) for name in categories()])
        self._offer("stores", list(Store.objects.order_by("name").values_list("code", "name")))
        self._offer("tiers", [(str(pk), name) for pk, name in Tier.objects.values_list("pk", "name")])
        known = [(str(each.pk), each.name) for each in segments()]
        self._offer("segments", known)
        for name in ("points", "points_per_unit", "multiplier", "minimum_total"):
            self.fields[name].required = False
        if self.instance.pk:
            self._show(self.instance)

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        field.choices = choices  # type: ignore[attr-defined]
        if not choices:
            field.widget = forms.MultipleHiddenInput()

    def _show(self, rule: EarnRule) -> None:
        asked = rule.conditions
        for name in ("categories", "stores"):
            self.initial[name] = asked.get(name, [])
        for name in ("weekdays", "tiers", "segments"):
            self.initial[name] = [str(each) for each in asked.get(name, [])]
        self.initial["skus"] = ", ".join(asked.get("skus", []))
        self.initial.update({name: asked.get(name) for name in ("from_time", "to_time")})
        self.initial["brackets_text"] = "\n".join(f"{each['from']} = {each['points']}" for each in rule.brackets)

    def clean_brackets_text(self) -> list[dict[str, Any]]:
        brackets = []
        for line in self.cleaned_data["brackets_text"].splitlines():
            start, _, points = line.partition("=")
            if not line.strip():
                continue
            try:
                brackets.append({"from": str(Decimal(start.strip())), "points": int(points)})
            except (InvalidOperation, ValueError):
                raise forms.ValidationError(f"“{line.strip()}” is no bracket: write it as 50 = 100.") from None
        return brackets

    def wishes(self) -> dict[str, Any]:
        """The fields of `save_earn_rule`."""
        given = dict(self.cleaned_data)
        brackets = given.pop("brackets_text")
        conditions: dict[str, Any] = {name: given.pop(name) for name in ("categories", "stores")}
        conditions |= {name: [int(each) for each in given.pop(name)] for name in ("weekdays", "tiers", "segments")}
        conditions["skus"] = [sku.strip() for sku in given.pop("skus").split(",") if sku.strip()]
        for name in ("from_time", "to_time"):
            clock: time | None = given.pop(name)
            conditions[name] = clock.isoformat("minutes") if clock else None
        defaults = {"points": 0, "points_per_unit": Decimal(0), "multiplier": Decimal(1), "minimum_total": Decimal(0)}
        return (
            given
            | {name: given[name] if given[name] is not None else value for name, value in defaults.items()}
            | {"conditions": {name: value for name, value in conditions.items() if value}}
            | {"brackets": brackets}
        )


class BasketForm(forms.Form):
    """A basket of one line, to try a rule with."""

    try_amount = forms.DecimalField(label="Total", min_value=0, max_value=100_000, decimal_places=2, initial=50)
    try_category = forms.ChoiceField(label="Category", required=False)
    try_member = forms.CharField(
        label="Member",
        required=False,
        max_length=64,
        help_text="A customer number, email or phone. Empty: a new member.",
    )
    try_at = forms.DateTimeField(
        label="When", required=False, widget=MomentInput, help_text="By the store's clock. Empty: now."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["try_category"].choices = [("", "Any"), *((name, name) for name in categories())]  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Row:
    rule: EarnRule
    words: str


@require_GET
@VIEW
def earn_rule_list(request: HttpRequest) -> HttpResponse:
    rules = list(queries.earn_rules())
    names = _names()
    context = {
        "rows": [Row(rule, words_of(rule_of(rule), **names)) for rule in rules],
        "may_change": request.user.has_perm("loyalty.change_earnrule"),
        "subtitle": HOW[Programme.Earning(terms().earning)],
    }
    return page(request, "loyalty/earn_rules.html", context)


@require_http_methods(["GET", "POST"])
@CHANGE
def earn_rule_edit(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    rule = None if pk is None else get_object_or_404(EarnRule, pk=pk)
    form = EarnRuleForm(request.POST or None, instance=rule)
    if form.is_valid():
        try:
            actions.save_earn_rule(rule=rule, **form.wishes())
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Saved. It holds from now on; points already entered stay.")
            return redirect("loyalty:earn-rules")
    context = {"form": form, "rule": rule, "basket": BasketForm()}
    return page(request, "loyalty/earn_rule_form.html", context, status=422 if form.errors else 200)


@require_POST
@CHANGE
def earn_rule_try(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """What a basket would earn with the draft in the form. Nothing is written."""
    rule = None if pk is None else get_object_or_404(EarnRule, pk=pk)
    form, basket = EarnRuleForm(request.POST, instance=rule), BasketForm(request.POST)
    context: dict[str, Any] = {}
    if not basket.is_valid():
        context["fault"] = "Give the basket a total of 0 or more."
    elif not form.is_valid():
        context["fault"] = "Mend the rule first: " + " ".join(
            str(error) for errors in form.errors.values() for error in errors
        )
    else:
        try:
            draft = actions.draft_of(rule, **form.wishes())
            draft.pk = rule.pk if rule else None
            tried, member = _tried(basket.cleaned_data, draft)
            gives = any(part.rule == draft.name for part in tried.rules)
            context |= {"tried": tried, "member": member, "silent": None if gives else draft.name}
        except DomainError as refusal:
            context["fault"] = str(refusal)
    return page(request, "loyalty/earn_rule_tried.html", context)


def _tried(asked: dict[str, Any], draft: EarnRule) -> tuple[Any, Member | None]:
    named = asked["try_member"].strip()
    member = the_one(named) if named else None
    line = BasketLine(
        sku="", category=asked["try_category"], quantity=Decimal(1), amount=asked["try_amount"] or Decimal(0)
    )
    store = member.home_store if member else Store.objects.order_by("pk").first()
    at = _by_the_clock_of(store, asked["try_at"]) if asked["try_at"] else timezone.now()
    return examine(member=member, lines=[line], store=store, at=at, draft=draft), member


def _by_the_clock_of(store: Store | None, at: datetime) -> datetime:
    """The hour as somebody typed it, read where the store is: that is how rules mean their hours."""
    return timezone.make_naive(at).replace(tzinfo=ZoneInfo(store.time_zone if store else settings.TIME_ZONE))


def _names() -> dict[str, Any]:
    return {
        "currency": business().currency,
        "stores": dict(Store.objects.values_list("code", "name")),
        "tiers": dict(Tier.objects.values_list("pk", "name")),
        "segments": {each.pk: each.name for each in segments()},
    }
