import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tracking.actions import partners
from tracking.models import Partner, PartnerSystem
from tracking.models.partners import SENDING_KINDS


class Command(BaseCommand):
    help = "Make a write key, and an id with its secret, for a partner's system. They are shown this once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("partner", help="Name of the partner; made when there is none.")
        parser.add_argument("system", help="Name of the partner's system; made when there is none.")
        kinds = [kind.lower() for kind, _ in SENDING_KINDS]
        parser.add_argument("--kind", choices=kinds, default="backend", help="What kind of system a new one is.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object and nothing else.")

    def handle(self, *args: Any, **options: Any) -> None:
        partner = Partner.objects.filter(name=options["partner"]).first()
        partner = partner or partners.add_partner(name=options["partner"])
        system = PartnerSystem.objects.filter(partner=partner, name=options["system"]).first()
        system = system or partners.add_system(partner=partner, name=options["system"], kind=options["kind"].upper())
        if system.is_own:
            raise CommandError(f"{system} of {partner} is told by the shop itself. Nobody sends to it.")
        write_key, pair = partners.add_write_key(system=system, by=None), partners.add_pair(system=system, by=None)
        made = {
            "partner_id": str(partner.public_id),
            "system_id": str(system.public_id),
            "write_key": write_key.shown,
            "id": pair.key.prefix,
            "secret": pair.shown,
        }
        if options["json"]:
            self.stdout.write(json.dumps(made))
            return
        for name, value in made.items():
            self.stdout.write(f"{name.replace('_', ' '):12}{value}")
        self.stdout.write("Keep the write key and the secret now: only their digests are kept here.")
