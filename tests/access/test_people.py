"""Who works here: invited, given a role, put on leave."""

import datetime as dt
import re
import threading
from collections.abc import Callable

import pytest
from django.core import mail
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from loyalty.actions import people
from loyalty.models import Invitation, User
from loyalty.queries.people import role_of
from tests.post_office import open_post_office

NEW, PASSWORD = "new@shop.example", "a quite long sentence"


@pytest.fixture
def today() -> dt.datetime:
    """Pages look at the clock."""
    return dt.datetime.now(dt.UTC)


@pytest.fixture
def invite(admin: User, today: dt.datetime) -> Callable[..., Invitation]:
    def ask(email: str = NEW, role: str = "Marketer", at: dt.datetime = today) -> Invitation:
        return people.invite(email=email, role=role, by=admin, now=at)

    return ask


def link_in(message: mail.EmailMessage) -> str:
    return re.search(r"http://localhost:\d+(/staff/invitation/\S+)", message.body)[1]


@pytest.fixture
def link(invite: Callable[..., Invitation], today: dt.datetime) -> str:
    """An invitation was sent; the address in its email."""
    invite()
    assert people.email_invitations(now=today) == 1
    return link_in(mail.outbox[-1])


def accept(client: Client, link: str, password: str = PASSWORD):
    return client.post(link, {"name": "Nora New", "password": password})


def test_an_invitation_leads_in_with_its_role(link, client):
    assert NEW in client.get(link).content.decode()
    assert accept(client, link)["Location"] == "/staff/"
    user = User.objects.get(email=NEW)
    assert (user.name, role_of(user), user.is_superuser) == ("Nora New", "Marketer", False)
    assert client.get("/staff/campaigns/new/").status_code == 200


def test_the_link_is_kept_only_as_a_hash(link):
    token = link.rstrip("/").rpartition("/")[2]
    row = Invitation.objects.values().get()
    assert token not in str(row)
    assert len(row["token_hash"]) == 64


def test_an_invitation_opens_once(link, client):
    accept(client, link)
    again = Client().get(link)
    assert again.status_code == 410
    assert "used up, withdrawn or older than a week" in again.content.decode()
    assert accept(Client(), link).status_code == 410
    assert User.objects.filter(email=NEW).count() == 1


def test_a_withdrawn_invitation_opens_nothing(link, client, admin, client_of):
    invitation = Invitation.objects.get()
    client_of(admin).post(reverse("loyalty:invitation-withdraw", args=[invitation.pk]))
    assert client.get(link).status_code == accept(client, link).status_code == 410


def test_an_old_invitation_opens_nothing_and_gives_way_to_a_new_one(invite, client, today):
    invite(at=today - dt.timedelta(days=8))
    people.email_invitations(now=today - dt.timedelta(days=8))
    old = link_in(mail.outbox[-1])
    assert client.get(old).status_code == 410
    invite()
    people.email_invitations(now=today)
    assert accept(client, link_in(mail.outbox[-1])).status_code == 302


def test_a_made_up_link_opens_nothing(client, db):
    assert client.get(reverse("loyalty:invitation-accept", args=["x" * 43])).status_code == 410


@pytest.mark.parametrize(
    ("weak", "why"), [("short", "too short"), ("1qaz2wsx3edc", "too common"), (NEW, "too similar")]
)
def test_a_weak_password_is_refused_and_the_invitation_stays(weak, why, link, client):
    answer = accept(client, link, weak)
    assert answer.status_code == 422
    assert why in answer.content.decode()
    assert "Nora New" in answer.content.decode()
    assert not User.objects.filter(email=NEW).exists()
    assert accept(client, link).status_code == 302


def test_a_second_invitation_and_one_for_a_colleague_are_refused(invite, viewer):
    invite()
    with pytest.raises(people.CannotInvite, match="has an invitation already"):
        invite(email=f" {NEW.upper()} ")
    with pytest.raises(people.CannotInvite, match="works here already"):
        invite(email=viewer.email.upper())
    with pytest.raises(people.CannotInvite):
        invite(email="nobody at all")


def test_somebody_who_got_an_account_meanwhile_is_told_to_use_it(link, client):
    User.objects.create_user(NEW, "made on the command line")
    answer = accept(client, link)
    assert answer.status_code == 410
    assert "has an account already" in answer.content.decode()


