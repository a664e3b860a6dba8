"""Settings: the brand, the people, the trail of changes."""

from dataclasses import astuple
from datetime import datetime

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from config.shared.access import needs
from config.shared.exports import csv_response
from config.shared.htmx import page
from loyalty.actions import business as business_actions
from loyalty.actions import people as people_actions
from loyalty.models import Business, Invitation, User
from loyalty.queries import audit, brand, people

SHOWN = 50


class BusinessForm(forms.ModelForm):
    class Meta:
        model = Business
        fields = ("name", "vertical", "accent", "currency", "website", "address", "legal_age")
        widgets = {"accent": forms.TextInput(attrs={"type": "color"})}
        labels = {"vertical": "What you sell"}


class LogoForm(forms.Form):
    logo = forms.FileField(help_text="PNG, JPEG or WebP, up to 2 MB. Shown at most 256 pixels high.")


class InvitationForm(forms.Form):
    email = forms.EmailField()
    role = forms.ChoiceField(choices=[(role, role) for role in reversed(people.ROLES)])


class AcceptForm(forms.Form):
    name = forms.CharField(label="Your name", max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    password = forms.CharField(
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least 12 characters. A few words in a row are easy to remember and hard to guess.",
    )


@require_http_methods(["GET", "POST"])
@needs("loyalty.view_business")
def brand_page(request: HttpRequest) -> HttpResponse:
    may_edit = request.user.has_perm("loyalty.change_business")
    if request.method == "POST" and not may_edit:
        raise PermissionDenied
    form = BusinessForm(request.POST or None, instance=brand.business())
    if form.is_valid():
        business_actions.change_business(**form.cleaned_data)
        messages.success(request, "Saved.")
        return redirect("loyalty:settings")
    context = {"form": form, "logo_form": LogoForm(), "may_edit": may_edit}
    return page(request, "loyalty/settings_brand.html", context, status=422 if form.errors else 200)


@require_POST
@needs("loyalty.change_business")
def logo_change(request: HttpRequest) -> HttpResponse:
    if request.POST.get("remove"):
        business_actions.remove_logo()
    elif (form := LogoForm(request.POST, request.FILES)).is_valid():
        business_actions.change_logo(content=form.cleaned_data["logo"].read(business_actions.LARGEST_LOGO + 1))
    else:
        messages.error(request, "Choose a picture first.")
        return redirect("loyalty:settings")
    messages.success(request, "Saved.")
    return redirect("loyalty:settings")


@require_safe
@cache_control(public=True, max_age=31_536_000, immutable=True)
def brand_logo(request: HttpRequest) -> HttpResponse:
    row = Business.objects.exclude(logo_digest="").first()
    if row is None:
        raise Http404("This business has no logo of its own.")
    return HttpResponse(bytes(row.logo), content_type="image/png")


@require_safe
@cache_control(public=True, max_age=31_536_000, immutable=True)
def brand_css(request: HttpRequest) -> HttpResponse:
    """The accent colour as a stylesheet: no page needs an inline style for it."""
    look = brand.brand()
    rules = (
        f":root{{--regulars-accent:{look.accent};--regulars-accent-on:{look.accent_on};"
        f"--regulars-accent-strong-light:{look.accent_strong_light};"
        f"--regulars-accent-strong-dark:{look.accent_strong_dark}}}\n"
    )
    return HttpResponse(rules, content_type="text/css")


@require_GET
@needs("loyalty.view_user")
def people_page(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    context = {
        "people": [(user, people.role_of(user)) for user in people.people()],
        "invitations": people.open_invitations(now).filter(partner=None),
        "form": InvitationForm(),
        "roles": people.ROLES,
        "may_manage": request.user.has_perm("loyalty.manage_people"),
    }
    return page(request, "loyalty/settings_people.html", context)


@require_POST
@needs("loyalty.manage_people")
def person_invite(request: HttpRequest) -> HttpResponse:
    form = InvitationForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
    else:
        invitation = people_actions.invite(**form.cleaned_data, by=request.user, now=timezone.now())
        messages.success(request, f"{invitation.email} gets an email with a link, valid for a week.")
    return redirect("loyalty:people")


@require_POST
@needs("loyalty.manage_people")
def invitation_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    people_actions.withdraw_invitation(invitation=get_object_or_404(Invitation, pk=pk), now=timezone.now())
    messages.info(request, "Withdrawn.")
    return redirect("loyalty:people")


@require_POST
@needs("loyalty.manage_people")
def person_change(request: HttpRequest, pk: int) -> HttpResponse:
    user, role = get_object_or_404(User, pk=pk), request.POST.get("role", "")
    if role in people.ROLES:
        people_actions.change_role(user=user, role=role)
        messages.success(request, f"{user.get_full_name()} is {role} now.")
    elif "active" in request.POST:
        people_actions.set_active(user=user, is_active=request.POST["active"] == "yes", now=timezone.now())
        messages.success(request, f"{user.get_full_name()} {'may sign in' if user.is_active else 'is on leave'}.")
    return redirect("loyalty:people")


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def invitation_accept(request: HttpRequest, token: str) -> HttpResponse:
    now, form = timezone.now(), AcceptForm(request.POST or None)
    try:
        invitation = people_actions.invitation_for(token, now=now)
        if form.is_valid() and (user := _joined(form, token, now)):
            login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
            return redirect("analytics:home")
    except people_actions.InvitationGone as refusal:
        return render(request, "public/invitation.html", {"refusal": str(refusal)}, status=410)
    context = {"invitation": invitation, "form": form}
    return render(request, "public/invitation.html", context, status=422 if form.errors else 200)


def _joined(form: AcceptForm, token: str, now: datetime) -> User | None:
    try:
        return people_actions.accept_invitation(token=token, **form.cleaned_data, now=now)
    except people_actions.BadPassword as refusal:
        form.add_error("password", str(refusal))
        return None


@require_GET
@needs("loyalty.view_audit")
def audit_page(request: HttpRequest) -> HttpResponse:
    search, model = request.GET.get("q", "").strip(), request.GET.get("model", "")
    rows = audit.changes(search=search, model=model)
    if request.GET.get("format") == "csv":
        lines = (astuple(audit.in_words(entry)) for entry in rows.iterator())
        return csv_response("changes.csv", ("when", "who", "did", "what", "thing", "values"), lines)
    entries = Paginator(rows, SHOWN).get_page(request.GET.get("page"))
    context = {
        "entries": entries,
        "changes": [audit.in_words(entry) for entry in entries],
        "q": search,
        "model": model,
        "selects": [{"name": "model", "label": "What", "value": model, "options": audit.models_changed()}],
    }
    return page(request, "loyalty/settings_audit.html", context, partials=("changes",))
