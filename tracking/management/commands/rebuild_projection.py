from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from tracking import bus
from tracking.actions import rebuild
from tracking.actions.projections import LogOfAnotherServer


class Command(BaseCommand):
    help = "Have a follower forget what it wrote and read the log from its beginning."

    def add_arguments(self, parser: CommandParser) -> None:
        known = ", ".join(follower.name for follower in bus.followers())
        parser.add_argument("names", nargs="*", help=f"One or more of: {known}.")
        parser.add_argument("--all", action="store_true", help="Every follower.")

    def handle(self, *args: Any, **options: Any) -> None:
        known = [follower.name for follower in bus.followers()]
        names = known if options["all"] else options["names"]
        if not names or set(names) - set(known):
            raise CommandError(f"Name one or more of: {', '.join(known)}; or --all.")
        for name in names:
            try:
                passed = rebuild(name, now=timezone.now())
            except LogOfAnotherServer as refusal:
                raise CommandError(str(refusal)) from None
            self.stdout.write(f"{name}: {passed:,} events read.")
