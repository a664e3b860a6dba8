from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from celery import shared_task
from django.db import connection
from django.utils import timezone

from campaigns.actions import (
    alarms,
    calls,
    campaigns,
    copywriting,
    experiments,
    history,
    hours,
    login_codes,
    notices,
    picturing,
    planning,
    repeating,
    reports,
    sends,
    touches,
    wallets,
)
from campaigns.queries.calls import calls_to_answer
from campaigns.queries.plans import plans_to_make

# Not long enough that one task, with the batch it is in, meets the time limit of workers.
PATIENCE = timedelta(seconds=30)
# While one waits for the database, another writes: a third would wait for the same processor.
SENDERS = 2
# Longer than two answers of a slow language model, with its retries, and still within the broker's visibility timeout.
LONGEST_PLANNING = 840


@shared_task(name="campaigns.make_plan", time_limit=LONGEST_PLANNING)
def make_plan(plan_id: int) -> None:
    planning.make_plan(plan_id, now=timezone.now())


@shared_task(name="campaigns.sweep_plans")
def sweep_plans() -> None:
    """Plans whose nudge was lost, or whose worker died."""
    for plan_id in plans_to_make(timezone.now()).values_list("pk", flat=True)[:10]:
        make_plan.delay(plan_id=plan_id)


@shared_task(name="campaigns.answer_call", time_limit=LONGEST_PLANNING)
def answer_call(call_id: int) -> None:
    """For words, a brief or pictures of a step."""
    now = timezone.now()
    copywriting.write_texts(call_id, now=now) or picturing.picture_step(call_id, now=now)


@shared_task(name="campaigns.sweep_texts")
def sweep_texts() -> None:
    """Texts, briefs and pictures whose nudge was lost, or whose worker died."""
    calls.give_up(now=timezone.now())
    for call_id in calls_to_answer().values_list("pk", flat=True)[:20]:
        answer_call.delay(call_id=call_id)


@shared_task(name="campaigns.send_due")
def send_due() -> None:
    """Batch after batch, side by side once there was one; what is left is taken up by the next tick."""
    began = timezone.now()
    if sends.send_due(now=began):
        with ThreadPoolExecutor(SENDERS, thread_name_prefix="sender") as pool:
            for sender in [pool.submit(_send_on, since=began) for _ in range(SENDERS)]:
                sender.result()


def _send_on(*, since: datetime) -> None:
    try:
        while timezone.now() - since < PATIENCE and sends.send_due(now=timezone.now()):
            pass
    finally:
        connection.close()


@shared_task(name="campaigns.apply_reports")
def apply_reports() -> None:
    began = timezone.now()
    while reports.apply_reports(now=timezone.now()) and timezone.now() - began < PATIENCE:
        pass


@shared_task(name="campaigns.take_up_touches")
def take_up_touches() -> None:
    """What the web server heard of openings and clicks."""
    began = timezone.now()
    while touches.take_up(now=timezone.now()) and timezone.now() - began < PATIENCE:
        pass


@shared_task(name="campaigns.send_login_codes")
def send_login_codes() -> None:
    """At a nudge, and again for what a lost nudge or a silent mail server left behind."""
    login_codes.send_codes(now=timezone.now())


@shared_task(name="campaigns.finish_campaigns")
def finish_campaigns() -> None:
    campaigns.finish_campaigns(now=timezone.now())


@shared_task(name="campaigns.decide_experiments")
def decide_experiments() -> None:
    experiments.decide_due(now=timezone.now())


@shared_task(name="campaigns.draft_weeks")
def draft_weeks() -> None:
    repeating.draft_weeks(now=timezone.now())


@shared_task(name="campaigns.count_best_hours")
def count_best_hours() -> None:
    hours.count_best_hours(now=timezone.now())


@shared_task(name="campaigns.email_notices")
def email_notices() -> None:
    """Failures nobody was told of because a worker died are found here, too."""
    sends.tell_owners(now=timezone.now())
    notices.email_notices(now=timezone.now())


@shared_task(name="campaigns.look_out")
def look_out() -> None:
    alarms.look_out(now=timezone.now())


@shared_task(name="campaigns.forget_old_history")
def forget_old_history() -> None:
    history.forget_old_history(now=timezone.now())
    picturing.forget_drawn(now=timezone.now())


@shared_task(name="campaigns.keep_wallets")
def keep_wallets() -> None:
    began = timezone.now()
    while wallets.keep_wallets(now=timezone.now()) and timezone.now() - began < PATIENCE:
        pass


@shared_task(name="campaigns.look_at_certificate")
def look_at_certificate() -> None:
    wallets.look_at_certificate(now=timezone.now())
