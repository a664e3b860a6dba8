"""A step's words and a template become letters: one for each language, complete but for what is the member's own.

Letters are made when a plan is approved and kept. What was approved is what leaves, whatever becomes of the template,
the brand or the step's words; a letter is only filled in for each member.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.utils import translation
from django.utils.text import slugify
from django.utils.translation import gettext as _

from campaigns.models import BrandKit, Letter, Link, MediaFile, PlanStep, Template, TemplateVersion, Variant
from campaigns.models.experiments import LETTERS
from campaigns.queries.brand_kit import brand_kit
from campaigns.queries.experiments import said_by
from campaigns.queries.media import address_of
from campaigns.rules import content as c
from campaigns.rules import wording
from campaigns.writing.compiling import BadMjml, compiled
from campaigns.writing.marks import Marks, unused_key
from campaigns.writing.mjml import Look, Occasion, document
from loyalty.models import Consent
from loyalty.queries.brand import brand, business
from loyalty.rules import colours

BASE_LANGUAGE = settings.LANGUAGE_CODE.partition("-")[0]
LONGEST_LINK: int = Link._meta.get_field("url").max_length or 0
_FRAME = (c.StepPicture, c.Words, c.Button, c.Offer, c.Points, c.Products, c.Divider, c.Space, c.Social)


class CannotPress(ValueError):
    """No letter can be made of this. Says in which language, and what to change."""


def press(step: PlanStep, *, now: datetime, variant: str = "") -> list[Letter]:
    """Make and keep the letters of `step`, in the words of `variant` if it has one of that letter.

    Those that are kept already stay as they are. Raises CannotPress.
    """
    worn = worn_by(variant)
    letters = letters_of(in_words_of(step, worn) if worn else step, now=now)
    for letter in letters:
        letter.variant = worn
        letter.links = [link if "{" in link else _number_of(link) for link in letter.links]
    Letter.objects.bulk_create(letters, ignore_conflicts=True)
    return list(step.letters.filter(variant=worn))


def shows_picture(step: PlanStep) -> bool:
    """Whether its messages have a place for a picture of the step."""
    version = current_version(step.template or default_template())
    emails = (c.read(version.content) if version else c.HOUSE).email or c.HOUSE.email
    blocks = (block for email in emails.values() for block in email.blocks)
    return step.channel == Consent.Channel.EMAIL and any(isinstance(block, c.StepPicture) for block in blocks)


def letters_to_show(step: PlanStep, *, variant: str = "", now: datetime) -> list[Letter]:
    """Those that were pressed for this wording, or else as they would be now. Raises CannotPress."""
    worn = worn_by(variant)
    kept = list(step.letters.filter(variant=worn)) if step.pk else []
    return kept or letters_of(in_words_of(step, worn) if worn else step, now=now)


def worn_by(variant: str) -> str:
    """The letters of A are the step's own."""
    return "" if variant == LETTERS[0] else variant


def in_words_of(step: PlanStep, letter: str) -> PlanStep:
    """The step as that variant says it, in memory alone. A variant with words of its own has its own translations."""
    variant = Variant.objects.select_related("template").filter(experiment__step=step, letter=letter).first()
    return said_by(step, variant) if variant else step


def _number_of(url: str) -> int:
    digest = hashlib.sha256(url.encode()).hexdigest()
    return Link.objects.get_or_create(digest=digest, defaults={"url": url})[0].pk


def letters_of(step: PlanStep, *, now: datetime) -> list[Letter]:
    """As they would be pressed now, the base language first. Nothing is kept. Raises CannotPress."""
    version = current_version(step.template or default_template())
    return pressed(step, c.read(version.content) if version else c.HOUSE, version=version, now=now)


def pressed(
    step: PlanStep, content: c.Content, *, version: TemplateVersion | None, now: datetime, look: Look | None = None
) -> list[Letter]:
    """The letters that `content` makes of `step`, by the step's channel. Raises CannotPress."""
    look = look or current_look()
    made = []
    for language in _languages(step, content):
        try:
            with translation.override(language):
                letter = _letter(step, content, language, look)
            _refuse_an_offer_nobody_makes(step, letter)
        except (BadMjml, wording.WordingFault) as fault:
            raise CannotPress(f"In {language}: {fault}") from fault
        letter.step, letter.language, letter.version, letter.pressed_at = step, language, version, now
        made.append(letter)
    return made


