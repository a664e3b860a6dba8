"""One of each thing the product keeps, made through actions: every page has something to show."""

import datetime as dt
import io
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np
from django.conf import settings
from django.core.files.base import ContentFile
from django.db import transaction
from django.test import override_settings
from django.utils import timezone
from PIL import Image

from campaigns.actions import (
    arms,
    attribution,
    campaigns,
    copywriting,
    media,
    permits,
    picturing,
    planning,
    policy,
    reports,
    review,
    revising,
    sends,
    suppressions,
    templates,
    touches,
    wordings,
)
from campaigns.actions.login_codes import send_codes
from campaigns.actions.playbooks import save_playbook
from campaigns.ai.writer import Wish
from campaigns.models import (
    Campaign,
    DrawnPicture,
    FrequencyCap,
    MediaFile,
    MessagePolicy,
    ModelCall,
    Plan,
    PlanStep,
    QuietHours,
    ReceivedTouch,
    Send,
    SendingRate,
    StepComment,
    StepText,
    Suppression,
    Template,
)
from campaigns.rules.starters import STARTERS
from integrations.actions import take_mail
from integrations.alerts.telling import tell_staff
from integrations.events import PushDeviceGone
from integrations.models import OutboundDelivery
from integrations.outbound import delivering, managing
from loyalty.actions import (
    business,
    codes,
    forecasting,
    imports,
    ledger,
    login_codes,
    members,
    merging,
    own_events,
    people,
    points,
    programme,
    redemptions,
    referrals,
    reward_policies,
    rewards,
    scans,
    scores,
    segments,
    sign_in,
    tiers,
    till_keys,
    tokens,
    wallet,
    wishlist,
)
from loyalty.actions.forecasting import fitting
from loyalty.actions.forecasting.reading import Members, Past
from loyalty.models import (
    ApiToken,
    Business,
    CodeBatch,
    ForecastVersion,
    Invitation,
    Member,
    MemberMerge,
    OwnEvents,
    Product,
    PurchaseImport,
    Redemption,
    Referral,
    Reward,
    RewardPolicy,
    Segment,
    Store,
    Tier,
    TillKey,
    User,
)
from loyalty.queries import forecasts
from loyalty.rules.codes import text_of
from tests.buyers import buyers
from tests.post_office import PostOffice
from tests.tracking.received import a_system, receive, said
from tracking.actions import counted, funnels, identity, partners, record, replays, structures
from tracking.ingest.neutral import Fault, Incoming
from tracking.models import CountedProperty, EventStructure, PartnerSystem, Replay, SavedFunnel, SystemKey, UserMerge

EMAIL, PHONE = "ada.lovelace@example.com", "+12125550123"
OTHER_EMAIL, REFUSED_EMAIL = "grace.hopper@example.com", "nobody.special@example.com"
BORN = dt.date(1981, 12, 10)
# What a Viewer must never read, however it is written.
PERSONAL = (
    *("ada.lovelace", "grace.hopper", "nobody.special", "bob@example.com", "2125550123"),
    *("1981-12-10", "Dec 10, 1981", "Dec. 10, 1981", "December 10, 1981"),
)

HEADER = "order_id,ordered_at,sku,product_name,category,quantity,amount,customer_id,store,customer_email,customer_name"


@dataclass(frozen=True)
class Tracked:
    """A partner's website that sends: a key, somebody of theirs who looks, a structure in force and a newer draft."""

    system: PartnerSystem
    key: SystemKey
    guest: User
    invitation: Invitation
    published: EventStructure
    draft: EventStructure
    merge: UserMerge
    replay: Replay
    counted: CountedProperty
    funnel: SavedFunnel


@dataclass(frozen=True)
class Counter:
    """A reward with a picture, held; codes of which one was scanned; a friend to be looked at; a wish; a law."""

    reward: Reward
    held: Redemption
    batch: CodeBatch
    referral: Referral
    product: Product
    policy: RewardPolicy
    tier: Tier


@dataclass(frozen=True)
class Permits:
    """What the gate goes by: a rule and hours of each kind, a cap, a speed, and an address that is left alone."""

    policy: MessagePolicy
    hours: QuietHours
    cap: FrequencyCap
    rate: SendingRate
    suppression: Suppression


