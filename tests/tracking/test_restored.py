"""A dump restored into a younger server: followers go on where they were."""

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from tests.tracking.received import a_system, receive, said
from tests.tracking.test_projections import seen, tell  # noqa: F401
from tests.tracking.test_read_model import NAME, sums
from tracking import bus
from tracking.actions import advance, rebuild
from tracking.actions.projections import LogOfAnotherServer
from tracking.actions.restored import renumber_after_restore
from tracking.models import Event, Projection, ReceivedEvent, TrackedEvent
from tracking.queries import follower_states

pytestmark = [pytest.mark.alone, pytest.mark.django_db(transaction=True)]
LOG = ("tracking_event", "tracking_receivedevent", "tracking_projection")


def restore_from_an_older_server() -> None:
    """Rows written anew by this server, with numbers that it will give out a million transactions from now."""
    with connection.cursor() as cursor:
        for table in LOG:
            later = "(transaction_id::text::bigint + 1000000)::text::xid8"
            cursor.execute(f"UPDATE {table} SET transaction_id = {later} WHERE transaction_id > '0'")


def keys_of(ids: list[int]) -> list[str]:
    keys = dict(Event.objects.values_list("pk", "key"))
    return [keys[pk].removeprefix("member.joined:") for pk in ids]


@pytest.fixture
def followers(seen, monkeypatch):  # noqa: F811
    """One that is ahead and one that is behind, of our own log; and the read model."""
    behind: list[int] = []
    known = {
        "notes": bus.follower("notes"),
        "behind": bus.Follower("behind", ("member.joined",), behind.extend, behind.clear),
    }
    from tracking.handlers import keep_the_read_model, read_model

    known[NAME] = bus.ReceivedFollower(NAME, keep_the_read_model, read_model.forget_received)
    monkeypatch.setattr(bus, "_followers", known)
    return seen, behind


def test_until_it_is_numbered_anew_everybody_says_so(client, now, followers):
    tell("1", now)
    advance("notes", now=now)
    restore_from_an_older_server()
    with pytest.raises(LogOfAnotherServer):
        rebuild("notes", now=now)
    with pytest.raises(CommandError, match="renumber_after_restore"):
        call_command("rebuild_projection", "notes")
    assert advance("notes", now=now) == 0
    assert "renumber_after_restore" in next(row for row in follower_states() if row.name == "notes").last_error
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["log"]) == (503, "run renumber_after_restore")
    call_command("renumber_after_restore")
    assert client.get("/readyz").status_code == 200
    assert advance("notes", now=now) == 0
    assert next(row for row in follower_states() if row.name == "notes").last_error == ""


@pytest.mark.parametrize("lowest_number_taken", [None, 12])
def test_nobody_misses_an_event_and_nobody_reads_one_again(now, followers, lowest_number_taken):
    """With few free numbers, because a younger server has recorded something already, transactions share them."""
    ahead, behind = followers
    system = a_system()
    for number in range(9):
        tell(str(number), now)
        receive(system, said("A"), said("B", message_id=str(number)), at=now)
        if number == 2:
            advance("behind", now=now)
        if number == 6:
            advance("notes", now=now)
            advance(NAME, now=now)
    restore_from_an_older_server()
    tell("new", now)
    receive(system, said("A"), said("B", message_id="8"), at=now)
    if lowest_number_taken:
        for model in (Event, ReceivedEvent):
            since = model.objects.order_by("transaction_id")[0].transaction_id
            model.objects.filter(transaction_id=since).update(transaction_id=lowest_number_taken)
    assert renumber_after_restore()
    assert not renumber_after_restore(), "once is enough"
    everything = [*map(str, range(9)), "new"]
    for name in ("notes", "behind", NAME):
        while advance(name, now=now):
            pass
    assert keys_of(ahead) == keys_of(behind) == everything
    assert sums() == {"valid": 19, "invalid": 0, "duplicates": 1}
    assert TrackedEvent.objects.count() == 19
    tell("newer", now)
    assert advance("notes", now=now) == 1
    rebuild(NAME, now=now)
    assert sums() == {"valid": 19, "invalid": 0, "duplicates": 1}
    rebuild("notes", now=now)
    assert keys_of(ahead) == [*everything, "newer"]


def test_a_log_of_this_server_stays_as_it_is(now, followers):
    tell("1", now)
    advance("notes", now=now)
    places = list(Projection.objects.order_by("pk").values_list("transaction_id", "event_id"))
    assert not renumber_after_restore()
    assert list(Projection.objects.order_by("pk").values_list("transaction_id", "event_id")) == places
