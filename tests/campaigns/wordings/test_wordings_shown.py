"""The pages of other wordings, their CSV and their API."""

import csv
import datetime as dt
from collections.abc import Callable
from copy import copy
from typing import Any
from uuid import uuid4

from django.test import Client
from django.urls import reverse

from campaigns.actions import review
from campaigns.models import Experiment, PlanStep, Send
from loyalty.models import Member, User
from tests.campaigns.test_lift import buy
from tests.campaigns.wordings.trials import HOUR, run, sends_of, words
from tests.campaigns.world import send_all
from tests.post_office import PostOffice


def test_wordings_are_written_changed_and_dropped_on_their_page(step: PlanStep, marketer: User, client_of: Any):
    client: Client = client_of(marketer)
    url = reverse("campaigns:step-variants-write", args=[step.public_id])
    answers = {"measure": "clicks", "decides": "AFTER", "hours": 24, "test_percent": 40, "own_weight": 1}
    assert "at least one other" in client.post(url, answers).content.decode()
    assert client.post(url, answers | {"subject_B": "Hello", "weight_B": 1}).status_code == 422
    assert client.post(url, answers | {"subject_B": "Hey", "body_C": "New.", "weight_B": 2}).status_code == 302
    assert list(step.experiment.variants.values_list("letter", "subject", "body", "weight")) == [
        ("B", "Hey", "", 2), ("C", "", "New.", 1),
    ]  # fmt: skip
    shown = client.get(reverse("campaigns:step-variants", args=[step.public_id])).content.decode()
    assert "Hey" in shown
    assert "Will be decided" in shown
    each = step.evidence["reached"] / 10  # a part of 40 percent, by weights of 1, 2 and 1
    assert f"About {each:.0f} get A, {2 * each:.0f} get B, {each:.0f} get C. " in shown
    assert "Hey" in client.get(url).content.decode()
    client.post(reverse("campaigns:step-variants-drop", args=[step.public_id]))
    assert not Experiment.objects.exists()


def test_a_test_that_may_meet_the_next_message_to_its_group_says_so(
    step: PlanStep, tries: Callable[..., Experiment], marketer: User, client_of: Any
):
    experiment = tries(words("Good morning"), hours=36)
    url, said = reverse("campaigns:step-variants", args=[step.public_id]), "The next message to this group is due on"
    client = client_of(marketer)
    assert said not in client.get(url).text
    other = copy(step)
    other.pk, other.public_id, other.position = None, uuid4(), 1
    other.day = step.day + dt.timedelta(days=3)
    other.save(force_insert=True)
    assert said not in client.get(url).text  # by then all have it
    PlanStep.objects.filter(pk=other.pk).update(day=step.day + dt.timedelta(days=2))
    assert f"{said} Tuesday, March 31, when some may still wait" in client.get(url).text
    Experiment.objects.filter(pk=experiment.pk).update(decides="NEVER")
    assert said not in client.get(url).text


def test_each_wording_is_shown_as_a_member_gets_it(
    step: PlanStep, tries: Callable[..., Experiment], marketer: User, client_of: Any
):
    tries(words("Good morning, {{ member.first_name }}"), words("", "Wine is here."))
    client, member = client_of(marketer), Member.objects.earliest("pk")
    part = client.get(f"/staff/campaigns/steps/{step.public_id}/wording/?variant=B&member={member.public_id}").text
    for tab in ("Wording A", "Wording B", "Wording C", f"For {member.name}", "Send me a test", "Dark"):
        assert tab in part
    first_name = member.name.partition(" ")[0]
    for letter, said in (("A", "Come by."), ("B", f"Good morning, {first_name}"), ("C", "Wine is here.")):
        asked = {"variant": letter, "member": str(member.public_id)}
        assert said in client.get(f"/staff/campaigns/steps/{step.public_id}/preview/", asked).text
        darkened = client.get(f"/staff/campaigns/steps/{step.public_id}/preview/", asked | {"scheme": "dark"}).text
        assert "invert(1)" in darkened
    assert client.get(f"/staff/campaigns/steps/{step.public_id}/preview/?variant=D").status_code == 404


def test_an_approved_wording_is_shown_by_its_letter_whatever_becomes_of_its_words(
    step: PlanStep, tries: Callable[..., Experiment], manager: User, client_of: Any, now: dt.datetime
):
    experiment = tries(words("Good morning"))
    review.approve_plan(plan=step.plan, by=manager, now=now)
    experiment.variants.update(subject="Something else")
    shown = client_of(manager).get(f"/staff/campaigns/steps/{step.public_id}/preview/?variant=B").text
    assert "Good morning" in shown
    assert "Something else" not in shown


def test_a_test_of_a_wording_says_what_that_wording_says_to_whom_the_preview_shows(
    step: PlanStep, tries: Callable[..., Experiment], marketer: User, client_of: Any, post_office: PostOffice
):
    tries(words("Good morning, {{ member.first_name }}"))
    member = Member.objects.latest("pk")
    Member.objects.filter(pk=member.pk).update(name="Zelda Fitzgerald")
    asked = {"variant": "B", "member": str(member.public_id)}
    answer = client_of(marketer).post(
        f"/staff/campaigns/steps/{step.public_id}/test/", asked, headers={"hx-request": "true"}
    )
    assert answer.status_code == 204
    assert f"Sent to {marketer}." in answer["HX-Trigger"]
    letter = post_office.letters()[-1]
    assert (letter["To"], letter["Subject"]) == (marketer.email, "Good morning, Zelda")
    assert not Send.objects.exists()


def test_page_csv_and_api_tell_the_same_of_wordings(
    step: PlanStep, tries: Callable[..., Experiment], manager: User, now: dt.datetime, client_of: Any,
    post_office: PostOffice,
):  # fmt: skip
    tries(words("Good morning"), decides="NEVER")
    run(step, manager, now)
    send_all(now)
    a, b = (list(sends_of(step, variant=letter).values_list("member", flat=True)) for letter in "AB")
    buy([*a[: len(a) // 4], *b[: len(b) // 2]], now + HOUR)
    client, url = client_of(manager), reverse("campaigns:step-variants", args=[step.public_id])
    page = client.get(url).content.decode()
    told = list(csv.DictReader(b"".join(client.get(f"{url}?format=csv").streaming_content).decode().splitlines()))
    answer = client.get(reverse("campaigns-api:variants", args=[step.public_id])).json()
    (wording,) = answer["wordings"]
    assert (answer["winner"], answer["waiting"], wording["wording"]) == ("", 0, "B")
    assert [row["Wording"] for row in told] == ["B"] * len(wording["effects"])
    (orders,) = [effect for effect in wording["effects"] if effect["measure"] == "orders"]
    assert orders["verdict"] == "more"
    (row,) = [row for row in told if row["Measure"] == "Orders"]
    exact = (str(orders["other_per_member"]), str(orders["difference"]), str(orders["total"]))
    assert (row["A member with A"], row["Difference"], row["In all"], row["Result"]) == (*exact, "More")
    assert f"About {round(orders['total'])} more orders than with A" in page
