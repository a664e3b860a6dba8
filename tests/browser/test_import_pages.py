"""What a marketer sees of an import: two ways to read a file, an earlier file remembered, a wait, a report."""

import datetime as dt
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.utils import timezone
from playwright.sync_api import Page, expect

from loyalty.actions import imports
from loyalty.actions.imports import turns
from loyalty.models import PurchaseImport, User

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FILE = """Bon;Datum;Artikel;Menge;Betrag;Kundennummer;E-Mail;Geburtsdatum;Newsletter
1;03/04/2026 18:30;Rotwein;2;1.234,50 €;K1;anna.müller@;31.12.1980;ja
2;05/04/2026 11:10;Bier;6;9,00 €;K2;bea@example.de;01.02.1990;nein
3;;Bier;viele;9,00 €;K3;;;vielleicht
"""


@pytest.fixture
def take_in(settings: Any, tmp_path: Path, marketer: User) -> Callable[..., PurchaseImport]:
    settings.MEDIA_ROOT = tmp_path

    def upload(name: str, now: dt.datetime) -> PurchaseImport:
        file = ContentFile(FILE.encode(), name=name)
        return imports.take_in(file=file, name=name, time_zone="Europe/Berlin", by=marketer, now=now)

    return upload


def check(row: PurchaseImport) -> None:
    imports.start_check(row)
    assert imports.run(row.pk, clock=timezone.now)


def try_to_import(row: PurchaseImport) -> None:
    with closing(connection):
        assert not imports.run(row.pk, clock=timezone.now)


def test_the_pages_of_an_import(
    browser_page: Page,
    sign_in: Callable[..., None],
    asgi_server: str,
    marketer: User,
    take_in: Callable[..., PurchaseImport],
    shot: Callable[[Page, str], None],
    assert_accessible: Callable[[Page], None],
) -> None:
    page = browser_page
    sign_in(page, marketer, at=asgi_server)
    first = take_in("kasse-märz.csv", timezone.now())

    page.goto(f"{asgi_server}/staff/members/imports/{first.public_id}/columns/")
    expect(page.get_by_text("could be 3 April or March 4")).to_be_visible()
    shot(page, "import-doubt")
    assert_accessible(page)

    check(first)
    page.goto(f"{asgi_server}/staff/members/imports/{first.public_id}/")
    expect(page.get_by_text("1 given, 0 withdrawn, 1 declined")).to_be_visible()
    page.get_by_role("heading", name="Lines").scroll_into_view_if_needed()
    expect(page.get_by_text("The time is empty. “viele” is not a number.")).to_be_visible()
    shot(page, "import-checked")
    assert_accessible(page)

    page.goto(f"{asgi_server}/staff/members/imports/{take_in('kasse-april.csv', timezone.now()).public_id}/columns/")
    expect(page.get_by_text("Read like a file you had before")).to_be_visible()
    shot(page, "import-remembered")
    assert_accessible(page)

    imports.start_import(first)
    with turns.entering():
        waiting = threading.Thread(target=try_to_import, args=[first])
        waiting.start()
        waiting.join()
    page.goto(f"{asgi_server}/staff/members/imports/{first.public_id}/")
    expect(page.get_by_text("Waiting for another import to finish")).to_be_visible()
    shot(page, "import-waiting")
    assert_accessible(page)
