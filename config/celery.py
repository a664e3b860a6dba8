"""The background workers, and the only place with clock times."""

import os

from celery import Celery
from celery.schedules import crontab
from celery.signals import worker_process_init

from config.collector import leave_imports_alone

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("config")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_process_init.connect
def _begin(**_: object) -> None:
    leave_imports_alone()


app.conf.beat_schedule = {
    "Hand over events whose nudge was lost": {"task": "tracking.sweep_dispatches", "schedule": 5},
    "Bring projections up to date": {"task": "tracking.advance_projections", "schedule": 1},
    "Make and drop months of events": {"task": "tracking.keep_months", "schedule": crontab(minute=25)},
    "Take up replays left behind": {"task": "tracking.sweep_replays", "schedule": 15},
    "Count values left behind": {"task": "tracking.count_values", "schedule": 30},
    "Send what is due": {"task": "campaigns.send_due", "schedule": 5},
    "Bring cards in wallets up to date": {"task": "campaigns.keep_wallets", "schedule": 10},
    "Look whether the certificate of wallets ends soon": {
        "task": "campaigns.look_at_certificate",
        "schedule": crontab(minute=5, hour=14),
    },
    "Apply what providers reported": {"task": "campaigns.apply_reports", "schedule": 5},
    "Take up openings and clicks": {"task": "campaigns.take_up_touches", "schedule": 1},
    "Take up plans left behind": {"task": "campaigns.sweep_plans", "schedule": 15},
    "Take up texts left behind": {"task": "campaigns.sweep_texts", "schedule": 15},
    "Finish campaigns that are over": {"task": "campaigns.finish_campaigns", "schedule": 60},
    "Choose the wording that won": {"task": "campaigns.decide_experiments", "schedule": 60},
    "Draft next week for campaigns that repeat": {
        "task": "campaigns.draft_weeks",
        "schedule": crontab(minute=40, hour=13),
    },
    "Count at which hour members answer": {
        "task": "campaigns.count_best_hours",
        "schedule": crontab(minute=15, hour=8),
    },
    "Tell owners what failed": {"task": "campaigns.email_notices", "schedule": 60},
    "Look for what staff should know": {"task": "campaigns.look_out", "schedule": 60},
    "Tell staff what they should know": {"task": "integrations.tell_staff", "schedule": 15},
    "Take up imports left behind": {"task": "loyalty.sweep_imports", "schedule": 15},
    "Send invitations left behind": {"task": "loyalty.sweep_invitations", "schedule": 60},
    "Send sign-in codes left behind": {"task": "campaigns.send_login_codes", "schedule": 5},
    "Release and expire points": {"task": "loyalty.move_points", "schedule": 300},
    "Birthdays and tiers": {"task": "loyalty.start_the_day", "schedule": crontab(minute=20, hour=8)},
    "Read what providers report": {"task": "integrations.read_calls", "schedule": 1},
    "Forget old calls of providers": {"task": "integrations.forget_old_calls", "schedule": crontab(minute=30, hour=9)},
    "Forget old moves and reports of messages": {
        "task": "campaigns.forget_old_history",
        "schedule": crontab(minute=35, hour=9),
    },
    "Tell destinations what happened": {"task": "integrations.deliver_outbound", "schedule": 5},
    "Drop what deleted destinations left": {"task": "integrations.finish_outbound_deletions", "schedule": 60},
    "Forget old deliveries to destinations": {
        "task": "integrations.forget_old_deliveries",
        "schedule": crontab(minute=35, hour=9),
    },
    "Check the ledger": {"task": "loyalty.check_ledger", "schedule": crontab(minute=50, hour=8)},
    "End holds that ran out": {"task": "loyalty.expire_holds", "schedule": 30},
    "Rescore members": {"task": "loyalty.rescore", "schedule": crontab(minute=10, hour=8)},
    "Refit forecasts": {"task": "loyalty.refit_forecasts", "schedule": crontab(minute=25, hour=8)},
    "Take up forecasts left behind": {"task": "loyalty.sweep_forecasts", "schedule": 15},
    "Forget sign-ins that ran out": {"task": "loyalty.forget_sessions", "schedule": crontab(minute=40, hour=9)},
    "Recount segments": {"task": "loyalty.recount_segments", "schedule": crontab(minute=20)},
}
