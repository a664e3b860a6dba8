"""Who got it: every message of a campaign and of a member, with all that became of it."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.views.decorators.http import require_GET, require_POST

from campaigns.actions import sends as actions
from campaigns.models import Campaign, Send
from campaigns.queries import campaigns as queries
from campaigns.queries import history, results
from campaigns.queries.permits import left_alone
from campaigns.rules.wording import unfilled
from config.shared.access import needs
from config.shared.exports import by_shop_clock, csv_response
from config.shared.htmx import page
from config.shared.masking import masked
from loyalty.actions.members import note_export
from loyalty.rules.contacts import masked_email, masked_phone

SHOWN = 50
SETTLED = {
    actions.Doubt.SENT: "Settled: it was sent.",
    actions.Doubt.SEND_AGAIN: "Settled: it is sent again.",
    actions.Doubt.NOT_SENT: "Settled: it did not leave, and is not sent again.",
}
LABELS = {"complained": Send.Status.COMPLAINED.label, "unknown": Send.Status.UNKNOWN.label}


@require_GET
@needs("campaigns.view_campaign")
def campaign_sends(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The rows behind the counts, as a page, as CSV, or as CSV of every move they made."""
    campaign = get_object_or_404(Campaign, public_id=public_id)
    kind, search = request.GET.get("kind", ""), request.GET.get("q", "").strip()
    may_see = request.user.has_perm("loyalty.view_pii")
    rows = history.found(results.sends_of(campaign, kind=kind), search, may_see=may_see)
    kinds = {"campaign": str(public_id), **({"kind": kind} if kind else {}), **({"q": search} if search else {})}
    match request.GET.get("format"):
        case "csv":
            note_export(by=request.user, filters=kinds, is_masked=not may_see, now=timezone.now())  # type: ignore[arg-type]
            return csv_response(f"sends-{campaign.public_id}.csv", _send_heads(), _send_rows(rows, may_see))
        case "history":
            note_export(by=request.user, filters=kinds, is_masked=not may_see, now=timezone.now())  # type: ignore[arg-type]
            return csv_response(f"history-{campaign.public_id}.csv", _move_heads(), _move_rows(campaign, may_see))
    sends = Paginator(rows, SHOWN).get_page(request.GET.get("page"))
    context = {
        "campaign": campaign,
        "kind": kind,
        "q": search,
        "tally": history.tally(campaign),
        "selects": [
            {
                "name": "kind",
                "label": "What became of them",
                "value": kind,
                "options": [(name, LABELS.get(name, name.capitalize())) for name in results.FILTERS],
            }
        ],
        "sends": sends,
        # What a send says is annotated.
        "rows": [(send, unfilled(send.said), *_addressed(send, may_see)) for send in sends],  # type: ignore[attr-defined]
    }
    return page(request, "campaigns/sends.html", context, partials=("sends",))


@require_GET
@needs("campaigns.view_campaign")
def send_page(request: HttpRequest, public_id: UUID, send_id: UUID) -> HttpResponse:
    """One message with its whole history."""
    sends = Send.objects.select_related("campaign", "member", "action__step__offer")
    send = get_object_or_404(sends, public_id=send_id, campaign__public_id=public_id)
    may_see = request.user.has_perm("loyalty.view_pii")
    recipient, failure = _addressed(send, may_see)
    context = {
        "send": send,
        "campaign": send.campaign,
        "failure": failure,
        "facts": [
            {
                "label": "Member",
                "value": send.member.name or "Unnamed",
                "url": reverse("loyalty:member", args=[send.member.public_id]),
            },
            {"label": "To", "value": recipient or "All devices"},
            {"label": "Channel", "value": send.get_channel_display()},
            *([{"label": "Wording", "value": send.variant}] if send.variant else []),
            *(
                [{"label": "Wording", "value": "Waits for the winner"}]
                if send.waits_for_winner and send.status == Send.Status.PENDING
                else []
            ),
            {"label": "About", "value": send.get_topic_display()},
            {"label": "Provider", "value": send.provider or None},
            {"label": "Provider's number", "value": send.provider_id or None},
            {"label": "Tries", "value": send.attempts},
        ],
        "events": history.happenings(send, may_see=may_see),
        "not_written": _not_written(send, timezone.now()),
        "words_label": _words_label(send),
        "is_over": queries.is_over(send.campaign, timezone.now()),
        "may_run": request.user.has_perm("campaigns.run_campaign"),
    }
    return page(request, "campaigns/send.html", context)