def test_a_silent_mail_server_delays_an_invitation_and_loses_nothing(invite, settings, today):
    invite()
    with open_post_office(settings) as office:
        working = settings.EMAIL_PORT
        settings.EMAIL_PORT = 1
        assert people.email_invitations(now=today) == 0
        assert Invitation.objects.get().emailed_at is None
        settings.EMAIL_PORT = working
        assert people.email_invitations(now=today + dt.timedelta(minutes=1)) == 1
        assert people.email_invitations(now=today + dt.timedelta(minutes=2)) == 0
        assert office.recipients == [NEW]


def test_a_worker_that_dies_while_it_invites_loses_no_invitation(invite, settings, today, monkeypatch):
    class Killed(BaseException):
        pass

    def die(*_):
        raise Killed

    invite()
    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.EmailMessage.send", die)
        with pytest.raises(Killed):
            people.email_invitations(now=today)
    with open_post_office(settings) as office:
        assert people.email_invitations(now=today + people.LEASE) == 0
        assert people.email_invitations(now=today + people.LEASE + dt.timedelta(seconds=1)) == 1
        assert people.email_invitations(now=today + dt.timedelta(days=1)) == 0
        assert office.recipients == [NEW]


def test_only_an_admin_invites_and_changes_people(manager, marketer, viewer, admin, client_of):
    posts = {
        reverse("loyalty:person-invite"): {"email": NEW, "role": "Admin"},
        reverse("loyalty:person-change", args=[viewer.pk]): {"role": "Admin"},
    }
    for user in (viewer, marketer, manager):
        for url, values in posts.items():
            assert client_of(user).post(url, values).status_code == 403
    for url, values in posts.items():
        assert client_of(admin).post(url, values).status_code == 302
    assert Invitation.objects.get().role == role_of(viewer) == "Admin"


def test_a_new_role_holds_from_the_next_page_on(viewer, admin, client_of):
    seat, office = client_of(viewer), client_of(admin)
    url = reverse("loyalty:person-change", args=[viewer.pk])
    assert seat.get("/staff/campaigns/new/").status_code == 403
    office.post(url, {"role": "Marketer"})
    assert seat.get("/staff/campaigns/new/").status_code == 200
    office.post(url, {"role": "Viewer"})
    assert seat.get("/staff/campaigns/new/").status_code == 403


def test_a_superuser_who_becomes_a_viewer_is_one(admin):
    root = User.objects.create_superuser("root@shop.example", PASSWORD)
    people.change_role(user=root, role="Viewer")
    assert not User.objects.get(pk=root.pk).has_perm("loyalty.manage_people")


def test_on_leave_is_out_everywhere_at_once_and_stays_out(viewer, admin, client_of):
    phone, laptop, office = client_of(viewer), client_of(viewer), client_of(admin)
    url = reverse("loyalty:person-change", args=[viewer.pk])
    assert phone.get("/staff/").status_code == laptop.get("/staff/").status_code == 200
    office.post(url, {"active": "no"})
    assert phone.get("/staff/").status_code == laptop.get("/staff/").status_code == 302
    office.post(url, {"active": "yes"})
    assert phone.get("/staff/").status_code == laptop.get("/staff/").status_code == 302
    assert office.get("/staff/").status_code == 200


@pytest.mark.parametrize("farewell", [{"role": "Viewer"}, {"active": "no"}])
def test_the_last_admin_stays(farewell, admin, viewer, client_of):
    client, url = client_of(admin), reverse("loyalty:person-change", args=[admin.pk])
    answer = client.post(url, farewell, headers={"referer": "http://testserver/staff/settings/people/"}, follow=True)
    assert "Somebody has to stay Admin" in answer.content.decode()
    admin.refresh_from_db()
    assert admin.is_active
    assert role_of(admin) == "Admin"


@pytest.mark.django_db(transaction=True)
def test_of_two_admins_who_send_each_other_off_at_once_one_stays(admin, viewer):
    people.change_role(user=viewer, role="Admin")
    answers: list[str] = []

    def send_off(user: User) -> None:
        try:
            people.change_role(user=user, role="Viewer")
            answers.append("gone")
        except people.LastAdmin:
            answers.append("stays")
        finally:
            connection.close()

    other = threading.Thread(target=send_off, args=[admin])
    with transaction.atomic():
        people.change_role(user=viewer, role="Viewer")
        other.start()
        other.join(timeout=1)
    other.join(timeout=20)
    assert answers == ["stays"]
