"""What Managers do with partners, systems and keys, what others may look at, and what is shown once."""

import datetime as dt
import re

import pytest
from auditlog.models import LogEntry
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from loyalty.actions import people
from loyalty.models import User
from tests.tracking.received import a_system, receive, said
from tracking.actions import partners
from tracking.models import Partner, PartnerSystem, SystemKey
from tracking.queries import scope

pytestmark = pytest.mark.django_db
LIST = "/staff/tracking/partners/"


@pytest.fixture
def desk(manager, client_of):
    return client_of(manager)


@pytest.fixture
def system():
    return a_system("Acme", "Website")


@pytest.fixture
def page(system):
    return reverse("tracking:system", args=[system.public_id])


def text(answer):
    return answer.content.decode()


def make(desk, system, kind="WRITE_KEY", **headers):
    return desk.post(reverse("tracking:key-make", args=[system.public_id]), {"kind": kind}, headers=headers)


def shown_in(answer):
    return re.findall(r'data-copy="((?:wk|sk)_[\w-]{20,})"', text(answer))


def test_a_manager_goes_from_nothing_to_a_key(desk):
    assert "Nobody sends events yet" in text(desk.get(LIST))
    partner = desk.post(reverse("tracking:partner-add"), {"name": "Acme"}, follow=True).context["partner"]
    added = {"name": "Till", "kind": "POINT_OF_SALE", "events_per_second": 0}
    answer = desk.post(reverse("tracking:system-add", args=[partner.public_id]), added, follow=True)
    system = answer.context["system"]
    assert (system.name, system.kind, str(system.partner)) == ("Till", "POINT_OF_SALE", "Acme")
    (key,) = shown_in(make(desk, system))
    assert scope.working_key(key, now=timezone.now()).system == system


def test_a_name_that_is_taken_is_refused_in_words(desk, system):
    told = desk.post(reverse("tracking:partner-add"), {"name": "Acme"}, headers={"referer": "http://testserver" + LIST})
    assert "There is a partner called Acme already." in text(desk.get(told["Location"]))
    again = reverse("tracking:system-add", args=[system.partner.public_id])
    body = {"name": "Website", "kind": "WEBSITE", "events_per_second": 0}
    desk.post(again, body, headers={"referer": "http://testserver" + LIST})
    assert "Acme has a system called Website already." in text(desk.get(LIST))
    assert "Events a second: " in text(desk.post(again, body | {"events_per_second": -1}, follow=True))


def test_a_key_is_shown_on_the_answer_that_made_it_and_never_again(desk, system, page):
    answer = make(desk, system)
    (key,) = shown_in(answer)
    assert "no-store" in answer["Cache-Control"]
    assert "shown this once" in text(answer)
    assert f"writeKey: '{key}'".replace("'", "&#x27;") in text(answer), "the lines to copy hold it, too"
    again = text(desk.get(page))
    assert key not in again
    assert f"{key[:10]}…" in again
    assert f"{key[:10]}…&#x27;" not in again, "a line to copy never holds half a key"
    assert "writeKey: &#x27;YOUR_WRITE_KEY&#x27;" in again
    assert str(system.public_id) in again
    kept = str(list(LogEntry.objects.values_list("changes", "object_repr", "additional_data")))
    assert key not in kept
    assert "digest" not in LogEntry.objects.get_for_object(system.keys.get()).get().changes


def test_a_pair_shows_its_secret_once_and_its_id_always(desk, system, page):
    (secret,) = shown_in(make(desk, system, "PAIR"))
    pair = system.keys.get()
    assert scope.working_key(f"{pair.prefix}:{secret}", now=timezone.now()) == pair
    again = text(desk.get(page))
    assert pair.prefix in again
    assert secret not in again


def test_htmx_gets_only_the_keys_so_a_reload_makes_no_other(desk, system):
    answer = make(desk, system, **{"HX-Request": "true", "HX-Target": "keys"})
    assert text(answer).lstrip().startswith('<div id="keys"')
    assert len(shown_in(answer)) == 1


def test_a_rotated_key_works_beside_the_new_one_for_as_long_as_was_chosen(desk, system):
    old = partners.add_write_key(system=system, by=None)
    (fresh,) = shown_in(desk.post(reverse("tracking:key-rotate", args=[old.key.pk]), {"overlap": "24"}))
    now = timezone.now()
    assert scope.working_key(old.shown, now=now + dt.timedelta(hours=23))
    assert not scope.working_key(old.shown, now=now + dt.timedelta(hours=25))
    assert scope.working_key(fresh, now=now + dt.timedelta(days=900))
    assert desk.post(reverse("tracking:key-rotate", args=[old.key.pk]), {"overlap": "9999"}).status_code == 302
    assert system.keys.count() == 2