def best_for(language: str, letters: list[Letter]) -> Letter:
    """The letter in a member's language (BCP 47), else in the base language, else the first."""
    by_language = {letter.language: letter for letter in letters}
    for wanted in (language, language.partition("-")[0], BASE_LANGUAGE):
        if wanted in by_language:
            return by_language[wanted]
    return letters[0]


def default_template() -> Template | None:
    return Template.objects.filter(is_default=True).first()


def current_version(template: Template | None) -> TemplateVersion | None:
    return template.versions.first() if template else None


def current_look(kit: BrandKit | None = None) -> Look:
    kit, shop, look = kit or brand_kit(), business(), brand()
    button = kit.button_colour or look.accent
    return Look(
        kit=kit,
        name=look.name,
        logo_url=settings.PUBLIC_URL + look.logo_url if look.logo_url else "",
        button=button,
        on_button=colours.readable_on(button),
        link=colours.readable_against(button, kit.card_colour),
        foot=colours.readable_against("#6b7280", kit.page_colour),
        accent=colours.readable_against(button, kit.page_colour),
        website=shop.website,
        address=shop.address,
        legal_age=shop.legal_age,
    )


# --- Which languages ------------------------------------------------------------------------------------------------


def _languages(step: PlanStep, content: c.Content) -> list[str]:
    """Those in which both the template and the step have something to say; the base language first."""
    candidates = sorted(
        {BASE_LANGUAGE, *content.languages, *step.translations}, key=lambda code: (code != BASE_LANGUAGE, code)
    )
    found = [language for language in candidates if _can_speak(step, content, language)]
    return found or [BASE_LANGUAGE]


def _can_speak(step: PlanStep, content: c.Content, language: str) -> bool:
    has_words = language == BASE_LANGUAGE or language in step.translations
    if c.speaks_for_itself(content, step.channel, language):
        return True
    match step.channel:
        case Consent.Channel.EMAIL:
            return has_words and (language in content.email or _is_wordless(_email_in(content, language)))
        case Consent.Channel.SMS:
            return has_words and (language in content.sms or not content.sms)
        case _:
            return has_words and (language in content.push or not content.push)


def _email_in(content: c.Content, language: str) -> c.Email:
    variants = content.email or c.HOUSE.email
    return variants.get(language) or variants.get(BASE_LANGUAGE) or next(iter(variants.values()))


def _is_wordless(email: c.Email) -> bool:
    """Only a frame around the step's words: it fits every language."""
    if email.subject or email.preheader:
        return False
    return all(isinstance(block, _FRAME) and not _said_by(block) for block in email.blocks)


def _said_by(block: c.Block) -> str:
    return "".join(getattr(block, field, "") for field in ("text", "title", "label"))


# --- One letter -----------------------------------------------------------------------------------------------------


def _letter(step: PlanStep, content: c.Content, language: str, look: Look) -> Letter:
    words = step.translations.get(language, {})
    subject, body = words.get("subject") or step.subject, words.get("body") or step.body
    match step.channel:
        case Consent.Channel.SMS:
            said = content.sms.get(language)
            own = _with_words(said.text if said else "", body.strip())
            return Letter(words=own, text=_text_message(own, look))
        case Consent.Channel.PUSH:
            notification = content.push.get(language, c.Notification())
            text = _with_words(notification.text, body)
            return Letter(subject=notification.title or subject, words=text, text=text)
        case _:
            email = _email_in(content, language)
            occasion = _occasion(step, email, language, title=email.subject or subject, words=body, look=look)
            return _email(step, email, occasion, look)


def _occasion(step: PlanStep, email: c.Email, language: str, *, title: str, words: str, look: Look) -> Occasion:
    return Occasion(
        language=language,
        words=words,
        has_offer=step.offer is not None,
        title=title,
        pictures={name: address_of(media) for name, media in pictures_in([email]).items()},
        picture=address_of(step.picture) if step.picture else "",
        picture_alt=step.picture.alt if step.picture else "",
        channel_words=_("You get this because you agreed to hear from %(name)s by email.") % {"name": look.name},
    )


