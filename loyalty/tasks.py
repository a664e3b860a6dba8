"""What the workers do for loyalty. A task is a nudge: the rows are the work."""

from celery import shared_task
from django.core.management import call_command
from django.utils import timezone

from config.shared.nudge import nudge
from loyalty.actions import (
    answers,
    forecasting,
    imports,
    ledger,
    login_codes,
    occasions,
    people,
    redemptions,
    scores,
    segments,
    sign_in,
    tiers,
    wallet,
)
from loyalty.queries import forecasts

LONGEST_IMPORT = LONGEST_FORECAST = 3_600


@shared_task(name="loyalty.run_import", time_limit=LONGEST_IMPORT)
def run_import(import_id: int) -> None:
    imports.run(import_id, clock=timezone.now)


@shared_task(name="loyalty.sweep_imports")
def sweep_imports() -> None:
    """Have imports taken up whose nudge was lost or whose worker died, each within its own time limit."""
    for import_id in imports.waiting(timezone.now()):
        nudge("loyalty.run_import", import_id=import_id)


@shared_task(name="loyalty.sweep_invitations")
def sweep_invitations() -> None:
    """At a nudge, and again for what a lost nudge or a silent mail server left behind."""
    people.email_invitations(now=timezone.now())


@shared_task(name="loyalty.rescore")
def rescore() -> None:
    """Nightly, after an import and on demand. Segments that ask for scores are counted again at once."""
    scores.rescore(now=timezone.now())
    segments.recount_segments(now=timezone.now())


@shared_task(name="loyalty.refit_forecasts")
def refit_forecasts() -> None:
    """Nightly: a new version of the model, and everybody's forecast as of today."""
    if not forecasts.extent(now=timezone.now()).missing:
        forecasting.request_refit(by=None, now=timezone.now())


@shared_task(name="loyalty.run_forecasts", time_limit=LONGEST_FORECAST)
def run_forecasts(run_id: int) -> None:
    """Segments that ask for forecasts are counted again at once."""
    if forecasting.run(run_id, clock=timezone.now):
        segments.recount_segments(now=timezone.now())


@shared_task(name="loyalty.sweep_forecasts")
def sweep_forecasts() -> None:
    """Have runs taken up whose nudge was lost, that waited for another, or whose worker died."""
    for run_id in forecasting.waiting(timezone.now()):
        nudge("loyalty.run_forecasts", run_id=run_id)


@shared_task(name="loyalty.recount_segments")
def recount_segments() -> None:
    segments.recount_segments(now=timezone.now())
    occasions.greet_newcomers(now=timezone.now())


@shared_task(name="loyalty.move_points")
def move_points() -> None:
    """Points whose day has come: first those that can be used now, then those that were not used in time."""
    ledger.release_pending(now=timezone.now())
    ledger.expire(now=timezone.now())


@shared_task(name="loyalty.start_the_day")
def start_the_day() -> None:
    """Birthdays, and tiers that time alone has changed."""
    occasions.congratulate(now=timezone.now())
    tiers.count_tiers(None, now=timezone.now())


@shared_task(name="loyalty.count_tiers")
def count_tiers() -> None:
    """When the tiers or their terms were changed."""
    tiers.count_tiers(None, now=timezone.now())


@shared_task(name="loyalty.check_ledger")
def check_ledger() -> None:
    ledger.check_ledger(clock=timezone.now)


@shared_task(name="loyalty.expire_holds")
def expire_holds() -> None:
    """Rewards that nobody collected in time: their points go back."""
    while redemptions.expire_holds(now=timezone.now()):
        pass


@shared_task(name="loyalty.forget_sessions")
def forget_sessions() -> None:
    """Sign-ins that have run out, and answers nobody will ask for again."""
    call_command("clearsessions")
    now = timezone.now()
    login_codes.forget_old_codes(now=now)
    sign_in.forget_old_tokens(now=now)
    answers.forget_old_answers(now=now)
    wallet.forget_phones_of_emptied(now=now)
