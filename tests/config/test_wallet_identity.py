"""What an operator reads when the certificates for Apple Wallet are not as they must be."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from config import wallet
from tests.apple import ENDS, PASS_TYPE, TEAM, Authority, authority, issue


@pytest.fixture(scope="module")
def apple() -> Authority:
    return authority()


def read(apple: Authority, **changed: str | None) -> wallet.AppleIdentity | None:
    return wallet.apple_identity({**apple.variables(), **changed})


def test_a_copy_without_any_of_it_has_no_wallet() -> None:
    assert wallet.apple_identity(dict.fromkeys(wallet.NAMES)) is None


def test_files_and_text_are_taken_in_either_form(apple: Authority, tmp_path: Path) -> None:
    certificate, intermediate, key = tmp_path / "pass.cer", tmp_path / "wwdr.cer", tmp_path / "pass.key"
    certificate.write_bytes(apple.shop.certificate.public_bytes(Encoding.DER))
    intermediate.write_bytes(apple.intermediate.certificate.public_bytes(Encoding.DER))
    key.write_bytes(apple.shop.key_pem)
    files = {
        "APPLE_PASS_CERTIFICATE": str(certificate),
        "APPLE_WWDR_CERTIFICATE": str(intermediate),
        "APPLE_PASS_KEY": str(key),
    }
    on_one_line = {name: value.replace("\n", "\\n") for name, value in apple.variables().items()}
    for found in (read(apple), read(apple, **files), read(apple, **on_one_line)):
        assert found
        assert (found.pass_type, found.team, found.ends_at) == (PASS_TYPE, TEAM, ENDS)


def test_a_key_may_be_locked(apple: Authority) -> None:
    locked = apple.shop.key_locked_by("Sesame").decode()
    assert read(apple, APPLE_PASS_KEY=locked, APPLE_PASS_KEY_PASSWORD="Sesame")


@pytest.mark.parametrize("name", wallet.NAMES)
def test_one_that_is_missing_is_named(apple: Authority, name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be set, too"):
        read(apple, **{name: None})


def test_what_is_wrong_is_said_and_no_key_with_it(apple: Authority) -> None:
    other = issue({NameOID.COMMON_NAME: "Another"}, by=apple.root)
    locked = apple.shop.key_locked_by("Sesame").decode()
    secret = apple.shop.key_pem.decode().splitlines()[1]
    wrong: list[tuple[dict[str, str | None], str]] = [
        ({"APPLE_PASS_KEY": other.key_pem.decode()}, "APPLE_PASS_KEY is not the key of APPLE_PASS_CERTIFICATE"),
        ({"APPLE_PASS_KEY": "/nowhere/pass.key"}, "APPLE_PASS_KEY cannot be read: No such file"),
        ({"APPLE_PASS_KEY": apple.shop.pem.decode()}, "APPLE_PASS_KEY is no private key in PEM"),
        ({"APPLE_PASS_KEY": locked}, "APPLE_PASS_KEY is encrypted: set APPLE_PASS_KEY_PASSWORD"),
        ({"APPLE_PASS_KEY": locked, "APPLE_PASS_KEY_PASSWORD": "Guess"}, "or its password is another"),
        ({"APPLE_PASS_KEY_PASSWORD": "Sesame"}, "APPLE_PASS_KEY is not encrypted: set no APPLE_PASS_KEY_PASSWORD"),
        ({"APPLE_PASS_CERTIFICATE": "-----BEGIN CERTIFICATE-----\nx"}, "APPLE_PASS_CERTIFICATE is no certificate"),
        ({"APPLE_PASS_TYPE_ID": "pass.example.other"}, f"APPLE_PASS_TYPE_ID is not what .* says: {PASS_TYPE}"),
        ({"APPLE_TEAM_ID": "OTHER12345"}, f"APPLE_TEAM_ID is not what .* says: {TEAM}"),
        ({"APPLE_WWDR_CERTIFICATE": apple.root.pem.decode()}, "APPLE_WWDR_CERTIFICATE did not issue"),
    ]
    for changed, said in wrong:
        with pytest.raises(ValueError, match=said) as fault:
            read(apple, **changed)
        assert secret not in str(fault.value)
