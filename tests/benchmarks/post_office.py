"""`python -m tests.benchmarks.post_office PORT COUNT`: django-post_office as its documents set it up.

So many messages are queued, written already; then `send_queued` of one process is timed. Prints the seconds.
"""

import logging
import os
import sys
import time

import django
from django.conf import settings
from django.core.management import call_command

HTML = "<p style='margin:0 0 16px;font-family:Helvetica,Arial,sans-serif'>We kept 240 points for you.</p>\n" * 32
TEXT = "We kept 240 points for you.\n" * 40


def main(port: int, count: int) -> None:
    settings.configure(
        INSTALLED_APPS=["django.contrib.contenttypes", "post_office"],
        DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", **_database()}},
        EMAIL_BACKEND="post_office.EmailBackend",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=port,
        POST_OFFICE={"BATCH_SIZE": 500},
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        USE_TZ=True,
        LOGGING_CONFIG=None,
    )
    django.setup()
    logging.disable(logging.INFO)
    call_command("migrate", "post_office", verbosity=0)
    from post_office import mail
    from post_office.models import Email

    Email.objects.all().delete()
    mail.send_many(
        [
            {
                "sender": "shop@example.com",
                "recipients": [f"member{number}@example.com"],
                "subject": f"Member {number}, 240 points wait for you",
                "message": TEXT,
                "html_message": HTML,
            }
            for number in range(count)
        ]
    )
    began = time.perf_counter()
    call_command("send_queued_mail", processes=1, verbosity=0)
    print(time.perf_counter() - began)


def _database() -> dict[str, str]:
    return {name: os.environ[f"PEER_{name}"] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
