"""The real web server on the test database, by http and, for SDKs that speak nothing else, by https."""

import datetime as dt
import ipaddress
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.conf import settings
from django.db import connection

from config import environment
from tests.copies import ROOT, free_port, wait_for


@dataclass(frozen=True)
class Certificate:
    """For localhost, signed by itself: whoever is to believe it is given the same file."""

    certificate: Path
    key: Path

    @classmethod
    def made(cls, folder: Path) -> "Certificate":
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        now = dt.datetime.now(dt.UTC)
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        signed = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(key, hashes.SHA256())
        )
        made = cls(folder / "certificate.pem", folder / "key.pem")
        made.certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        made.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return made


@dataclass(frozen=True)
class Servers:
    port: int
    tls_port: int
    certificate: Certificate

    @property
    def base(self) -> str:
        return f"http://localhost:{self.port}"

    def know(self, key: str) -> None:
        """Wait until both of them have heard of this key, which takes a moment after its commit."""
        tls = f"https://localhost:{self.tls_port}"
        believed = ssl.create_default_context(cafile=str(self.certificate.certificate))
        for base in (self.base, tls):
            with httpx2.Client(base_url=base, verify=believed) as client:
                ask = client.post
                wait_for(lambda ask=ask: ask("/v1/batch", json={"batch": [], "writeKey": key}).status_code == 200, 5)


@contextmanager
def running(folder: Path) -> Iterator[Servers]:
    """One web server without and one with TLS, each with a folder of its own."""
    servers = Servers(free_port(), free_port(), Certificate.made(folder))
    tls = ["--ssl-certificate", str(servers.certificate.certificate), "--ssl-keyfile", str(servers.certificate.key)]
    with _granian(folder / "plain", servers.port), _granian(folder / "tls", servers.tls_port, *tls):
        yield servers


@contextmanager
def _granian(folder: Path, port: int, *options: str) -> Iterator[None]:
    folder.mkdir()
    database = urlsplit(environment.read().postgres)
    env = os.environ | {
        "DATABASE_URL": urlunsplit(database._replace(path=f"/{connection.settings_dict['NAME']}")),
        "SECRET_KEY": settings.SECRET_KEY,
        "VAR_DIR": str(folder),
        "PORT": str(port),
    }
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--port", str(port), *options]
    log = folder / "web.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [*command, "config.asgi:application"], cwd=ROOT, env=env, stdout=output, stderr=output
        )
        try:
            wait_for(lambda: _listens(port) or server.poll() is not None, seconds=60)
            assert server.poll() is None, log.read_text()
            yield
        finally:
            server.terminate()
            server.wait(timeout=20)


def _listens(port: int) -> bool:
    try:
        httpx2.get(f"http://127.0.0.1:{port}/healthz", timeout=2)
    except httpx2.RemoteProtocolError:
        return True  # It listens, and speaks TLS.
    except httpx2.TransportError:
        return False
    return True