def test_a_revoked_key_opens_nothing_and_says_so(desk, system, page, manager):
    made = partners.add_write_key(system=system, by=manager)
    desk.post(reverse("tracking:key-revoke", args=[made.key.pk]))
    assert not scope.working_key(made.shown, now=timezone.now())
    assert "Revoked" in text(desk.get(page))
    told = LogEntry.objects.get_for_object(made.key).latest("pk")
    assert (list(told.changes), told.actor) == (["revoked_at"], manager)


def test_switching_a_partner_off_stops_its_keys_and_on_again_brings_them_back(desk, system):
    made = partners.add_write_key(system=system, by=None)
    url = reverse("tracking:partner-change", args=[system.partner.public_id])
    desk.post(url, {"active": "no"})
    assert not scope.working_key(made.shown, now=timezone.now())
    assert "Switched off" in text(desk.get(LIST, {"state": "off"}))
    desk.post(url, {"active": "yes"})
    assert scope.working_key(made.shown, now=timezone.now())
    desk.post(url, {"name": "Acme Ltd"})
    assert Partner.objects.get().name == "Acme Ltd"
    told = [entry.changes for entry in LogEntry.objects.get_for_object(system.partner).order_by("pk")][1:]
    assert told == [
        {"is_active": ["True", "False"]},
        {"is_active": ["False", "True"]},
        {"name": ["Acme", "Acme Ltd"]},
    ]


def test_a_system_is_changed_and_switched_off(desk, system):
    url = reverse("tracking:system-change", args=[system.public_id])
    desk.post(url, {"name": "Shop", "kind": "BACKEND", "events_per_second": 50})
    desk.post(url, {"active": "no"})
    told = PartnerSystem.objects.values_list("name", "kind", "events_per_second", "is_active").get()
    assert told == ("Shop", "BACKEND", 50, False)


def test_the_list_counts_the_last_day_and_tells_the_last_event(desk, system, follow_events):
    now = timezone.now()
    hours = dt.timedelta(hours=1)
    receive(system, said("Seen", message_id="1"), said("Seen", message_id="1"), said("Sold"), at=now - hours)
    receive(system, said("Seen", timestamp="never"), at=now - hours)
    receive(system, said("Old"), at=now - 60 * hours)
    receive(a_system("Acme", "App"), said("Seen"), at=now - 2 * hours)
    a_system("Bevco", "Till")
    follow_events()
    rows = {str(partner): (partner.system_count, traffic) for partner, traffic in desk.get(LIST).context["rows"]}
    count, acme = rows["Acme"]
    assert (count, acme.received, acme.invalid, acme.invalid_share) == (2, 5, 1, 0.2)
    assert abs(acme.last_at - (now - hours)) < dt.timedelta(seconds=1)
    assert rows["Bevco"][1].invalid_share is None
    csv = b"".join(desk.get(LIST, {"format": "csv"}).streaming_content).decode()
    assert f"Acme,yes,2,5,1,{timezone.localtime(acme.last_at):%Y-%m-%d %H:%M:%S}" in csv
    assert [str(partner) for partner, _ in desk.get(LIST, {"q": "bev"}).context["rows"]] == ["Bevco"]


def test_the_numbers_of_a_system_are_those_of_the_api(desk, system, page, follow_events):
    receive(system, said("Seen"), said("Sold", timestamp="never"), at=timezone.now() - dt.timedelta(hours=1))
    follow_events()
    context = desk.get(page).context
    found = desk.get("/api/events/statistics", {"partner_system": str(system.public_id)}).json()
    assert context["last_month"].total == context["last_day"].total == found["total"] == 2
    assert sum(sum(series["values"]) for series in context["chart"]["series"]) == 2


