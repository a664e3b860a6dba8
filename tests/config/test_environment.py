"""What the operator may write, and what he reads when it is wrong."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from config.environment import ROOT, Environment, example

ONES_OWN = {"PATH", "LANG", "HOME"}
LONG_KEY = "k" * 40
PRODUCTION = {
    "ENVIRONMENT": "production", "BASE_URL": "https://shop.example", "SECRET_KEY": LONG_KEY, "TRUSTED_PROXIES": "1",
}  # fmt: skip


@pytest.fixture
def copy_of_config(tmp_path: Path) -> Path:
    """The package alone in a folder: its `.env` is ours to write."""
    shutil.copytree(ROOT / "config", tmp_path / "config", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def start(folder: Path, code: str = "environment.read()", **variables: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if name in ONES_OWN}
    return subprocess.run(
        [sys.executable, "-c", f"from config import environment; {code}"],
        cwd=folder, env=kept | variables, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"PORT": "abc"}, "PORT: Input should be a valid integer"),
        ({"PORT": "0"}, "PORT: Input should be greater than or equal to 1"),
        ({"PORT": "65535"}, "MAILBOX_PORT must be set when PORT is the last one"),
        ({"ENVIRONMENT": "prod"}, "ENVIRONMENT: Input should be 'development', 'test' or 'production'"),
        ({"DATABASE_URL": "mysql://localhost/shop"}, "DATABASE_URL: must begin with postgres:// or postgresql://"),
        ({"DATABASE_URL": "postgres://u:p@db:five/shop"}, "DATABASE_URL: Port could not be cast"),
        ({"REDIS_URL": "localhost:6379"}, "REDIS_URL: must begin with redis://"),
        ({"CELERY_BROKER_URL": "amqp://localhost"}, "CELERY_BROKER_URL: must begin with redis://"),
        ({"EMAIL_URL": "imap://mail.example"}, "EMAIL_URL: must begin with smtp://"),
        ({"MEDIA_STORAGE_URL": "/srv/pictures"}, "MEDIA_STORAGE_URL: must begin with s3://"),
        ({"MEDIA_STORAGE_URL": "s3://K:a/b@host/bucket"}, "MEDIA_STORAGE_URL: cannot be read: in a key /"),
        ({"MEDIA_STORAGE_URL": "s3:///bucket"}, "MEDIA_STORAGE_URL: names no host"),
        ({"MEDIA_STORAGE_URL": "s3://KEY@host/bucket"}, "MEDIA_STORAGE_URL: needs both, KEY:SECRET@"),
        ({"MEDIA_STORAGE_URL": "s3://K:S@host/"}, "MEDIA_STORAGE_URL: must name one bucket"),
        ({"MEDIA_STORAGE_URL": "s3://K:S@host/bucket/folder"}, "MEDIA_STORAGE_URL: must name one bucket"),
        ({"MEDIA_STORAGE_URL": "s3://K:S@host/bucket?acl=public"}, "MEDIA_STORAGE_URL: does not know ?acl="),
        ({"MEDIA_STORAGE_URL": "s3://K:S@host/bucket?scheme=ftp"}, "MEDIA_STORAGE_URL: takes ?scheme=http or"),
        ({"MEDIA_STORAGE_URL": "s3://K:S@host/bucket?public=cdn.example"}, "MEDIA_STORAGE_URL: takes ?public= as"),
        ({"HISTORY_RETENTION_MONTHS": "-1"}, "HISTORY_RETENTION_MONTHS: Input should be greater than or equal to 0"),
        ({"APPLE_TEAM_ID": "TEAM123456"}, "APPLE_PASS_TYPE_ID must be set, too: Apple Wallet needs all of"),
        ({"APNS_URL": "http://push.example"}, "APNS_URL: must begin with https://"),
        ({"SMS_URL": "sip:shop"}, "SMS_URL: must begin with twilio:// or http:// or https://"),
        ({"SMS_URL": "twilio://AC123@+15551230000"}, "SMS_URL: must be twilio://ACCOUNT_SID:AUTH_TOKEN@SENDER"),
        ({"SMS_URL": "https://"}, "SMS_URL: names no host"),
        ({"ALERT_URLS": "ftp://watch.example"}, "ALERT_URLS: address 1 must begin with slack://, pagerduty://"),
        ({"ALERT_URLS": "mailto:ops@shop.example slack://T0"}, "ALERT_URLS: address 2 must be slack://hooks.slack.com"),
        ({"ALERT_URLS": "pagerduty://"}, "ALERT_URLS: address 1 must be pagerduty://INTEGRATION_KEY"),
        ({"ALERT_URLS": "https://short@host/"}, "ALERT_URLS: address 1 must be https://SECRET@host/path"),
        ({"BASE_URL": "shop.example"}, "BASE_URL: must begin with http:// or https://"),
        ({"BASE_URL": "https://"}, "BASE_URL: names no host"),
        ({"TIME_ZONE": "Eastern"}, "TIME_ZONE: is not a time zone name such as America/New_York"),
        ({"TRUSTED_PROXIES": "-1"}, "TRUSTED_PROXIES: Input should be greater than or equal to 0"),
        ({"DEMO_SHOP": "perhaps"}, "DEMO_SHOP: Input should be a valid boolean"),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL: "),
        ({"ENVIRONMENT": "production", "BASE_URL": "https://shop.example"}, "SECRET_KEY must have at least 40"),
        ({"ENVIRONMENT": "production", "BASE_URL": "https://shop.example", "SECRET_KEY": "short"}, "SECRET_KEY must"),
        ({"ENVIRONMENT": "production", "SECRET_KEY": LONG_KEY}, "BASE_URL must be set in production"),
        (
            {"ENVIRONMENT": "production", "BASE_URL": "https://shop.example", "SECRET_KEY": LONG_KEY},
            "TRUSTED_PROXIES must be 1 or more when BASE_URL is https",
        ),
        (PRODUCTION | {"SECRET_KEY_FALLBACKS": "short"}, "SECRET_KEY_FALLBACKS: each key must have at least 40"),
        (
            PRODUCTION | {"SECRET_KEY_FALLBACKS": f"{LONG_KEY},{LONG_KEY[:20]},{LONG_KEY}"},
            "SECRET_KEY_FALLBACKS: each key must have at least 40 characters in production. A comma separates two keys",
        ),
    ],
)
def test_a_value_that_cannot_be_understood_stops_the_start_with_one_line(variables, said, copy_of_config):
    refused = start(copy_of_config, **variables)
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"Settings: {said}")
    assert refused.stderr.count("\n") == 1
    assert refused.stdout == ""


def test_every_fault_is_told_at_once_and_no_secret_is_repeated(copy_of_config):
    refused = start(copy_of_config, PORT="abc", DATABASE_URL="mysql://shop:hunter2@db/shop")
    assert refused.stderr.count("Settings: ") == refused.stderr.count("\n") == 2
    assert "hunter2" not in refused.stderr


def test_a_key_nobody_knows_stops_the_start(copy_of_config):
    (copy_of_config / ".env").write_text("DATABSE_URL=postgres://localhost/shop\n")
    refused = start(copy_of_config)
    assert refused.returncode == 2
    assert refused.stderr == "Settings: DATABSE_URL in .env is not a variable of this product; see .env.example.\n"


def test_the_process_environment_wins_over_the_file_and_an_empty_value_is_none(copy_of_config):
    (copy_of_config / ".env").write_text("PORT=9000\nHOST=0.0.0.0\nTIME_ZONE=\n")
    answer = start(copy_of_config, "e = environment.read(); print(e.port, e.host, e.time_zone)", PORT="9001")
    assert answer.stdout.split() == ["9001", "0.0.0.0", "America/New_York"]


def test_earlier_keys_are_long_in_production_and_as_they_like_elsewhere(copy_of_config):
    assert start(copy_of_config, **PRODUCTION, SECRET_KEY_FALLBACKS=f"{LONG_KEY},{LONG_KEY}").returncode == 0
    assert start(copy_of_config, SECRET_KEY_FALLBACKS="short").returncode == 0


def test_other_variables_of_the_machine_do_not_matter(copy_of_config):
    assert start(copy_of_config, EDITOR="vi", PORTS="1,2").returncode == 0


@pytest.mark.parametrize("program", [["manage.py", "check"], ["-m", "config.run", "healthy"]])
def test_every_way_in_refuses_alike(program):
    kept = {name: value for name, value in os.environ.items() if name in ONES_OWN}
    refused = subprocess.run(
        [sys.executable, *program], cwd=ROOT, env=kept | {"PORT": "abc"}, capture_output=True, text=True, check=False
    )
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert refused.stderr.startswith("Settings: PORT: ")


def test_the_example_file_is_current_and_means_the_defaults(copy_of_config):
    assert (ROOT / ".env.example").read_text() == example()
    lines = [line.removeprefix("# ") for line in example().splitlines() if line[2:].partition("=")[0].isupper()]
    assert len(lines) == len(Environment.model_fields)
    (copy_of_config / ".env").write_text("\n".join(lines))
    tell = "print(environment.read() == environment.Environment(_env_file=None))"
    assert start(copy_of_config, tell).stdout.strip() == "True"


def test_the_public_address_is_served_without_naming_its_host_twice(copy_of_config):
    answer = start(
        copy_of_config, "print(environment.read().hosts)", BASE_URL="https://shop.example", ALLOWED_HOSTS="10.0.0.5"
    )
    assert answer.stdout.strip() == "['10.0.0.5', 'shop.example']"


MAILBOX_SMS, MAILBOX_PUSH = (f"integrations.channels.mailbox_phone.Mailbox{way}" for way in ("Sms", "Push"))
TWILIO, OWN_SERVER, WEB_PUSH = (
    f"integrations.channels.{name}"
    for name in ("twilio.TwilioChannel", "http_sms.HttpSmsChannel", "webpush.WebPushChannel")
)
MAIL = {"EMAIL_URL": "smtp://mail.example"}


@pytest.mark.parametrize(
    ("variables", "sms", "push"),
    [
        ({}, MAILBOX_SMS, MAILBOX_PUSH),
        ({"SMS_URL": "twilio://AC1:token@+15550006666"}, TWILIO, MAILBOX_PUSH),
        ({"VAPID_PRIVATE_KEY": "k" * 43}, MAILBOX_SMS, WEB_PUSH),
        (MAIL, None, WEB_PUSH),
        (MAIL | {"SMS_URL": "https://sms.example/texts"}, OWN_SERVER, WEB_PUSH),
        ({"ENVIRONMENT": "test", "SMS_URL": "twilio://AC1:token@+15550006666"}, None, None),
    ],
)
def test_without_accounts_everything_lies_in_the_mailbox_and_nothing_leaves_by_accident(
    variables: dict[str, str], sms: str | None, push: str | None, tmp_path: Path
) -> None:
    told = "from config.settings import CHANNELS; print(CHANNELS.get('sms'), CHANNELS.get('push'))"
    answer = start(ROOT, told, VAR_DIR=str(tmp_path), **variables)
    assert answer.stdout.split() == [str(sms), str(push)], answer.stderr
