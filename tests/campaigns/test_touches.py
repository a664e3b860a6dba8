import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from html import unescape
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.core import signing
from django.test import Client
from django.utils import timezone
from django.utils.formats import date_format

from campaigns.actions import touches
from campaigns.actions.campaigns import cancel_campaign, start_campaign
from campaigns.actions.review import approve_plan
from campaigns.models import Campaign, Plan, Send, Touch
from campaigns.queries.results import orders_of, results_of, with_results
from campaigns.sending import links
from loyalty.models import Consent, Member, User
from tests.campaigns.world import Shop, send_all
from tests.post_office import PostOffice
from tracking.models import Event

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"
Kind, Status = Touch.Kind, Send.Status


@pytest.fixture
def later(sent: Send) -> dt.datetime:
    return sent.due_at + dt.timedelta(hours=1)


def open_it(send: Send, at: dt.datetime, *, agent: str = PHONE, method: str = "GET") -> None:
    touches.note_open(send=send, method=method, user_agent=agent, now=at)
    send.refresh_from_db()


def click_it(
    send: Send, at: dt.datetime, *, url: str = "https://shop.example/a", agent: str = PHONE, method: str = "GET"
) -> None:
    touches.note_click(send=send, url=url, method=method, user_agent=agent, now=at)
    send.refresh_from_db()


def why(send: Send, kind: str) -> list[str]:
    return list(send.touches.filter(kind=kind).order_by("at", "pk").values_list("machine", flat=True))


def path_of(url: str) -> str:
    return urlsplit(url).path


# --- Opening and clicking -----------------------------------------------------------------------------------------


def test_the_pixel_of_a_message_notes_its_opening(sent: Send) -> None:
    response = Client().get(path_of(links.open_url(sent)), headers={"user-agent": PHONE})
    assert response["Content-Type"] == "image/gif"
    assert "no-store" in response["Cache-Control"]
    sent.refresh_from_db()
    assert sent.opened_at
    event = Event.objects.get(name="message.opened")
    assert event.subject == str(sent.member.public_id)
    assert event.properties["send"] == str(sent.public_id)


def test_the_offers_page_says_when_the_message_was_sent_not_when_it_was_planned(sent: Send) -> None:
    early = timezone.now() - dt.timedelta(days=40)
    Send.objects.filter(pk=sent.pk).update(sent_at=early)
    shown = Client().get(path_of(links.offer_url(sent))).text
    assert f"Sent on {date_format(timezone.localtime(early), 'F j')}" in shown


def test_the_pixel_is_served_for_a_token_that_was_bent_and_notes_nothing(sent: Send) -> None:
    for token in ("nonsense", path_of(links.open_url(sent)).rsplit("/", 1)[1][:-1] + "x"):
        assert Client().get(f"/o/{token}").status_code == 200
    assert not Touch.objects.exists()


def test_a_click_leads_where_the_message_said_and_is_noted(sent: Send) -> None:
    url = "https://shop.example/wine?colour=red&page=2"
    response = Client().get(path_of(links.click_url(sent, url)), headers={"user-agent": PHONE})
    assert (response.status_code, response["Location"]) == (302, url)
    sent.refresh_from_db()
    assert sent.clicked_at
    assert sent.opened_at == sent.clicked_at
    assert Event.objects.get(name="message.clicked").properties["url"] == url


def test_nobody_can_bend_where_a_click_leads(sent: Send) -> None:
    good = links.click_url(sent, "https://shop.example/").rsplit("/", 1)[1]
    forged = signing.dumps([sent.public_id.hex, "https://evil.example/"], salt="open", compress=True)
    for token in (forged, good[:-1], f"{good}x", "https:evil.example", f"{good}?next=https://evil.example/"):
        response = Client().get(f"/c/{token}")
        assert response.status_code == 404 or response["Location"] == "https://shop.example/"
    assert Client().get(f"/c/{forged}").status_code == 404


