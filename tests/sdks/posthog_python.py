"""posthog for Python, as its documentation has it; POSTHOG_CAPTURE_MODE chooses the wire."""

import os
import sys
from datetime import datetime

from posthog import Posthog

client = Posthog(
    os.environ["KEY"], host=os.environ["BASE"], on_error=lambda fault, batch: sys.exit(f"refused: {fault}")
)
when = datetime.fromisoformat(os.environ["WHEN"])
client.set(distinct_id="ada", properties={"plan": "gold"}, timestamp=when)
client.capture("Order Completed", distinct_id="ada", properties={"amount": 39.95}, timestamp=when)
client.capture("$pageview", distinct_id="ada", properties={"$current_url": "https://shop.example/"}, timestamp=when)
client.group_identify("company", "acme", {"seats": 3}, timestamp=when)
client.alias("ada", "visitor-1", timestamp=when)
assert client.feature_enabled("new-checkout", "ada") in (None, False)
client.shutdown()
