"""Who may open what: every address of the staff's pages and of the admin, for everybody, taken from the URLs."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.contrib import admin as django_admin
from django.db import connection, transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from campaigns.models import ArmsReport, SavedBlock, Template
from integrations.inbound import calls, queries
from integrations.inbound.senders import senders
from integrations.models import OutboundDelivery
from loyalty.models import Order, User
from tests.world import PERSONAL, Permits, Tracked, World
from tracking.models import Dispatch, Event, TrackedEvent

# Open to strangers: what the sign-in page needs, and the link of an invitation.
FOR_EVERYBODY = {"loyalty:brand-logo", "loyalty:brand-css", "loyalty:invitation-accept"}
# One's own: signing in and out.
FOR_ONESELF = {"admin:login", "admin:logout"}
# Pages that show nothing without a question in the address.
NEEDS_A_QUESTION = {"tracking:funnel-people"}
SHOWN_IN_A_SANDBOX = {
    "integrations:letter-html",
    "campaigns:look-preview",
    "campaigns:template-preview",
    "campaigns:step-preview",
    "campaigns:drawn-picture",
}
ROLES = ("viewer", "marketer", "manager", "admin")


@dataclass(frozen=True)
class Route:
    name: str
    url: str


@pytest.fixture
def routes(world: World) -> list[Route]:
    return [*_staff(world), *_admin()]


@pytest.fixture
def people(viewer: User, marketer: User, manager: User, admin: User) -> dict[str, User]:
    return {"viewer": viewer, "marketer": marketer, "manager": manager, "admin": admin}


def _staff(world: World) -> Iterator[Route]:
    """Each address with ids of the world. An address nobody told this table about fails here: tell it."""
    ids = _ids(world)
    for name, converters in _patterns("staff/"):
        if converters and name not in ids:
            pytest.fail(f"{name} is new: say in _ids() which thing of the world it shows")
        for values in ids.get(name, [{}]):
            yield Route(name, reverse(name, kwargs=values))


def _ids(world: World) -> dict[str, list[dict[str, Any]]]:
    def by(value: Any, *names: str, key: str = "public_id") -> dict[str, list[dict[str, Any]]]:
        return {name: [{key: value}] for name in names}

    member_pages = (
        "member member-edit member-orders member-ledger member-correction member-consent member-merge "
        "till-member till-now till-try till-order"
    ).split()
    import_pages = "import import-columns import-issues import-refused import-check import-start import-cancel".split()
    plan_pages = (
        "plan-audience plan-approve plan-withdraw plan-cancel plan-evidence plan-stream plan-price plan-undo plan-redo"
    ).split()
    step_pages = (
        "step step-test step-send step-remove step-hours step-price step-preview step-variants step-variants-write "
        "step-variants-drop step-wording step-picture step-brief step-brief-file step-move step-texts step-comments "
        "step-why"
    ).split()
    receipt_pages = "till-receipt till-back till-void till-delivered".split()
    campaign, event = world.running.public_id, Event.objects.latest("pk")
    playbook = world.step.playbook
    return {
        **by(world.ada.public_id, *(f"loyalty:{name}" for name in member_pages), "campaigns:sends-of"),
        **by(world.purchase_import.public_id, *(f"loyalty:{name}" for name in (*import_pages, "import-stream"))),
        **by(world.segment.public_id, "loyalty:segment", "loyalty:segment-edit", "loyalty:segment-archive"),
        **by("O1", "analytics:order", key="number"),
        **by(Order.objects.get(number="O1").pk, *(f"loyalty:{name}" for name in receipt_pages), key="pk"),
        **by(_a_rule(), "loyalty:earn-rule", "loyalty:earn-rule-try", key="pk"),
        **by(world.counter.tier.pk, "loyalty:tier", "loyalty:tier-remove", key="pk"),
        **by(world.invitation.invited_by.pk, "loyalty:person-change", key="pk"),
        **by(world.invitation.pk, "loyalty:invitation-withdraw", key="pk"),
        **by("used-up", "loyalty:invitation-accept", key="token"),
        **by(world.token.pk, "loyalty:token-revoke", key="pk"),
        **by(world.till_key.pk, "loyalty:till-revoke", key="pk"),
        **by(playbook.pk, "campaigns:playbook", key="pk"),
        **by(playbook.offers.all()[0].pk, "campaigns:offer", key="pk"),
        **by(world.plan.public_id, *(f"campaigns:{name}" for name in plan_pages), key="plan_id"),
        **by(world.step.public_id, *(f"campaigns:{name}" for name in step_pages), key="step_id"),
        **by(campaign, "campaigns:orders", "campaigns:sends", "campaigns:stream", "campaigns:earned"),
        **by(world.text.public_id, "campaigns:text-use", key="text_id"),
        **by(world.drawn.public_id, "campaigns:drawn-picture", "campaigns:drawn-choose", key="picture_id"),
        **by(world.plan.calls.latest("pk").public_id, "campaigns:call-cancel", key="call_id"),
        **by(world.comment.pk, "campaigns:comment-settle", key="pk"),
        **{
            name: [{"public_id": campaign}, {"public_id": world.draft.public_id}]
            for name in (
                *("campaigns:campaign", "campaigns:campaign-edit", "campaigns:plan-request"),
                "campaigns:repeat-end",
            )
        },
        "campaigns:move": [
            {"public_id": campaign, "verb": verb} for verb in ("start", "pause", "resume", "cancel")
        ],
        "loyalty:member-unmerge": [{"public_id": world.merged.kept.public_id, "pk": world.merged.pk}],
        "campaigns:notice-read": [{"public_id": campaign, "pk": 1}],
        **by(ArmsReport.objects.latest("pk").public_id, "campaigns:arms-report", "campaigns:arms-report-delete"),
        "campaigns:step-variant-choose": [{"step_id": world.step.public_id, "letter": "B"}],
        "campaigns:send": [{"public_id": campaign, "send_id": world.send.public_id}],
        "campaigns:send-settle": [{"public_id": campaign, "send_id": world.send.public_id}],
        **by(_unread_call(), "integrations:call-read-again"),
        **by("0123456789abcdef", "integrations:alert-test", key="name"),
        **by(_letter(), "integrations:letter", "integrations:letter-html", key="pk"),
        **_tracking_ids(world.tracked),
        **_counter_ids(world),
        **_permit_ids(world.permits),
        **_outbound_ids(world.outbound),
        **by(world.picture.public_id, "campaigns:picture", "campaigns:picture-archive"),
        **_template_ids(world.template),
        **by(event.pk, "tracking:event", key="pk"),
        **by(world.ada.public_id, "tracking:events-of", key="subject"),
        **by("loyalty.points", "tracking:rebuild", key="name"),
        **by(Dispatch.objects.latest("pk").pk, "tracking:retry", key="pk"),
    }  # fmt: skip


def _counter_ids(world: World) -> dict[str, list[dict[str, Any]]]:
    counter = world.counter
    batch = {"public_id": counter.batch.public_id}
    ids = {
        "reward reward-picture": {"public_id": counter.reward.public_id},
        "redemption redemption-redeem redemption-release": {"public_id": counter.held.public_id},
        "code-batch code-batch-csv code-batch-withdraw": batch,
        "code-batch-sheet": batch | {"number": 1},
        "referrals-by-status": {"status": "all"},
        "referral-review": {"pk": counter.referral.pk},
        "product product-picture": {"pk": counter.product.pk},
        "reward-policy reward-policy-switch": {"pk": counter.policy.pk},
        "member-redemptions member-scans member-referrals member-wishlist member-forecast": {
            "public_id": world.ada.public_id
        },
        "forecast-version forecast-use": {"pk": world.forecast.pk},
    }
    return {f"loyalty:{name}": [values] for names, values in ids.items() for name in names.split()}


def _template_ids(template: Template) -> dict[str, list[dict[str, Any]]]:
    pages = "template template-write template-preview template-checks template-links template-test".split()
    one, verbs = {"public_id": template.public_id}, ("rename", "default", "plain", "copy", "discard", "archive", "back")
    return {
        **{f"campaigns:{name}": [one] for name in (*pages, "template-versions", "version-save")},
        **{f"campaigns:{name}": [{**one, "number": 1}] for name in ("version", "version-restore")},
        "campaigns:template-do": [{**one, "verb": verb} for verb in verbs],
        "campaigns:block-forget": [{"pk": SavedBlock.objects.latest("pk").pk}],
    }


def _outbound_ids(delivery: OutboundDelivery) -> dict[str, list[dict[str, Any]]]:
    one, pages = {"public_id": delivery.destination.public_id}, "destination change test rotate switch replay delete"
    steps = {"delivery", "delivery-again", "delivery-now"}
    return {
        "integrations:outbound-new": [{"kind": name} for name in ("webhook", "customerio")],
        **{f"integrations:outbound-{name}": [one] for name in pages.split()},
        **{f"integrations:outbound-{name}": [{**one, "delivery_id": delivery.public_id}] for name in steps},
    }


def _permit_ids(permits: Permits) -> dict[str, list[dict[str, Any]]]:
    ids = {
        "message-policy message-policy-switch": {"pk": permits.policy.pk},
        "quiet-hours quiet-hours-switch": {"pk": permits.hours.pk},
        "cap cap-remove": {"pk": permits.cap.pk},
        "rate pause-end": {"provider": permits.rate.provider},
        "left-alone-lift": {"pk": permits.suppression.pk},
    }
    return {f"campaigns:{name}": [values] for names, values in ids.items() for name in names.split()}


def _tracking_ids(tracked: Tracked) -> dict[str, list[dict[str, Any]]]:
    partner = {"public_id": tracked.system.partner.public_id}
    ids = {
        "partner partner-change system-add": partner,
        "system system-change key-make structure-edit live-stream": {"public_id": tracked.system.public_id},
        "key-rotate key-revoke": {"pk": tracked.key.pk},
        "structure structure-trial": {"public_id": tracked.draft.public_id},
        "tracked-event": {"event_id": TrackedEvent.objects.filter(system_id=tracked.system.pk).latest("pk").pk},
        "replay replay-cancel replay-stream": {"public_id": tracked.replay.public_id},
        "merge-undo": {"pk": tracked.merge.pk},
        "value-stop": {"public_id": tracked.counted.public_id},
        "value-stream": {"public_id": tracked.system.public_id},
        "funnel-put-aside": {"public_id": tracked.funnel.public_id},
    }
    verbs = ("publish", "retire", "discard")
    return {
        **{f"tracking:{name}": [values] for names, values in ids.items() for name in names.split()},
        "tracking:structure-move": [{"public_id": tracked.draft.public_id, "verb": verb} for verb in verbs],
        "loyalty:partner-people": [partner],
        **{f"loyalty:own-events{verb}": [partner] for verb in ("", "-on", "-again", "-off")},
        "loyalty:partner-person-invite": [partner],
        "loyalty:partner-person-switch": [partner | {"pk": tracked.guest.pk}],
        "loyalty:partner-invitation-withdraw": [partner | {"pk": tracked.invitation.pk}],
    }


def _unread_call() -> UUID:
    """Of two calls of a provider the one that nobody understands; the other made a report."""
    now = timezone.now()
    bodies = (b"{}", b"not JSON")
    calls.keep([calls.Row("brevo", "application/json", "", body, sha256(body).digest(), now) for body in bodies])
    calls.read_calls(now=now)
    return queries.unreadable_calls().get().public_id


def _a_rule() -> int:
    return apps.get_model("loyalty.EarnRule").objects.latest("pk").pk


def _letter() -> int:
    return apps.get_model("integrations.MailboxMessage").objects.latest("pk").pk


def _admin() -> Iterator[Route]:
    """The admin's own pages, and five of every model; each model has a row in the world."""
    for name in ("index", "login", "logout", "password_change", "password_change_done", "autocomplete", "jsi18n"):
        yield Route(f"admin:{name}", reverse(f"admin:{name}"))
    for app in {model._meta.app_label for model in django_admin.site._registry}:
        yield Route("admin:app_list", reverse("admin:app_list", args=[app]))
    for model in django_admin.site._registry:
        prefix = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield Route(f"{prefix}_changelist", reverse(f"{prefix}_changelist"))
        yield Route(f"{prefix}_add", reverse(f"{prefix}_add"))
        row = model._default_manager.order_by("pk").last()
        if row is None:
            assert model._meta.app_label not in OURS, f"the world has no {model._meta.verbose_name}: make one"
            continue
        for page in ("change", "delete", "history"):
            yield Route(f"{prefix}_{page}", reverse(f"{prefix}_{page}", args=[row.pk]))