def test_a_token_opens_only_the_door_it_was_made_for(sent: Send) -> None:
    token = path_of(links.open_url(sent)).rsplit("/", 1)[1]
    assert Client().get(f"/u/{token}").status_code == 404
    assert Client().post(f"/u/{token}").status_code == 404
    assert Client().get(f"/offer/{token}").status_code == 404
    assert links.read(token, "unsubscribe") is None
    assert links.read(f"{uuid4().hex}:forged", "open") is None
    assert links.read_click(token) is None


def test_a_click_on_a_message_that_is_gone_still_leads_on(sent: Send) -> None:
    token = signing.dumps([uuid4().hex, "https://shop.example/"], salt="click", compress=True)
    assert Client().get(f"/c/{token}")["Location"] == "https://shop.example/"


def test_the_offer_can_be_shown_at_the_till(sent: Send) -> None:
    page = Client().get(path_of(links.offer_url(sent)))
    assert page.status_code == 200
    offer = sent.action.step.offer
    if offer:
        assert offer.wording in unescape(page.content.decode())
    assert sent.recipient not in page.content.decode()


# --- People and machines ------------------------------------------------------------------------------------------


def test_a_privacy_proxy_and_a_scanner_are_kept_apart_from_people(sent: Send, later: dt.datetime) -> None:
    open_it(sent, later, agent="Mozilla/5.0")
    open_it(sent, later, agent="Barracuda")
    open_it(sent, later, method="HEAD")
    assert sent.opened_at is None
    assert why(sent, Kind.OPEN) == ["privacy proxy", "scanner", "asked only for headers"]
    open_it(sent, later + dt.timedelta(minutes=9))
    assert sent.opened_at == later + dt.timedelta(minutes=9)


def test_an_opening_told_again_within_a_minute_is_one_opening(sent: Send, later: dt.datetime) -> None:
    for seconds in (0, 10, 59, 61):
        open_it(sent, later + dt.timedelta(seconds=seconds))
    assert len(why(sent, Kind.OPEN)) == 2
    assert sent.opened_at == later


def test_the_first_opening_stays_the_first(sent: Send, later: dt.datetime) -> None:
    open_it(sent, later)
    open_it(sent, later + dt.timedelta(days=1))
    assert sent.opened_at == later


def test_a_click_at_once_after_sending_is_a_machines(sent: Send) -> None:
    assert sent.sent_at
    click_it(sent, sent.sent_at + dt.timedelta(seconds=1))
    assert sent.clicked_at is None
    assert why(sent, Kind.CLICK) == ["faster than a person"]


def test_asking_only_for_headers_is_no_click(sent: Send) -> None:
    url = path_of(links.click_url(sent, "https://shop.example/"))
    response = Client().head(url, headers={"user-agent": PHONE})
    assert response["Location"] == "https://shop.example/"
    sent.refresh_from_db()
    assert sent.clicked_at is None


def test_a_burst_of_clicks_marks_the_first_of_them_too(sent: Send, later: dt.datetime) -> None:
    click_it(sent, later, url="https://shop.example/a")
    assert sent.clicked_at == later
    click_it(sent, later + dt.timedelta(seconds=1), url="https://shop.example/b")
    assert why(sent, Kind.CLICK) == ["followed every link at once"] * 2
    assert sent.clicked_at is None
    assert sent.opened_at is None

    click_it(sent, later + dt.timedelta(hours=1))
    assert sent.clicked_at == sent.opened_at == later + dt.timedelta(hours=1)


def test_a_look_at_the_headers_does_not_make_the_click_before_it_a_machines(sent: Send, later: dt.datetime) -> None:
    click_it(sent, later)
    click_it(sent, later + dt.timedelta(seconds=1), url="https://shop.example/b", method="HEAD")
    assert sent.clicked_at == later


def test_two_clicks_on_the_same_link_are_a_person_in_a_hurry(sent: Send, later: dt.datetime) -> None:
    click_it(sent, later)
    click_it(sent, later + dt.timedelta(seconds=1))
    assert why(sent, Kind.CLICK) == ["", ""]


