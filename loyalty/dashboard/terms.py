"""The terms of the programme: when points can be used, when they expire, what a return takes, tiers and referrals."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from config.shared.access import needs
from config.shared.errors import DomainError
from config.shared.forms import ActionForm
from config.shared.htmx import page
from loyalty.actions import programme as actions
from loyalty.models import Programme, ReferralMilestone
from loyalty.queries.terms import terms

GROUPS = (
    ("Earning", "coins", ("earning", "point_value")),
    ("When points can be used", "hourglass", ("pending", "pending_days", "pending_event")),
    ("When points expire", "calendar-off", ("expiry", "expiry_days", "expires_on")),
    ("Returns and holds", "receipt-refund", ("return_policy", "hold_minutes")),
    ("Tiers", "trophy", ("tier_basis", "tier_window_days", "tier_grace_days")),
    (
        "Bringing friends",
        "users-plus",
        ("referrer_points", "friend_points", "referral_minimum", "referrals_per_month", "milestones"),
    ),
)


class TermsForm(ActionForm):
    milestones = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "3 = 100\n10 = 500"}),
        help_text="One a line: for how many friends who bought, and how many points on top.",
    )

    class Meta:
        model = Programme
        fields = tuple(name for _, _, names in GROUPS for name in names if name != "milestones")
        labels = {
            "earning": "Several rules fit",
            "point_value": "What one point is worth",
            "pending_days": "Days",
            "pending_event": "Event",
            "expiry_days": "Days",
            "expires_on": "Day of the year",
            "return_policy": "A return takes back",
            "hold_minutes": "A held reward waits, in minutes",
            "tier_basis": "Tiers rest on",
            "tier_window_days": "Counted over, in days",
            "tier_grace_days": "Grace before a tier is lost, in days",
            "referrer_points": "Points for who brings a friend",
            "friend_points": "Points for the friend",
            "referral_minimum": "The friend's first order is at least",
            "referrals_per_month": "Friends a month without review",
        }
        help_texts = {"expires_on": "Month and day, such as 12-31."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = ReferralMilestone.objects.values_list("friends", "points")
        self.initial["milestones"] = "\n".join(f"{friends} = {points}" for friends, points in known)
        self.fields["pending_event"].required = False

    def clean_milestones(self) -> dict[int, int]:
        milestones = {}
        for line in filter(str.strip, self.cleaned_data["milestones"].splitlines()):
            friends, _, points = line.partition("=")
            try:
                milestones[int(friends)] = int(points)
            except ValueError:
                raise forms.ValidationError(f"“{line.strip()}” is no milestone: write it as 3 = 100.") from None
        return milestones

    def groups(self) -> list[tuple[str, str, list[forms.BoundField]]]:
        return [(title, icon, [self[name] for name in names]) for title, icon, names in GROUPS]


@require_http_methods(["GET", "POST"])
@needs("loyalty.view_programme")
def terms_page(request: HttpRequest) -> HttpResponse:
    may_edit = request.user.has_perm("loyalty.change_programme")
    if request.method == "POST" and not may_edit:
        raise PermissionDenied
    form = TermsForm(request.POST or None, instance=terms())
    if form.is_valid():
        try:
            actions.change_terms(**form.cleaned_data)
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Saved. Points given before keep the terms they were given under.")
            return redirect("loyalty:terms")
    context = {"form": form, "may_edit": may_edit}
    return page(request, "loyalty/terms.html", context, status=422 if form.errors else 200)
