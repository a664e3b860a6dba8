"""The main job, over HTTP: a file of purchases goes in, messages come out, and what they earned is shown.

Nothing is pretended: workers' tasks are run where a worker would run them, and mail goes through the real mailbox.
"""

import asyncio
import csv
import datetime as dt
import io
import re
import threading
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns.models import Campaign, Plan, Send, Touch
from campaigns.tasks import apply_reports, make_plan, send_due
from integrations.channels import mailbox
from integrations.models import MailboxMessage
from loyalty.actions.members import change_member, set_consent
from loyalty.models import Consent, Member, PurchaseImport, Segment, User
from loyalty.tasks import rescore, run_import
from tests.campaigns.world import rule
from tests.evening import evening_zone
from tracking.tasks import advance_projections

pytestmark = [pytest.mark.alone, pytest.mark.django_db(transaction=True)]
HEADER = "order_id,ordered_at,sku,product_name,category,quantity,amount,customer_id,customer_email,customer_name,store"
READER = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Version/19.0 Mobile Safari/604.1"


@pytest.fixture(autouse=True)
def _evening(settings: Any, tmp_path: Path, transactional_db: None) -> None:
    """The plan begins today, whenever this runs, and the shop writes in the evening, too."""
    settings.TIME_ZONE = evening_zone()
    rule(send_from=0, send_until=24)
    settings.MEDIA_ROOT = settings.UPLOADS = tmp_path


@pytest.fixture
def _mail(settings: Any) -> Iterator[None]:
    """The local mailbox as its own process would run it: a real SMTP listener that writes to the database."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(mailbox.listen("127.0.0.1", 0), loop).result(timeout=10)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = server.sockets[0].getsockname()
    yield
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(timeout=10)


def purchases() -> list[str]:
    """Twelve members; the first half came often and has stayed away, the second came last week."""
    now, lines = timezone.now(), []
    for member in range(12):
        latest = 80 if member < 6 else 5
        for visit in range(8 - member % 6):
            at = now - dt.timedelta(days=latest + 9 * visit)
            who = f"M{member},m{member}@example.com,Member {member}"
            lines.append(f"{member}-{visit},{at:%Y-%m-%d %H:%M:%S},S1,Red,WINE,1,{30 + member}.00,{who},Harbor")
    return lines


def bring_in(client: Client, lines: list[str]) -> PurchaseImport:
    """Upload, look at the guess, check, import: as a marketer does on the page."""
    content = "\n".join([HEADER, *lines]).encode()
    upload = {"file": SimpleUploadedFile("till.csv", content), "time_zone": "UTC"}
    assert client.post(reverse("loyalty:import-new"), upload).status_code == 302
    row = PurchaseImport.objects.latest("pk")
    page = client.get(reverse("loyalty:import-columns", args=[row.public_id])).content.decode()
    chosen = dict(re.findall(r'<select name="([^"]+)".*?<option value="([^"]*)" selected', page, re.S))
    client.post(reverse("loyalty:import-columns", args=[row.public_id]), {**chosen, "time_zone": "UTC"})
    run_import(row.pk)
    client.post(reverse("loyalty:import-start", args=[row.public_id]))
    run_import(row.pk)
    advance_projections()
    row.refresh_from_db()
    assert row.status == PurchaseImport.Status.DONE, row.error
    return row


def let_them_be_written_to() -> None:
    """Everybody is of age and agrees, but for one who does not agree and one who is too young."""
    now = timezone.now()
    for place, member in enumerate(Member.objects.order_by("external_id")):
        born = dt.date(2015 if place == 1 else 1980, 5, 17)
        change_member(
            member=member, name=member.name, email=member.email or "", phone="", birth_date=born, home_store=None
        )
        words = {"wording": "Yes, write to me.", "source": "till", "now": now}
        set_consent(member=member, channel=Consent.Channel.EMAIL, is_granted=place != 0, **words)


def plan_and_start(client: Client) -> Campaign:
    today = timezone.localdate()
    answers = {
        "name": "Back again",
        "goal": "Win back who stayed away",
        "starts_on": today,
        "ends_on": today + dt.timedelta(days=6),
        "segments": list(Segment.objects.filter(name__startswith="Everybody").values_list("pk", flat=True)),
        "budget": "100",
        "audience_limit": "300",
        "holdout_percent": "0",
    }
    assert client.post(reverse("campaigns:campaign-new"), answers).status_code == 302
    campaign = Campaign.objects.get()
    client.post(reverse("campaigns:plan-request", args=[campaign.public_id]))
    plan = campaign.plans.get()
    make_plan(plan.pk)
    plan.refresh_from_db()
    assert plan.status == Plan.Status.READY, plan.error
    client.post(reverse("campaigns:plan-approve", args=[plan.public_id]))
    client.post(reverse("campaigns:move", args=[campaign.public_id, "start"]))
    return campaign


def results_on_the_page(client: Client, campaign: Campaign) -> dict[str, str]:
    page = client.get(reverse("campaigns:campaign", args=[campaign.public_id])).content.decode()
    stats = re.findall(r'stat-label">\s*(?:<i[^>]*></i>)?([^<]+)</span>\s*<span class="stat-value">([^<]+)<', page)
    return {label.strip(): value.strip() for label, value in stats}


def link(letter: MailboxMessage, text: str) -> str:
    """The path behind a link of the message, as its reader's browser would ask for it."""
    body = message_from_bytes(bytes(letter.raw), policy=policy.default).get_body(preferencelist=("plain",))
    assert body is not None
    found = re.search(rf"{text}: https?://[^/\s]+(/\S+)", body.get_content())
    assert found, body.get_content()
    return found.group(1)


