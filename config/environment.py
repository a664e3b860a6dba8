"""Every variable the product reads, with its type, default and meaning.

`.env` is read first, the process environment wins. A key in `.env` that is not listed here, or a value that
cannot be read, stops the start with one line per fault. `.env.example` is written from this file:

    python -m config.environment --write .env.example
"""

import argparse
import re
import sys
from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import SplitResult, unquote, urlsplit
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from config import embedded, mail, media, wallet

ROOT = Path(__file__).resolve().parent.parent
SHORTEST_SECRET = 24


class Stage(StrEnum):
    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


def _words(value: object) -> object:
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


def _zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError("is not a time zone name such as America/New_York")
    return value


def _url(*schemes: str) -> AfterValidator:
    def check(value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in schemes:
            raise ValueError(f"must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        if parts.scheme in ("http", "https") and not parts.hostname:
            raise ValueError("names no host")
        _ = parts.port  # raises what is wrong with it
        return value

    return AfterValidator(check)


def _sms_url(value: str | None) -> str | None:
    if value is not None and value.startswith("twilio://"):
        credentials, _, sender = urlsplit(value).netloc.rpartition("@")
        account, _, token = credentials.partition(":")
        if not (account and token and sender):
            raise ValueError("must be twilio://ACCOUNT_SID:AUTH_TOKEN@SENDER, a number or a messaging service")
    return value


# What an address that alerts are told to must have, by what it begins with, and how it is written.
_ALERT_KINDS: dict[str, tuple[Callable[[SplitResult], bool], str]] = {
    "slack": (
        lambda parts: bool(parts.hostname and parts.path.strip("/")),
        "slack://hooks.slack.com/services/..., the webhook's address with slack for https",
    ),
    "pagerduty": (
        lambda parts: bool(re.fullmatch(r"\w{20,64}", parts.netloc.partition("@")[0])),
        "pagerduty://INTEGRATION_KEY",
    ),
    "https": (
        lambda parts: bool(parts.hostname and len(unquote(parts.username or "")) >= SHORTEST_SECRET),
        f"https://SECRET@host/path with a secret of at least {SHORTEST_SECRET} characters",
    ),
    "mailto": (lambda parts: "@" in parts.path, "mailto:somebody@shop.example"),
}
# For a server inside, which ALLOW_PRIVATE_ADDRESSES lets us call.
_PLAIN = {"slack+http": "slack", "pagerduty+http": "pagerduty", "http": "https"}


def _alert_urls(value: list[str]) -> list[str]:
    """The fault repeats no address: there are secrets in them."""
    for number, url in enumerate(value, start=1):
        parts = urlsplit(url)
        if (kind := _PLAIN.get(parts.scheme, parts.scheme)) not in _ALERT_KINDS:
            raise ValueError(f"address {number} must begin with slack://, pagerduty://, https:// or mailto:")
        is_right, form = _ALERT_KINDS[kind]
        if not is_right(parts):
            raise ValueError(f"address {number} must be {form}")
    return value


Words = Annotated[list[str], NoDecode, BeforeValidator(_words)]
Addresses = Annotated[
    list[str],
    NoDecode,
    BeforeValidator(lambda value: value.split() if isinstance(value, str) else value),
    AfterValidator(_alert_urls),
]
LAST_PORT = 65_535
SHORTEST_KEY = 40
Port = Annotated[int, Field(ge=1, le=LAST_PORT)]


class Environment(BaseSettings):
    """The settings of one running copy."""

    model_config = SettingsConfigDict(
        env_file=ROOT / ".env",
        env_file_encoding="utf-8",
        extra="forbid",
        hide_input_in_errors=True,
        env_ignore_empty=True,
    )

    environment: Stage = Field(Stage.DEVELOPMENT, description="development, test or production.")
    secret_key: str | None = Field(
        None, description="Signs sessions and links. Needed in production; elsewhere one is kept in VAR_DIR."
    )
    secret_key_fallbacks: Words = Field(
        default_factory=list,
        description="Earlier values of SECRET_KEY, separated by commas; printed codes, links and what was sealed keep "
        "working.",
    )
    var_dir: Path = Field(Path("var"), description="Data, sockets and logs of the embedded servers, and uploads.")
    host: str = Field("127.0.0.1", description="Address the web server listens on.")
    port: Port = Field(8000, description="Port the web server listens on.")
    base_url: Annotated[str | None, _url("http", "https")] = Field(
        None, description="Public address, used in links inside messages. Default: http://localhost:PORT."
    )
    allowed_hosts: Words = Field(
        default_factory=lambda: ["localhost", "127.0.0.1", "[::1]"],
        description="Host names served beside the one of BASE_URL, separated by commas.",
    )
    trusted_proxies: Annotated[int, Field(ge=0, le=10)] = Field(
        0, description="How many reverse proxies stand in front and set X-Forwarded-For."
    )
    web_workers: Annotated[int, Field(ge=1, le=64)] = Field(1, description="Web server processes.")
    ingest_spool_mb: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        256, description="Megabytes of events each machine may keep in VAR_DIR while PostgreSQL is away."
    )
    api_calls_per_minute: Annotated[int, Field(ge=0)] = Field(
        600, description="REST calls a minute by each token, key or person signed in; 0 means no limit."
    )
    api_costly_calls_per_minute: Annotated[int, Field(ge=0)] = Field(
        60,
        description="Of these, those that may take seconds: funnels, sessions, values, trials, inference and previews.",
    )
    api_stranger_calls_per_minute: Annotated[int, Field(ge=0)] = Field(
        60, description="REST calls a minute by each address without a token or key, or with a wrong one."
    )
    tracking_retention_months: Annotated[int, Field(ge=0, le=600)] = Field(
        0, description="Whole months for which tracked events are kept; 0 keeps them for ever."
    )
    metrics_token: str | None = Field(
        None, description="Bearer token that opens /metrics. Without one only this machine itself may read it."
    )
    workers: Annotated[int, Field(ge=1, le=64)] = Field(2, description="Background worker processes.")

    database_url: Annotated[str | None, _url("postgres", "postgresql")] = Field(
        None, description="PostgreSQL 16 or newer. Default: the embedded PostgreSQL under VAR_DIR."
    )
    redis_url: Annotated[str | None, _url("redis", "rediss", "unix")] = Field(
        None, description="Redis or Valkey for cache and live updates. Default: the embedded Valkey under VAR_DIR."
    )
    celery_broker_url: Annotated[str | None, _url("redis", "rediss", "redis+socket")] = Field(
        None, description="Broker of the background workers. Default: REDIS_URL."
    )
    postgres_password: str | None = Field(
        None, description="Read by compose.yaml only, for the PostgreSQL it starts: random letters and digits."
    )

    email_url: Annotated[str | None, AfterValidator(mail.checked)] = Field(
        None,
        description="Who carries email. A provider: mailgun://KEY@sending.domain, sendgrid://KEY, postmark://TOKEN, "
        "brevo://KEY, resend://KEY, mailjet://KEY:SECRET, sparkpost://KEY or ses://KEY_ID:SECRET@region, another of "
        "its addresses by ?api_url=https://... Or an SMTP server: smtp://, smtp+tls:// (STARTTLS) or smtp+ssl:// with "
        "user:password@host:port. Default: the local mailbox, which sends nothing to anybody.",
    )
    email_from: str = Field(
        "shop@example.com",
        description="Sender of every message: an address, or Name <address>. Without a name the shop's own is taken.",
    )
    email_dkim_selectors: Words = Field(
        default_factory=list,
        description="Names of the keys that sign your mail (s1 of s1._domainkey), separated by commas, "
        "for the check of your sending domain. Default: the usual ones of your provider.",
    )
    mailbox_port: Port | None = Field(
        None, description="Port of the local mailbox's SMTP listener, on 127.0.0.1. Default: PORT + 1."
    )

    media_storage_url: Annotated[str | None, AfterValidator(media.checked)] = Field(
        None,
        description="Where the pictures of messages are kept: s3://KEY:SECRET@host[:port]/bucket, Amazon's or any "
        "other that speaks S3, with ?region=, ?scheme=http and ?public=https://... where mail programs read them under "
        "another address. Everybody must be able to read the bucket. Default: a folder in VAR_DIR.",
    )

    sms_url: Annotated[str | None, _url("twilio", "http", "https"), AfterValidator(_sms_url)] = Field(
        None,
        description="Sends texts: twilio://ACCOUNT_SID:AUTH_TOKEN@+15551230000 (or @MG..., a messaging service), or "
        "https://user:password@host/path of a server of your own. Default: the local mailbox while EMAIL_URL is not "
        "set, else none.",
    )
    twilio_api_url: Annotated[str, _url("http", "https")] = Field(
        "https://api.twilio.com", description="Another host that speaks Twilio's API."
    )
    mailgun_signing_keys: Words = Field(
        default_factory=list,
        description="Who may report on messages, at /hooks/<name>/ (docs/reports.md). Each of these may hold two, "
        "separated by commas, while one is changed. Mailgun: HTTP webhook signing keys.",
    )
    sendgrid_verification_keys: Words = Field(
        default_factory=list, description="SendGrid: verification keys of the signed event webhook."
    )
    postmark_webhook_logins: Words = Field(
        default_factory=list, description="Postmark: user:password of the webhook's basic auth; you make them up."
    )
    brevo_webhook_logins: Words = Field(
        default_factory=list, description="Brevo: user:password in the webhook's address; you make them up."
    )
    ses_topic_arns: Words = Field(
        default_factory=list, description="Amazon SES: the SNS topics (arn:aws:sns:...) that tell of your mail."
    )
    twilio_auth_tokens: Words = Field(
        default_factory=list, description="Twilio: auth tokens that sign its calls. Default: the one in SMS_URL."
    )
    generic_webhook_secrets: Words = Field(
        default_factory=list,
        description="Any other provider: secrets by Standard Webhooks (whsec_... or at least 24 letters).",
    )
    inbound_retention_days: Annotated[int, Field(ge=1, le=3_650)] = Field(
        90, description="Days for which calls of providers are kept as they came. What they said stays."
    )
    history_retention_months: Annotated[int, Field(ge=0, le=600)] = Field(
        25,
        description="Months for which the moves of each message and what providers reported of it are kept; 0 keeps "
        "them for ever. Messages themselves, figures, and what people asked for (STOP, START) stay.",
    )
    outbound_retention_days: Annotated[int, Field(ge=2, le=3_650)] = Field(
        30, description="Days for which deliveries to destinations (docs/events_out.md) are kept, with their attempts."
    )
    alert_urls: Addresses = Field(
        default_factory=list,
        description="Where staff are told what went wrong, separated by spaces: slack://hooks.slack.com/services/..., "
        "pagerduty://INTEGRATION_KEY, https://SECRET@host/path (signed by Standard Webhooks), mailto:ops@shop.example.",
    )
    vapid_private_key: Annotated[str, Field(pattern=r"^[\w-]{43}$")] | None = Field(
        None,
        description="Signs web push messages: 32 bytes in base64url, the same on every machine. "
        "Default: one is made and kept in VAR_DIR. While EMAIL_URL is not set, notifications go to the local mailbox "
        "unless a key is set here.",
    )
    apple_pass_type_id: str | None = Field(
        None,
        description="Members' cards in Apple Wallet (docs/wallet.md): the pass type, such as pass.com.example.shop. "
        "This and the next four belong together.",
    )
    apple_team_id: str | None = Field(None, description="Your team at Apple, ten letters and digits.")
    apple_pass_certificate: str | None = Field(
        None, description="The pass type's certificate: a file (PEM, or .cer as Apple gives it), or PEM with \\n in it."
    )
    apple_pass_key: str | None = Field(None, description="Its private key: a file in PEM, or PEM with \\n in it.")
    apple_wwdr_certificate: str | None = Field(
        None, description="Apple's intermediate certificate that issued it (WWDR G4): a file, or PEM with \\n in it."
    )
    apple_pass_key_password: str | None = Field(None, description="Opens APPLE_PASS_KEY, where that is encrypted.")
    apns_url: Annotated[str, _url("https")] = Field(
        "https://api.push.apple.com", description="Another host that speaks Apple's push protocol."
    )
    apns_ca_file: Path | None = Field(
        None, description="Certificates to trust for APNS_URL. Default: those of this machine."
    )
    allow_private_addresses: bool = Field(
        False,
        description="Addresses given by shoppers' browsers, of destinations and in ALERT_URLS may lead inside and be "
        "plain http. For trying things out.",
    )
    openai_api_key: str | None = Field(
        None, description="Plans are proposed by this OpenAI account. Default: the built-in rules, no account needed."
    )
    openai_base_url: Annotated[str | None, _url("http", "https")] = Field(
        None, description="Another server that speaks OpenAI's protocol."
    )
    openai_model: str = Field("gpt-4.1-mini", description="Model that proposes plans and writes texts.")
    openai_price_in: Decimal | None = Field(
        None,
        ge=0,
        description="US dollars for a million tokens told to the model. Default: the cost is not known.",
    )
    openai_price_out: Decimal | None = Field(
        None, ge=0, description="US dollars for a million tokens the model answers. Set it together with the price in."
    )

    openai_image_model: str | None = Field(
        None,
        description="Model that makes pictures from image briefs. Default: briefs are written, and no pictures made.",
    )
    openai_image_price: Decimal | None = Field(
        None, ge=0, description="US dollars for one picture. Default: the cost is not known."
    )
    openai_image_base_url: Annotated[str | None, _url("http", "https")] = Field(
        None, description="Another server for pictures that speaks OpenAI's protocol. Default: OPENAI_BASE_URL."
    )
    openai_image_api_key: str | None = Field(
        None, description="Its key. Default: OPENAI_API_KEY, where OPENAI_IMAGE_BASE_URL is not set."
    )

    time_zone: Annotated[str, AfterValidator(_zone)] = Field(
        "America/New_York", description="Zone of the business before a store names its own."
    )
    demo_shop: bool = Field(True, description="Load the demo shop when the database is empty (never in production).")
    sentry_dsn: Annotated[str | None, _url("http", "https")] = Field(None, description="Reports errors to Sentry.")
    log_level: Annotated[str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR)$")] = Field(
        "INFO", description="DEBUG, INFO, WARNING or ERROR."
    )

    @model_validator(mode="after")
    def prices_come_together(self) -> Self:
        if (self.openai_price_in is None) != (self.openai_price_out is None):
            raise ValueError("OPENAI_PRICE_IN and OPENAI_PRICE_OUT are set together, or neither")
        return self

    @model_validator(mode="after")
    def production_is_explicit(self) -> Self:
        if self.environment is Stage.PRODUCTION:
            if len(self.secret_key or "") < SHORTEST_KEY:
                raise ValueError(f"SECRET_KEY must have at least {SHORTEST_KEY} characters in production.")
            if any(len(key) < SHORTEST_KEY for key in self.secret_key_fallbacks):
                raise ValueError(
                    f"SECRET_KEY_FALLBACKS: each key must have at least {SHORTEST_KEY} characters in production."
                    " A comma separates two keys, so no key has one inside."
                )
            if not self.base_url:
                raise ValueError("BASE_URL must be set in production.")
            if self.base_url.startswith("https://") and not self.trusted_proxies:
                raise ValueError(
                    "TRUSTED_PROXIES must be 1 or more when BASE_URL is https: a proxy in front speaks https, and"
                    " without it every page would redirect to itself."
                )
        return self

    @model_validator(mode="after")
    def wallet_is_whole(self) -> Self:
        if self.apple_identity and not self.public_url.startswith("https://") and self.is_production:
            raise ValueError("BASE_URL must be https for Apple Wallet: phones fetch their passes from no other.")
        return self

    @model_validator(mode="after")
    def mailbox_has_a_port(self) -> Self:
        if self.mailbox > LAST_PORT:
            raise ValueError("MAILBOX_PORT must be set when PORT is the last one there is.")
        return self

    @property
    def var(self) -> Path:
        return self.var_dir if self.var_dir.is_absolute() else ROOT / self.var_dir

    @property
    def is_production(self) -> bool:
        return self.environment is Stage.PRODUCTION

    @property
    def public_url(self) -> str:
        return (self.base_url or f"http://localhost:{self.port}").rstrip("/")

    @property
    def hosts(self) -> list[str]:
        """The host names served: those allowed, and the one of the public address."""
        return list(dict.fromkeys([*self.allowed_hosts, urlsplit(self.public_url).hostname or ""]))

    @property
    def postgres(self) -> str:
        return self.database_url or embedded.database_url(self.var)

    @property
    def redis(self) -> str:
        return self.redis_url or embedded.redis_url(self.var)

    @property
    def broker(self) -> str:
        socket = self.redis.replace("unix://", "redis+socket://", 1).replace("?db=", "?virtual_host=", 1)
        return self.celery_broker_url or socket

    @property
    def inbound_secrets(self) -> dict[str, list[str]]:
        """What proves who calls under /hooks/, by the name of its variable."""
        names = (
            "mailgun_signing_keys sendgrid_verification_keys postmark_webhook_logins brevo_webhook_logins "
            "ses_topic_arns twilio_auth_tokens generic_webhook_secrets"
        ).split()
        secrets = {name.upper(): getattr(self, name) for name in names}
        if self.sms_url and self.sms_url.startswith("twilio://") and not self.twilio_auth_tokens:
            secrets["TWILIO_AUTH_TOKENS"] = [unquote(urlsplit(self.sms_url).password or "")]
        return secrets

    @property
    def apple_identity(self) -> wallet.AppleIdentity | None:
        """Raises ValueError."""
        names = (*wallet.NAMES, "APPLE_PASS_KEY_PASSWORD")
        return wallet.apple_identity({name: getattr(self, name.lower()) for name in names})

    @property
    def uses_mailbox(self) -> bool:
        return self.email_url is None

    @property
    def mailbox(self) -> int:
        return self.mailbox_port or self.port + 1