@dataclass(frozen=True)
class World:
    ada: Member
    counter: Counter
    segment: Segment
    running: Campaign
    draft: Campaign
    plan: Plan
    step: PlanStep
    text: StepText
    comment: StepComment
    send: Send
    purchase_import: PurchaseImport
    invitation: Invitation
    token: ApiToken
    till_key: TillKey
    merged: MemberMerge
    tracked: Tracked
    permits: Permits
    picture: MediaFile
    template: Template
    drawn: DrawnPicture
    outbound: OutboundDelivery
    forecast: ForecastVersion


def make(
    *,
    marketer: User,
    admin: User,
    office: PostOffice,
    follow: Callable[[], None],
    deliver: Callable[[], None],
    now: dt.datetime,
) -> World:
    business.change_logo(content=picture())
    _never_close()
    _read_orders()
    ada = _join_members(admin, now)
    purchase_import = _import_purchases(marketer, now)
    follow()
    scores.rescore(now=now)
    points.correct(member=ada, points=50, note="Gift", reference="gift", now=now)
    segment = segments.create_segment(name="Everybody", description="", rule={"all": []}, by=marketer, now=now)
    running, draft = (_campaign(name, segment, marketer, now) for name in ("Spring", "Summer"))
    _run(running, office, marketer, admin, now)
    deliver()
    plan = _planned(draft, marketer, now)
    lines = ["member,arm,orders", "1,control,0", "2,control,1", "3,email,1", "4,email,2"]
    arms.compare_arms(name="Paper trial", lines=lines, control="", split="", by=marketer, now=now)
    _try_two_wordings(plan.steps.all()[0], marketer, now)
    text, comment = _worked_on(plan.steps.all()[0], marketer, now)
    invitation = people.invite(email="new.colleague@shop.example", role="Viewer", by=admin, now=now)
    people.email_invitations(now=now)
    tracked = _track(admin, follow, now)
    _told_by_providers(now)
    _told_to_staff(now)
    follow()
    store = Store.objects.latest("pk")
    till_key = till_keys.make_till_key(store=store, name="Counter 1", scopes=["orders"], by=admin, now=now).key
    _on_a_phone(ada, office, now)
    return World(
        ada=ada,
        counter=_at_the_counter(ada, marketer, now),
        segment=segment,
        running=running,
        draft=draft,
        plan=plan,
        step=plan.steps.all()[0],
        text=text,
        comment=comment,
        send=running.sends.filter(touches__isnull=False).distinct().get(),
        purchase_import=purchase_import,
        invitation=invitation,
        token=tokens.make_token(user=marketer, name="Nightly export", scope="read", days=90, now=now).token,
        till_key=till_key,
        merged=_a_merge(ada, admin, now),
        tracked=tracked,
        permits=_permits(admin, now),
        picture=media.keep(content=picture(), name="Shelf", alt="", by=marketer, now=now),
        template=_template(marketer, now),
        drawn=_pictured(plan.steps.all()[0], marketer, now),
        outbound=_told_to_others(admin, now),
        forecast=_forecast(marketer, now),
    )


def _forecast(by: User, now: dt.datetime) -> ForecastVersion:
    """The shop is too small for a fit of its own: one is refused, and one of made-up buyers is used."""
    refused = forecasting.request_refit(by=by, now=now)
    assert forecasting.run(refused.pk, clock=lambda: now)
    x, t_x, age, later = buyers(400, days=300).known_at(209)
    members = Members(ids=np.arange(x.size), x=x, t_x=t_x, age=age, value=np.full(x.size, 20.0))
    version = fitting.fit(
        replace(forecasts.extent(now=now), members=x.size, first_day=now.date() - dt.timedelta(days=300)),
        members,
        members,
        Past(x=x, t_x=t_x, age=age, later=later),
        in_use=None,
        now=now,
    )
    version.save()
    run = forecasting.use_version(version=version, by=by, now=now)
    assert forecasting.run(run.pk, clock=lambda: now)
    version.refresh_from_db()
    assert version.is_in_use
    return version


def _try_two_wordings(step: PlanStep, by: User, now: dt.datetime) -> None:
    other = wordings.Words(weight=1, subject="A word from us", body="", template=None, translations={})
    wordings.save_experiment(
        step=step, measure="clicks", decides="AFTER", hours=24, test_percent=40, own_weight=1, variants=[other], by=by,
        now=now,
    )  # fmt: skip


