"""Who works here: invited by email, given a role, put on leave."""

import hashlib
import logging
import secrets
from datetime import datetime, timedelta
from typing import Any

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.contrib.sessions.backends.cached_db import SessionStore
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.template.loader import render_to_string
from django.urls import reverse

from config.shared.errors import DomainError
from config.shared.nudge import nudge
from config.shared.sender import sender_under
from config.shared.trail import note_change
from loyalty.actions.own_events import SeenByOthers
from loyalty.actions.tokens import revoke_all_of
from loyalty.models import Invitation, User
from loyalty.queries import brand
from loyalty.queries.own_events import are_seen_at
from loyalty.queries.people import admins, open_invitations, partner_logins
from loyalty.rules.contacts import NotAnAddress, normal_email
from tracking.actions.partners import give_access
from tracking.models import Partner

VALID_FOR = timedelta(days=7)
LEASE = timedelta(minutes=5)
logger = logging.getLogger(__name__)


class CannotInvite(DomainError):
    code = "cannot_invite"


class InvitationGone(DomainError):
    code = "invitation_gone"


class BadPassword(DomainError):
    code = "bad_password"


class LastAdmin(DomainError):
    code = "last_admin"


class NotOurs(DomainError):
    code = "not_ours"


def invite(*, email: str, role: str, by: User, now: datetime) -> Invitation:
    """Offer somebody a place; the email follows. An expired invitation gives way. Raises CannotInvite."""
    return _offer(email, by=by, now=now, role=role)


def invite_for_partner(
    *, email: str, partner: Partner, by: User, now: datetime, may_be_seen: bool = False
) -> Invitation:
    """Offer one of a partner's people a login that sees this partner and nothing else.

    Raises CannotInvite, and SeenByOthers where that includes the shop's own events and nobody said that they may.
    """
    if are_seen_at(partner) and not may_be_seen:
        raise SeenByOthers(f"The shop's own events stand with {partner}: you invite somebody", "move the events first")
    return _offer(email, by=by, now=now, partner=partner)


@transaction.atomic
def _offer(email: str, *, by: User, now: datetime, **place: Any) -> Invitation:
    address = _address(email)
    if User.objects.filter(email__iexact=address).exists():
        raise CannotInvite(f"{address} works here already, or for a partner. Choose another address.")
    Invitation.objects.filter(email__iexact=address, accepted_at=None, expires_at__lte=now).update(withdrawn_at=now)
    try:
        with transaction.atomic():
            invitation = Invitation.objects.create(
                email=address, **place, invited_by=by, created_at=now, expires_at=now + VALID_FOR
            )
    except IntegrityError:
        raise CannotInvite(f"{address} has an invitation already. Withdraw it to send another.") from None
    nudge("loyalty.sweep_invitations")
    return invitation


@transaction.atomic
def withdraw_invitation(*, invitation: Invitation, now: datetime) -> None:
    Invitation.objects.filter(pk=invitation.pk, accepted_at=None, withdrawn_at=None).update(withdrawn_at=now)


def email_invitations(*, now: datetime) -> int:
    """Send every invitation that has not been sent; how many went out.

    The token exists only in the email: we keep its hash. A mail server that refuses is asked again by the sweep.
    """
    return sum(_email(invitation, now) for invitation in _waiting(now))


def _waiting(now: datetime) -> QuerySet[Invitation]:
    """Not known to have been sent, and in nobody's hands: a worker's lease lapses when it dies."""
    return open_invitations(now).filter(Q(claimed_until=None) | Q(claimed_until__lt=now), emailed_at=None)


def _email(invitation: Invitation, now: datetime) -> bool:
    token, lease = secrets.token_urlsafe(32), now + LEASE
    if not _waiting(now).filter(pk=invitation.pk).update(token_hash=_hash(token), claimed_until=lease):
        return False
    told = Invitation.objects.filter(pk=invitation.pk)
    try:
        _send_invitation(invitation, token)
    except Exception:
        logger.exception("Invitation %s could not be sent; it is tried again.", invitation.pk)
        told.filter(claimed_until=lease).update(claimed_until=None)
        return False
    told.update(emailed_at=now, claimed_until=None)
    return True