def faults_of(error: ValidationError) -> list[str]:
    """One line per fault, naming the variable and what to change."""
    lines = []
    for fault in error.errors():
        name = ".".join(str(part) for part in fault["loc"]).upper()
        if fault["type"] == "extra_forbidden":
            lines.append(f"{name} in .env is not a variable of this product; see .env.example.")
        else:
            lines.append(f"{name}: {fault['msg']}".removeprefix(": Value error, ").replace("Value error, ", ""))
    return lines


@cache
def read() -> Environment:
    """The environment, read once. Exits with status 2 and a line per fault when it cannot be understood."""
    try:
        return Environment()
    except ValidationError as error:
        print("\n".join(f"Settings: {line}" for line in faults_of(error)), file=sys.stderr)  # noqa: T201
        raise SystemExit(2) from None


def example() -> str:
    """The text of .env.example."""
    blocks = ["# Every variable with its default. Copy to .env and change what you need.\n"]
    for name, field in Environment.model_fields.items():
        default = field.get_default(call_default_factory=True)
        blocks.append(f"# {field.description}\n# {name.upper()}={_as_written(default)}\n")
    return "\n".join(blocks)


def _as_written(default: object) -> str:
    match default:
        case None:
            return ""
        case bool():
            return str(default).lower()
        case list():
            return ",".join(default)
        case _:
            return str(default)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m config.environment", description="Keep .env.example current.")
    deed = parser.add_mutually_exclusive_group(required=True)
    deed.add_argument("--write", type=Path, metavar="FILE", help="write it")
    deed.add_argument("--check", type=Path, metavar="FILE", help="exit status 1 when it is out of date")
    chosen = parser.parse_args(arguments)
    if chosen.write:
        chosen.write.write_text(example())
    elif chosen.check.read_text() != example():
        print(f"Out of date: run python -m config.environment --write {chosen.check}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
