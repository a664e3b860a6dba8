"""customerio for Python, as its documentation has it: it speaks https and nothing else."""

import os

from customerio import CustomerIO

client = CustomerIO(
    os.environ["SITE_ID"], os.environ["SECRET"], host=os.environ["HOST"], port=int(os.environ["TLS_PORT"])
)
when = int(os.environ["WHEN_SECONDS"])
client.identify(id="ada/lovelace", plan="gold")
client.track("ada/lovelace", "Order Completed", {"amount": 39.95}, id="01E4C4CT6YDC7Y5M7FE1GWWPQJ", timestamp=when)
client.track_anonymous("visitor-1", "Looked", {"shelf": "red"})
client.pageview("ada/lovelace", "https://shop.example/", title="Home")
client.backfill("ada/lovelace", "Joined", when, store="Main Street")
client.add_device("ada/lovelace", "device-1", "ios")
client.delete_device("ada/lovelace", "device-1")
client.suppress("ada/lovelace")
client.unsuppress("ada/lovelace")
client.merge_customers("id", "ada/lovelace", "email", "ada@old.example")
client.batch(
    [
        {"type": "person", "identifiers": {"id": "bob"}, "action": "identify", "attributes": {"plan": "blue"}},
        {
            "type": "person",
            "identifiers": {"id": "bob"},
            "action": "event",
            "name": "Order Completed",
            "timestamp": when,
        },
    ]
)
client.delete("ada/lovelace")
