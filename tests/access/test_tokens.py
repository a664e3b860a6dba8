"""A person's API tokens: shown once, stopped at once, and never able to do more than their owner."""

import datetime as dt
import hashlib
import re
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from loyalty.actions import people, tokens
from loyalty.models import ApiToken, User
from tests.tracking.received import a_system
from tracking.actions import partners
from tracking.models import Partner

pytestmark = pytest.mark.django_db
MINE, EVERYBODYS = "/accounts/tokens/", "/staff/settings/tokens/"
PARTNERS = "/api/tracking/v1/partners/"
A_TOKEN = {"name": "Nightly export", "scope": "change", "days": "90"}


@pytest.fixture
def now() -> dt.datetime:
    """Views look at the clock."""
    return timezone.now()


@pytest.fixture
def token_of(now: dt.datetime) -> Any:
    def make(user: User, scope: str = "change", days: int | None = 90) -> str:
        return tokens.make_token(user=user, name="Script", scope=scope, days=days, now=now).shown

    return make


def call(token: str, method: str = "get", url: str = PARTNERS, data: Any = None) -> Any:
    body = {"data": data or {}, "content_type": "application/json"} if method != "get" else {}
    return getattr(Client(enforce_csrf_checks=True), method)(url, headers={"authorization": f"Bearer {token}"}, **body)


def made_on_the_page(client: Client, **said: str) -> str:
    answer = client.post(MINE, A_TOKEN | said)
    assert "no-store" in answer["Cache-Control"]
    return re.search(r"<code>(rg_[\w-]{43})</code>", answer.content.decode())[1]


def test_a_token_is_shown_once_and_kept_as_a_digest(manager, client_of):
    client = client_of(manager)
    shown = made_on_the_page(client)
    token = ApiToken.objects.get()
    assert bytes(token.digest) == hashlib.sha256(shown.encode()).digest()
    assert (token.prefix, token.user, token.name) == (shown[:10], manager, "Nightly export")
    listed = client.get(MINE).content.decode()
    assert token.prefix in listed
    assert shown not in listed
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_jsonb(t)::text FROM loyalty_apitoken t")
        assert shown[10:] not in cursor.fetchone()[0]


def test_a_token_lasts_ninety_days_unless_its_owner_says_otherwise(manager, client_of):
    assert 'value="90" selected' in client_of(manager).get(MINE).content.decode()
    for days in ("30", "365"):
        made_on_the_page(client_of(manager), days=days)
        token = ApiToken.objects.latest("pk")
        assert (token.expires_at - token.created_at).days == int(days)
    made_on_the_page(client_of(manager), days="for-ever")
    assert ApiToken.objects.latest("pk").expires_at is None
    assert client_of(manager).post(MINE, A_TOKEN | {"days": "1000"}).status_code == 422


def test_a_script_changes_things_by_a_token_and_the_trail_names_its_owner(manager, client_of, token_of):
    answer = call(token_of(manager), "post", data={"name": "Acme"})
    assert answer.status_code == 201
    assert LogEntry.objects.get_for_object(Partner.objects.get()).get().actor == manager
    (change,) = client_of(manager).get("/staff/settings/changes/", {"model": "partner"}).context["changes"]
    assert change.who == f"{manager.email} by {ApiToken.objects.get()}"
    made = LogEntry.objects.get_for_object(ApiToken.objects.get()).get()
    assert "digest" not in made.changes


def test_a_token_that_may_only_read_changes_nothing_but_asks_long_questions(manager, token_of):
    shown = token_of(manager, scope="read")
    assert call(shown).status_code == 200
    refused = call(shown, "post", data={"name": "Acme"})
    assert (refused.status_code, refused["Content-Type"]) == (403, "application/problem+json")
    assert refused.json()["detail"] == "This token may only read."
    assert not Partner.objects.exists()
    steps = {"steps": [{"names": ["Viewed"]}, {"names": ["Sold"]}]}
    assert call(shown, "post", "/api/tracking/v1/funnels/", steps).status_code == 200


def test_expired_revoked_and_unknown_tokens_are_refused_at_once(manager, token_of, now):
    shown = token_of(manager)
    token = ApiToken.objects.get()
    assert call(shown).status_code == 200
    tokens.revoke_token(token, now=now)
    expired = tokens.make_token(user=manager, name="Old", scope="read", days=30, now=now - dt.timedelta(days=31))
    for each in (shown, expired.shown, "rg_", shown + "x", "rg_é"):
        answer = call(each)
        assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Bearer realm="Regulars"')
        assert answer.json()["code"] == "authentication_failed"
    with pytest.raises(tokens.TokenGone):
        tokens.revoke_token(token, now=now)


def test_whoever_goes_on_leave_takes_the_tokens_along_for_good(manager, admin, token_of, now):
    shown = token_of(manager)
    User.objects.filter(pk=manager.pk).update(is_active=False)
    assert call(shown).status_code == 401, "however it came about"
    User.objects.filter(pk=manager.pk).update(is_active=True)
    assert call(shown).status_code == 200
    people.set_active(user=manager, is_active=False, now=now)
    people.set_active(user=manager, is_active=True, now=now)
    assert call(shown).status_code == 401


@pytest.mark.parametrize("way", ["account", "admin"])
def test_a_new_password_revokes_every_token(manager, client_of, token_of, way):
    shown, client = token_of(manager), client_of(manager)
    old, new = "correct horse battery staple", "another quite long sentence"
    client.post("/accounts/password/change/", {"oldpassword": old, "password1": new, "password2": new})
    if way == "admin":
        shown = token_of(manager)
        client.post("/admin/password_change/", {"old_password": new, "new_password1": old, "new_password2": old})
    assert call(shown).status_code == 401
    assert "revokes your API tokens" in client.get("/accounts/password/change/").content.decode()


