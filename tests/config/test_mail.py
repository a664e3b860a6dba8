"""EMAIL_URL, read."""

from importlib.util import find_spec
from typing import Any

import pytest
from django.core.mail import get_connection

from config import mail


@pytest.mark.parametrize(
    ("url", "keys"),
    [
        ("mailgun://key-Ab@mg.shop.example", {"MAILGUN_API_KEY": "key-Ab", "MAILGUN_SENDER_DOMAIN": "mg.shop.example"}),
        (
            "mailgun://K@mg.shop.example?api_url=https://api.eu.mailgun.net/v3",
            {"MAILGUN_API_URL": "https://api.eu.mailgun.net/v3"},
        ),
        ("sendgrid://SG.Ab_c-D", {"SENDGRID_API_KEY": "SG.Ab_c-D"}),
        ("sendgrid://SG.a%2Fb@", {"SENDGRID_API_KEY": "SG.a/b"}),
        (
            "postmark://T?message_stream=broadcast",
            {"POSTMARK_SERVER_TOKEN": "T", "POSTMARK_MESSAGE_STREAM": "broadcast"},
        ),
        ("mailjet://Key:Secret", {"MAILJET_API_KEY": "Key", "MAILJET_SECRET_KEY": "Secret"}),
        ("sparkpost://K?subaccount=7", {"SPARKPOST_API_KEY": "K", "SPARKPOST_SUBACCOUNT": "7"}),
    ],
)
def test_a_key_keeps_its_letters_and_options_reach_the_provider(url: str, keys: dict[str, str]) -> None:
    told = mail.settings_of(url)
    assert keys.items() <= told["ANYMAIL"].items()
    assert mail.checked(url) == url
    own = "PostmarkChannel" if url.startswith("postmark:") else "AnymailChannel"
    assert mail.channel_of(url) == f"integrations.channels.anymail.{own}"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("imap://mail.example", "must begin with smtp://"),
        ("mailgun://Secret-Key", "must be mailgun://API_KEY@sending.domain"),
        ("postmark://", "must be postmark://SERVER_TOKEN"),
        ("mailjet://Secret-Key", "must be mailjet://API_KEY:SECRET_KEY"),
        ("resend://Secret-Key@shop.example", "must be resend://API_KEY"),
        ("resend://Secret-Key?region=eu", "resend:// has no option region, only api_url"),
        ("brevo://Secret-Key/x", "a / or # inside a key is written as %2F or %23"),
        ("ses://", "must be ses://region or"),
        ("ses://Secret-Key@eu-west-1", "must be ses://region or"),
    ],
)
def test_what_is_missing_is_said_without_the_key(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"must|option|inside") as fault:
        mail.checked(url)
    assert str(fault.value).startswith(said)
    assert "Secret-Key" not in str(fault.value)


@pytest.mark.skipif(find_spec("boto3") is not None, reason="The package is installed.")
def test_amazon_needs_a_package_and_says_which() -> None:
    with pytest.raises(ValueError, match=r'pip install "django-anymail\[amazon-ses\]"'):
        mail.checked("ses://eu-west-1")


def test_amazons_library_never_tries_again_by_itself() -> None:
    client = mail.settings_of("ses://Id:Sec%2Fret@eu-west-1")["ANYMAIL"]["AMAZON_SES_CLIENT_PARAMS"]
    assert client["config"]["retries"] == {"total_max_attempts": 1, "mode": "standard"}
    assert (client["region_name"], client["aws_secret_access_key"]) == ("eu-west-1", "Sec/ret")


@pytest.mark.filterwarnings("ignore::anymail.exceptions.AnymailNotSupportedWarning")
@pytest.mark.parametrize("name", sorted(mail.PROVIDERS.keys() - {"ses"}))
def test_all_mail_of_the_product_goes_through_the_provider(name: str, settings: Any) -> None:
    provider = mail.PROVIDERS[name]
    secrets = ":".join("K" for _ in provider.secrets)
    for setting, value in mail.settings_of(f"{name}://{secrets}@{'d.example' if provider.host else ''}").items():
        setattr(settings, setting, value)
    assert type(get_connection()).__module__ == provider.backend
