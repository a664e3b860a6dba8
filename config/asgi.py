"""The web server's way in. Events, providers' calls, openings and clicks go straight to tables, all else to Django."""

import os
from importlib import import_module

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)

from django.conf import settings  # noqa: E402  # Settings can be read once Django is set up.
from django.db import connection  # noqa: E402

from campaigns.dashboard.door import Touches  # noqa: E402
from config.collector import leave_imports_alone  # noqa: E402
from config.pages import Pages  # noqa: E402
from integrations.inbound.app import Hooks  # noqa: E402
from tracking.ingest.app import IngestApp  # noqa: E402
from tracking.ingest.commit import conninfo_of  # noqa: E402

import_module(settings.ROOT_URLCONF)  # Every page is there before the first visitor comes, who waits for none.
leave_imports_alone()

application = IngestApp(
    Touches(Hooks(Pages())),
    conninfo=conninfo_of(connection.get_connection_params()),
    folder=settings.INGEST_FOLDER,
    spool_bytes=settings.INGEST_SPOOL_BYTES,
    redis_url=settings.REDIS_URL,
)
