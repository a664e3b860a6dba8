from collections.abc import Iterator
from typing import Any

import pytest

from tests.post_office import PostOffice, open_post_office


@pytest.fixture
def post_office(settings: Any) -> Iterator[PostOffice]:
    with open_post_office(settings) as office:
        yield office
