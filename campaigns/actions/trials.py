"""What people here send to see how it arrives: tests of templates and steps. No member is written to."""

from datetime import datetime

from django.core.cache import cache

from campaigns.models import Action, Send, Template
from campaigns.queries.permits import standing
from campaigns.queries.trials import KEPT_FOR, key_of
from campaigns.rules import content as c
from campaigns.rules.wording import WordingFault
from campaigns.sending import gate, render
from campaigns.writing import drafts
from campaigns.writing.press import CannotPress
from config.shared.errors import DomainError
from config.shared.trail import note_change
from integrations.channels.base import DeliveryFailed, Message, OutcomeUnknown, channel
from loyalty.models import Consent, Member, User
from loyalty.rules.contacts import masked_email, masked_phone

MOST_AN_HOUR = 20


class TestNotSent(DomainError):
    code = "test_not_sent"


def send_trial(
    *, template: Template, channel: str, language: str, member: Member | None, to: str, by: User, now: datetime
) -> None:
    """What the draft says by email or text to `to`, an address in its normal form. Raises TestNotSent.

    Nothing is counted: the send exists only in memory, so its links prove nothing. Filled in for `member`, or for `by`.
    """
    if to != by.email.lower():
        _refuse_who_did_not_ask(channel, to)
    _refuse_what_law_forbids(channel, to)
    _take_turn(by, now)
    try:
        letter = drafts.letter_of(c.read(template.draft), channel=channel, language=language, now=now)
        whom = member or Member(name=by.get_full_name())
        trial = Send(
            campaign=letter.step.plan.campaign,
            action=Action(step=letter.step, member=whom),
            member=whom,
            channel=channel,
            recipient=to,
        )
        message = render.Writer().filled(trial, letter, is_counted=False)
    except (WordingFault, CannotPress) as error:
        raise TestNotSent(f"The test could not be sent. {error}") from error
    masked = masked_email(to) if channel == Consent.Channel.EMAIL else masked_phone(to)
    note_change(template, test_sent=("", f"{channel} in {language} to {masked}"))
    hand_over(trial, message)


def hand_over(trial: Send, message: Message) -> None:
    """To its channel, at once. An email can be read in the browser afterwards. Raises TestNotSent."""
    if message.html:
        cache.set(key_of(trial.public_id), (message.html, trial.member.pk), timeout=KEPT_FOR.total_seconds())
    try:
        with channel(trial.channel) as outlet:
            outlet.send(message)
    except (DeliveryFailed, OutcomeUnknown) as error:
        raise TestNotSent(f"The test could not be sent. {error}") from error


def _refuse_what_law_forbids(by_channel: str, to: str) -> None:
    if why_not := gate.transactional_refusal(channel=by_channel, address=to, terms=gate.terms()):
        raise TestNotSent(f"The test was not sent. {why_not}")


def _refuse_who_did_not_ask(by_channel: str, to: str) -> None:
    """A test is no way around what a member has agreed to."""
    if left_alone := standing().filter(channel=by_channel, address=to).first():
        raise TestNotSent(f"{to} is left alone: {left_alone.get_reason_display().lower()}. Send the test elsewhere.")
    is_email = by_channel == Consent.Channel.EMAIL
    if is_email and User.objects.filter(email=to, is_active=True).exists():
        return
    members = Member.objects.filter(left_at=None, **{"email" if is_email else "phone": to})
    agreed = Member.objects.reachable_by(Consent.Channel(by_channel))
    if members.exists() and not agreed.filter(pk__in=members).exists():
        raise TestNotSent(f"{to} belongs to a member who has not agreed to hear from you. Send the test elsewhere.")


def _take_turn(by: User, now: datetime) -> None:
    """So many in each hour, counted in the cache: none is counted while it is away."""
    key = f"trials:{by.pk}:{now:%Y%m%d%H}"
    cache.add(key, 0, timeout=3_600)
    if cache.incr(key) > MOST_AN_HOUR:
        raise TestNotSent(f"You have sent {MOST_AN_HOUR} tests within this hour. Try again in the next one.")
