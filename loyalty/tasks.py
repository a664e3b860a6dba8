"""What the workers do for loyalty. A task is a nudge: the rows are the work."""

from celery import shared_task
from django.core.management import call_command
from django.utils import timezone

from config.shared.nudge import nudge
from loyalty.actions import imports, people, scores, segments

LONGEST_IMPORT = 3_600


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


@shared_task(name="loyalty.recount_segments")
def recount_segments() -> None:
    segments.recount_segments(now=timezone.now())


@shared_task(name="loyalty.forget_sessions")
def forget_sessions() -> None:
    """Sign-ins that have run out."""
    call_command("clearsessions")
