"""Fixtures every test may ask for. Arrange through actions; time is an argument."""

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.core.files.storage import storages
from django.db import connection
from django.test import Client, override_settings
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from campaigns.models import MediaFile
from config import media, roles
from loyalty.models import User
from tests import databases
from tests.post_office import open_post_office
from tests.world import World, make

# No example fails because a machine was busy.
hypothesis.settings.register_profile(
    "without a clock", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("without a clock")


@pytest.fixture
def now() -> dt.datetime:
    return dt.datetime(2026, 3, 29, 15, 30, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nudges go nowhere: a test runs the work itself, when its sentence says so."""
    monkeypatch.setattr("config.shared.nudge.current_app.send_task", lambda *_, **__: None, raising=False)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None, django_db_blocker: DjangoDbBlocker) -> None:
    with django_db_blocker.unblock():
        connection.settings_dict["TEST"]["TEMPLATE"] = databases.migrated()


@pytest.fixture(scope="session", autouse=True)
def _redis_of_this_worker(worker_id: str) -> Iterator[None]:
    """Workers that test side by side empty their caches: each has a Redis database of its own."""
    number = int(worker_id.removeprefix("gw")) + 1 if worker_id.startswith("gw") else 0
    address = f"{settings.REDIS_URL.partition('?')[0]}?db={number}"
    with override_settings(REDIS_URL=address, CACHES={"default": settings.CACHES["default"] | {"LOCATION": address}}):
        yield


@pytest.fixture(scope="session", autouse=True)
def _quick_passwords() -> Iterator[None]:
    """Argon2 takes a sixth of a second, for each of the thousands of people the tests make."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(scope="session", autouse=True)
def _pictures_of_this_run(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Not among those of the copy that somebody runs here. The field was given its storage when models were loaded."""
    kept = media.storage(None, tmp_path_factory.mktemp("media"))
    MediaFile._meta.get_field("file").storage = storages.create_storage(kept)


@pytest.fixture(autouse=True)
def _empty_cache(_redis_of_this_worker: None) -> None:
    cache.clear()


def person(role: str) -> User:
    user = User.objects.create_user(
        f"{role.lower()}@shop.example", "correct horse battery staple", name=f"{role} Person"
    )
    user.groups.add(Group.objects.get(name=role))
    return user


@pytest.fixture
def admin(db: None) -> User:
    return person(roles.ADMIN)


@pytest.fixture
def manager(db: None) -> User:
    return person(roles.MANAGER)


@pytest.fixture
def marketer(db: None) -> User:
    return person(roles.MARKETER)


@pytest.fixture
def viewer(db: None) -> User:
    return person(roles.VIEWER)


@pytest.fixture
def world(
    admin: User,
    marketer: User,
    settings: Any,
    follow_events: Callable[[], None],
    deliver_events: Callable[[], None],
    tmp_path: Path,
) -> Iterator[World]:
    """One of each thing, as of today: pages look at the clock."""
    settings.MEDIA_ROOT = tmp_path
    with open_post_office(settings) as office:
        yield make(
            marketer=marketer,
            admin=admin,
            office=office,
            follow=follow_events,
            deliver=deliver_events,
            now=timezone.now(),
        )


@pytest.fixture
def client_of() -> Callable[[User], Client]:
    """A signed-in HTTP client."""

    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
        return client

    return sign_in


@pytest.fixture
def follow_events(now: dt.datetime, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Bring every projection up to date inside the test's own, never committed transaction."""
    from tracking import bus
    from tracking.actions import advance, projections

    # Our own transaction is still running, and lies above every horizon a snapshot knows.
    monkeypatch.setattr(projections, "HORIZON", "'18446744073709551615'::xid8")

    def follow() -> None:
        for follower in bus.followers():
            while advance(follower.name, now=now):
                pass

    return follow


@pytest.fixture
def deliver_events(now: dt.datetime) -> Callable[[], None]:
    """Hand over every owed event to its handler."""
    from tracking.actions import run_dispatch
    from tracking.queries import owed_dispatches

    def deliver() -> None:
        due = timezone.now() + dt.timedelta(days=1)  # by the database's clock, whatever day the test plays on
        while owed := list(owed_dispatches(due).values_list("pk", flat=True)):
            for dispatch_id in owed:
                assert run_dispatch(dispatch_id, now=now), f"dispatch {dispatch_id} failed"

    return deliver
