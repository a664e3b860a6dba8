"""What lies in the reader's mailbox."""

import datetime as dt
from collections.abc import Callable
from email.message import EmailMessage
from html.parser import HTMLParser

import pytest

from campaigns.actions import review
from campaigns.actions.campaigns import start_campaign
from campaigns.models import Campaign, Plan
from campaigns.sending import links
from loyalty.actions.business import change_business
from loyalty.models import User
from tests.campaigns.world import Shop, first_of, send_all
from tests.post_office import PostOffice


class Links(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.hrefs: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.hrefs += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data


def part(letter: EmailMessage, kind: str) -> str:
    body = letter.get_body(preferencelist=(kind,))
    assert body is not None
    return body.get_content()


@pytest.fixture
def letter_saying(
    shop: Shop,
    campaign: Campaign,
    make_plan: Callable[[Campaign], Plan],
    marketer: User,
    manager: User,
    post_office: PostOffice,
    now: dt.datetime,
) -> Callable[..., EmailMessage]:
    """The letter one member gets when the marketer writes these words."""

    def write(*, subject: str = "Hello", body: str = "Come by.", name: str = "Ada Lovelace") -> EmailMessage:
        member = shop.join(name, email="ada@example.com")
        shop.sell((member, 3, "20.00"))
        shop.score()
        plan = make_plan(campaign)
        step = first_of(plan)
        for extra in plan.steps.exclude(pk=step.pk):
            review.remove_step(step=extra, by=marketer, now=now)
        kept = ("day", "timing", "send_at", "template", "offer", "translations")
        asis = {name: getattr(step, name) for name in kept}
        review.edit_step(step=step, by=marketer, now=now, subject=subject, body=body, **asis)
        review.approve_plan(plan=plan, by=manager, now=now)
        start_campaign(campaign=campaign, by=manager, now=now)
        send_all(now + dt.timedelta(days=8))
        [letter] = post_office.letters()
        return letter

    return write


def test_a_letter_reads_the_same_as_text_and_as_html(letter_saying: Callable[..., EmailMessage]) -> None:
    letter = letter_saying(
        subject="{{ member.first_name }}, {{ member.points }} points",
        body="Hello {{ member.first_name }},\n\nyou like {{ member.favourite | downcase }}.\nSee you.",
    )
    assert letter["Subject"] == "Ada, 20 points"
    assert letter.get_content_type() == "multipart/alternative"
    text, html = part(letter, "plain"), Links(part(letter, "html"))
    for line in ("Hello Ada,", "you like wine.", "See you."):
        assert line in text
        assert line in html.text
    assert "Unsubscribe: http" in text
    assert "For adults of 21 and older" in text
    assert "For adults of 21 and older" in html.text


def test_a_letter_can_be_left_by_one_click(letter_saying: Callable[..., EmailMessage]) -> None:
    letter = letter_saying()
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    address = letter["List-Unsubscribe"].strip().strip("<>")
    assert links.read(address.rsplit("/", 1)[1], "unsubscribe")
    assert address in part(letter, "plain")
    assert address in Links(part(letter, "html")).hrefs


def test_the_same_send_always_carries_the_same_message_id(letter_saying: Callable[..., EmailMessage]) -> None:
    from campaigns.models import Send

    letter = letter_saying()
    send = Send.objects.get()
    assert letter["Message-ID"] == f"<{send.public_id}@example.com>" == send.provider_id


def test_addresses_in_a_text_lead_by_way_of_us_and_arrive_unbent(letter_saying: Callable[..., EmailMessage]) -> None:
    body = "Look: https://shop.example/wine?colour=red&page=2. Or (http://shop.example/b)!"
    letter = letter_saying(body=body)
    tokens = [href.rsplit("/", 1)[1] for href in Links(part(letter, "html")).hrefs if "/c/" in href]
    targets = [click.url for token in tokens if (click := links.read_click(token))]
    assert targets[:2] == ["https://shop.example/wine?colour=red&page=2", "http://shop.example/b"]
    assert body in part(letter, "plain")


@pytest.mark.parametrize("name", ["<script>alert(1)</script> X", "<b>Ada</b> L", '"><img/src=x> L', "{{settings}} L"])
def test_a_members_name_is_shown_and_never_obeyed(letter_saying: Callable[..., EmailMessage], name: str) -> None:
    letter = letter_saying(subject="{{ member.first_name }}", body="Dear {{ member.first_name }}", name=name)
    html = Links(part(letter, "html"))
    assert f"Dear {name.split(maxsplit=1)[0]}" in html.text
    assert not {"script", "b"} & set(html.tags)
    assert html.tags.count("img") == 1


def test_markup_in_a_text_is_shown_and_never_obeyed(letter_saying: Callable[..., EmailMessage]) -> None:
    """A language model may write HTML, against the prompt."""
    letter = letter_saying(body="Beer & wine < 3\n\n<script>alert(1)</script><a href='https://evil.example'>Win</a>")
    html = Links(part(letter, "html"))
    assert "Beer & wine < 3" in html.text
    assert "<script>alert(1)</script>" in html.text
    assert "script" not in html.tags
    assert "https://evil.example" not in html.hrefs


def test_a_line_break_in_a_name_adds_no_header(letter_saying: Callable[..., EmailMessage]) -> None:
    letter = letter_saying(subject="Hello {{ member.first_name }}", name="Ada\r\nBcc:everybody@example.com X")
    assert letter["Bcc"] is None
    assert "\n" not in letter["Subject"]


def test_a_letter_names_the_business_and_where_it_is(letter_saying: Callable[..., EmailMessage]) -> None:
    change_business(
        name="Harbor & Sons",
        vertical="liquor",
        accent="#206bc4",
        currency="USD",
        website="https://harbor.example",
        address="1 Pier, Boston",
        legal_age=21,
    )
    letter = letter_saying(body="From {{ business.name }}")
    for text in (part(letter, "plain"), Links(part(letter, "html")).text):
        assert "From Harbor & Sons" in text
        assert "1 Pier, Boston" in text


def test_umlauts_and_emoji_arrive(letter_saying: Callable[..., EmailMessage]) -> None:
    letter = letter_saying(subject="Zoë, für dich 🍷", body="Grüße, ñandú 🍷" * 60)
    assert letter["Subject"] == "Zoë, für dich 🍷"
    assert "Grüße, ñandú 🍷" * 60 in part(letter, "plain").replace("\n", "")


def test_a_member_without_a_name_is_greeted_all_the_same(letter_saying: Callable[..., EmailMessage]) -> None:
    letter = letter_saying(body="Hello {{ member.first_name }}", name=" ")
    assert "Hello there" in part(letter, "plain")