def _send_invitation(invitation: Invitation, token: str) -> None:
    shop = brand.brand()
    context = {
        "invitation": invitation,
        "brand": shop,
        "url": settings.PUBLIC_URL + reverse("loyalty:invitation-accept", args=[token]),
        "valid_days": VALID_FOR.days,
    }
    text, sender = render_to_string("emails/invitation.txt", context), sender_under(shop.name)
    send_mail(f"Join {shop.name}", text, sender, [invitation.email])


def invitation_for(token: str, *, now: datetime) -> Invitation:
    """Raises InvitationGone for a token that was never given out, is used up, withdrawn or too old."""
    invitation = open_invitations(now).filter(token_hash=_hash(token)).first()
    if invitation is None:
        raise InvitationGone("This invitation is used up, withdrawn or older than a week. Ask for a new one.")
    return invitation


@transaction.atomic
def accept_invitation(*, token: str, name: str, password: str, now: datetime) -> User:
    """Raises InvitationGone, BadPassword."""
    invitation = invitation_for(token, now=now)
    if not Invitation.objects.filter(pk=invitation.pk, accepted_at=None).update(accepted_at=now):
        raise InvitationGone("This invitation has just been used.")
    if User.objects.filter(email__iexact=invitation.email).exists():
        raise InvitationGone(f"{invitation.email} has an account already. Sign in with it.")
    try:
        validate_password(password, User(email=invitation.email, name=name))
    except ValidationError as error:
        raise BadPassword(" ".join(error.messages)) from None
    user = User.objects.create_user(invitation.email, password, name=name.strip())
    if invitation.partner:
        give_access(user=user, partner=invitation.partner)
    else:
        user.groups.set([Group.objects.get(name=invitation.role)])
    return user


@transaction.atomic
def change_role(*, user: User, role: str) -> None:
    """From the next page on. Who was made on the command line becomes one of us. Raises LastAdmin, NotOurs."""
    if partner_logins().filter(pk=user.pk).exists():
        raise NotOurs(f"{user.email} belongs to a partner and has no role here. Invite another address.")
    _keep_an_admin(user, stays=role == "Admin")
    user.groups.set([Group.objects.get(name=role)])
    user.is_superuser = False
    user.save(update_fields=["is_superuser"])


@transaction.atomic
def set_active(*, user: User, is_active: bool, now: datetime) -> None:
    """Let somebody sign in, or not. Raises LastAdmin.

    Whoever is put on leave is signed out everywhere at once, and their API tokens are revoked for good.
    """
    _keep_an_admin(user, stays=is_active)
    user.is_active = is_active
    user.save(update_fields=["is_active"])
    if not is_active:
        _sign_out(user)
        revoke_all_of(user, now=now)


@transaction.atomic
def forget_second_factor(*, user: User) -> None:
    """For somebody who lost it: the password alone opens the door again, and a new factor can be set up."""
    if Authenticator.objects.filter(user=user).delete()[0]:
        note_change(user, second_factor=("set up", "none"))


def _keep_an_admin(user: User, *, stays: bool) -> None:
    # Of two Admins who send each other on leave at once, the second finds what the first has done.
    Group.objects.select_for_update().get(name="Admin")
    if not stays and not admins().exclude(pk=user.pk).exists():
        raise LastAdmin("Somebody has to stay Admin. Give the role to another person first.")


def _sign_out(user: User) -> None:
    """By the session engine: a session is a row, and a copy of it in the cache."""
    for session in Session.objects.iterator():
        if session.get_decoded().get(SESSION_KEY) == str(user.pk):
            SessionStore(session.session_key).delete()


def _address(email: str) -> str:
    try:
        return normal_email(email)
    except NotAnAddress as fault:
        raise CannotInvite(str(fault)) from None


def _hash(token: str) -> str:
    """The token has 256 random bits: a plain digest cannot be searched, and finds its row at once."""
    return hashlib.sha256(token.encode()).hexdigest()