OURS = ("tracking", "integrations", "loyalty", "campaigns", "analytics")


def _patterns(prefix: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Names and the converters of every pattern below `prefix`."""
    for entry in get_resolver().url_patterns:
        if str(entry.pattern).startswith(prefix):
            yield from _below(entry, "", ())


def _below(
    entry: URLPattern | URLResolver, space: str, converters: tuple[str, ...]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    converters = (*converters, *entry.pattern.converters)
    if isinstance(entry, URLResolver):
        space = f"{space}{entry.namespace}:" if entry.namespace else space
        for inner in entry.url_patterns:
            yield from _below(inner, space, converters)
    else:
        assert entry.name, f"{entry} has no name"
        yield f"{space}{entry.name}", converters


def everything() -> dict[str, str]:
    """A digest of each table's rows; when somebody signed in last is no change of anybody's data."""
    digests = {}
    with connection.cursor() as cursor:
        for table in sorted(connection.introspection.table_names()):
            if table == "django_session":
                continue
            cursor.execute(
                f"SELECT (to_jsonb(row) - 'last_login')::text FROM {connection.ops.quote_name(table)} row ORDER BY 1"
            )
            digests[table] = hashlib.sha256(repr(cursor.fetchall()).encode()).hexdigest()
    return digests


def ask(client: Client, method: str, route: Route, **data: Any) -> Any:
    """The answer, with whatever it did undone, so that the next question meets the same world."""
    client.raise_request_exception = True
    with transaction.atomic():
        answer = getattr(client, method)(route.url, **data)
        transaction.set_rollback(True)
    return answer


def body(answer: Any) -> str:
    if answer.streaming:
        return b"".join(answer.streaming_content).decode(errors="replace")
    return answer.content.decode(errors="replace")


def test_strangers_are_always_asked_to_sign_in(routes: list[Route]):
    client, before = Client(), everything()
    for route in routes:
        if route.name in FOR_EVERYBODY | FOR_ONESELF:
            continue
        for method in ("get", "post"):
            answer = ask(client, method, route)
            if answer.status_code == 405:
                continue
            assert answer.status_code == 302, (route, method)
            assert answer["Location"].startswith(("/accounts/login/?next=", "/admin/login/?next=")), (route, method)
    assert everything() == before


@pytest.mark.parametrize("role", ROLES)
def test_every_page_a_role_may_open_opens_safely_and_the_others_refuse(role, routes, people, client_of):
    """A Viewer, moreover, reads no contact of a member on any of them."""
    client, opened = client_of(people[role]), 0
    for route in routes:
        answer = ask(client, "get", route)
        assert answer.status_code in (200, 204, 302, 403, 404, 405, 410), (route, answer.status_code)
        may_miss = route.name.startswith("admin:") or route.name in NEEDS_A_QUESTION
        assert answer.status_code != 404 or may_miss, route
        if answer.status_code == 302:
            assert not answer["Location"].startswith("/accounts/"), route
        assert_policy(route, answer)
        if role == "viewer":
            assert not [word for word in PERSONAL if word in body(answer)], route
        opened += answer.status_code == 200
    assert opened > 60


def assert_policy(route: Route, answer: Any) -> None:
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert not {"X-Powered-By", "Server"} & set(answer.headers), route
    policy = dict(part.strip().partition(" ")[::2] for part in answer["Content-Security-Policy"].split(";"))
    if route.name in SHOWN_IN_A_SANDBOX and answer.status_code == 200:
        # Written by anybody: shown in a sandbox, without any script.
        assert "sandbox" in policy
        assert policy["default-src"] == "'none'"
        assert "script-src" not in policy
        return
    expected = "'self' 'unsafe-eval'" if route.name.startswith("admin:") else "'self'"
    assert policy["script-src"] == expected, route
    assert policy["object-src"] == policy["base-uri"] == "'none'"


@pytest.mark.parametrize("role", ROLES)
def test_an_empty_post_never_breaks_a_page(role, routes, people, client_of):
    client = client_of(people[role])
    for route in routes:
        answer = ask(client, "post", route, headers={"referer": "http://testserver/staff/"})
        assert answer.status_code < 500, route


def test_a_viewer_can_change_nothing_anywhere(routes, viewer, client_of):
    """By any method, with nothing or with every word a form could ask for."""
    client = client_of(viewer)
    words = "yes on 1 restore remove delete_selected Admin 2026-01-01"
    full = dict.fromkeys("name email role active answer restore remove rule points note body".split(), words)
    before = everything()
    for route in routes:
        if route.name in FOR_EVERYBODY | FOR_ONESELF:
            continue
        is_ours = not route.name.startswith("admin:")
        for method, data in (("post", full), *((("post", {}), ("delete", {})) if is_ours else ())):
            answer = getattr(client, method)(route.url, data)
            assert not is_ours or answer.status_code in (403, 405), (route, method, answer.status_code)
    assert everything() == before


def test_a_viewer_reads_no_contact_of_a_member_in_any_csv(routes, viewer, client_of):
    client, seen = client_of(viewer), 0
    for route in routes:
        if route.name.startswith("admin:"):
            continue
        text = body(ask(client, "get", route, data={"format": "csv"}))
        seen += "Ada" in text
        assert not [word for word in PERSONAL if word in text], route
    assert seen > 5


def test_no_page_answers_with_a_fragment_it_does_not_offer(routes, viewer, client_of):
    client = client_of(viewer)
    for route in routes:
        if route.name.startswith("admin:") or route.name in FOR_EVERYBODY:
            continue
        whole = ask(client, "get", route)
        aimed = ask(client, "get", route, headers={"hx-request": "true", "hx-target": "content"})
        assert aimed.status_code == whole.status_code, route
        assert ("<html" in body(aimed)) == ("<html" in body(whole)), route


def test_a_letter_that_no_database_keeps_breaks_no_page(routes, admin, client_of):
    client = client_of(admin)
    for route in routes:
        if route.name.startswith("admin:") and not route.name.endswith("changelist"):
            continue
        asked = {"q": "a\x00b", "model": "\x00", "status": "\x00", "kind": "\x00", "page": "9" * 30, "name": "\x00"}
        assert ask(client, "get", route, data=asked).status_code < 500, route
    assert client.get("/staff/tracking/of/%00/").status_code in (200, 404)


def test_the_doors_of_providers_believe_no_colleague_either(admin, client_of):
    """Whoever is signed in: without a provider's proof nothing gets in, and nothing is kept."""
    before = everything()
    for name in senders():
        for method in ("get", "post", "put", "delete"):
            answer = getattr(client_of(admin), method)(reverse("hook", args=[name]), {})
            assert answer.status_code == (403 if method == "post" else 405), (name, method)
    assert everything() == before