def test_whoever_opens_a_message_has_it_whatever_the_mail_server_said(
    running: Campaign, one_send: Send, post_office: PostOffice
) -> None:
    post_office.hangs_up_after.add(one_send.recipient)
    send_all(one_send.due_at)
    one_send.refresh_from_db()
    assert one_send.status == Status.UNKNOWN
    open_it(one_send, one_send.due_at + dt.timedelta(hours=3))
    assert one_send.status == Status.DELIVERED
    assert one_send.opened_at


def test_a_hostile_user_agent_is_kept_as_text(sent: Send, later: dt.datetime) -> None:
    open_it(sent, later, agent="Phone\x00" + "x" * 5_000)
    assert len(sent.touches.get().user_agent) == 300


# --- Unsubscribing ------------------------------------------------------------------------------------------------


def granted(member: Member) -> bool:
    return Consent.objects.get(member=member, channel="email").is_granted


def test_who_reads_spanish_is_asked_and_answered_in_spanish(sent: Send) -> None:
    spanish, url = {"accept_language": "es-MX,es;q=0.9"}, path_of(links.unsubscribe_url(sent))
    asked, done = Client().get(url, headers=spanish), Client().post(url, headers=spanish)
    offer = Client().get(path_of(links.offer_url(sent)), headers=spanish)
    for page in (asked, done, offer):
        assert '<html lang="es"' in page.content.decode()
        assert page["Content-Language"] == "es"
        assert "Accept-Language" in page["Vary"]
    assert "Ya no recibirás publicidad por correo electrónico" in asked.content.decode()
    assert "Te diste de baja" in done.content.decode()
    assert "Enviado el " in offer.content.decode()
    assert " puntos" in offer.content.decode()
    assert "You are unsubscribed" in Client().get(url).content.decode()


def test_looking_at_the_page_never_unsubscribes(sent: Send) -> None:
    url = path_of(links.unsubscribe_url(sent))
    for ask in (Client().get, Client().head):
        assert ask(url).status_code == 200
    assert granted(sent.member)
    assert not Touch.objects.exists()
    assert "Stop messages from" in Client().get(url).content.decode()


def test_the_button_on_the_page_withdraws_the_consent_with_its_evidence(sent: Send) -> None:
    page = Client(REMOTE_ADDR="203.0.113.9").post(path_of(links.unsubscribe_url(sent)))
    assert "You are unsubscribed" in page.content.decode()
    consent = Consent.objects.get(member=sent.member, channel="email")
    assert (consent.is_granted, consent.source, consent.address) == (False, "unsubscribe link", "203.0.113.9")
    assert consent.wording
    assert Event.objects.filter(name="member.unsubscribed", subject=str(sent.member.public_id)).count() == 1


def test_one_click_from_the_mail_provider_needs_no_cookie_and_no_csrf_token(sent: Send) -> None:
    """RFC 8058: a bare POST of List-Unsubscribe=One-Click to the address in the header."""
    provider = Client(enforce_csrf_checks=True)
    response = provider.post(
        path_of(links.unsubscribe_url(sent)),
        "List-Unsubscribe=One-Click",
        content_type="application/x-www-form-urlencoded",
    )
    assert response.status_code == 200
    assert not granted(sent.member)


def test_unsubscribing_twice_changes_nothing_more(sent: Send) -> None:
    url = path_of(links.unsubscribe_url(sent))
    for _ in range(3):
        assert Client().post(url).status_code == 200
    assert Event.objects.filter(name="member.unsubscribed").count() == 1
    assert Touch.objects.filter(kind=Kind.UNSUBSCRIBE).count() == 1


def test_nothing_more_is_sent_after_unsubscribing(
    running: Campaign, sent: Send, post_office: PostOffice, at_the_end: dt.datetime
) -> None:
    Client().post(path_of(links.unsubscribe_url(sent)))
    had = post_office.recipients.count(sent.recipient)
    send_all(at_the_end)
    assert post_office.recipients.count(sent.recipient) == had
    assert not running.sends.filter(member=sent.member, status=Status.PENDING)