def test_a_change_of_role_counts_for_the_next_call(manager, admin, token_of):
    shown = token_of(manager)
    assert call(shown, "post", data={"name": "Acme"}).status_code == 201
    people.change_role(user=manager, role="Viewer")
    assert call(shown).status_code == 200
    assert call(shown, "post", data={"name": "Bevco"}).status_code == 403
    manager.groups.clear()
    assert call(shown).status_code == 403
    manager.groups.add(Group.objects.get(name="Manager"))
    assert call(shown, "post", data={"name": "Bevco"}).status_code == 201


def test_a_session_keeps_its_csrf_check_and_a_token_needs_none(manager, token_of):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(manager, backend="allauth.account.auth_backends.AuthenticationBackend")
    said = {"data": {"name": "Acme"}, "content_type": "application/json"}
    assert browser.post(PARTNERS, **said).status_code == 403
    assert browser.post(PARTNERS, **said, headers={"authorization": f"Bearer {token_of(manager)}"}).status_code == 201


def test_a_token_and_a_systems_key_do_not_take_each_other_for_themselves(manager, token_of):
    system = a_system("Acme", "Website")
    pair = partners.add_pair(system=system, by=manager)
    by_pair = call(f"{pair.key.prefix}:{pair.shown}", url="/api/tracking/v1/systems/")
    assert [row["name"] for row in by_pair.json()["results"]] == ["Website"]
    shown = token_of(manager)
    assert len(call(shown, url="/api/tracking/v1/systems/").json()["results"]) == 1
    for headers in ({"x-write-key": shown}, {"x-api-key": shown}):
        assert Client().get("/api/tracking/v1/systems/", headers=headers).status_code == 401
    assert call("wk_unknown").json()["detail"].startswith("This needs a key")


def test_use_is_noted_once_a_minute(manager, token_of, now):
    call(shown := token_of(manager))
    token = ApiToken.objects.get()
    first = token.last_used_at
    assert first is not None
    call(shown)
    tokens.note_use(token, now=first + dt.timedelta(seconds=59))
    token.refresh_from_db()
    assert token.last_used_at == first
    later = first + dt.timedelta(seconds=61)
    tokens.note_use(token, now=later)
    token.refresh_from_db()
    assert token.last_used_at == later
    assert not LogEntry.objects.get_for_object(token).filter(changes__has_key="last_used_at").exists()


def test_people_see_and_revoke_their_own_tokens_and_nobody_elses(manager, viewer, client_of, token_of):
    token_of(manager)
    token, stranger = ApiToken.objects.get(), client_of(viewer)
    assert token.prefix not in stranger.get(MINE).content.decode()
    assert stranger.post(reverse("account-tokens:revoke", args=[token.pk])).status_code == 404
    assert Client().get(MINE).status_code == 302
    client_of(manager).post(reverse("account-tokens:revoke", args=[token.pk]))
    told = LogEntry.objects.get_for_object(token).latest("pk")
    assert (told.actor, list(told.changes)) == (manager, ["revoked_at"])
    assert "Revoked" in client_of(manager).get(MINE).content.decode()


def test_an_admin_sees_and_revokes_everybodys(manager, viewer, admin, client_of, token_of):
    shown, _ = token_of(manager), token_of(viewer)
    page = client_of(admin).get(EVERYBODYS, {"q": manager.email}).content.decode()
    assert manager.email in page
    assert viewer.email not in page
    token = ApiToken.objects.get(user=manager)
    client_of(admin).post(reverse("loyalty:token-revoke", args=[token.pk]))
    assert call(shown).status_code == 401
    states = [client_of(admin).get(EVERYBODYS, {"state": state}).context["rows"] for state in ("working", "revoked")]
    assert [[row["token"].user for row in rows] for rows in states] == [[viewer], [manager]]
    assert client_of(manager).get(EVERYBODYS).status_code == 403


def test_the_admin_site_shows_tokens_and_revokes_them_and_no_more(manager, admin, client_of, token_of):
    shown, office = token_of(manager), client_of(admin)
    token, url = ApiToken.objects.get(), reverse("admin:loyalty_apitoken_changelist")
    assert office.post(reverse("admin:loyalty_apitoken_change", args=[token.pk]), {"name": "x"}).status_code == 403
    office.post(url, {"action": "revoke", "_selected_action": [token.pk]})
    assert call(shown).status_code == 401
    assert client_of(manager).get(url).status_code == 403


def test_fifty_working_tokens_are_enough(manager, now):
    made = [tokens.make_token(user=manager, name="Script", scope="read", days=30, now=now) for _ in range(50)]
    with pytest.raises(tokens.TooManyTokens):
        tokens.make_token(user=manager, name="Script", scope="read", days=30, now=now)
    tokens.revoke_token(made[0].token, now=now)
    assert tokens.make_token(user=manager, name="Script", scope="read", days=30, now=now)


def test_a_partners_login_makes_tokens_that_see_that_partner_only(client_of, now):
    ours, theirs = a_system("Acme", "Website"), a_system("Bevco", "Till")
    guest = User.objects.create_user("bea@bevco.example", name="Bea")
    partners.give_access(user=guest, partner=theirs.partner)
    shown = made_on_the_page(client_of(guest))
    listed = call(shown, url="/api/tracking/v1/systems/").json()["results"]
    assert [row["id"] for row in listed] == [str(theirs.public_id)]
    assert call(shown, url=f"/api/tracking/v1/systems/{ours.public_id}/").status_code == 404
    assert call(shown, "post", data={"name": "Mine"}).status_code == 403
