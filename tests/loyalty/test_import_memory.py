"""A file of a million lines passes through without being held: measured in a process of its own."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings
from django.db import connection

from loyalty.models import OrderLine

LINES = 1_000_000
MOST_MEGABYTES = 300

# The kernel counts what a process was before it became the command, so a large test runner must not start it itself.
METER = """
import json, resource, subprocess, sys
command = subprocess.run(sys.argv[2:], check=False)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
json.dump({"status": command.returncode, "megabytes": used.ru_maxrss / 1024}, open(sys.argv[1], "w"))
"""


def write_purchases(path: Path, lines: int) -> None:
    chance = random.Random(1)
    with path.open("w") as file:
        file.write("order_id,ordered_at,sku,product_name,category,quantity,amount,customer_id,email,store\n")
        for line in range(lines):
            order, product = line // 3, chance.randrange(6_000)
            customer = order * 7919 % 60_000
            at = f"2025-{1 + order % 12:02}-{1 + order % 28:02} {order % 24:02}:{order % 60:02}:00"
            file.write(
                f"B{order},{at},SKU{product},Product {product},Category {product % 12},1,{1 + product % 90}.50,"
                f"C{customer},c{customer}@example.com,{customer % 20}\n"
            )


@pytest.mark.fault
@pytest.mark.timeout(1_200)
@pytest.mark.django_db(transaction=True)
def test_a_million_lines_take_less_than_300_megabytes(tmp_path):
    write_purchases(tmp_path / "million.csv", LINES)
    address = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    meter = tmp_path / "meter.json"
    command = [sys.executable, "manage.py", "import_purchases", str(tmp_path / "million.csv")]
    subprocess.run(
        [sys.executable, "-c", METER, str(meter), *command],
        cwd=settings.BASE_DIR,
        env=os.environ | {"DATABASE_URL": urlunsplit(address)},
        check=True,
    )
    measured = json.loads(meter.read_text())
    assert measured["status"] == 0
    assert OrderLine.objects.count() == LINES
    assert measured["megabytes"] < MOST_MEGABYTES
