"""A webhook of somebody's own: one JSON for each event, signed as Standard Webhooks 1.0 says."""

import json
import secrets
from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError

from integrations.outbound.base import Call, Kind, Notice
from integrations.outgoing import is_public
from integrations.rules import webhooks

SECRET_BYTES = 32


class WebhookForm(forms.Form):
    url = forms.CharField(
        max_length=500,
        label="Address",
        help_text="Where your server takes the calls, such as https://shop.example/hooks/regulars.",
        widget=forms.URLInput(attrs={"placeholder": "https://", "autocomplete": "off"}),
    )

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"].strip()
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            raise ValidationError("This is not an address. Write it as https://host/path.") from None
        if parts.scheme != "https" and not (settings.ALLOW_PRIVATE_ADDRESSES and parts.scheme == "http"):
            raise ValidationError("The address must begin with https://.")
        if not host or any(mark.isspace() for mark in url):
            raise ValidationError("This address names no host. Write it as https://host/path.")
        if parts.username is not None:
            raise ValidationError("Leave user and password out: the signature says who calls.")
        if not settings.ALLOW_PRIVATE_ADDRESSES and _is_inside(host):
            raise ValidationError("This address leads into a private network. Only the public internet is called.")
        return url


def _is_inside(host: str) -> bool:
    """An early word about the plain cases. Whatever it does not see, the socket does."""
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        return not is_public(host)
    except ValueError:
        return False


class Webhook(Kind):
    name = "webhook"
    title = "Webhook"
    icon = "webhook"
    about = "Your own server or a tool such as Zapier, Make or n8n gets a signed call for each event."
    form = WebhookForm

    @classmethod
    def new_secret(cls) -> str:
        return "whsec_" + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()

    @property
    def place(self) -> str:
        return urlsplit(self.options["url"]).netloc

    def call(self, notices: Sequence[Notice], *, now: datetime) -> Call:
        notice, sent_at = notices[0], str(int(now.timestamp()))
        body = json.dumps(body_of(notice), ensure_ascii=False).encode()
        proofs = [
            webhooks.signature(secret, message_id=notice.id, timestamp=sent_at, body=body) for secret in self.secrets
        ]
        headers = {
            "Content-Type": "application/json",
            "webhook-id": notice.id,
            "webhook-timestamp": sent_at,
            "webhook-signature": " ".join(f"v1,{proof}" for proof in proofs),
        }
        return Call(url=self.options["url"], headers=headers, body=body)


def body_of(notice: Notice) -> dict[str, Any]:
    data = {"member": notice.subject, **notice.properties}
    if notice.person:
        data["person"] = dict(notice.person)
    return {"type": notice.name, "timestamp": notice.at.isoformat().replace("+00:00", "Z"), "data": data}


KIND = Webhook
