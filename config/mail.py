"""EMAIL_URL: who carries email, and Django's settings for it. One table; another provider of anymail's is a line."""

from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

# As many as most servers let one client open. More take more of a distant server's time at once.
CONNECTIONS = 10
PORTS = {"smtp": 25, "smtp+tls": 587, "smtp+ssl": 465}
CONNECT_SECONDS, ANSWER_SECONDS = 5, 20


@dataclass(frozen=True, kw_only=True)
class Provider:
    """Somebody who carries email.

    `secrets` are anymail's names for what stands before the @, `host` for what stands behind it, `options` for what
    may follow the question mark. `remembers_for` is for how long the same idempotency key is taken for the same
    message, by the shortest time its documents name. `channel` is the adapter that hands messages to members over.
    """

    name: str
    title: str
    backend: str
    secrets: tuple[str, ...] = ()
    host: str = ""
    options: tuple[str, ...] = ("api_url",)
    keeps_message_id: bool = True
    may_leave_links_alone: bool = True
    remembers_for: timedelta = timedelta(0)
    channel: str = "anymail.AnymailChannel"


SMTP = Provider(
    name="smtp", title="SMTP server", backend="django.core.mail.backends.smtp", channel="email.EmailChannel"
)
_BY_WEB_API = (
    Provider(
        name="mailgun",
        title="Mailgun",
        backend="anymail.backends.mailgun",
        secrets=("MAILGUN_API_KEY",),
        host="MAILGUN_SENDER_DOMAIN",
    ),
    Provider(name="sendgrid", title="SendGrid", backend="anymail.backends.sendgrid", secrets=("SENDGRID_API_KEY",)),
    Provider(
        name="postmark",
        title="Postmark",
        backend="anymail.backends.postmark",
        secrets=("POSTMARK_SERVER_TOKEN",),
        options=("api_url", "message_stream"),
        channel="anymail.PostmarkChannel",
    ),
    Provider(
        name="brevo",
        title="Brevo",
        backend="anymail.backends.brevo",
        secrets=("BREVO_API_KEY",),
        keeps_message_id=False,
        may_leave_links_alone=False,
        remembers_for=timedelta(minutes=15),
    ),
    Provider(
        name="resend",
        title="Resend",
        backend="anymail.backends.resend",
        secrets=("RESEND_API_KEY",),
        keeps_message_id=False,
        may_leave_links_alone=False,
        remembers_for=timedelta(hours=24),
    ),
    Provider(
        name="mailjet",
        title="Mailjet",
        backend="anymail.backends.mailjet",
        secrets=("MAILJET_API_KEY", "MAILJET_SECRET_KEY"),
        keeps_message_id=False,
    ),
    Provider(
        name="sparkpost",
        title="SparkPost",
        backend="anymail.backends.sparkpost",
        secrets=("SPARKPOST_API_KEY",),
        options=("api_url", "subaccount"),
        keeps_message_id=False,
    ),
    Provider(
        name="ses",
        title="Amazon SES",
        backend="anymail.backends.amazon_ses",
        options=("api_url", "configuration_set_name"),
        keeps_message_id=False,
        may_leave_links_alone=False,
    ),
)
PROVIDERS = {provider.name: provider for provider in _BY_WEB_API}


def checked(url: str | None) -> str | None:
    """`url` as it is. Raises ValueError with what is wrong with it, and never with the key inside."""
    if url is None:
        return None
    scheme = urlsplit(url).scheme
    if scheme not in {*PORTS, *PROVIDERS}:
        *others, last = [f"{name}://" for name in (*PORTS, *PROVIDERS)]
        raise ValueError(f"must begin with {', '.join(others)} or {last}")
    settings_of(url)
    if scheme == "ses" and find_spec("boto3") is None:
        raise ValueError('ses:// needs a package that is not installed: pip install "django-anymail[amazon-ses]"')
    return url


def provider_of(url: str) -> Provider:
    scheme = urlsplit(url).scheme
    return SMTP if scheme in PORTS else PROVIDERS[scheme]


def channel_of(url: str) -> str:
    """The adapter that hands messages to members over, as settings.CHANNELS names it."""
    return f"integrations.channels.{provider_of(url).channel}"