def test_marketers_and_viewers_look_and_touch_nothing(system, page, marketer, viewer, client_of):
    made = partners.add_write_key(system=system, by=None)
    posts = [
        reverse("tracking:partner-add"),
        *(reverse(f"tracking:{name}", args=[system.partner.public_id]) for name in ("partner-change", "system-add")),
        *(reverse(f"tracking:{name}", args=[system.public_id]) for name in ("system-change", "key-make")),
        *(reverse(f"tracking:{name}", args=[made.key.pk]) for name in ("key-rotate", "key-revoke")),
    ]
    for user in (marketer, viewer):
        client = client_of(user)
        shown = text(client.get(page))
        assert "Make a write key" not in shown
        assert "Revoke" not in shown
        assert "People with access" not in text(
            client.get(reverse("tracking:partner", args=[system.partner.public_id]))
        )
        assert [client.post(url, {"name": "X", "kind": "PAIR"}).status_code for url in posts] == [403] * len(posts)
    assert SystemKey.objects.count() == 1


# A partner's own people ------------------------------------------------------------------------------------------


@pytest.fixture
def guest(system, manager, client, client_of):
    """Somebody of Acme's, who came in by an invitation."""
    url = reverse("loyalty:partner-person-invite", args=[system.partner.public_id])
    client_of(manager).post(url, {"email": "gil@acme.example"})
    assert people.email_invitations(now=timezone.now()) == 1
    assert "to see what Acme sends" in mail.outbox[-1].body
    link = re.search(r"http://localhost:\d+(/staff/invitation/\S+)", mail.outbox[-1].body)[1]
    client.post(link, {"name": "Gil", "password": "a quite long sentence"})
    return User.objects.get(email="gil@acme.example")


def test_an_invited_guest_lands_on_what_the_partner_sends_and_sees_nothing_else(guest, system, client, page):
    landed = client.get("/staff/", follow=True)
    assert landed.redirect_chain[-1][0] == reverse("tracking:partner", args=[system.partner.public_id])
    assert [place.label for place in landed.context["navigation"]] == ["Tracking"]
    assert 'role="search"' not in text(landed)
    assert client.get(page).status_code == 200
    assert client.get("/api/events/statistics", {"partner_system": str(system.public_id)}).status_code == 200
    for closed in ("/staff/members/", "/staff/tracking/", "/staff/tracking/health/", "/staff/settings/", "/admin/"):
        assert client.get(closed, follow=True).status_code == 403, closed


def test_a_guest_learns_no_name_of_the_shops_people(guest, system, client, page, manager):
    partners.add_write_key(system=system, by=manager)
    assert manager.name not in text(client.get(page))


def test_a_guest_of_a_partner_that_is_switched_off_sees_nothing(guest, system, client, page):
    partners.change_partner(system.partner, name="Acme", is_active=False)
    assert [client.get(url, follow=True).status_code for url in ("/staff/", page, LIST)] == [403, 403, 403]


def test_a_guest_has_no_role_and_is_not_among_the_shops_people(guest, admin, client_of):
    client = client_of(admin)
    url = reverse("loyalty:person-change", args=[guest.pk])
    client.post(url, {"role": "Admin"}, headers={"referer": "http://testserver/staff/settings/people/"})
    assert not guest.groups.exists()
    shown = text(client.get("/staff/settings/people/"))
    assert "belongs to a partner" in shown
    assert guest.name not in [person.name for person, _ in client.get("/staff/settings/people/").context["people"]]


def test_nobody_who_works_here_is_made_a_guest(viewer, system):
    with pytest.raises(partners.WorksHere):
        partners.give_access(user=viewer, partner=system.partner)


def test_a_guest_is_shut_out_and_an_invitation_withdrawn(guest, system, client, desk):
    of_acme = system.partner.public_id
    desk.post(reverse("loyalty:partner-person-switch", args=[of_acme, guest.pk]), {"active": "no"})
    assert client.get("/staff/").status_code == 302
    desk.post(reverse("loyalty:partner-person-invite", args=[of_acme]), {"email": "new@acme.example"})
    fragment = reverse("loyalty:partner-people", args=[of_acme])
    assert "new@acme.example" in text(desk.get(fragment))
    (invitation,) = desk.get(fragment).context["invitations"]
    desk.post(reverse("loyalty:partner-invitation-withdraw", args=[of_acme, invitation.pk]))
    assert "new@acme.example" not in text(desk.get(fragment))


def test_a_login_of_the_shop_is_never_reached_through_a_partner(guest, system, desk, viewer):
    url = reverse("loyalty:partner-person-switch", args=[system.partner.public_id, viewer.pk])
    assert desk.post(url, {"active": "no"}).status_code == 404
    viewer.refresh_from_db()
    assert viewer.is_active
