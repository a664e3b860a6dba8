"""Templates are written as a draft, and saved as versions. What leaves is made from versions only."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Max
from django.utils.text import Truncator

from campaigns.models import SavedBlock, Template, TemplateVersion
from campaigns.queries.templates import why_worn
from campaigns.rules import checking
from campaigns.rules import content as c
from campaigns.writing import drafts, press
from config.shared.errors import DomainError
from config.shared.trail import note_change
from loyalty.models import User

LANGUAGES = dict(settings.LANGUAGES)
KEPT_DRAFT = "A draft, kept when an older version was restored"
LONGEST_NAME: int = Template._meta.get_field("name").max_length or 0


class CannotWrite(DomainError):
    code = "cannot_write"


class WrittenMeanwhile(DomainError):
    code = "written_meanwhile"


@transaction.atomic
def create_template(*, name: str, content: c.Content, by: User, now: datetime) -> Template:
    """With `content` as its first version. Raises CannotWrite when the name is taken or the content has faults."""
    _refuse_faults(content)
    template = _named(
        Template(name=name.strip(), draft=content.model_dump(), draft_by=by, draft_at=now, created_at=now)
    )
    _append(template, content, by=by, now=now, note="")
    return template


@transaction.atomic
def rename_template(*, template: Template, name: str) -> None:
    """Raises CannotWrite."""
    before, template.name = template.name, name.strip()
    _named(template)
    note_change(template, name=(before, template.name))


@transaction.atomic
def write_draft(*, template: Template, content: c.Content, revision: int, by: User, now: datetime) -> Template:
    """Keep what is being written, finished or not. Raises WrittenMeanwhile when `revision` is not the latest."""
    written = Template.objects.filter(pk=template.pk, revision=revision, archived_at=None).update(
        draft=content.model_dump(), revision=F("revision") + 1, draft_by=by, draft_at=now
    )
    if not written:
        raise _written_meanwhile(template)
    return Template.objects.get(pk=template.pk)


def _written_meanwhile(template: Template) -> DomainError:
    latest = Template.objects.select_related("draft_by").get(pk=template.pk)
    if latest.archived_at:
        return CannotWrite(f"{latest.name} is archived.")
    who = latest.draft_by.name if latest.draft_by else "Somebody"
    return WrittenMeanwhile(f"{who} has written in this template meanwhile. Reload the page to see it.")


@transaction.atomic
def save_version(*, template: Template, revision: int, note: str, by: User, now: datetime) -> TemplateVersion:
    """The draft becomes what messages wear from now on. Raises CannotWrite: nothing has changed, or it has faults.

    Raises WrittenMeanwhile when `revision`, the draft that was seen, is not the latest.
    """
    locked = Template.objects.select_for_update().get(pk=template.pk)
    if locked.revision != revision:
        raise _written_meanwhile(template)
    content, latest = c.read(locked.draft), press.current_version(locked)
    _refuse_faults(content)
    if latest and latest.content == locked.draft:
        raise CannotWrite(f"Nothing has changed since version {latest.number}.")
    return _append(locked, content, by=by, now=now, note=note)


@transaction.atomic
def restore_version(*, version: TemplateVersion, by: User, now: datetime) -> TemplateVersion:
    """An older version becomes the newest, and the draft. Nothing in between is lost: neither is what was written since
    the newest version, which becomes a version of its own before.

    Raises CannotWrite where `version` is such a draft that was kept, and has faults. `take_into_draft` takes it.
    """
    template = Template.objects.select_for_update().get(pk=version.template_id)
    content = c.read(version.content)
    _refuse_faults(content)
    _keep_draft(template, now=now)
    Template.objects.filter(pk=template.pk).update(
        draft=version.content, revision=F("revision") + 1, draft_by=by, draft_at=now
    )
    return _append(template, content, by=by, now=now, note="", restored_from=version.number)


@transaction.atomic
def take_into_draft(*, version: TemplateVersion, by: User, now: datetime) -> None:
    """An older version, finished or not, becomes the draft, to be mended. What was written before is kept as a version;
    what messages wear stays the newest.
    """
    template = Template.objects.select_for_update().get(pk=version.template_id)
    newest = press.current_version(template)
    if newest and _keep_draft(template, now=now):
        _append(template, c.read(newest.content), by=by, now=now, note="", restored_from=newest.number)
    Template.objects.filter(pk=template.pk).update(
        draft=version.content, revision=F("revision") + 1, draft_by=by, draft_at=now
    )


def _keep_draft(template: Template, *, now: datetime) -> bool:
    """As a version, where it says something that the newest does not. A newer one must follow: it may have faults."""
    newest = press.current_version(template)
    if newest is None or newest.content == template.draft:
        return False
    _append(template, c.read(template.draft), by=template.draft_by, now=now, note=KEPT_DRAFT)
    return True


def is_finished(content: c.Content) -> bool:
    """Whether it can be saved as it is."""
    return not checking.faults_in(content) and not drafts.faults_in(content)


@transaction.atomic
def discard_draft(*, template: Template, by: User, now: datetime) -> None:
    """Back to the newest version."""
    latest = template.versions.first()
    assert latest
    Template.objects.filter(pk=template.pk).update(
        draft=latest.content, revision=F("revision") + 1, draft_by=by, draft_at=now
    )


@transaction.atomic
def copy_template(*, template: Template, name: str, by: User, now: datetime) -> Template:
    """The newest version under another name. Raises CannotWrite."""
    latest = template.versions.first()
    assert latest
    return create_template(name=name, content=c.read(latest.content), by=by, now=now)


@transaction.atomic
def make_default(*, template: Template | None) -> None:
    """What messages without a template wear; None: the plain letter."""
    before = Template.objects.select_for_update().filter(is_default=True).first()
    Template.objects.filter(is_default=True).update(is_default=False)
    if template:
        if not Template.objects.filter(pk=template.pk, archived_at=None).update(is_default=True):
            raise CannotWrite(f"{template.name} is archived.")
        note_change(template, is_default=(before == template, True))


@transaction.atomic
def archive_template(*, template: Template, now: datetime) -> None:
    """Out of every list. Letters that were made of it stay. Raises CannotWrite while something is to wear it."""
    if why := why_worn(Template.objects.select_for_update().get(pk=template.pk)):
        raise CannotWrite(why)
    if Template.objects.filter(pk=template.pk, archived_at=None).update(archived_at=now):
        note_change(template, archived_at=(None, now))


@transaction.atomic
def take_back(*, template: Template) -> None:
    """Out of the archive. Raises CannotWrite when its name stands for another by now."""
    try:
        with transaction.atomic():
            Template.objects.filter(pk=template.pk).update(archived_at=None)
    except IntegrityError:
        raise CannotWrite(f"There is another template called {template.name}. Rename that one first.") from None
    note_change(template, archived_at=(template.archived_at, None))


@transaction.atomic
def save_block(*, block: c.Block, now: datetime) -> SavedBlock:
    """Under the name that its words give it, to be put into any template. One of that name is replaced."""
    words = next((" ".join(text.split()) for text in checking.texts_of(block)), "")
    name = f"{block.type.replace('_', ' and ').capitalize()}: {words}" if words else block.type.capitalize()
    kept: dict[str, Any] = {"blocks": [block.model_dump()]}
    made = {**kept, "created_at": now}
    return SavedBlock.objects.update_or_create(name=Truncator(name).chars(60), defaults=kept, create_defaults=made)[0]


def forget_block(*, block: SavedBlock) -> None:
    """Templates that hold a copy keep it."""
    block.delete()


def _append(
    template: Template,
    content: c.Content,
    *,
    by: User | None,
    now: datetime,
    note: str,
    restored_from: int | None = None,
) -> TemplateVersion:
    number = (template.versions.aggregate(last=Max("number"))["last"] or 0) + 1
    version = TemplateVersion.objects.create(
        template=template,
        number=number,
        content=content.model_dump(),
        note=note,
        saved_by=by,
        saved_at=now,
        restored_from=restored_from,
    )
    note_change(template, version=(number - 1 or None, number))
    return version


def _refuse_faults(content: c.Content) -> None:
    faults = [fault.told(LANGUAGES) for fault in checking.faults_in(content)] + drafts.faults_in(content)
    if faults:
        raise CannotWrite(" ".join(faults[:3]))


def _named(template: Template) -> Template:
    if not template.name:
        raise CannotWrite("Give the template a name.")
    if len(template.name) > LONGEST_NAME:
        raise CannotWrite(f"The name has {len(template.name)} characters; {LONGEST_NAME} fit.")
    try:
        with transaction.atomic():
            template.save(update_fields=["name"] if template.pk else None)
    except IntegrityError:
        raise CannotWrite(f"There is a template called {template.name} already.") from None
    return template
