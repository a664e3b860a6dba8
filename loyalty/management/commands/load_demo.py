from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from loyalty.actions import demo, scores, segments
from loyalty.models import Member, Score
from loyalty.queries.brand import business
from tracking import bus
from tracking.actions import advance


class Command(BaseCommand):
    help = "Load the demo shop into an empty copy: a real year of purchases under made-up names. Never in production."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--if-empty", action="store_true", help="Do nothing where a shop has members already.")

    def handle(self, *, if_empty: bool, **_: Any) -> None:
        has_members, is_demo = Member.objects.exists(), bool(business().demo_notice)
        if if_empty and (not settings.DEMO_SHOP or (has_members and not is_demo)):
            return
        if not settings.DEMO_SHOP:
            raise CommandError("The demo shop is switched off here: set DEMO_SHOP=true, and not in production.")
        if has_members and not is_demo:
            raise CommandError("This shop has members of its own. Load the demo into an empty copy.")
        now = timezone.now()
        if not has_members:
            self.stdout.write("Loading the demo shop ...")
            demo.open_demo_shop(now=now)
        # What follows is finished on the next start when this one is broken off.
        logins = settings.UPLOADS.parent / "demo-logins.txt"
        if not logins.exists():
            demo.write_logins(logins, demo.make_logins())
        for follower in bus.followers():
            while advance(follower.name, now=timezone.now()):
                pass
        if not Score.objects.exists():
            scores.rescore(now=now)
            segments.recount_segments(now=now)
