"""Look up and correct anything, in the admin: through the same actions as everywhere else."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.apps import apps
from django.contrib import admin as django_admin
from django.db.models import CompositePrimaryKey
from django.test import Client
from django.urls import reverse
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from unfold.admin import ModelAdmin

from campaigns.models import Link, MemberHour, Offer
from config.shared.admin import ByAction
from loyalty.actions import business
from loyalty.models import (
    Answer,
    Business,
    Consent,
    EarnRule,
    LoginCode,
    Member,
    PointsAccount,
    Product,
    PushSubscription,
    RefreshToken,
    Store,
    User,
)
from loyalty.queries.people import role_of
from tests.world import EMAIL, OTHER_EMAIL, World

OURS = ("tracking", "integrations", "loyalty", "campaigns", "analytics")
SITE = django_admin.site


@pytest.fixture
def office(admin: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(admin)


def url(model: str, page: str, *args: Any) -> str:
    return reverse(f"admin:{model}_{page}", args=args)


def correct(client: Client, model: str, row: Any, **values: Any) -> Any:
    """Send the change form as a browser would: with everything it shows, and these values."""
    address = url(model, "change", row.pk)
    shown = client.get(address).context["adminform"].form
    filled = {name: shown[name].value() for name in shown.fields}
    data = {name: "" if value is None else value for name, value in (filled | values).items() if value is not False}
    return client.post(address, data)


def test_every_model_of_ours_is_there_and_looks_like_the_rest():
    ours = {model for app in OURS for model in apps.get_app_config(app).get_models() if _can_be_shown(model)}
    assert ours <= set(SITE._registry)
    assert [model for model, page in SITE._registry.items() if not isinstance(page, ModelAdmin)] == []


def _can_be_shown(model: Any) -> bool:
    """Not what Django makes by itself, and not what has a key of several columns, which no admin can show.

    Nor what lets members in or was answered to them: nobody has a reason to read it, and it is gone in days.
    """
    is_sealed = model in (LoginCode, RefreshToken, PushSubscription, Answer)
    is_counted_anew = model in (Link, MemberHour)  # nothing but an address, and what last night's count said
    return not (
        model._meta.auto_created or is_sealed or is_counted_anew or isinstance(model._meta.pk, CompositePrimaryKey)
    )


def test_searches_find_something_and_never_break(world: World, office: Client):
    searched = [model for model, page in SITE._registry.items() if page.search_fields]
    assert len(searched) > 8
    for model in searched:
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        for text in ("a", "1", EMAIL, "'; --", str(world.ada.public_id), "%", "ü"):
            assert office.get(url(name, "changelist"), {"q": text}).status_code == 200, (name, text)
    found = office.get(url("loyalty_member", "changelist"), {"q": EMAIL}).context["cl"].result_list
    assert [row.pk for row in found] == [world.ada.pk]


def test_a_corrected_email_is_normalised_and_the_trail_knows_who(world: World, office: Client, admin: User):
    answer = correct(office, "loyalty_member", world.ada, email=" Ada.King@Example.COM ", name="Ada King")
    assert answer.status_code == 302
    assert Member.objects.get(pk=world.ada.pk).email == "ada.king@example.com"
    told = LogEntry.objects.get_for_object(world.ada).latest("pk")
    assert told.actor == admin
    assert told.changes["email"] == [EMAIL, "ada.king@example.com"]


def test_a_refusal_is_said_on_the_form_and_nothing_typed_is_lost(world: World, office: Client):
    answer = correct(office, "loyalty_member", world.ada, email=OTHER_EMAIL, name="Ada King", phone="(212) 555-0188")
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "belongs to member" in text
    assert 'value="Ada King"' in text
    assert 'value="(212) 555-0188"' in text
    world.ada.refresh_from_db()
    assert (world.ada.name, world.ada.email) == ("Ada", EMAIL)


def test_every_kind_of_correction_goes_through(world: World, office: Client, marketer: User):
    store, product = Store.objects.get(), Product.objects.get()
    offer, rule = Offer.objects.all()[0], EarnRule.objects.all()[0]
    assert correct(office, "loyalty_store", store, name="Old Harbor", state="ny").status_code == 302
    assert correct(office, "loyalty_product", product, brand="Copper").status_code == 302
    assert correct(office, "campaigns_offer", offer, cost="4.50").status_code == 302
    assert correct(office, "loyalty_earnrule", rule, points_per_unit="2").status_code == 302
    assert correct(office, "loyalty_business", Business.objects.get(), name="Vine & Co").status_code == 302
    assert correct(office, "campaigns_playbook", world.step.playbook, tone="Warm").status_code == 302
    assert correct(office, "loyalty_user", marketer, role="Manager").status_code == 302
    for row in (store, product, offer, rule, marketer):
        row.refresh_from_db()
    assert (store.name, store.state, product.brand, str(offer.cost)) == ("Old Harbor", "NY", "Copper", "4.50")
    assert (Business.objects.get().name, role_of(marketer)) == ("Vine & Co", "Manager")
    # A rule that has given points makes way for a new one.
    assert list(EarnRule.objects.order_by("pk").values_list("points_per_unit", "is_active")) == [(1, False), (2, True)]


def test_what_an_action_refuses_the_admin_refuses(world: World, office: Client):
    store, rule = Store.objects.get(), EarnRule.objects.all()[0]
    days = {"starts_on": "2026-02-01", "ends_on": "2026-01-01"}
    assert "is not a time zone" in correct(office, "loyalty_store", store, time_zone="Harbor").content.decode()
    refused = correct(office, "loyalty_earnrule", rule, **days).context["adminform"].form
    assert str(refused.non_field_errors()[0]) == "The last day is before the first."
    assert Store.objects.get().time_zone == store.time_zone


def test_things_are_added_through_their_actions(world: World, office: Client):
    posts = {
        "loyalty_member": {"name": "Bea", "email": "BEA@example.com"},
        "loyalty_consent": {"member": world.ada.pk, "channel": "sms", "is_granted": "on", "wording": "Yes"},
        "loyalty_pointsentry": {"member": world.ada.pk, "points": "-7", "note": "Counted twice"},
        "loyalty_store": {"code": "S9", "name": "Ninth", "state": "ny", "time_zone": "America/New_York"},
    }
    before = PointsAccount.objects.get(member=world.ada).balance
    for model, values in posts.items():
        assert office.post(url(model, "add"), values).status_code == 302, model
    assert PointsAccount.objects.get(member__email="bea@example.com").balance == 0
    assert Consent.objects.get(member=world.ada, channel="sms").source == "admin"
    assert PointsAccount.objects.get(member=world.ada).balance == before - 7
    assert Store.objects.get(code="S9").state == "NY"


def test_a_correction_of_points_sent_twice_is_entered_once(world: World, office: Client):
    before = PointsAccount.objects.get(member=world.ada).balance
    page = office.get(url("loyalty_pointsentry", "add"))
    values = {"member": world.ada.pk, "points": "5", "note": "Gift", "csrfmiddlewaretoken": page.context["csrf_token"]}
    for _ in range(2):
        office.post(url("loyalty_pointsentry", "add"), values)
    assert PointsAccount.objects.get(member=world.ada).balance == before + 5


def test_rows_the_product_keeps_by_itself_refuse_every_write(world: World, office: Client):
    kept = [model for model, page in SITE._registry.items() if not isinstance(page, ByAction)]
    assert len(kept) > 20
    for model in kept:
        name, row = f"{model._meta.app_label}_{model._meta.model_name}", model._default_manager.order_by("pk").last()
        if name == "mfa_authenticator" or row is None:
            continue
        assert office.post(url(name, "add"), {}).status_code == 403, name
        assert office.post(url(name, "change", row.pk), {"name": "x"}).status_code == 403, name
        assert office.post(url(name, "delete", row.pk), {"post": "yes"}).status_code == 403, name
        chosen = {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"}
        office.post(url(name, "changelist"), chosen)
        assert model._default_manager.filter(pk=row.pk).exists(), name


def test_nothing_is_deleted_in_the_admin(world: World, office: Client):
    assert office.post(url("loyalty_member", "delete", world.ada.pk), {"post": "yes"}).status_code == 403
    assert office.post(url("loyalty_pointsentry", "delete", 1), {"post": "yes"}).status_code in (302, 403)
    assert Member.objects.filter(pk=world.ada.pk).exists()


def test_the_last_admin_cannot_be_sent_off_here_either(office: Client, admin: User):
    answer = correct(office, "loyalty_user", admin, role="Viewer")
    assert "Somebody has to stay Admin" in answer.content.decode()
    assert role_of(User.objects.get(pk=admin.pk)) == "Admin"


def test_a_viewer_finds_nobody_by_a_contact(world: World, viewer: User, client_of: Callable[[User], Client]):
    client = client_of(viewer)
    assert client.get(url("loyalty_member", "changelist"), {"q": EMAIL}).status_code == 403
    asked = {"app_label": "loyalty", "model_name": "consent", "field_name": "member", "term": EMAIL}
    assert client.get(reverse("admin:autocomplete"), asked).status_code == 403
    for model in ("loyalty_order", "loyalty_score", "campaigns_candidate"):
        filtered = client.get(url(model, "changelist"), {"member__email__startswith": "ada"})
        assert filtered.status_code in (302, 400), model


def test_the_schedule_is_looked_at_and_not_changed(office: Client):
    every = IntervalSchedule.objects.create(every=1, period="hours")
    task = PeriodicTask.objects.create(name="Sweep", task="loyalty.rescore", interval=every)
    assert "Sweep" in office.get(url("django_celery_beat_periodictask", "changelist")).content.decode()
    assert office.post(url("django_celery_beat_periodictask", "change", task.pk), {"enabled": ""}).status_code == 403


def test_the_admin_bears_the_name_and_the_colour_of_the_business(office: Client):
    change = {"vertical": "LIQUOR", "currency": "USD", "website": "", "address": "", "legal_age": 21}
    business.change_business(name="Vine & Co", accent="#123456", **change)
    text = office.get("/admin/").content.decode()
    assert "Vine &amp; Co" in text
    assert "accent.css?v=123456" in text
    assert 'href="/staff/"' in text


def test_a_manager_corrects_members_and_no_colleague(world: World, manager: User, client_of: Callable[[User], Client]):
    client = client_of(manager)
    assert correct(client, "loyalty_member", world.ada, name="Ada King").status_code == 302
    assert client.get(url("loyalty_user", "changelist")).status_code == 403
    assert Member.objects.get(pk=world.ada.pk).name == "Ada King"


@pytest.mark.parametrize("role", ["viewer", "marketer", "manager", "admin"])
def test_the_admins_front_page_names_nothing_that_will_not_open(role, request, world: World, client_of):
    client = client_of(request.getfixturevalue(role))
    page = client.get(reverse("admin:index")).content.decode()
    links = sorted(set(re.findall(r'href="(/admin/[\w/]+)"', page)) - {reverse("admin:logout")})
    assert len(links) > 10
    assert [link for link in links if client.get(link).status_code != 200] == []
