"""What clients are made of: the description names each part of the API as its address does."""

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def test_each_part_of_the_api_is_called_as_its_address_says():
    paths = Client().get("/api/schema/?format=json").json()["paths"]
    parts = {
        (path.split("/")[2], tag)
        for path, ways in paths.items()
        for way in ways.values()
        if isinstance(way, dict)
        for tag in way.get("tags", [])
    }
    assert parts == {(part, part) for part in ("campaigns", "events", "loyalty", "tracking")}
