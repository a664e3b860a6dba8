"""Templates become letters, and a letter says to each member what was approved."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from email.message import EmailMessage
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.db.models import Count
from django.forms import model_to_dict
from django.test import Client
from django.urls import reverse

from campaigns.actions import brand_kit, review, templates
from campaigns.actions.campaigns import start_campaign
from campaigns.models import BrandKit, Campaign, Letter, Offer, Plan, PlanStep, Send, Template
from campaigns.rules import content as c
from campaigns.rules import wording
from campaigns.sending import dispatch, gate, links
from campaigns.sending.render import NEEDED, Writer
from campaigns.sending.specimens import filled
from campaigns.writing import drafts, press
from integrations.channels.email import EmailChannel
from loyalty.actions.business import change_business
from loyalty.models import Member, User
from loyalty.queries.brand import business
from tests.campaigns.test_messages import Links, part
from tests.campaigns.world import Shop, send_all
from tests.post_office import PostOffice

WEBSITE = "https://harbor.example"


@pytest.fixture
def make_template(marketer: User, now: dt.datetime) -> Callable[..., Template]:
    def make(*blocks: c.Block, subject: str = "", name: str = "Ours", **languages: c.Email) -> Template:
        email = {"en": c.Email(subject=subject, blocks=list(blocks)), **languages}
        return templates.create_template(name=name, content=c.Content(email=email), by=marketer, now=now)

    return make


def wear(step: PlanStep, template: Template | None, by: User, now: dt.datetime, **wishes: Any) -> PlanStep:
    fields = ("day", "timing", "send_at", "offer", "subject", "body", "translations")
    asis = {name: getattr(step, name) for name in fields}
    return review.edit_step(step=step, template=template, by=by, now=now, **(asis | wishes))


@pytest.fixture
def only_step(plan: Plan, marketer: User, now: dt.datetime) -> PlanStep:
    """The plan keeps one step, of its largest group."""
    step = max(plan.steps.all(), key=lambda step: plan.candidates.filter(group=step.group).count())
    for extra in plan.steps.exclude(pk=step.pk):
        review.remove_step(step=extra, by=marketer, now=now)
    return step


@pytest.fixture
def letters_sent(
    only_step: PlanStep, always_open: None, manager: User, post_office: PostOffice, now: dt.datetime
) -> Callable[[], dict[str, EmailMessage]]:
    """Approve, start and let everything leave: the letters by their readers."""

    def leave() -> dict[str, EmailMessage]:
        review.approve_plan(plan=only_step.plan, by=manager, now=now)
        start_campaign(campaign=only_step.plan.campaign, by=manager, now=now)
        send_all(now + dt.timedelta(days=8))
        return {str(letter["To"]): letter for letter in post_office.letters()}

    return leave


def test_a_message_wears_its_template_and_says_its_own_words(
    only_step: PlanStep, marketer: User, now: dt.datetime, make_template: Callable[..., Template],
    letters_sent: Callable[[], dict[str, EmailMessage]],
) -> None:  # fmt: skip
    template = make_template(c.Heading(text="From {{ business.name }}"), c.Words(), c.Points(), c.Button(link="card"))
    wear(only_step, template, marketer, now, subject="For {{ member.first_name }}", body="Come **by**.\n\n- wine")
    letter = next(iter(letters_sent().values()))
    html = Links(part(letter, "html"))
    assert letter["Subject"] == "For Member"
    assert "Come by." in html.text
    assert {"h1", "strong", "li"} <= set(html.tags)
    assert "points." in html.text
    assert "Come by." in part(letter, "plain")


def test_what_was_approved_is_what_leaves_whatever_becomes_of_template_and_brand(
    only_step: PlanStep, marketer: User, manager: User, now: dt.datetime, always_open: None,
    make_template: Callable[..., Template], post_office: PostOffice,
) -> None:  # fmt: skip
    template = make_template(c.Heading(text="As approved"), c.Words())
    wear(only_step, template, marketer, now)
    review.approve_plan(plan=only_step.plan, by=manager, now=now)
    changed = c.Content(email={"en": c.Email(blocks=[c.Heading(text="As changed")])})
    templates.write_draft(template=template, content=changed, revision=1, by=marketer, now=now)
    templates.save_version(template=template, revision=2, note="", by=marketer, now=now)
    brand_kit.change_brand_kit(**model_to_dict(BrandKit(), exclude=["id"]) | {"footer": "A new foot"})
    start_campaign(campaign=only_step.plan.campaign, by=manager, now=now)
    send_all(now + dt.timedelta(days=8))
    for letter in post_office.letters():
        text = part(letter, "plain")
        assert "As approved" in text
        assert "As changed" not in text
        assert "A new foot" not in text


def test_every_member_reads_it_in_their_language_where_there_is_one(
    only_step: PlanStep, marketer: User, now: dt.datetime, letters_sent: Callable[[], dict[str, EmailMessage]]
) -> None:
    readers = only_step.plan.candidates.filter(group=only_step.group).values_list("member", flat=True)
    Member.objects.filter(pk__in=list(readers)[1:]).update(language="es-MX")
    spanish = {"es": {"subject": "Hola, {{ member.first_name }}", "body": "Pase por la tienda."}}
    wear(only_step, None, marketer, now, subject="Hello", body="Come by.", translations=spanish)
    sent = letters_sent()
    languages = dict(Member.objects.filter(email__in=sent).values_list("email", "language"))
    assert {"es-MX", ""} <= set(languages.values())
    for reader, letter in sent.items():
        html = part(letter, "html")
        if languages[reader] == "es-MX":
            assert letter["Subject"] == "Hola, Member"
            assert "Pase por la tienda." in html
            assert 'lang="es"' in html
            assert "Darme de baja" in html
        else:
            assert letter["Subject"] == "Hello"
            assert "Unsubscribe" in html


def test_a_template_in_one_language_is_not_mixed_with_words_in_another(
    only_step: PlanStep, marketer: User, now: dt.datetime, make_template: Callable[..., Template]
) -> None:
    template = make_template(c.Heading(text="English only"), c.Words())
    spanish = {"es": {"subject": "Hola", "body": "Pase."}}
    step = wear(only_step, template, marketer, now, translations=spanish)
    assert [letter.language for letter in press.letters_of(step, now=now)] == ["en"]
    frame = wear(step, make_template(c.Words(), c.Button(), name="Frame"), marketer, now, translations=spanish)
    assert [letter.language for letter in press.letters_of(frame, now=now)] == ["en", "es"]


def test_links_lead_by_way_of_us_in_a_short_address_and_say_where_visitors_came_from(
    only_step: PlanStep, marketer: User, now: dt.datetime, make_template: Callable[..., Template],
    letters_sent: Callable[[], dict[str, EmailMessage]],
) -> None:  # fmt: skip
    change_business(
        name="Harbor", vertical="LIQUOR", accent="#206bc4", currency="USD", website=WEBSITE, address="", legal_age=21
    )
    template = make_template(
        c.Button(label="Ours", link=f"{WEBSITE}/new?page=2#top"),
        c.Button(label="Tagged", link=f"{WEBSITE}/?utm_source=flyer"),
        c.Button(label="Theirs", link="https://elsewhere.example/x"),
        c.Button(label="Own", link=f"{WEBSITE}/hello?name={{{{ member.first_name | url_encode }}}}"),
    )
    wear(only_step, template, marketer, now)
    letter = next(iter(letters_sent().values()))
    tokens = [href.rsplit("/", 1)[1] for href in Links(part(letter, "html")).hrefs if "/c/" in href]
    ours, tagged, theirs, own = (click.url for token in tokens[:4] if (click := links.read_click(token)))
    assert ours.startswith(f"{WEBSITE}/new?page=2&utm_source=harbor&utm_medium=email&utm_campaign=")
    assert ours.endswith("#top")
    assert "utm_source=flyer" in tagged
    assert tagged.count("utm_source") == 1
    assert theirs == "https://elsewhere.example/x"
    assert "name=Member" in own
    assert max(map(len, tokens[:3])) < 40
    for token in tokens[:3]:
        forged = token[:-1] + ("A" if token[-1] != "A" else "B")
        assert links.read_click(forged) is None


def test_a_message_can_be_read_in_the_browser_and_nothing_in_it_runs(
    only_step: PlanStep, marketer: User, now: dt.datetime, letters_sent: Callable[[], dict[str, EmailMessage]],
    settings: Any,
) -> None:  # fmt: skip
    wear(only_step, None, marketer, now, body="Only <script>alert(1)</script> words")
    letter = next(iter(letters_sent().values()))
    [view] = [href for href in Links(part(letter, "html")).hrefs if "/v/" in href]
    answer = Client().get(view.removeprefix(settings.PUBLIC_URL))
    assert answer.status_code == 200
    assert "Only &lt;script&gt;" in answer.content.decode()
    assert "/o/" not in answer.content.decode()
    assert "sandbox" in answer["Content-Security-Policy"]
    assert "script-src" not in answer["Content-Security-Policy"]
    assert Client().get(reverse("campaigns-public:view", args=["0" * 32 + ":forged"])).status_code == 404


def test_who_waits_gets_the_new_words_and_who_has_it_keeps_the_old(
    running: Campaign, marketer: User, manager: User, now: dt.datetime, at_the_end: dt.datetime,
    post_office: PostOffice,
) -> None:  # fmt: skip
    step = PlanStep.objects.filter(plan__campaign=running).annotate(size=Count("actions")).latest("size")
    sends = Send.objects.filter(action__step=step).order_by("pk")
    first = sends[0]
    Send.objects.filter(pk=first.pk).update(status=Send.Status.SENT)
    waiting = sends.count() - 1
    changed = review.change_running_step(
        step=step, template=None, offer=None, subject="Other words", body="Come tomorrow.", translations={},
        by=manager, now=now,
    )  # fmt: skip
    assert Send.objects.filter(action__step=changed).count() == waiting
    assert list(Send.objects.filter(action__step=step)) == [first]
    assert changed.changed_from == step
    send_all(at_the_end)
    subjects = [letter["Subject"] for letter in post_office.letters()]
    assert subjects.count("Other words") == waiting
    assert Send.objects.filter(action__step__plan__campaign=running).count() == running.sends.count()


def test_a_worker_that_slept_over_a_change_does_not_send_the_old_words(
    running: Campaign, manager: User, now: dt.datetime, at_the_end: dt.datetime, post_office: PostOffice
) -> None:
    dispatch.claim(now=at_the_end)
    step = PlanStep.objects.filter(plan__campaign=running).annotate(size=Count("actions")).latest("size")
    stale = list(Send.objects.filter(action__step=step).select_related(*NEEDED))
    written = {send: Writer().message_for(send) for send in stale}
    later = at_the_end + dispatch.LEASE + dt.timedelta(seconds=1)
    dispatch.release_lapsed(now=later)
    review.change_running_step(
        step=step, template=None, offer=None, subject="New", body="New words.", translations={}, by=manager, now=now
    )
    assert set(dispatch.claim(now=later)) >= {send.pk for send in stale}
    assert dispatch.begin_hand_off(written, outlet=EmailChannel(), terms=gate.terms(), now=later) == []


def test_a_running_step_gets_no_offer_beyond_the_budget(running: Campaign, manager: User, now: dt.datetime) -> None:
    Campaign.objects.filter(pk=running.pk).update(budget=Decimal("0.01"))
    step = PlanStep.objects.filter(plan__campaign=running).annotate(size=Count("actions")).latest("size")
    dear = Offer.objects.create(code="case", name="A case", wording="a case of wine", cost=Decimal("40"))
    with pytest.raises(review.CannotEdit, match="more than the budget"):
        review.change_running_step(
            step=step, template=None, offer=dear, subject="x", body="y", translations={}, by=manager, now=now
        )
    assert not PlanStep.objects.filter(changed_from=step).exists()


def test_a_running_step_whose_messages_are_gone_is_left_alone(
    running: Campaign, manager: User, now: dt.datetime, at_the_end: dt.datetime, post_office: PostOffice
) -> None:
    send_all(at_the_end)
    step = PlanStep.objects.filter(plan__campaign=running).annotate(size=Count("actions")).latest("size")
    with pytest.raises(review.CannotEdit, match="Nothing of this step waits"):
        review.change_running_step(
            step=step, template=None, offer=None, subject="x", body="y", translations={}, by=manager, now=now
        )
    assert not PlanStep.objects.filter(changed_from=step).exists()


def test_a_letter_is_never_changed_once_it_is_made(running: Campaign) -> None:
    with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
        Letter.objects.update(text="other")


def test_withdrawing_the_approval_takes_the_letters_back(
    only_step: PlanStep, manager: User, marketer: User, now: dt.datetime
) -> None:
    review.approve_plan(plan=only_step.plan, by=manager, now=now)
    assert only_step.letters.exists()
    review.withdraw_approval(plan=only_step.plan, by=manager, now=now)
    assert not only_step.letters.exists()


@pytest.mark.parametrize("hostile", ['"><img src=x onerror=alert(1)>', "<script>x</script>", "{{ settings }}", "]]>"])
def test_what_a_block_says_is_shown_and_never_obeyed(hostile: str, db: None, now: dt.datetime) -> None:
    said = hostile.replace("{{ settings }}", "{ settings }")
    blocks = [c.Heading(text=said), c.Text(text=said), c.Button(label=said), c.Offer(label=said)]
    letter = drafts.letter_of(
        c.Content(email={"en": c.Email(subject=said, preheader=said, blocks=blocks)}),
        channel="email", language="en", now=now,
    )  # fmt: skip
    html = Links(wording.fill_html(letter.html, drafts.example_values(letter)))
    assert "script" not in html.tags
    assert "img" not in html.tags
    assert html.text.count(said) >= len(blocks)


def test_a_members_own_markup_is_escaped_in_html_and_plain_in_text(shop: Shop, now: dt.datetime) -> None:
    member = shop.join("<b>Ada</b> L", email="ada@example.com")
    content = c.Content(email={"en": c.Email(subject="x", blocks=[c.Text(text="Dear {{ member.first_name }}!")])})
    letter = drafts.letter_of(content, channel="email", language="en", now=now)
    message = filled(letter, letter.step, member, business())
    assert "Dear &lt;b&gt;Ada&lt;/b&gt;!" in message.html
    assert "Dear <b>Ada</b>!" in message.text


def test_a_loop_over_products_walks_as_far_as_it_is_told(db: None, now: dt.datetime) -> None:
    content = c.Content(email={"en": c.Email(subject="x", blocks=[c.Products(most=2)])})
    letter = drafts.letter_of(content, channel="email", language="en", now=now)
    html = wording.fill_html(letter.html, drafts.example_values(letter))
    assert [pick["name"] in html for pick in wording.PICKS] == [True, True, False]


def test_mjml_that_cannot_be_read_is_refused_with_its_reason(marketer: User, now: dt.datetime) -> None:
    for source in ("<mj-section><mj-column>", '<mj-include path="/etc/passwd" />', "</mj-wrapper><mj-raw><!--"):
        content = c.Content(email={"en": c.Email(blocks=[c.Mjml(source=source)])})
        with pytest.raises(templates.CannotWrite, match="MJML"):
            templates.create_template(name="Broken", content=content, by=marketer, now=now)
    assert not Template.objects.exists()


def test_a_batch_of_letters_asks_the_database_for_each_step_once(
    running: Campaign, django_assert_num_queries: Any
) -> None:
    sends = list(running.sends.select_related(*NEEDED)[:8])
    writer = Writer()
    for send in sends:
        writer.message_for(send)
    with django_assert_num_queries(0):
        for send in sends:
            writer.message_for(send)


def test_a_letter_that_speaks_of_an_offer_is_not_approved_for_a_step_that_makes_none(
    only_step: PlanStep, marketer: User, manager: User, now: dt.datetime, make_template: Callable[..., Template]
) -> None:
    template = make_template(c.Heading(text="{{ offer.name }} for you"), c.Words())
    wear(only_step, template, marketer, now, offer=None, subject="Hi", body="Come by.")
    with pytest.raises(review.CannotApprove, match="speaks of an offer, but the step makes none"):
        review.approve_plan(plan=only_step.plan, by=manager, now=now)
    texts = c.Content(sms={"en": c.TextMessage(text="{{ offer.name }}!")})
    only_step.refresh_from_db()
    only_step.channel = "sms"
    with pytest.raises(press.CannotPress, match="speaks of an offer"):
        press.pressed(only_step, texts, version=None, now=now)


@pytest.mark.parametrize(
    ("link", "why"),
    [
        ("[ours](shop.example)", "shop.example is no address"),
        ("[ours](/new)", "/new is no address"),
        ("[ours](ftp://shop.example/wines)", "ftp://shop.example/wines is no address"),
        (f"[ours](https://shop.example/{'a' * 2_100})", "is too long: 2,121 characters"),
        ("[ours](Https://shop.example) [write](mailto:us@shop.example) [card](card)", None),
        ("[ours](<{{ business.website }}/new>)", None),
    ],
)
def test_a_link_that_leads_nowhere_is_no_letter(link: str, why: str | None, marketer: User, now: dt.datetime) -> None:
    content = c.Content(email={"en": c.Email(subject="x", blocks=[c.Text(text=link)])})
    if why is None:
        assert templates.create_template(name="Linked", content=content, by=marketer, now=now).pk
    else:
        with pytest.raises(templates.CannotWrite, match=why):
            templates.create_template(name="Linked", content=content, by=marketer, now=now)


def test_an_address_nobody_can_read_is_refused_and_breaks_nothing(marketer: User, now: dt.datetime) -> None:
    content = c.Content(email={"en": c.Email(subject="x", blocks=[c.Button(link="https://[your-link]/")])})
    with pytest.raises(templates.CannotWrite, match=r"https://\[your-link\]/ is no address"):
        templates.create_template(name="Linked", content=content, by=marketer, now=now)


def test_a_step_is_told_of_by_the_subject_that_its_template_gives_it(
    only_step: PlanStep, marketer: User, manager: User, now: dt.datetime, make_template: Callable[..., Template]
) -> None:
    template = make_template(c.Heading(text="All of it"), subject="New at {{ store.name }}")
    wear(only_step, template, marketer, now, subject="Never said")
    review.approve_plan(plan=only_step.plan, by=manager, now=now)
    assert PlanStep.objects.get(pk=only_step.pk).subject == "New at {{ store.name }}"


def test_what_we_say_ourselves_is_in_the_language_of_the_letter(db: None, now: dt.datetime) -> None:
    content = c.Content(email={"es": c.Email(subject="Hola", blocks=[c.Products(), c.Points(), c.Button()])})
    letter = drafts.letter_of(content, channel="email", language="es", now=now)
    for english in ("Picked for you", "You have", "Open your card", "View in browser", "Unsubscribe", "See your"):
        assert english not in letter.text
    assert "Elegido para ti" in letter.text