def _permits(by: User, now: dt.datetime) -> Permits:
    told = {"source": "A law", "as_of": now.date(), "is_in_force": True}
    return Permits(
        policy=permits.save_message_policy(
            policy=None, vertical="LIQUOR", state="OH", channel="push", provider="", verdict="deny", reason="No.",
            **told,
        ),
        hours=permits.save_quiet_hours(
            hours=None, state="OH", channel="push", send_from=9, send_until=20, sunday_from=24, **told
        ),
        cap=permits.save_cap(cap=None, channel="push", topic="", most=2, days=7),
        rate=permits.set_rate(provider="smtp", per_second=Decimal("2.5")),
        suppression=suppressions.suppress(
            channel="email", address=REFUSED_EMAIL, note=f"Bounced: <{REFUSED_EMAIL}>", by=by, now=now
        ),
    )  # fmt: skip


def _told_by_providers(now: dt.datetime) -> None:
    """The letters that arrived did so, and somebody's browser takes no more notifications."""
    reports.apply_reports(now=now)
    with transaction.atomic():
        record(PushDeviceGone(subject="ab" * 32), key="ab" * 32, at=now)


def _told_to_staff(now: dt.datetime) -> None:
    with override_settings(ALERT_URLS=["mailto:operators@shop.example"]):
        assert tell_staff(
            key="world", severity="error", title="Messages failed", text=f"No <{REFUSED_EMAIL}>",
            link="https://shop.example/staff/", now=now,
        )  # fmt: skip


def _told_to_others(by: User, now: dt.datetime) -> OutboundDelivery:
    """A webhook whose first event did not arrive: it leads inside."""
    warehouse = managing.create(
        kind="webhook", name="Warehouse", options={"url": "https://127.0.0.1:9/"}, events=["member.joined"],
        tells_people=True, secret="", by_id=by.pk, now=now,
    ).destination  # fmt: skip
    delivery = managing.send_test(destination=warehouse, event_name="member.joined", now=now)
    assert delivering.deliver(clock=lambda: now) == 0
    return delivery


def _on_a_phone(member: Member, office: PostOffice, now: dt.datetime) -> None:
    address = "192.0.2.7"
    asked = login_codes.ask_for_code(channel="email", destination=EMAIL, address=address, now=now)
    assert send_codes(now=now)
    code = office.letters()[-1]["Subject"][:6]
    device = sign_in.sign_in_with_code(
        asked_id=asked.public_id, code=code, device_name="Ada's phone", address=address, now=now
    ).device
    assert device.member == member
    card = wallet.issue(member=member, kind="apple", now=now)
    wallet.register(wallet_pass=card, device_id="d41d8cd9", push_token="ab" * 32, now=now)


def _a_merge(kept: Member, by: User, now: dt.datetime) -> MemberMerge:
    double = members.join(name="A. L.", source="till", now=now)
    return merging.merge(kept=kept, merged=double, from_merged={}, by=by, now=now)


def _at_the_counter(ada: Member, by: User, now: dt.datetime) -> Counter:
    product = Product.objects.latest("pk")
    reward = rewards.save_reward(
        reward=None, name="Corkscrew", description="A good one.", terms="", kind=Reward.Kind.MERCHANDISE, product=None,
        cost=10, value=Decimal(4), per_member=9, starts_at=None, ends_at=None, tier=None, segment=None, is_active=True,
        now=now,
    )  # fmt: skip
    rewards.change_picture(reward=reward, content=picture(), now=now)
    batch = codes.make(
        name="Shelf", product=product, use=CodeBatch.Use.SINGLE, per_member=1, size=3, points=5, expires_at=None, by=by,
        now=now,
    )  # fmt: skip
    text = text_of(batch.codes.order_by("pk")[0].pk, settings.SECRET_KEY)
    scans.scan(member=ada, text=text, client_id=uuid.uuid4(), scanned_at=now, now=now)
    wishlist.add(member=ada, product=product, now=now)
    friend = members.join(name="Adele", email="ada.lovelace+2@example.com", source="app", now=now)
    referral = referrals.note_joined(
        friend=friend, code=referrals.invite_of(ada, now=now).code, address="192.0.2.7", device_digest=None, now=now
    )
    assert referral
    assert referral.status == Referral.Status.HELD
    policy = reward_policies.save_reward_policy(
        policy=None, state="OH", vertical=Business.Vertical.LIQUOR, kind=Reward.Kind.ITEM, is_denied=True,
        reason="Nothing is given away.", source="A law", as_of=now.date(), is_in_force=False,
    )  # fmt: skip
    held = redemptions.hold(member=ada, reward=reward, now=now)
    ledger.check_ledger(clock=lambda: now)
    programme.change_terms(milestones={5: 500})
    tier = tiers.save_tier(tier=None, name="Gold", threshold=Decimal(5), colour="#a16207", perks="")
    tiers.count_tiers(None, now=now)
    return Counter(reward=reward, held=held, batch=batch, referral=referral, product=product, policy=policy, tier=tier)