def test_who_subscribed_again_can_leave_again_by_the_same_link(sent: Send, shop: Shop) -> None:
    url = path_of(links.unsubscribe_url(sent))
    Client().post(url)
    assert "You are unsubscribed" in Client().get(url).content.decode()
    shop.allow(sent.member)
    assert "Stop messages from" in Client().get(url).content.decode()
    Client().post(url)
    assert not granted(sent.member)


# --- What it led to -----------------------------------------------------------------------------------------------


@pytest.fixture
def buys(shop: Shop, sent: Send) -> Callable[..., None]:
    def buy(amount: str, *, at: dt.datetime, member: Member | None = None) -> None:
        shop.sell((member or sent.member, 0, amount), now=at)

    return buy


def test_orders_within_seven_days_of_a_click_are_attributed(
    running: Campaign, sent: Send, later: dt.datetime, buys: Callable[..., None]
) -> None:
    buys("1.00", at=later - dt.timedelta(seconds=1))
    click_it(sent, later)
    buys("20.00", at=later + dt.timedelta(minutes=5))
    buys("30.00", at=later + dt.timedelta(days=7) - dt.timedelta(seconds=1))
    buys("400.00", at=later + dt.timedelta(days=7))
    results = results_of(running)
    assert (results.orders, results.revenue) == (2, Decimal("50.00"))


def test_a_machines_click_earns_nothing(
    running: Campaign, sent: Send, later: dt.datetime, buys: Callable[..., None]
) -> None:
    click_it(sent, later, agent="Mimecast")
    buys("20.00", at=later + dt.timedelta(minutes=5))
    assert results_of(running).orders == 0


def test_a_second_click_opens_the_window_anew(
    running: Campaign, sent: Send, later: dt.datetime, buys: Callable[..., None]
) -> None:
    click_it(sent, later)
    click_it(sent, later + dt.timedelta(days=5))
    buys("20.00", at=later + dt.timedelta(days=9))
    assert results_of(running).orders == 1


def test_a_return_takes_its_money_back(
    running: Campaign, sent: Send, later: dt.datetime, buys: Callable[..., None]
) -> None:
    click_it(sent, later)
    buys("50.00", at=later + dt.timedelta(hours=1))
    buys("-20.00", at=later + dt.timedelta(hours=2))
    assert results_of(running).revenue == Decimal("30.00")


def test_another_members_order_is_not_attributed(
    running: Campaign, sent: Send, later: dt.datetime, buys: Callable[..., None], regulars: list[Member]
) -> None:
    click_it(sent, later)
    other = next(member for member in regulars if member != sent.member)
    buys("50.00", at=later + dt.timedelta(hours=1), member=other)
    assert results_of(running).orders == 0


@pytest.fixture
def other_sent(
    sent: Send,
    make_campaign: Callable[..., Campaign],
    make_plan: Callable[[Campaign], Plan],
    manager: User,
    now: dt.datetime,
    at_the_end: dt.datetime,
) -> Send:
    """The same member, written to by a second campaign."""
    plan = make_plan(make_campaign(name="Second"))
    approve_plan(plan=plan, by=manager, now=now)
    start_campaign(campaign=plan.campaign, by=manager, now=now)
    send_all(at_the_end)
    return plan.campaign.sends.filter(member=sent.member).select_related("member", "campaign").first()  # type: ignore[return-value]


def test_the_last_click_before_an_order_has_it(
    running: Campaign, sent: Send, other_sent: Send, at_the_end: dt.datetime, buys: Callable[..., None]
) -> None:
    def shares() -> list[tuple[str, int, Decimal]]:
        both = with_results([running, other_sent.campaign])
        return [(campaign.name, results.orders, results.revenue) for campaign, results in both]

    hour = dt.timedelta(hours=1)
    start = at_the_end + hour
    click_it(sent, start)
    click_it(other_sent, start + hour)
    buys("10.00", at=start + 2 * hour)
    assert shares() == [("Spring", 0, 0), ("Second", 1, 10)]
    click_it(sent, start + 3 * hour)
    buys("5.00", at=start + 4 * hour)
    assert shares() == [("Spring", 1, 5), ("Second", 1, 10)]


