"""What the workers do for loyalty. A task is a nudge: the rows are the work."""

from celery import shared_task
from django.core.management import call_command
from django.utils import timezone

from loyalty.actions import imports, people, scores, segments

LONGEST_IMPORT = 3_600


@shared_task(name="loyalty.run_import", time_limit=LONGEST_IMPORT)
def run_import(import_id: int) -> None:
    imports.run(import_id, clock=timezone.now)


@shared_task(name="loyalty.sweep_imports", time_limit=LONGEST_IMPORT)
def sweep_imports() -> None:
    """Take up imports whose nudge was lost or whose worker died."""
    for import_id in imports.waiting(timezone.now()):
        imports.run(import_id, clock=timezone.now)


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