def settings_of(url: str) -> dict[str, Any]:
    """Django's settings for the mail of this product, all of it. Raises ValueError."""
    scheme = urlsplit(url).scheme
    if scheme in PORTS:
        return _server(url)
    provider = PROVIDERS[scheme]
    secrets, host, options = _parts(url, scheme, provider)
    keys = _amazon(secrets, host, options) if scheme == "ses" else _keys(scheme, provider, secrets, host, options)
    ours = {"REQUESTS_TIMEOUT": (CONNECT_SECONDS, ANSWER_SECONDS)}
    if provider.may_leave_links_alone:  # what is opened and clicked is counted here
        ours["SEND_DEFAULTS"] = {"track_opens": False, "track_clicks": False}  # type: ignore[assignment]
    return {"EMAIL_BACKEND": f"{provider.backend}.EmailBackend", "ANYMAIL": {**ours, **keys}}


def _server(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    return {
        "EMAIL_CONNECTIONS": _connections(parts.query),
        "EMAIL_BACKEND": f"{SMTP.backend}.EmailBackend",
        "EMAIL_HOST": parts.hostname or "localhost",
        "EMAIL_PORT": parts.port or PORTS[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
        "EMAIL_USE_SSL": parts.scheme == "smtp+ssl",
    }


def _connections(query: str) -> int:
    options = dict(parse_qsl(query, keep_blank_values=True))
    wanted = options.pop("connections", str(CONNECTIONS))
    if options:
        raise ValueError(f"smtp:// has no option {min(options)}, only connections")
    if not wanted.isdecimal() or not 1 <= int(wanted) <= 100:
        raise ValueError("connections must be a number from 1 to 100")
    return int(wanted)


def _parts(url: str, scheme: str, provider: Provider) -> tuple[list[str], str, dict[str, str]]:
    """Before the @, behind it, and the options. Not urlsplit's own words: a key is no host, its case counts."""
    parts = urlsplit(url)
    if parts.path.strip("/") or parts.fragment:
        raise ValueError("a / or # inside a key is written as %2F or %23")
    before, _, behind = parts.netloc.rpartition("@")
    if "@" not in parts.netloc and not provider.host and scheme != "ses":
        before, behind = behind, ""
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(options.keys() - set(provider.options)):
        raise ValueError(f"{scheme}:// has no option {unknown[0]}, only {' and '.join(provider.options)}")
    return [unquote(part) for part in before.split(":") if part], unquote(behind).lower(), options


def _keys(scheme: str, provider: Provider, secrets: list[str], host: str, options: dict[str, str]) -> dict[str, str]:
    if len(secrets) != len(provider.secrets) or bool(host) != bool(provider.host):
        key = ":".join(name.partition("_")[2] for name in provider.secrets)
        raise ValueError(f"must be {scheme}://{key}{'@sending.domain' if provider.host else ''}")
    keys = dict(zip(provider.secrets, secrets, strict=True))
    if provider.host:
        keys[provider.host] = host
    return {**keys, **{f"{scheme.upper()}_{name.upper()}": value for name, value in options.items()}}


def _amazon(secrets: list[str], region: str, options: dict[str, str]) -> dict[str, Any]:
    """Without a key Amazon's own places are searched: the environment, the role of the machine."""
    if len(secrets) not in (0, 2) or not region:
        raise ValueError("must be ses://region or ses://ACCESS_KEY_ID:SECRET_ACCESS_KEY@region")
    client: dict[str, Any] = {
        "region_name": region,
        # Its library tries again by itself, also after a silence: a message would leave twice.
        "config": {
            "retries": {"total_max_attempts": 1, "mode": "standard"},
            "connect_timeout": CONNECT_SECONDS,
            "read_timeout": ANSWER_SECONDS,
        },
    }
    if secrets:
        client |= {"aws_access_key_id": secrets[0], "aws_secret_access_key": secrets[1]}
    if "api_url" in options:
        client["endpoint_url"] = options["api_url"]
    keys: dict[str, Any] = {"AMAZON_SES_CLIENT_PARAMS": client}
    if "configuration_set_name" in options:
        keys["AMAZON_SES_CONFIGURATION_SET_NAME"] = options["configuration_set_name"]
    return keys