def _track(by: User, follow: Callable[[], None], now: dt.datetime) -> Tracked:
    """Twice the same, somebody who becomes known, a fault that a replay mends, and one that stays."""
    system, hour = a_system("Acme", "Website"), dt.timedelta(hours=1)
    key = partners.add_write_key(system=system, by=by).key
    wrong = said("Viewed", faults=(Fault("wrong_type", "/price", "not a number"),))
    receive(system, said("Viewed", message_id="1"), said("Viewed", message_id="1"), wrong, at=now - 3 * hour)
    receive(system, said("Looked", "", anonymous_id="a-1"), said("Sold", timestamp="never"), at=now - 2 * hour)
    receive(system, said("Viewed", "adele", properties={"sku": "A1"}), at=now - 2 * hour)
    receive(system, Incoming("identify", "identify", user_id="ada", anonymous_id="a-1"), at=now - hour)
    follow()
    published = structures.draft(system=system, event_name="Sold", schema={"type": "object"}, by=by)
    structures.publish(published, now=now)
    draft = structures.draft(system=system, event_name="Sold", schema={"required": ["total"]}, by=by)
    replay = replays.start(system=system, event_name="Viewed", by=by, now=now)
    assert replays.run(replay.pk, clock=lambda: now)
    partner = system.partner
    own_events.switch_on(partner=partner, named_by=OwnEvents.NamedBy.MEMBER_ID, may_be_seen=False, now=now)
    guest = User.objects.create_user("gil@acme.example", "correct horse battery staple", name="Gil Guest")
    partners.give_access(user=guest, partner=partner)
    return Tracked(
        system=system,
        key=key,
        guest=guest,
        invitation=people.invite_for_partner(
            email="new@acme.example", partner=partner, by=by, now=now, may_be_seen=True
        ),
        published=published,
        draft=draft,
        merge=identity.merge(partner=partner, user_id="adele", into="ada", by=by, now=now),
        replay=replay,
        counted=counted.declare(system=system, event_name="Viewed", path="sku", by=by, now=now),
        funnel=funnels.save(
            name="To the till", definition={"steps": [{"names": ["Viewed"]}, {"names": ["Sold"]}]}, by=by, now=now
        ),
    )


def _template(by: User, now: dt.datetime) -> Template:
    """With a block that was kept."""
    content = STARTERS["newsletter"].content
    templates.save_block(block=content.email["en"].blocks[0], now=now)
    return templates.create_template(name="Monthly", content=content, by=by, now=now)


def picture(kind: str = "PNG", size: tuple[int, int] = (40, 20)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, "#0f766e").save(file, kind)
    return file.getvalue()


def _join_members(by: User, now: dt.datetime) -> Member:
    ada = members.join(
        name="Ada", email=EMAIL, phone=PHONE, birth_date=BORN, external_id="C1", source="till", now=now
    )  # fmt: skip
    grace = members.join(name="Grace", email=OTHER_EMAIL, birth_date=BORN, external_id="C2", source="till", now=now)
    bounces = members.join(
        name="Bob", email="bob@example.com", birth_date=BORN, external_id="C3", source="till", now=now
    )
    for member in (ada, grace, bounces):
        members.set_consent(
            member=member, channel="email", is_granted=True, wording="Yes", source="till", by=by, now=now
        )  # fmt: skip
    return ada


def _import_purchases(by: User, now: dt.datetime) -> PurchaseImport:
    """Three good lines, one with a remark, one refused that names somebody."""
    day = now - dt.timedelta(days=20)
    good = [f"O{n},{day:%Y-%m-%d} 1{n}:00,BEER,Beer,Beer,1,{n}5.00,C{n},Harbor,," for n in (1, 2, 3)]
    refused = f"O9,never,BEER,Beer,Beer,1,5.00,C9,Harbor,{REFUSED_EMAIL},Nobody Special"
    content = ContentFile("\n".join([HEADER, *good, refused]).encode())
    row = imports.take_in(file=content, name="purchases.csv", time_zone="America/New_York", by=by, now=now)
    imports.start_check(row)
    assert imports.run(row.pk, clock=lambda: now)
    imports.start_import(PurchaseImport.objects.get(pk=row.pk))
    assert imports.run(row.pk, clock=lambda: now)
    row.refresh_from_db()
    assert (row.status, row.report["lines_new"]) == (PurchaseImport.Status.DONE, 3), row.report
    return row


