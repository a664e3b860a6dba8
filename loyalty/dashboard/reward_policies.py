"""What the law says of rewards: shipped with its source, put in force by the shop."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from config.shared.access import needs
from config.shared.errors import DomainError
from config.shared.forms import ActionForm, DateInput
from config.shared.htmx import page
from loyalty.actions import reward_policies as actions
from loyalty.models import Business, Reward, RewardPolicy
from loyalty.queries import rewards as queries
from loyalty.queries.brand import business
from loyalty.rules.reward_policies import STATES

VIEW, CHANGE = needs("loyalty.view_rewardpolicy"), needs("loyalty.change_rewardpolicy")


class PolicyForm(ActionForm):
    state = forms.ChoiceField(choices=[("", "Choose the state"), *((state, state) for state in STATES)])
    vertical = forms.ChoiceField(label="Trade", choices=Business.Vertical.choices)
    kind = forms.ChoiceField(label="Kind of reward", choices=[("", "Choose the kind"), *Reward.Kind.choices])

    class Meta:
        model = RewardPolicy
        fields = ("state", "vertical", "kind", "is_denied", "reason", "source", "as_of", "is_in_force")
        labels = {
            "is_denied": "Forbidden",
            "as_of": "Read on",
            "is_in_force": "In force",
        }
        help_texts = {"as_of": "When somebody last looked the source up."}
        widgets = {"as_of": DateInput}


@require_GET
@VIEW
def policy_list(request: HttpRequest) -> HttpResponse:
    context = {
        "policies": queries.reward_policies_of_shop(),
        "vertical": business().vertical,
        "verticals": dict(Business.Vertical.choices),
        "may_change": request.user.has_perm("loyalty.change_rewardpolicy"),
    }
    return page(request, "loyalty/reward_policies.html", context)


@require_http_methods(["GET", "POST"])
@CHANGE
def policy_edit(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    policy = None if pk is None else get_object_or_404(RewardPolicy, pk=pk)
    initial = None if policy else {"vertical": business().vertical}
    form = PolicyForm(request.POST or None, instance=policy, initial=initial)
    if form.is_valid():
        try:
            actions.save_reward_policy(policy=policy, **form.cleaned_data)
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Saved. It holds for rewards from now on, offered or redeemed.")
            return redirect("loyalty:reward-policies")
    context = {"form": form, "policy": policy}
    return page(request, "loyalty/reward_policy_form.html", context, status=422 if form.errors else 200)


@require_POST
@CHANGE
def policy_switch(request: HttpRequest, pk: int) -> HttpResponse:
    policy, is_in_force = get_object_or_404(RewardPolicy, pk=pk), request.POST.get("is_in_force") == "yes"
    actions.put_in_force(policy=policy, is_in_force=is_in_force)
    messages.success(request, "It is in force." if is_in_force else "It is not in force any more.")
    return redirect("loyalty:reward-policies")
