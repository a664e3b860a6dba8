"""Takes each guard out, and sees tests fail: `make planted`, or WORD="a word of what is planted" to choose.

A guard whose absence no test notices is one that nobody would miss. Each is taken out in a copy of the source, and at
least one of the tests that are about it must fail; before that, all of them must pass. Ends with 1 when a bug survives.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LEFT_BEHIND = shutil.ignore_patterns(".*", "var", "node_modules", "artifacts", "staticfiles", "__pycache__")
FAILED = 1  # pytest's word for it; 2 and above would be a test run that did not run.


@dataclass(frozen=True)
class Bug:
    """`right` stands once in the file at `path` and becomes `wrong`; `tests` are arguments of pytest."""

    planted: str
    path: str
    right: str
    wrong: str
    tests: str


LEDGER, COUNTER, FAULTS, MERGING = (
    f"tests/loyalty/test_{name}.py" for name in ("ledger", "counter_faults", "ledger_faults", "merging")
)
OUTGOING = "tests/integrations/test_outgoing.py"
CALLS = "tests/integrations/test_inbound_calls.py"
CONTRACT, WALLETS = (f"tests/integrations/test_{name}.py" for name in ("email_contract", "wallets"))
OUTBOUND = "tests/integrations/test_outbound.py"
GATE, SENDING, WHO = (f"tests/campaigns/test_{name}.py" for name in ("gate", "sending", "who_got_it"))
ACTIONS = "loyalty/actions"
DISPATCH = "campaigns/sending/dispatch.py"
BUGS = (
    Bug(
        "more points are held than there are",
        "loyalty/migrations/0016_hold_in_one_call.py",
        "WHERE member_id = of_member AND balance >= wanted;",
        "WHERE member_id = of_member;",
        f"{LEDGER} -k nobody_holds_more",
    ),
    Bug(
        "points are taken from whichever lot came first",
        "loyalty/migrations/0016_hold_in_one_call.py",
        "ORDER BY lot.expires_at NULLS LAST, lot.id ROWS",
        "ORDER BY lot.id ROWS",
        f"{LEDGER} -k expires_first",
    ),
    Bug(
        "a member's holds are counted side by side",
        f"{ACTIONS}/redemptions.py",
        "if reward.per_member is not None:",
        "if False:",
        f"{COUNTER} -k limit_for_a_member",
    ),
    Bug(
        "a hold ends as often as somebody ends it",
        f"{ACTIONS}/redemptions.py",
        "if not Redemption.objects.filter(pk=redemption.pk, status=Status.HELD).update(status=status, ended_at=now):",
        "if not Redemption.objects.filter(pk=redemption.pk).update(status=status, ended_at=now):",
        f"{COUNTER} -k only_one_of_these",
    ),
    Bug(
        "PINs are tried side by side",
        f"{ACTIONS}/redemptions.py",
        'redemption = Redemption.objects.select_for_update(of=["self"]).get(pk=redemption.pk)',
        "redemption = Redemption.objects.get(pk=redemption.pk)",
        f"{COUNTER} -k guesses_at_a_pin",
    ),
    Bug(
        "what is held in the meantime stays held",
        f"{ACTIONS}/redemptions.py",
        "if held.exclude(pk__in=[row.pk for row in rows]).exists():",
        "if False:",
        f"{FAULTS} -k being_held",
    ),
    Bug(
        "a card is read twice",
        f"{ACTIONS}/cards.py",
        "shown.filter(card_step__lt=card.step)",
        "shown",
        f"{COUNTER} -k one_card",
    ),
    Bug(
        "a single-use code is used by everybody",
        f"{ACTIONS}/scans.py",
        "wanted = wanted.filter(scans=0)",
        "wanted = wanted.all()",
        f"{COUNTER} -k single_use",
    ),
    Bug(
        "a scan that is sent again is another scan",
        f"{ACTIONS}/scans.py",
        "    ledger.lock_accounts([member.pk])\n",
        "",
        f"{COUNTER} -k queued_scan",
    ),
    Bug(
        "accounts are locked in any order",
        f"{ACTIONS}/ledger/statements.py",
        "WHERE member_id = ANY(%s) ORDER BY member_id FOR UPDATE",
        "WHERE member_id = ANY(%s) ORDER BY md5(random()::text) FOR UPDATE",
        f"{FAULTS} -m fault -k opposite_order",
    ),
    Bug(
        "another request under a used key gets the old answer",
        f"{ACTIONS}/answers.py",
        "bytes(answer.request_digest) != asked.digest",
        "False",
        "tests/loyalty/api/test_writes_once.py -k another_body",
    ),
    Bug(
        "a cap takes back what was given",
        f"{ACTIONS}/earning.py",
        "left.at_least(order.nets.get(rule_id, 0))",
        "left",
        f"{MERGING} -k cap_that_both",
    ),
    Bug(
        "an opt-out of who is merged is lost",
        f"{ACTIONS}/merging.py",
        "elif ours.is_granted and not theirs.is_granted:",
        "if False:",
        f"{MERGING} -k opt_out",
    ),
    Bug(
        "an import undoes an opt-out",
        f"{ACTIONS}/members.py",
        "if standing and is_granted and source == IMPORT:",
        "if False:",
        "tests/loyalty/test_members.py tests/loyalty/test_import.py",
    ),
    Bug(
        "a till changes another store's order",
        "loyalty/api/till_orders.py",
        "Order.objects.filter(store=self.store)",
        "Order.objects.all()",
        "tests/loyalty/api/test_tills.py",
    ),
    Bug(
        "a stolen refresh token works on",
        f"{ACTIONS}/sign_in.py",
        "return shown.used_at is not None and now - shown.used_at > LEEWAY",
        "return False",
        "tests/loyalty/api/test_shoppers_get_in.py -k refresh_token",
    ),
    Bug(
        "minors hold rewards",
        "loyalty/rules/rewards.py",
        "if case.age < case.legal_age:",
        "if False:",
        "tests/loyalty/test_redemptions.py",
    ),
    Bug(
        "a call from outside leads inside",
        "integrations/outgoing.py",
        "if not addresses or not all(map(is_public, addresses)):",
        "if not addresses:",
        f"{OUTGOING} -k leads_inside",
    ),
    Bug(
        "a name from outside is looked up once more",
        "integrations/outgoing.py",
        "create_connection((address, self.port)",
        "create_connection((self._dns_host, self.port)",
        f"{OUTGOING} -k changes_its_mind",
    ),
    Bug(
        "a call from outside is sent on elsewhere",
        "integrations/outgoing.py",
        "    def get_redirect_target(self, resp: Response) -> None:\n        return None",
        "",
        f"{OUTGOING} -k redirect",
    ),
    Bug(
        "an answer from outside may take for ever",
        "integrations/outgoing.py",
        "        alarm.start()\n",
        "        alarm.cancel()\n",
        f"{OUTGOING} -k byte_by_byte",
    ),
    Bug(
        "a text that may have left is called failed",
        "integrations/channels/twilio.py",
        "if answer.status_code >= 500:",
        "if False:",
        "tests/integrations/test_twilio.py",
    ),
    Bug(
        "a browser that is gone is written to again",
        "integrations/channels/webpush.py",
        "if status in (404, 410):",
        "if False:",
        "tests/integrations/test_webpush.py",
    ),
    Bug(
        "a provider's call is believed whenever it was signed",
        "integrations/inbound/proofs.py",
        "> TOLERANCE:",
        "> 10 * TOLERANCE:",
        f"{CALLS} -k early_or_late",
    ),
    Bug(
        "a provider's call is believed whoever signed it",
        "integrations/inbound/proofs.py",
        "if not any(proves(secret) for secret in secrets):",
        "if not secrets:",
        f"{CALLS} -k wrong_secret",
    ),
    Bug(
        "a provider's call counts as often as it comes with other spaces in it",
        "integrations/inbound/senders/mailgun/__init__.py",
        'return text(_signature(call.body), "token").encode("utf-8", "replace")',
        "return call.body",
        f"{CALLS} -k believed_once",
    ),
    Bug(
        "a provider's certificate may lie anywhere",
        "integrations/inbound/senders/ses/sns.py",
        "if not CERTIFICATE_URL.fullmatch(address):",
        "if False:",
        f"{CALLS} -k own_host_only",
    ),
    Bug(
        "leaving is confirmed to a provider's every STOP",
        "integrations/inbound/calls.py",
        "        _one_at_a_time(person)\n",
        "",
        f"{CALLS} -k confirmed_once",
    ),
    Bug(
        "a paused campaign goes on with what was claimed",
        DISPATCH,
        " AND campaign.status = 'RUNNING'",
        "",
        f"{SENDING} -k pausing",
    ),
    Bug(
        "what another worker has tried since is taken up again",
        DISPATCH,
        " AND send.attempts = ours.attempts AND EXISTS (",
        " AND EXISTS (",
        f"{SENDING} -k tried_since",
    ),
    Bug(
        "what was being handed off when its worker died is sent again",
        DISPATCH,
        "return back, doubtful.update(status=Status.UNKNOWN",
        "return back, doubtful.update(status=Status.PENDING",
        f"{SENDING} -k middle_of_a_hand_off",
    ),
    Bug(
        "a worker in the middle of its batch does not hear that a provider wants quiet",
        DISPATCH,
        "if standing.is_paused:",
        "if False:",
        f"{GATE} -k middle_of_its_batch",
    ),
    Bug(
        "a provider that wants quiet is spoken to by the next batch",
        "campaigns/sending/rates.py",
        "if rate.paused_until and rate.paused_until > now:",
        "if False:",
        f"{GATE} -k asks_for_quiet",
    ),
    Bug(
        "an address that is to be left alone is written to",
        "campaigns/sending/gate.py",
        "if due.left_alone is not None:",
        "if False:",
        f"{GATE} -k left_alone",
    ),
    Bug(
        "those held out get marketing all the same",
        "campaigns/sending/gate.py",
        "if is_marketing and is_held_out(due.public_id, terms.policy.holdout_percent):",
        "if False:",
        f"{GATE} -k after_the_approval",
    ),
    Bug(
        "an answer to a group of letters is read in any order",
        "integrations/channels/anymail.py",
        "return [each if _is_about(each, to) else None for each, to in zip(told, recipients, strict=True)]",
        "return list(told)",
        f"{CONTRACT} -k does_not_say_whose",
    ),
    Bug(
        "a refused group is never handed over one by one",
        "integrations/channels/anymail.py",
        "if len(messages) > 1 and _status_of(error) in ASKED_ALONE:",
        "if False:",
        f"{CONTRACT} -k one_by_one",
    ),
    Bug(
        "a STOP that only Twilio heard is forgotten",
        "integrations/channels/twilio.py",
        "if error.code == HAS_LEFT:",
        "if False:",
        "tests/campaigns/test_left_alone.py -k only_twilio_heard",
    ),
    Bug(
        "hard and soft bounces are counted together",
        "campaigns/actions/suppressions.py",
        "status=Send.Status.BOUNCED, is_hard_bounce=is_hard)",
        "status=Send.Status.BOUNCED)",
        "tests/campaigns/test_left_alone.py -k counted_apart",
    ),
    Bug(
        "the evidence of a STOP is dropped with the rest",
        "campaigns/actions/history.py",
        ".exclude(kind__in=_CHOICES)",
        "",
        "tests/campaigns/test_kept_history.py -k asked_for",
    ),
    Bug(
        "a card is given to whoever knows its number",
        "campaigns/queries/wallets.py",
        "if not proofs.is_pass_token(token, public_id, [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]):",
        "if not token:",
        f"{WALLETS} -k without_its_token",
    ),
    Bug(
        "an emptied card is read at the till",
        "loyalty/actions/cards.py",
        "public_id=shown, voided_at=None",
        "public_id=shown",
        f"{WALLETS} -k loses_a_phone",
    ),
    Bug(
        "what changes while a phone is told is lost",
        "loyalty/actions/wallet.py",
        "CASE WHEN pass.revision = told.revision AND pass.push_due_at",
        "CASE WHEN pass.push_due_at",
        f"{WALLETS} -k told_once_more",
    ),
    Bug(
        "a phone is told as often as points change",
        "loyalty/actions/wallet.py",
        "push_due_at__lte=now).exclude(told_enough)",
        "push_due_at__lte=now)",
        f"{WALLETS} -k so_often_a_day",
    ),
    Bug(
        "any text becomes part of an address at Apple",
        "integrations/wallets/apns.py",
        "if not TOKEN.fullmatch(token):",
        "if False:",
        f"{WALLETS} -k never_made_an_address",
    ),
    Bug(
        "a provider's older report takes a message back",
        "campaigns/rules/progress.py",
        "return target if status in sources else status",
        "return target",
        f"{WHO} -k either_order",
    ),
    Bug(
        "a destination is told what happened before it was there",
        "integrations/outbound/following.py",
        "AND event.recorded_at >= destination.told_since",
        "",
        f"{OUTBOUND} -k happened_before",
    ),
    Bug(
        "each worker tells one destination as much as it likes",
        "integrations/outbound/parcels.py",
        "min(most - under_way, calls)",
        "calls",
        f"{OUTBOUND} -k keep_to_the_limit",
    ),
    Bug(
        "an earlier secret signs for ever",
        "integrations/outbound/parcels.py",
        " and destination.old_secret_until > now",
        "",
        f"{OUTBOUND} -k signs_beside_the_old_one",
    ),
    Bug(
        "who people are is told unasked",
        "integrations/outbound/parcels.py",
        "people_in(rows) if destination.tells_people else {}",
        "people_in(rows)",
        f"{OUTBOUND} -k about_a_member_by_id",
    ),
    Bug(
        "what waited behind a failure counts as tried",
        "integrations/outbound/noting.py",
        'claimed_until=None, attempts=F("attempts") - 1',
        "claimed_until=None",
        f"{OUTBOUND} -k waited_behind_a_failure",
    ),
    Bug(
        "a campaign writes to whom its goal leaves out",
        "campaigns/actions/planning.py",
        "if plan.campaign.follows_goal:",
        "if not plan.campaign:",
        "tests/campaigns/test_goals.py -k follows_its_goal",
    ),
    Bug(
        "who makes a change again may approve it alone",
        "campaigns/queries/plans.py",
        " | Q(redone_by=by)",
        "",
        "tests/campaigns/test_workspace.py -k makes_a_change_again",
    ),
    Bug(
        "an old copy of a step puts it back into the week",
        "campaigns/actions/review.py",
        "after = replace(state_of(PlanStep.objects.get(pk=step.pk)), **wanted)",
        "after = replace(state_of(step), **wanted)",
        "tests/campaigns/test_workspace.py -k old_copy",
    ),
    Bug(
        "a language model is told what few members of a group bought",
        "campaigns/ai/briefing.py",
        """"hours_known": None, "bought": {},""",
        """"hours_known": None,""",
        "tests/campaigns/test_openai.py -k group_of_few",
    ),
)


def main(words: list[str]) -> int:
    chosen = [bug for bug in BUGS if all(word in bug.planted for word in words)]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "regulars"
        shutil.copytree(ROOT, copy, ignore=LEFT_BEHIND)
        (copy / "node_modules").symlink_to(ROOT / "node_modules")
        survived = [bug for bug in chosen if not _is_noticed(bug, copy)]
    print(f"{len(chosen) - len(survived)} of {len(chosen)} planted bugs were noticed.")
    return 1 if survived else 0


def _is_noticed(bug: Bug, copy: Path) -> bool:
    file = copy / bug.path
    source = file.read_text()
    if source.count(bug.right) != 1:
        raise ValueError(f"{bug.path} has not once, but {source.count(bug.right)} times: {bug.right}")
    if _tested(copy, bug.tests) != 0:
        raise ValueError(f"These fail without any bug: {bug.tests}")
    file.write_text(source.replace(bug.right, bug.wrong))
    noticed = _tested(copy, bug.tests) == FAILED
    file.write_text(source)
    print(f"{'noticed ' if noticed else 'SURVIVED'}  {bug.planted}", flush=True)
    return noticed


def _tested(copy: Path, tests: str) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "--create-db", "-p", "no:cacheprovider", *tests.split()]
    return subprocess.run(command, cwd=copy, env=os.environ, capture_output=True, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