def _not_written(send: Send, now: datetime) -> str:
    """When a message that waits is written and leaves; empty for all others."""
    if send.status not in Send.OPEN:
        return ""
    due = date_format(timezone.localtime(send.due_at), "l, F j, g:i a")
    match send.campaign.status:
        case Campaign.Status.DRAFT:
            when = f"once the campaign is started, and not before {due}"
        case Campaign.Status.PAUSED:
            when = f"once the campaign goes on, and not before {due}"
        case _ if send.waits_for_winner:
            when = f"once the better wording is chosen, and not before {due}"
        case _ if send.due_at <= now:
            when = "as soon as it is its turn and its hours are open"
        case _:
            when = f"on {due}"
    return f"Not written yet: it leaves {when}, and its words are filled in then."


def _words_label(send: Send) -> str:
    if send.status in Send.OPEN:
        return "What it will say"
    return "What it would have said" if send.status in Send.NEVER_LEFT else "What it said"


@require_POST
@needs("campaigns.run_campaign")
def send_settle(request: HttpRequest, public_id: UUID, send_id: UUID) -> HttpResponse:
    send = get_object_or_404(Send.objects.select_related("campaign"), public_id=send_id, campaign__public_id=public_id)
    try:
        answer = actions.Doubt(request.POST.get("answer", ""))
    except ValueError:
        return HttpResponseBadRequest("Say whether the message was sent.")
    actions.settle_unknown(send=send, answer=answer, now=timezone.now())
    messages.success(request, SETTLED[answer])
    return redirect(f"{reverse('campaigns:sends', args=[public_id])}?kind=unknown")


@require_GET
@needs("campaigns.view_send")
def sends_of_member(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """A fragment for the member page: what this member was sent."""
    member = get_object_or_404(queries.Member, public_id=public_id)
    context = {
        "member": member,
        "left_alone": left_alone(member),
        "sends": Paginator(queries.sends_to(member), 10).get_page(request.GET.get("page")),
    }
    return page(request, "campaigns/sends_of_member.html", context)


def _send_heads() -> tuple[str, ...]:
    moments = by_shop_clock("Due", "Sent", "Delivered", "Opened", "Clicked", "Unsubscribed", "Marked as spam")
    return (
        "Member", "To", "Subject", "Wording", "Channel", "Provider", "Provider's number", "Status", "Why it failed",
        *moments, "Number of the member",
    )  # fmt: skip


def _send_rows(rows: QuerySet[Send], may_see: bool) -> Iterator[tuple[Any, ...]]:
    send: Any
    for send in rows.iterator(chunk_size=1_000):
        recipient, failure = _addressed(send, may_see)
        waits = send.waits_for_winner and send.status == Send.Status.PENDING
        yield (
            send.member.name or "Unnamed", recipient or "All devices", unfilled(send.said),
            "Waits for the winner" if waits else send.variant, send.get_channel_display(), send.provider,
            send.provider_id, send.get_status_display(), failure, send.due_at, send.sent_at, send.delivered_at,
            send.opened_at, send.clicked_at, send.unsubscribed_at, send.complained_at, send.member.public_id,
        )  # fmt: skip


def _move_heads() -> tuple[str, ...]:
    when, due = by_shop_clock("When", "Due")
    return ("Message", "Member", when, "Status", due, "Note", "Number of the member")


def _move_rows(campaign: Campaign, may_see: bool) -> Iterator[tuple[Any, ...]]:
    for move in history.lines(campaign).iterator(chunk_size=1_000):
        note = move.note if may_see else masked(move.note)
        member = move.send.member
        who = member.name or "Unnamed"
        status = move.get_status_display()
        yield (move.send.public_id, who, move.at, status, move.due_at, note, member.public_id)


def _addressed(send: Send, may_see: bool) -> tuple[str, str]:
    """Where it went and why it failed. Mail servers like to repeat the address in what they refuse."""
    if may_see:
        return send.recipient, send.failure
    mask = masked_email if send.channel == "email" else masked_phone
    return mask(send.recipient), masked(send.failure)
