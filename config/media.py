"""MEDIA_STORAGE_URL: where the pictures of messages are kept, and Django's storage for it."""

from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

ADDRESS = "/media/"
EXAMPLE = "s3://KEY:SECRET@s3.us-east-1.amazonaws.com/bucket?region=us-east-1"
OPTIONS = ("region", "scheme", "public")
# A name is the digest of what is in it, so nobody needs to ask twice.
KEPT_FOR_GOOD = "public, max-age=31536000, immutable"


def checked(value: str | None) -> str | None:
    """As it is, or ValueError with what to change."""
    if value is None:
        return None
    place = urlsplit(value)
    if place.scheme != "s3":
        raise ValueError(f"must begin with s3://, such as {EXAMPLE}")
    try:
        _ = place.port
    except ValueError:
        raise ValueError("cannot be read: in a key / @ : # ? are written %2F %40 %3A %23 %3F") from None
    if not place.hostname:
        raise ValueError(f"names no host; write {EXAMPLE}")
    if bool(place.username) != bool(place.password):
        raise ValueError("needs both, KEY:SECRET@, or neither where the machine itself may write")
    if not place.path.strip("/") or "/" in place.path.strip("/"):
        raise ValueError("must name one bucket behind the host, such as s3://KEY:SECRET@host/bucket")
    _refuse_unknown(_options(place))
    return value


def storage(url: str | None, folder: Path) -> dict[str, Any]:
    """What stands under STORAGES: a bucket, or a folder of this machine."""
    if url is None:
        return {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": folder, "base_url": ADDRESS, "allow_overwrite": True},
        }
    place = urlsplit(url)
    options = _options(place)
    told = {
        "access_key": unquote(place.username) if place.username else None,
        "secret_key": unquote(place.password) if place.password else None,
        "bucket_name": place.path.strip("/"),
        "region_name": options.get("region"),
        "endpoint_url": _endpoint(place),
        "client_config": _patience(),
        "object_parameters": {"CacheControl": KEPT_FOR_GOOD},
        "querystring_auth": False,
    }
    if public := options.get("public"):
        shown = urlsplit(public)
        told |= {"custom_domain": f"{shown.netloc}{shown.path.rstrip('/')}", "url_protocol": f"{shown.scheme}:"}
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": told}


def origins(url: str | None) -> list[str]:
    """Where else than here pages load pictures from."""
    if url is None:
        return []
    place = urlsplit(url)
    shown = urlsplit(_options(place).get("public") or _endpoint(place))
    return [f"{shown.scheme}://{shown.netloc}"]


def _options(place: SplitResult) -> dict[str, str]:
    return dict(parse_qsl(place.query, keep_blank_values=True))


def _refuse_unknown(options: dict[str, str]) -> None:
    for name in options:
        if name not in OPTIONS:
            raise ValueError(f"does not know ?{name}=; it takes {', '.join(OPTIONS)}")
    if options.get("scheme", "https") not in ("http", "https"):
        raise ValueError("takes ?scheme=http or ?scheme=https")
    shown = urlsplit(options.get("public", "https://unsaid"))
    if shown.scheme not in ("http", "https") or not shown.hostname:
        raise ValueError("takes ?public= as a whole address, such as https://pictures.shop.example")


def _endpoint(place: SplitResult) -> str:
    host = place.netloc.rpartition("@")[2]
    return f"{_options(place).get('scheme', 'https')}://{host}"


def _patience() -> Any:
    """A person waits for it. Other makes of S3 do not know the checksums that Amazon's own client adds unasked."""
    from botocore.config import Config  # a tenth of a second that a copy with a folder is spared

    return Config(
        connect_timeout=5,
        read_timeout=15,
        retries={"total_max_attempts": 2},
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
