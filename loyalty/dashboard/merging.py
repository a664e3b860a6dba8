"""Two members who are one person: side by side, field by field, before anything happens."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from config.shared.access import needs
from config.shared.errors import DomainError
from config.shared.htmx import page
from loyalty.actions import merging as actions
from loyalty.models import Member, MemberMerge
from loyalty.queries import at_the_till

CHANGE = needs("loyalty.change_member", "loyalty.view_pii", "loyalty.add_membermerge")
LABELS = {
    "name": "Name",
    "email": "Email",
    "phone": "Phone",
    "birth_date": "Born",
    "external_id": "Customer number",
    "home_store": "Home store",
    "language": "Language",
}


@dataclass(frozen=True)
class Field:
    """One field of both. `differs` when somebody has to choose."""

    name: str
    label: str
    kept: Any
    merged: Any

    @property
    def differs(self) -> bool:
        return bool(self.kept and self.merged and self.kept != self.merged)


@require_http_methods(["GET", "POST"])
@CHANGE
def member_merge(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """`with` is the other one: an email, phone or customer number, and once they are found, their id."""
    kept = get_object_or_404(at_the_till.members(), public_id=public_id)
    if request.method == "POST":
        merged = _other(request.POST.get("with", ""))
        chosen = {name: request.POST.get(name) == "merged" for name in LABELS}
        actions.merge(kept=kept, merged=merged, from_merged=chosen, by=request.user, now=timezone.now())
        messages.success(
            request, f"{merged.name or 'The other one'} is part of this member now. It can be undone below."
        )
        return redirect("loyalty:member", public_id)
    asked = request.GET.get("with", "").strip()[:254]
    context: dict[str, Any] = {"member": kept, "asked": asked}
    if asked:
        try:
            context |= _side_by_side(kept, asked)
        except DomainError as refusal:
            context["fault"] = str(refusal)
    return page(request, "loyalty/member_merge.html", context)


@require_POST
@CHANGE
def member_unmerge(request: HttpRequest, public_id: UUID, pk: int) -> HttpResponse:
    row = get_object_or_404(MemberMerge, pk=pk, kept__public_id=public_id)
    actions.undo(row=row, now=timezone.now())
    messages.success(request, "They are two members again.")
    return redirect("loyalty:member", public_id)


def _other(named: str) -> Member:
    with suppress(ValueError):
        return get_object_or_404(at_the_till.members(), public_id=UUID(named))
    raise at_the_till.NotTheOne("Choose the other member first.")


def _side_by_side(kept: Member, asked: str) -> dict[str, Any]:
    merged = at_the_till.the_one(asked, besides=kept)
    if merged.pk == kept.pk:
        raise actions.CannotMerge("This is the same member.")
    return {
        "merged": merged,
        "fields": [Field(name, label, getattr(kept, name), getattr(merged, name)) for name, label in LABELS.items()],
        "counts": [(name, rows.filter(**{field: merged}).count()) for name, (rows, field) in actions.OWNED.items()],
    }