def test_clicks_at_the_very_same_moment_share_nothing_twice(
    running: Campaign, sent: Send, other_sent: Send, at_the_end: dt.datetime, buys: Callable[..., None]
) -> None:
    moment = at_the_end + dt.timedelta(hours=1)
    click_it(sent, moment)
    click_it(other_sent, moment)
    buys("10.00", at=moment + dt.timedelta(hours=1))
    assert sum(results.orders for _campaign, results in with_results([running, other_sent.campaign])) == 1


def test_results_go_on_counting_after_the_campaign_is_over(
    running: Campaign, sent: Send, later: dt.datetime, buys: Callable[..., None], manager: User
) -> None:
    cancel_campaign(campaign=running, by=manager, now=later)
    click_it(sent, later)
    buys("20.00", at=later + dt.timedelta(days=1))
    assert results_of(running).revenue == 20


def test_results_of_many_campaigns_cost_as_many_queries_as_of_one(
    running: Campaign, other_sent: Send, make_campaign: Callable[..., Campaign], django_assert_num_queries: Any
) -> None:
    empty = make_campaign(name="Empty")
    with django_assert_num_queries(3):
        [one] = with_results([running])
    with django_assert_num_queries(3):
        many = with_results([running, other_sent.campaign, empty])
    assert many[0] == one
    assert (many[2][1].planned, many[2][1].revenue) == (0, 0)


def test_every_count_on_the_page_is_the_number_of_its_rows(
    running: Campaign,
    sent: Send,
    later: dt.datetime,
    at_the_end: dt.datetime,
    buys: Callable[..., None],
    manager: User,
    client_of: Callable[[User], Client],
    post_office: PostOffice,
) -> None:
    another = running.sends.exclude(member=sent.member).filter(status=Status.PENDING).first()
    assert another
    post_office.at_rcpt[another.recipient] = "550 No"
    send_all(at_the_end)
    click_it(sent, later)
    Client().post(path_of(links.unsubscribe_url(sent)))
    buys("20.00", at=later + dt.timedelta(days=1))

    client, results = client_of(manager), results_of(running)
    for kind in ("waiting", "sent", "delivered", "opened", "clicked", "unsubscribed", "failed", "suppressed"):
        rows = client.get(f"/staff/campaigns/{running.public_id}/sends/?kind={kind}&format=csv")
        lines = b"".join(rows.streaming_content if rows.streaming else [rows.content]).decode().splitlines()
        assert len(lines) - 1 == getattr(results, kind), kind
        page = client.get(f"/staff/campaigns/{running.public_id}/sends/?kind={kind}").content.decode()
        assert page.count("<tr>") - (page.count("<thead>")) == min(getattr(results, kind), 50), kind
    assert results.clicked == results.unsubscribed == 1
    assert results.failed >= 1

    orders = client.get(f"/staff/campaigns/{running.public_id}/orders/?format=csv")
    lines = b"".join(orders.streaming_content if orders.streaming else [orders.content]).decode().splitlines()
    assert len(lines) - 1 == results.orders == orders_of(running).count() == 1
    assert f",{sent.member.name}," in lines[1]
    assert ",20.00," in lines[1]
    page = client.get(f"/staff/campaigns/{running.public_id}/orders/").content.decode()
    assert "$20.00" in page


def test_a_viewer_sees_recipients_masked(
    running: Campaign, sent: Send, viewer: User, client_of: Callable[[User], Client]
) -> None:
    url = f"/staff/campaigns/{running.public_id}/sends/"
    page = client_of(viewer).get(url).content.decode()
    csv = client_of(viewer).get(f"{url}?format=csv")
    rows = b"".join(csv.streaming_content if csv.streaming else [csv.content]).decode()
    for text in (page, rows):
        assert not re.search(r"member\.[a-t]@example\.com", text)


def test_the_links_of_a_test_message_say_that_it_was_a_test(db: None) -> None:
    trial = Send()
    for link in (links.offer_url(trial), links.unsubscribe_url(trial)):
        answer = Client().get(urlsplit(link).path)
        assert answer.status_code == 200
        assert "This was a test" in answer.content.decode()