def _email(step: PlanStep, email: c.Email, occasion: Occasion, look: Look) -> Letter:
    """As the language that is active now says what we say ourselves. Raises BadMjml and WordingFault."""
    kit = look.kit
    own = (email.model_dump_json(), occasion.words, occasion.picture_alt, look.name, kit.footer, kit.legal_line)
    marks = Marks(unused_key(*own))
    made = compiled(document(email, look, occasion, marks), marks)
    links = [_leading_somewhere(_with_utm_tags(link, step, look)) for link in made.links]
    letter = Letter(
        subject=occasion.title, words=_words_of(email, occasion.words), text=made.text, html=made.html, links=links
    )
    _refuse_what_cannot_be_filled(letter)
    return letter


def _words_of(email: c.Email, words: str) -> str:
    said = [
        words if isinstance(block, c.Words) else "\n".join(filter(None, (getattr(block, "title", ""), block.text)))
        for block in email.blocks
        if isinstance(block, c.Words | c.Heading | c.Text | c.PictureAndText)
    ]
    return "\n\n".join(filter(None, said))


def _text_message(text: str, look: Look) -> str:
    """Who writes and how to stop it stand in every one: the law asks for both."""
    link = "" if "{{ url." in text else "\n{{ url.offer }}"
    return f"{look.name}: {text}{link}\n" + _("Reply STOP to stop.")


def _with_words(said: str, body: str) -> str:
    return said.replace(c.OWN_WORDS, body) if said else body


def pictures_in(emails: Iterable[c.Email]) -> dict[str, MediaFile]:
    """Every picture they show, by its public id."""
    blocks = (block for email in emails for block in email.blocks)
    named = {block.media for block in blocks if isinstance(block, c.Picture | c.PictureAndText) and block.media}
    return {str(media.public_id): media for media in MediaFile.objects.filter(public_id__in=named)}


def _refuse_what_cannot_be_filled(letter: Letter) -> None:
    """Better now than for each of ten thousand members. Raises WordingFault, and BadMjml where the foot is hidden."""
    if "{{ url.unsubscribe }}" not in letter.text:
        raise BadMjml("The MJML leaves out the foot, with the way to unsubscribe. Write whole sections only.")
    values = {**wording.preview_values(wording.TEMPLATE_WORDS), "links": letter.links}
    wording.fill(letter.subject, values)
    wording.fill(letter.text, values)
    wording.fill_html(letter.html, values)


def _refuse_an_offer_nobody_makes(step: PlanStep, letter: Letter) -> None:
    """Else not one of its messages could be filled in. Raises WordingFault."""
    if step.offer is not None:
        return
    used = set[str]().union(*map(wording.words_in, (letter.subject, letter.text, letter.html)))
    if any(word.startswith("offer.") for word in used):
        raise wording.WordingFault("It speaks of an offer, but the step makes none.")


def _leading_somewhere(link: str) -> str:
    """`link`, which may begin with Liquid. Raises WordingFault: a click on anything else would end nowhere."""
    if not link.startswith("{") and not c.is_address(link):
        raise wording.WordingFault(f"{link} is no address. Write it whole, such as https://shop.example.")
    if len(link) > LONGEST_LINK:
        raise wording.WordingFault(f"The address {link[:60]}… is too long: {len(link):,} characters.")
    return link


def _with_utm_tags(link: str, step: PlanStep, look: Look) -> str:
    """What the shop's own website reads to tell where a visitor came from. Tags that somebody set stay."""
    try:
        address, home = urlsplit(link), urlsplit(look.website).hostname
    except ValueError:
        raise wording.WordingFault(f"{link} is no address. Write it whole, such as https://shop.example.") from None
    if not (
        look.kit.has_utm_tags and home and (address.hostname or "").removeprefix("www.") == home.removeprefix("www.")
    ):
        return link
    tags = {
        "utm_source": slugify(look.name) or "regulars",
        "utm_medium": str(step.channel),
        "utm_campaign": slugify(step.plan.campaign.name),
        "utm_content": f"{step.day.isoformat()}-{slugify(step.group)}",
    }
    added = "&".join(f"{name}={value}" for name, value in tags.items() if f"{name}=" not in address.query)
    query = "&".join(part for part in (address.query, added) if part)
    return urlunsplit(address._replace(query=query))
