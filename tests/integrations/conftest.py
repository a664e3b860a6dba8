from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.post_office import PostOffice, open_post_office
from tests.providers import PushService, Twilio, open_push_service, open_twilio


@pytest.fixture
def post_office(settings: Any) -> Iterator[PostOffice]:
    with open_post_office(settings) as office:
        yield office


@pytest.fixture
def twilio(settings: Any) -> Iterator[Twilio]:
    with open_twilio(settings) as server:
        yield server


@pytest.fixture
def push_service(settings: Any, tmp_path: Path) -> Iterator[PushService]:
    with open_push_service(settings, tmp_path) as service:
        yield service
