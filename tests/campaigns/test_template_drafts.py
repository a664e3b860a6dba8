"""How templates are written: drafts, versions, blocks and what is said against them."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns.actions import review, templates
from campaigns.actions.templates import CannotWrite, WrittenMeanwhile
from campaigns.forms import WordsForm
from campaigns.forms.blocks import FORMS, EnvelopeForm
from campaigns.forms.editing import rearranged
from campaigns.models import Campaign, Offer, Plan, PlanStep, Playbook, SavedBlock, Template
from campaigns.queries.templates import worn_by
from campaigns.rules import checking
from campaigns.rules import content as c
from campaigns.rules.starters import STARTERS
from campaigns.rules.thumbnails import HEIGHT, WIDTH, drawing_of
from campaigns.writing import drafts, press
from loyalty.models import User

HELLO = c.Content(email={"en": c.Email(subject="Hello", blocks=[c.Text(text="Hello {{ member.first_name }}")])})


def saying(text: str) -> c.Content:
    return c.Content(email={"en": c.Email(subject="Hello", blocks=[c.Text(text=text)])})


@pytest.fixture
def template(marketer: User, now: dt.datetime) -> Template:
    return templates.create_template(name="Ours", content=HELLO, by=marketer, now=now)


def test_the_second_of_two_who_write_at_once_is_told(
    template: Template, marketer: User, manager: User, now: dt.datetime
) -> None:
    templates.write_draft(template=template, content=saying("First"), revision=1, by=marketer, now=now)
    with pytest.raises(WrittenMeanwhile, match="Marketer Person has written"):
        templates.write_draft(template=template, content=saying("Second"), revision=1, by=manager, now=now)
    assert Template.objects.get().draft == saying("First").model_dump()


def test_a_draft_may_be_unfinished_and_a_version_may_not(template: Template, marketer: User, now: dt.datetime) -> None:
    unfinished = c.Content(email={"en": c.Email(blocks=[c.Heading(), c.Button(link="shop"), c.Picture()])})
    templates.write_draft(template=template, content=unfinished, revision=1, by=marketer, now=now)
    with pytest.raises(CannotWrite, match=r"block 1: It has no text.*block 2: shop is no address.*block 3: Choose"):
        templates.save_version(template=template, revision=2, note="", by=marketer, now=now)
    assert template.versions.count() == 1


def test_an_older_version_comes_back_as_the_newest_and_nothing_is_lost(
    template: Template, marketer: User, now: dt.datetime
) -> None:
    templates.write_draft(template=template, content=saying("Later"), revision=1, by=marketer, now=now)
    templates.save_version(template=template, revision=2, note="Shorter", by=marketer, now=now)
    restored = templates.restore_version(version=template.versions.get(number=1), by=marketer, now=now)
    assert (restored.number, restored.restored_from, restored.content) == (3, 1, HELLO.model_dump())
    assert list(template.versions.values_list("number", "note")) == [(3, ""), (2, "Shorter"), (1, "")]
    assert Template.objects.get().draft == HELLO.model_dump()


def test_what_was_being_written_is_kept_when_an_older_version_comes_back(
    template: Template, marketer: User, manager: User, now: dt.datetime
) -> None:
    templates.write_draft(template=template, content=saying("Second"), revision=1, by=marketer, now=now)
    templates.save_version(template=template, revision=2, note="", by=marketer, now=now)
    template = templates.write_draft(
        template=template, content=saying("Nearly done"), revision=2, by=marketer, now=now + dt.timedelta(minutes=5)
    )
    templates.restore_version(version=template.versions.get(number=1), by=manager, now=now + dt.timedelta(hours=1))
    newest, kept = template.versions.all()[:2]
    assert (newest.content, newest.restored_from) == (HELLO.model_dump(), 1)
    assert (kept.content, kept.note) == (saying("Nearly done").model_dump(), templates.KEPT_DRAFT)
    assert kept.saved_by == marketer
    templates.restore_version(version=kept, by=marketer, now=now + dt.timedelta(hours=2))
    assert Template.objects.get().draft == saying("Nearly done").model_dump()


def test_a_kept_draft_with_faults_becomes_the_draft_again_and_messages_go_on_wearing_the_newest(
    template: Template, marketer: User, client_of: Callable[[User], Client], now: dt.datetime
) -> None:
    unfinished = c.Content(email={"en": c.Email(subject="Half", blocks=[c.Heading()])})
    template = templates.write_draft(template=template, content=unfinished, revision=1, by=marketer, now=now)
    templates.restore_version(version=template.versions.get(), by=marketer, now=now)
    kept = template.versions.get(note=templates.KEPT_DRAFT)
    with pytest.raises(CannotWrite, match="It has no text"):
        templates.restore_version(version=kept, by=marketer, now=now)
    url = reverse("campaigns:version-restore", args=[template.public_id, kept.number])
    page = client_of(marketer).post(url, follow=True).content.decode()
    assert "is the draft now. It has faults" in page
    template.refresh_from_db()
    assert template.draft == unfinished.model_dump()
    assert press.current_version(template).content == HELLO.model_dump()  # type: ignore[union-attr]


def test_who_restores_is_told_first_what_draft_it_takes_the_place_of(
    template: Template, marketer: User, client_of: Callable[[User], Client], now: dt.datetime
) -> None:
    templates.write_draft(template=template, content=saying("Second"), revision=1, by=marketer, now=now)
    templates.save_version(template=template, revision=2, note="", by=marketer, now=now)
    client, url = client_of(marketer), reverse("campaigns:version", args=[template.public_id, 1])
    assert "There is a draft that is not saved" not in client.get(url).content.decode()
    templates.write_draft(template=template, content=saying("Third"), revision=2, by=marketer, now=now)
    page = client.get(url).content.decode()
    assert "There is a draft that is not saved" in page
    assert "Marketer Person wrote it" in page
    assert "Email, English: 1 change<" in page


def test_saving_what_has_not_changed_makes_no_version(template: Template, marketer: User, now: dt.datetime) -> None:
    with pytest.raises(CannotWrite, match="Nothing has changed since version 1"):
        templates.save_version(template=template, revision=1, note="", by=marketer, now=now)


def test_what_is_worn_cannot_be_archived_and_the_page_says_why(
    template: Template, marketer: User, client_of: Callable[[User], Client], now: dt.datetime
) -> None:
    templates.make_default(template=template)
    with pytest.raises(CannotWrite, match="is the default"):
        templates.archive_template(template=template, now=now)
    page = client_of(marketer).get(reverse("campaigns:template", args=[template.public_id])).content.decode()
    assert "It cannot be archived. Ours is the default. Choose another default first." in page
    assert 'commandfor="archive" command="show-modal"' not in page
    templates.make_default(template=None)
    page = client_of(marketer).get(reverse("campaigns:template", args=[template.public_id])).content.decode()
    assert 'commandfor="archive" command="show-modal"' in page
    Playbook.objects.filter(group="champions").update(template=template)
    with pytest.raises(CannotWrite, match="worn by the playbooks"):
        templates.archive_template(template=template, now=now)
    Playbook.objects.update(template=None)
    templates.archive_template(template=template, now=now)
    same_name = templates.create_template(name="Ours", content=HELLO, by=marketer, now=now)
    assert same_name.name == template.name


def test_a_name_stands_for_one_template(template: Template, marketer: User, now: dt.datetime) -> None:
    with pytest.raises(CannotWrite, match="There is a template called Ours already"):
        templates.create_template(name=" Ours ", content=HELLO, by=marketer, now=now)
    with pytest.raises(CannotWrite, match="Give the template a name"):
        templates.rename_template(template=template, name="  ")


@pytest.mark.parametrize("key", STARTERS)
def test_every_start_can_be_saved_as_it_is(key: str, db: None, now: dt.datetime) -> None:
    content = STARTERS[key].content
    assert checking.faults_in(content) == []
    assert drafts.faults_in(content, now=now) == []


@pytest.mark.parametrize(
    ("do", "wanted"),
    [
        ("add:divider:1", ["heading", "divider", "text", "points"]),
        ("add:divider:99", ["heading", "text", "points", "divider"]),
        ("up:x:1", ["text", "heading", "points"]),
        ("up:x:0", ["heading", "text", "points"]),
        ("down:x:1", ["heading", "points", "text"]),
        ("down:x:2", ["heading", "text", "points"]),
        ("copy:x:0", ["heading", "heading", "text", "points"]),
        ("remove:x:2", ["heading", "text"]),
        ("remove:x:9", ["heading", "text", "points"]),
        ("add:bomb:1", ["heading", "text", "points"]),
        ("nonsense", ["heading", "text", "points"]),
        ("", ["heading", "text", "points"]),
    ],
)
def test_buttons_move_blocks(do: str, wanted: list[str]) -> None:
    blocks: list[Any] = [c.Heading(text="h"), c.Text(text="t"), c.Points()]
    assert [block.type for block in rearranged(blocks, do, [])] == wanted


def test_words_that_filters_dislike_and_promises_of_health_are_named() -> None:
    found = checking.checks_of_email(
        c.Email(subject="ACT NOW, WINNER, FREE!!", blocks=[c.Text(text="It cures. Secure it.")]),
        subject="ACT NOW, WINNER, FREE!!", html="x" * 104_449, links=[1] * 26, can_be_left=False,
    )  # fmt: skip
    titles = {check.title: (check.state, check.text) for check in found}
    assert titles["Words that filters dislike"][1] == "act now, winner."
    assert titles["It may speak of health"][1] == "cures: no shop may promise that."
    assert titles["It cannot be left"][0] == titles["Gmail would cut it off"][0] == checking.State.FAULT
    assert {"It shouts", "There is no preview line", "26 links"} <= set(titles)


@pytest.fixture
def editor(template: Template, marketer: User, client_of: Callable[[User], Client]) -> Callable[..., Any]:
    """Posts what the page would: `editor({"b0-text": ..}, blocks=["b0:text"], do="..")`."""
    client = client_of(marketer)

    def post(
        fields: dict[str, str], *, blocks: list[str], revision: int = 1, target: str = "saved", **more: str
    ) -> Any:
        data = {"channel": "email", "language": "en", "revision": str(revision), "block": blocks, **fields, **more}
        url = reverse("campaigns:template-write", args=[template.public_id])
        return client.post(url, data, headers={"HX-Request": "true", "HX-Target": target})

    return post


def test_what_is_written_in_the_page_is_kept_every_few_words(editor: Callable[..., Any], template: Template) -> None:
    fields = {"around-subject": "New", "b0-text": "Words", "b0-align": "center"}
    answer = editor(fields, blocks=["b0:text"])
    assert answer.status_code == 200
    assert "draft-written" in answer["HX-Trigger"]
    assert 'name="revision" value="2"' in answer.content.decode()
    draft = c.read(Template.objects.get().draft)
    assert draft.email["en"] == c.Email(subject="New", blocks=[c.Text(text="Words", align="center")])


def test_blocks_keep_their_names_in_the_page_wherever_they_move(editor: Callable[..., Any], template: Template) -> None:
    fields = {"b0-text": "One", "b0-size": "large", "b0-align": "left", "b7-text": "Two", "b7-align": "left"}

    def named(do: str, revision: int) -> list[str]:
        page = editor(fields, blocks=["b0:heading", "b7:text"], do=do, revision=revision, target="editor")
        return re.findall(r'name="block" value="([^"]+)"', page.content.decode())

    assert named("up:x:1", 1) == ["b7:text", "b0:heading"]
    assert named("copy:x:0", 2) == ["b0:heading", "b1:heading", "b7:text"]
    assert named("add:divider:1", 3) == ["b0:heading", "b1:divider", "b7:text"]
    assert named("remove:x:0", 4) == ["b7:text"]


def test_only_what_may_stay_empty_is_called_optional() -> None:
    def optional(form: Any) -> set[str]:
        labels = re.findall(r'<label[^>]*>([^<]+?) <span class="field-optional">', form.render())
        return set(labels)

    shown = {type_: optional(form(prefix="b0")) for type_, form in FORMS.items()}
    assert shown["heading"] == shown["text"] == shown["mjml"] == set()
    assert shown["button"] == {"On it"}
    assert shown["picture"] == {"What it shows", "Leads to"}
    assert shown["products"] == {"Title"}
    assert optional(EnvelopeForm()) == {"Subject", "Preview line"}


def test_a_block_that_is_kept_can_be_put_into_any_template(editor: Callable[..., Any], template: Template) -> None:
    fields = {"b0-text": "Opening hours", "b0-align": "left"}
    editor(fields, blocks=["b0:text"], do="keep:x:0", target="editor")
    kept = SavedBlock.objects.get()
    assert kept.name == "Text: Opening hours"
    editor(fields, blocks=["b0:text"], do=f"put:{kept.pk}:1", revision=2, target="editor")
    blocks = c.read(Template.objects.get().draft).email["en"].blocks
    assert blocks == [c.Text(text="Opening hours"), c.Text(text="Opening hours")]


def test_what_cannot_be_kept_is_said_beside_it_and_stays_in_the_page(
    editor: Callable[..., Any], template: Template
) -> None:
    fields = {"b0-height": "5000", "b1-text": "x" * 9_000, "b1-align": "left"}
    answer = editor(fields, blocks=["b0:space", "b1:text"])
    assert answer.status_code == 422
    assert "less than or equal to 120" in answer.content.decode()
    assert "5000" in answer.content.decode()
    assert Template.objects.get().draft == HELLO.model_dump()


def test_who_only_looks_cannot_write(template: Template, viewer: User, client_of: Callable[[User], Client]) -> None:
    client = client_of(viewer)
    assert client.get(reverse("campaigns:template", args=[template.public_id])).status_code == 200
    for name in ("template-write", "version-save", "template-links", "template-test"):
        assert client.post(reverse(f"campaigns:{name}", args=[template.public_id])).status_code == 403
    assert Template.objects.get().draft == HELLO.model_dump()


def test_a_preview_never_runs_what_it_shows(
    template: Template, marketer: User, client_of: Callable[[User], Client], now: dt.datetime
) -> None:
    source = "<mj-section><mj-column><mj-text><script>alert(1)</script></mj-text></mj-column></mj-section>"
    hostile = c.Content(email={"en": c.Email(subject="x", blocks=[c.Mjml(source=source)])})
    templates.write_draft(template=template, content=hostile, revision=1, by=marketer, now=now)
    answer = client_of(marketer).get(reverse("campaigns:template-preview", args=[template.public_id]))
    assert "sandbox" in answer["Content-Security-Policy"]
    assert "default-src 'none'" in answer["Content-Security-Policy"]


def test_words_that_cannot_be_kept_are_drawn_in_the_place_of_the_form_and_do_not_overtake_a_colleague(
    editor: Callable[..., Any], template: Template, manager: User, now: dt.datetime
) -> None:
    templates.write_draft(template=template, content=saying("Theirs"), revision=1, by=manager, now=now)
    answer = editor({"b0-height": ""}, blocks=["b0:space"], revision=1)
    assert answer.status_code == 422
    assert answer["HX-Retarget"] == "#editor"
    assert "<html" not in answer.content.decode()
    assert 'name="revision" value="1"' in answer.content.decode()
    assert editor({"b0-height": "20"}, blocks=["b0:space"], revision=1).status_code == 409
    assert Template.objects.get().draft == saying("Theirs").model_dump()


def test_a_letter_of_too_many_blocks_is_refused_in_words(editor: Callable[..., Any]) -> None:
    names = [f"b{place}" for place in range(c.MOST_BLOCKS)]
    answer = editor({}, blocks=[f"{name}:divider" for name in names], do="add:divider:0", target="editor")
    assert answer.status_code == 409
    assert editor({}, blocks=["b0:divider"], revision="old").status_code == 409


def test_a_name_that_does_not_fit_is_refused_in_words(template: Template, marketer: User, now: dt.datetime) -> None:
    with pytest.raises(CannotWrite, match="87 characters; 80 fit"):
        templates.copy_template(template=template, name=f"{'n' * 80} (copy)", by=marketer, now=now)


def test_a_step_is_counted_for_the_template_it_wears_by_default(
    plan: Plan, template: Template, manager: User, now: dt.datetime
) -> None:
    templates.make_default(template=template)
    review.approve_plan(plan=plan, by=manager, now=now)
    emails = plan.steps.filter(channel="email", removed_at=None).count()
    assert worn_by(template) >= emails > 0


def test_mending_a_word_of_a_running_step_takes_neither_its_template_nor_its_offer(
    running: Campaign, template: Template, now: dt.datetime
) -> None:
    step = PlanStep.objects.filter(plan__campaign=running, offer__isnull=False).earliest("pk")
    PlanStep.objects.filter(pk=step.pk).update(template=template)
    templates.archive_template(template=template, now=now)
    Offer.objects.filter(pk=step.offer_id).update(is_active=False)
    step.refresh_from_db()
    form = WordsForm(instance=step)
    asis = {name: form[name].value() for name in form.fields}
    mended = WordsForm({**asis, "subject": "Mended"}, instance=step)
    assert mended.is_valid(), mended.errors
    assert (mended.cleaned_data["template"], mended.cleaned_data["offer"]) == (template, step.offer)


def test_nobody_saves_what_they_have_not_seen(
    template: Template, marketer: User, manager: User, now: dt.datetime
) -> None:
    templates.write_draft(template=template, content=saying("Half a sent"), revision=1, by=marketer, now=now)
    with pytest.raises(WrittenMeanwhile, match="Marketer Person has written"):
        templates.save_version(template=template, revision=1, note="", by=manager, now=now)
    assert template.versions.count() == 1


def test_what_was_archived_comes_back_unless_its_name_stands_for_another(
    template: Template, marketer: User, now: dt.datetime
) -> None:
    templates.archive_template(template=template, now=now)
    with pytest.raises(CannotWrite, match="Ours is archived"):
        templates.write_draft(template=template, content=HELLO, revision=1, by=marketer, now=now)
    other = templates.create_template(name="Ours", content=HELLO, by=marketer, now=now)
    with pytest.raises(CannotWrite, match="There is another template called Ours"):
        templates.take_back(template=template)
    templates.rename_template(template=other, name="Theirs")
    templates.take_back(template=template)
    assert Template.objects.filter(archived_at=None).count() == 2


@pytest.mark.parametrize(
    "source",
    [
        "{% if member.tier %}<mj-section><mj-column><mj-text>Gold</mj-text></mj-column></mj-section>{% endif %}",
        "<mj-section><mj-column><mj-text><style>.foot div{display:none}</style></mj-text></mj-column></mj-section>",
        "<mj-section></mj-section></mj-wrapper>",
    ],
)
def test_mjml_that_would_reach_beyond_itself_is_refused(
    source: str, template: Template, marketer: User, now: dt.datetime
) -> None:
    content = c.Content(email={"en": c.Email(subject="x", blocks=[c.Mjml(source=source)])})
    templates.write_draft(template=template, content=content, revision=1, by=marketer, now=now)
    with pytest.raises(CannotWrite, match=r"inside mj-text|Write sections only"):
        templates.save_version(template=template, revision=2, note="", by=marketer, now=now)


def test_lines_that_a_browser_ends_its_own_way_are_no_difference() -> None:
    assert c.Text(text="one\r\ntwo") == c.Text(text="one\ntwo")


def test_a_list_of_fifteen_templates_costs_as_much_as_one_and_shows_each(
    template: Template, marketer: User, client_of: Callable[[User], Client], now: dt.datetime
) -> None:
    client, url = client_of(marketer), reverse("campaigns:templates")
    client.get(url)
    with CaptureQueriesContext(connection) as alone:
        client.get(url)
    for place in range(14):
        templates.create_template(name=f"Letter {place}", content=STARTERS["newsletter"].content, by=marketer, now=now)
    with CaptureQueriesContext(connection) as many:
        page = client.get(url).content.decode()
    assert len(many) == len(alone)
    assert page.count('<svg class="thumbnail"') == 15
    assert page.count(">New at Harbor Street</text>") == 14


@pytest.mark.parametrize("key", STARTERS)
def test_a_thumbnail_stays_inside_its_frame(key: str) -> None:
    drawing = drawing_of(STARTERS[key].content)
    assert drawing.shapes
    for shape in drawing.shapes:
        assert 0 <= shape.x <= shape.x + shape.width <= WIDTH
        assert 0 <= shape.y <= shape.y + shape.height <= HEIGHT


def test_the_preview_shows_what_an_inbox_shows(
    template: Template, marketer: User, client_of: Callable[[User], Client], now: dt.datetime, settings: Any
) -> None:
    settings.DEFAULT_FROM_EMAIL = "Harbor <post@harbor.example>"
    client, url = client_of(marketer), reverse("campaigns:template-preview", args=[template.public_id])

    def inbox() -> str:
        return client.get(url).content.decode().partition("<div data-inbox")[2].partition("<table")[0]

    assert "<strong>Harbor</strong>" in inbox()
    assert "post@harbor.example" in inbox()
    assert "Hello Ada" in inbox()  # without a preview line, the letter's first words
    hostile = c.Email(subject="<b>Hi</b>", preheader="Come {{ member.first_name }} & co", blocks=[c.Text(text="x")])
    templates.write_draft(template=template, content=c.Content(email={"en": hostile}), revision=1, by=marketer, now=now)
    assert "&lt;b&gt;Hi&lt;/b&gt;" in inbox()
    assert "Come Ada &amp; co" in inbox()
