import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from loyalty.actions import till_keys
from loyalty.models import Store, TillKey


class Command(BaseCommand):
    help = "Make a key for a store's till. It is shown this once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("store", help="Code of the store.")
        parser.add_argument("--name", default="Till", help="What to call the till.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object and nothing else.")

    def handle(self, *args: Any, **options: Any) -> None:
        store = Store.objects.filter(code=options["store"]).first()
        if store is None:
            known = ", ".join(Store.objects.order_by("code").values_list("code", flat=True)[:20])
            raise CommandError(f"No store has the code “{options['store']}”. There is: {known or 'none yet'}.")
        made = till_keys.make_till_key(
            store=store, name=options["name"], scopes=TillKey.Scope.values, by=None, now=timezone.now()
        )
        if options["json"]:
            self.stdout.write(json.dumps({"store": store.code, "key": made.shown}))
        else:
            self.stdout.write(f"{made.shown}\nKeep it now: only its digest is kept here.")