def _never_close() -> None:
    """Nothing waits for a better hour or another day, whenever this is played."""
    policy.change_policy(
        needs_second_person=False, second_person_above=None, plan_tokens=200_000, plan_cost=Decimal(2),
        plan_pictures=20,
        send_from=0, send_until=24, messages_per_day=50,
        max_retries=3, retry_minutes=5, sms_price=Decimal("0.0079"),
        holdout_percent=0, hard_bounces=1, soft_bounces=0, complaints=1, result_days=14,
        gross_margin_percent=Decimal(30), now=timezone.now(),
    )  # fmt: skip


def _read_orders() -> None:
    """As they are read without anybody's word."""
    attribution.change_attribution(rule="LAST", email_click=168, sms_click=168, push_click=168)


def _campaign(name: str, segment: Segment, owner: User, now: dt.datetime) -> Campaign:
    """Long enough that what is played eight days later still belongs to it."""
    first = now.date()
    return campaigns.create_campaign(
        name=name, goal="Bring people back", starts_on=first, ends_on=first + dt.timedelta(days=13),
        segments=[segment], budget=None, audience_limit=300, owner=owner, now=now,
    )  # fmt: skip


def _planned(campaign: Campaign, by: User, now: dt.datetime) -> Plan:
    plan = planning.request_plan(campaign=campaign, by=by, now=now)
    assert planning.make_plan(plan.pk, now=now)
    plan.refresh_from_db()
    assert plan.status == Plan.Status.READY, plan.error
    return plan


def _worked_on(step: PlanStep, by: User, now: dt.datetime) -> tuple[StepText, StepComment]:
    """Moved to another day, said in other words, and talked about."""
    for day in (step.day + dt.timedelta(days=number) for number in range(1, 6)):
        try:
            revising.move_step(step=step, day=day, by=by, now=now)
            break
        except review.CannotEdit:
            continue
    save_playbook(
        playbook=None, name="Another way", group=step.group, aim="To try other words", tone="plain",
        channels=[step.channel], offers=[], template=None, subject="Hello again", body="We would be glad to see you.",
        is_active=True,
    )  # fmt: skip
    call = copywriting.request_texts(step=step, wish=Wish(ModelCall.Task.WRITE_VARIANTS), by=by, now=now)
    assert copywriting.write_texts(call.pk, now=now)
    comment = revising.comment(step=step, text="Is Sunday not too early?", by=by, now=now)
    return step.texts.latest("pk"), comment


def _pictured(step: PlanStep, by: User, now: dt.datetime) -> DrawnPicture:
    """A brief by the rules, and a picture made from it that nobody has chosen yet."""
    call = picturing.request_brief(step=step, note="", by=by, now=now)
    assert picturing.picture_step(call.pk, now=now)
    return DrawnPicture.objects.create(
        brief=step.briefs.get(), content=picture(), content_type="image/png", width=40, height=20, made_at=now
    )


def _run(campaign: Campaign, office: PostOffice, by: User, approver: User, now: dt.datetime) -> None:
    """Sent to everybody; Ada reads, clicks and unsubscribes, and one address is refused for good."""
    office.at_rcpt["bob@example.com"] = "550 <bob@example.com>: no such user here"
    review.approve_plan(plan=_planned(campaign, by, now), by=approver, now=now)
    campaigns.start_campaign(campaign=campaign, by=approver, now=now)
    late = now + dt.timedelta(days=8)
    while sends.send_due(now=late):
        pass
    for recipient, raw in office.taken:
        take_mail(sender="shop@example.com", recipients=[recipient], raw=raw, now=late)
    send = campaign.sends.filter(recipient=EMAIL).select_related("member", "campaign").first()
    assert send
    reader = {"method": "GET", "user_agent": "Mozilla/5.0 Firefox/140", "now": late + dt.timedelta(hours=1)}
    touches.note_open(send=send, **reader)
    touches.note_click(send=send, url="https://shop.example", **reader)
    touches.receive([ReceivedTouch(send=send.public_id, kind="OPEN", method="GET", user_agent="", at=late)])
    touches.unsubscribe(send=send, address="192.0.2.7", now=late)
    members.set_consent(
        member=send.member, channel="email", is_granted=True, wording="Yes again", source="till", by=by, now=late
    )
