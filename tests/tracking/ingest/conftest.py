"""A system with keys, and the way in."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from config.pages import Pages
from tests.tracking.ingest.door import Door, Sender
from tracking.ingest.app import IngestApp
from tracking.ingest.commit import conninfo_of


@pytest.fixture
def sender(transactional_db: None) -> Sender:
    return Sender()


@pytest.fixture
def door(sender: Sender, tmp_path: Path) -> Iterator[Door]:
    app = IngestApp(
        Pages(),
        conninfo=conninfo_of(connection.get_connection_params()),
        folder=tmp_path,
        spool_bytes=2**20,
        redis_url=settings.REDIS_URL,
    )
    with Door(app) as door:
        yield door
