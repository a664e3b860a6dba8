"""From an upload to a report, as a marketer walks it."""

import csv

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from loyalty.actions import imports
from loyalty.models import Consent, Member, Order, OrderLine, PurchaseImport
from loyalty.tasks import run_import
from tracking.models import Event

HEADER = "Receipt;Sold at;Item;Qty;Total;Customer\n"
GOOD = "1;2026-03-01 18:30;Red Wine;2;25,00;C1\n2;2026-03-02 22:15;Dry Gin;1;30,50;C2\n"
BAD = "3;someday;Dry Gin;1;30,50;C2\n"


@pytest.fixture(autouse=True)
def _uploads(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def upload(client, content: str | bytes, name: str = "till.csv", time_zone: str = settings.TIME_ZONE):
    content = content.encode() if isinstance(content, str) else content
    file = SimpleUploadedFile(name, content)
    return client.post(reverse("loyalty:import-new"), {"file": file, "time_zone": time_zone})


def reading_of(row: PurchaseImport, **changes: str) -> dict[str, str]:
    columns = {f"column_{name}": column for name, column in row.mapping.items()}
    styles = {"decimal_mark": row.decimal_mark, "time_style": row.time_style, "time_zone": row.time_zone}
    return columns | styles | changes


def url(name: str, row: PurchaseImport) -> str:
    return reverse(f"loyalty:{name}", args=[row.public_id])


def checked(client, content: str, **changes: str) -> PurchaseImport:
    """Uploaded, corrected and checked."""
    upload(client, content)
    row = PurchaseImport.objects.latest("pk")
    client.post(url("import-columns", row), reading_of(row, **changes))
    run_import(row.pk)
    row.refresh_from_db()
    return row


@pytest.fixture
def client(marketer, client_of):
    return client_of(marketer)


def test_a_file_is_uploaded_checked_and_imported(client):
    assert upload(client, HEADER + GOOD + BAD).status_code == 302
    row = PurchaseImport.objects.get()
    page = client.get(url("import-columns", row)).content.decode()
    assert "semicolon" in page
    assert "Red Wine" in page
    assert row.decimal_mark == ","

    client.post(url("import-columns", row), reading_of(row))
    run_import(row.pk)
    row.refresh_from_db()
    assert row.status == PurchaseImport.Status.CHECKED
    assert (Member.objects.count(), Order.objects.count(), OrderLine.objects.count(), Event.objects.count()) == (
        0,
        0,
        0,
        0,
    )
    page = client.get(url("import", row)).content.decode()
    assert "Import 2 new lines" in page

    client.post(url("import-start", row))
    run_import(row.pk)
    row.refresh_from_db()
    assert row.status == PurchaseImport.Status.DONE
    assert row.report["lines_new"] == 2
    assert Order.objects.count() == 2
    assert "someday" in client.get(url("import-issues", row)).content.decode()
    answer = client.get(url("import-refused", row))
    refused = list(csv.DictReader(b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()))
    assert [(line["line"], line["Receipt"]) for line in refused] == [("4", "3")]
    assert row.file_name in client.get(reverse("loyalty:imports")).content.decode()


@pytest.mark.parametrize(
    ("content", "advice"),
    [(b"", "empty"), (b"PK\x03\x04...", "CSV"), (b"a,b\n", "no lines"), (bytes(range(1, 32)) * 99, "text")],
)
def test_a_file_that_cannot_be_read_is_refused_on_the_form_and_not_kept(content, advice, client):
    answer = upload(client, content)
    assert answer.status_code == 422
    assert advice in answer.content.decode()
    assert not PurchaseImport.objects.exists()


def test_columns_that_make_no_sense_are_refused_by_name(client):
    upload(client, HEADER + GOOD)
    row = PurchaseImport.objects.get()
    answer = client.post(url("import-columns", row), reading_of(row, column_quantity="Total"))
    assert answer.status_code == 422
    assert "chosen twice" in answer.content.decode()
    row.refresh_from_db()
    assert row.status == PurchaseImport.Status.UPLOADED


def test_a_cancel_takes_effect_within_a_batch(client, monkeypatch):
    upload(client, HEADER + GOOD)
    row = PurchaseImport.objects.get()
    client.post(url("import-columns", row), reading_of(row))
    run_import(row.pk)
    client.post(url("import-start", row))
    enter = imports.importer.entering.enter_catalogue

    def enter_while_somebody_cancels(**options):
        enter(**options)
        imports.cancel(row, now=timezone.now())

    monkeypatch.setattr(imports.importer.entering, "enter_catalogue", enter_while_somebody_cancels)
    assert imports.run(row.pk, clock=timezone.now) is False
    row.refresh_from_db()
    assert row.status == PurchaseImport.Status.CANCELLED
    assert not imports.run(row.pk, clock=timezone.now)


def test_an_import_whose_worker_died_is_taken_up_and_one_with_a_beat_is_left_alone(client):
    upload(client, HEADER + GOOD)
    row = PurchaseImport.objects.get()
    now = timezone.now()
    PurchaseImport.objects.update(status=PurchaseImport.Status.IMPORTING, beat_at=now)
    assert imports.waiting(now) == []
    later = now + 2 * imports.runs.LEFT_BEHIND
    assert imports.waiting(later) == [row.pk]
    assert imports.run(row.pk, clock=lambda: later)
    assert Order.objects.count() == 2


def test_a_later_file_with_the_same_columns_starts_from_what_was_said_of_the_first(client):
    first = checked(client, HEADER + GOOD, column_discount="Qty", column_quantity="Total", column_amount="Customer",
                     column_customer="", decimal_mark=".", time_zone="Europe/Berlin")  # fmt: skip
    upload(client, HEADER + GOOD, name="till-2.csv")
    second = PurchaseImport.objects.latest("pk")
    read = ("mapping", "decimal_mark", "time_style", "time_zone")
    assert [getattr(second, name) for name in read] == [getattr(first, name) for name in read]
    page = client.get(url("import-columns", second)).content.decode()
    assert "Read like a file you had before" in page
    assert first.file_name in page


def test_a_zone_chosen_for_a_file_wins_over_the_one_remembered(client):
    checked(client, HEADER + GOOD, time_zone="Europe/Berlin")
    upload(client, HEADER + GOOD, name="till-2.csv", time_zone="Europe/Lisbon")
    assert PurchaseImport.objects.latest("pk").time_zone == "Europe/Lisbon"


def test_a_file_never_checked_is_no_model(client):
    upload(client, HEADER + GOOD)
    upload(client, HEADER + GOOD)
    assert PurchaseImport.objects.latest("pk").read_like is None


def test_days_that_could_be_two_days_are_asked_about(client):
    upload(client, HEADER + "1;03/04/2026 18:30;Red Wine;2;25,00;C1\n")
    page = client.get(url("import-columns", PurchaseImport.objects.get())).content.decode()
    assert "could be 3 April or March 4" in page


def test_the_report_names_the_zone_of_its_times(client):
    row = checked(client, HEADER + GOOD, time_zone="Europe/Berlin")
    page = client.get(url("import", row)).content.decode()
    assert "Mar 1, 2026, 6:30 p.m." in page
    assert "Europe/Berlin" in page


def test_consent_that_came_in_names_who_brought_it(client, marketer):
    row = checked(client, "Receipt;Sold at;Item;Qty;Total;Customer;Newsletter\n1;2026-03-01;Wine;1;5,00;C1;ja\n")
    assert row.status == PurchaseImport.Status.CHECKED
    client.post(url("import-start", row))
    run_import(row.pk)
    consent = Consent.objects.get()
    assert consent.changed_by == marketer
    assert f"in till.csv, line 2; imported by {marketer.name}" in consent.wording
    assert "1 given, 0 withdrawn" in client.get(url("import", row)).content.decode()


def test_a_file_that_brings_nothing_new_says_so_and_waits_for_nobody(client):
    first = checked(client, HEADER + GOOD)
    home = client.get(reverse("analytics:home")).content.decode()
    assert "Checked, and waits to be imported." in home
    client.post(url("import-start", first))
    run_import(first.pk)
    again = checked(client, HEADER + GOOD)
    page = client.get(url("import", again)).content.decode()
    assert "Nothing new in this file" in page
    assert url("import-start", again) not in page
    assert "waits to be imported" not in client.get(reverse("analytics:home")).content.decode()


def test_a_file_that_only_corrects_what_is_known_can_be_imported(client):
    first = checked(client, HEADER + GOOD)
    client.post(url("import-start", first))
    run_import(first.pk)
    mended = checked(client, HEADER + GOOD.replace("30,50", "29,50"))
    page = client.get(url("import", mended)).content.decode()
    assert "Import what has changed" in page


def test_an_unchecked_file_is_not_checked(client):
    upload(client, HEADER + GOOD)
    row = PurchaseImport.objects.get()
    with pytest.raises(imports.WrongState):
        imports.start_import(row)


def test_a_viewer_looks_and_changes_nothing(client, viewer, client_of):
    upload(client, HEADER + GOOD + BAD)
    row = PurchaseImport.objects.get()
    looking = client_of(viewer)
    assert looking.get(url("import", row)).status_code == 200
    for name in ("import-check", "import-start", "import-cancel", "import-columns"):
        assert looking.post(url(name, row)).status_code == 403
    assert looking.get(reverse("loyalty:import-new")).status_code == 403
    assert looking.get(url("import-refused", row)).status_code == 403
