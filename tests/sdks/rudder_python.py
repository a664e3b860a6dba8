"""rudder-sdk-python, as its documentation has it."""

import os
import sys
from datetime import datetime

from rudderstack.analytics.client import Client

client = Client(os.environ["KEY"], host=os.environ["BASE"], on_error=lambda fault, batch: sys.exit(f"refused: {fault}"))
when = datetime.fromisoformat(os.environ["WHEN"])
client.identify("ada", {"plan": "gold"}, anonymous_id="visitor-1", timestamp=when)
client.track("ada", "Order Completed", {"amount": 39.95}, timestamp=when)
client.page("ada", "Shop", "Home", {"path": "/"}, timestamp=when)
client.screen("ada", "Shop", "Cart", {"items": 2}, timestamp=when)
client.group("ada", "acme", {"seats": 3}, timestamp=when)
client.alias("visitor-1", "ada", timestamp=when)
client.flush()
client.join()