@pytest.mark.usefixtures("_mail")
def test_purchases_become_a_plan_messages_and_a_measured_result(
    marketer: User, client_of: Callable[[User], Client]
) -> None:
    client, reader = client_of(marketer), Client(headers={"User-Agent": READER})
    report = bring_in(client, purchases()).report
    assert report["lines_refused"] == 0
    let_them_be_written_to()
    rescore()

    campaign = plan_and_start(client)
    page = client.get(reverse("campaigns:campaign", args=[campaign.public_id])).content.decode()
    assert re.search(r"members?, last bought \d+( to \d+)? days ago", page)
    recipients = set(campaign.sends.values_list("recipient", flat=True))
    assert recipients == {f"m{number}@example.com" for number in range(12)} - _unreachable()

    first = campaign.plans.get().steps.order_by("day", "position")[0]
    client.post(reverse("campaigns:step-send", args=[first.public_id]))
    send_due()
    apply_reports()
    sent = campaign.sends.filter(status=Send.Status.DELIVERED)
    assert sent.count() == MailboxMessage.objects.count() > 0
    assert results_on_the_page(client, campaign)["Delivered"] == str(sent.count())

    # An hour later somebody reads the message (sooner would be taken for a machine), and buys an hour after that.
    letter = MailboxMessage.objects.latest("pk")
    Send.objects.update(sent_at=timezone.now() - dt.timedelta(hours=1))
    answer = reader.get(link(letter, "See your (?:offer|points)"), follow=True)
    assert "points" in answer.content.decode()
    buyer = Member.objects.get(email=letter.recipient)
    bought_at = timezone.now() - dt.timedelta(hours=1)
    earlier = bought_at - dt.timedelta(hours=1)
    Touch.objects.update(at=earlier)
    Send.objects.filter(clicked_at__isnull=False).update(clicked_at=earlier)
    bring_in(
        client,
        [f"after,{bought_at:%Y-%m-%d %H:%M:%S},S1,Red,WINE,1,88.00,{buyer.external_id},,,Harbor"],
    )

    shown = results_on_the_page(client, campaign)
    assert (shown["Clicked"], shown["Opened"], shown["Orders"], shown["Revenue"]) == ("1", "1", "1", "$88.00")
    table = client.get(reverse("campaigns:orders", args=[campaign.public_id]), {"format": "csv"})
    rows = list(csv.DictReader(io.StringIO(b"".join(table.streaming_content).decode())))
    assert [(row["Order"], row["Total (USD)"]) for row in rows] == [("after", "88.00")]

    leave = link(letter, "Unsubscribe")
    reader.get(leave)
    assert Consent.objects.get(member=buyer, channel="email").is_granted
    reader.post(leave, {"List-Unsubscribe": "One-Click"})
    assert not Consent.objects.get(member=buyer, channel="email").is_granted


def _unreachable() -> set[str]:
    refused = Member.objects.order_by("external_id")[:2]
    return {member.email or "" for member in refused}
