"""What is published for a domain, judged; and looked up at a real name server."""

import base64
import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from integrations.domains import check, dkim, dmarc, spf
from integrations.domains.names import Names, State
from integrations.domains.records import Finding, Record, Verdict
from tests.mail_providers import point_at
from tests.name_server import NameServer, open_name_server

OK, WARN, FAIL, UNKNOWN = Verdict.OK, Verdict.WARN, Verdict.FAIL, Verdict.UNKNOWN


def key(bits: int) -> str:
    made = rsa.generate_private_key(public_exponent=65537, key_size=bits).public_key()
    return base64.b64encode(made.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


STRONG = f"v=DKIM1; k=rsa; p={key(2048)}"


def judged(*records: str, others: dict[str, str] | None = None, wanted: str = "mailgun.org") -> Finding:
    known = {"mailgun.org": "v=spf1 ip4:192.0.2.0/24 ~all"} | (others or {})
    published = {"shop.example": records} | {name: (record,) for name, record in known.items() if record}
    return spf.judge("shop.example", published, wanted=wanted, server="mail.shop.example", title="Mailgun")


# --- SPF ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1 include:mailgun.org ~all",
        "V=SPF1 INCLUDE:Mailgun.Org -ALL",
        "v=spf1 a mx ip4:192.0.2.1 ip6:2001:db8::/32 include:mailgun.org -all",
        "v=spf1 include:mailgun.org redirect=_spf.shop.example",
        "v=spf1 include:mailgun.org exp=why.shop.example ~all",
    ],
)
def test_one_record_that_names_the_provider_is_in_order(record: str) -> None:
    assert judged(record, others={"_spf.shop.example": "v=spf1 mx ~all"}).verdict is OK


def test_without_a_record_the_one_to_publish_names_the_provider() -> None:
    finding = judged()
    assert finding.verdict is FAIL
    assert finding.publish == Record("TXT", "shop.example", "v=spf1 include:mailgun.org ~all")


@pytest.mark.parametrize(
    ("server", "named"), [("mail.shop.example", "a:mail.shop.example"), ("192.0.2.7", "ip4:192.0.2.7"), ("post", "mx")]
)
def test_a_mail_server_of_ones_own_is_named_as_it_can_be(server: str, named: str) -> None:
    finding = spf.judge("shop.example", {}, wanted="", server=server, title=server)
    assert finding.publish
    assert finding.publish.value == f"v=spf1 {named} ~all"


def test_two_records_count_as_none_and_become_one() -> None:
    finding = judged("v=spf1 mx ~all", "v=spf1 include:mailgun.org -all")
    assert finding.verdict is FAIL
    assert finding.publish
    assert finding.publish.value == "v=spf1 mx include:mailgun.org ~all"


@pytest.mark.parametrize(
    ("record", "verdict", "to_publish"),
    [
        ("v=spf1 include:mailgun.org +all", FAIL, "v=spf1 include:mailgun.org ~all"),
        ("v=spf1 include:mailgun.org all", FAIL, "v=spf1 include:mailgun.org ~all"),
        ("v=spf1 include:mailgun.org ?all", WARN, "v=spf1 include:mailgun.org ~all"),
        ("v=spf1 include:mailgun.org", WARN, "v=spf1 include:mailgun.org ~all"),
        ("v=spf1 mx -all", WARN, "v=spf1 mx include:mailgun.org -all"),
        ("v=spf1 -all", WARN, "v=spf1 include:mailgun.org -all"),
    ],
)
def test_what_is_weak_is_said_with_the_record_to_publish(record: str, verdict: Verdict, to_publish: str) -> None:
    finding = judged(record)
    assert finding.verdict is verdict
    assert finding.publish
    assert finding.publish.value == to_publish
    assert judged(to_publish).verdict is OK


@pytest.mark.parametrize("word", ["inlcude:mailgun.org", "include:", "~alll", "192.0.2.1"])
def test_a_word_that_no_mail_server_understands_is_named(word: str) -> None:
    finding = judged(f"v=spf1 include:mailgun.org {word} ~all")
    assert finding.verdict is FAIL
    assert word in finding.said


def test_look_ups_count_through_included_records_and_eleven_are_too_many() -> None:
    inner = "v=spf1 " + " ".join(f"a:h{number}.example" for number in range(8)) + " ~all"
    ten = judged("v=spf1 include:mailgun.org include:crm.example ~all", others={"crm.example": inner})
    eleven = judged("v=spf1 mx include:mailgun.org include:crm.example ~all", others={"crm.example": inner})
    assert (ten.verdict, eleven.verdict) == (OK, FAIL)
    assert "10 of 10" in ten.said
    assert "11 other names" in eleven.said


def test_records_that_lead_to_each_other_for_ever_are_too_many_look_ups() -> None:
    others = {"a.example": "v=spf1 include:b.example ~all", "b.example": "v=spf1 include:a.example ~all"}
    finding = judged("v=spf1 include:mailgun.org include:a.example ~all", others=others)
    assert finding.verdict is FAIL
    assert "far too many" in finding.said


def test_an_include_that_leads_nowhere_is_named() -> None:
    finding = judged("v=spf1 include:gone.example include:mailgun.org ~all", others={"gone.example": ""})
    assert finding.verdict is FAIL
    assert "gone.example" in finding.to_do


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    assert judged(f"v=spf1 {text}").verdict in Verdict
    assert dkim.bits_of(text) >= dkim.UNREADABLE
    assert dmarc.judge("shop.example", "_dmarc.shop.example", (f"v=DMARC1; {text}",)).verdict in Verdict


# --- DKIM -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "verdict", "said"),
    [
        (STRONG, OK, "signed by the key at s1._domainkey.shop.example"),
        (STRONG.replace("v=DKIM1; k=rsa; ", ""), OK, "signed"),
        (f"v=DKIM1; k=rsa; p={key(1024)}", OK, "signed"),
        ("v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", OK, "signed"),
        ("v=DKIM1; k=rsa; p=", FAIL, "taken back"),
        (STRONG[:120], FAIL, "is no key"),
        ("v=DKIM1; k=rsa", FAIL, "is no key"),
        ("v=DKIM1; k=ed25519; p=AAAA", FAIL, "is no key"),
        (
            "v=DKIM1; p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBANGhGxL25cv2P5OhNJGXUKwEZ5c5c8Z6bPhtnUHPV95YjLmhtsL9gOH2Z6T6"
            "hL1P0zP1CklHJjGUdQ5yYAhg7UsCAwEAAQ==",
            FAIL,
            "512 bits",
        ),
    ],
)
def test_a_key_must_be_there_whole_and_long_enough(record: str, verdict: Verdict, said: str) -> None:
    finding = dkim.judge("shop.example", {"s1": (record,)}, are_guessed=False, title="SendGrid")
    assert (finding.verdict, said in finding.said) == (verdict, True), finding.said


def test_a_key_that_was_changed_may_leave_an_old_one_behind() -> None:
    found = {"s1": ("v=DKIM1; p=",), "s2": (STRONG,)}
    assert dkim.judge("shop.example", found, are_guessed=True, title="SendGrid").verdict is OK


def test_no_key_under_a_guessed_name_is_no_proof_that_there_is_none() -> None:
    nothing: dict[str, tuple[str, ...]] = {"s1": ()}
    assert dkim.judge("shop.example", nothing, are_guessed=True, title="X").verdict is WARN
    assert dkim.judge("shop.example", nothing, are_guessed=False, title="X").verdict is FAIL
    assert "EMAIL_DKIM_SELECTORS" in dkim.judge("shop.example", {}, are_guessed=True, title="X").to_do


# --- DMARC and the way back -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("records", "verdict"),
    [
        ((), FAIL),
        (("v=DMARC1; p=none", "v=DMARC1; p=reject"), FAIL),
        (("v=DMARC1; p=",), FAIL),
        (("v=DMARC1; rua=mailto:a@shop.example",), FAIL),
        (("v=DMARC1; p=none; rua=mailto:a@shop.example",), WARN),
        (("v=DMARC1; p=quarantine; rua=mailto:a@shop.example",), OK),
        (("v = DMARC1;p=REJECT",), OK),
    ],
)
def test_a_policy_is_wanted_by_everybody_who_writes_to_many(records: tuple[str, ...], verdict: Verdict) -> None:
    assert dmarc.judge("shop.example", "_dmarc.shop.example", records).verdict is verdict


def test_the_stricter_record_keeps_the_address_of_the_reports() -> None:
    finding = dmarc.judge("shop.example", "_dmarc.shop.example", ("v=DMARC1; p=none; rua=mailto:me@shop.example",))
    assert finding.publish
    assert finding.publish.value == "v=DMARC1; p=quarantine; rua=mailto:me@shop.example"


def test_a_domain_below_another_goes_by_its_policy_for_such() -> None:
    at = "_dmarc.shop.example"
    assert dmarc.places("news.shop.example") == ["_dmarc.news.shop.example", at]
    softer = dmarc.judge("news.shop.example", at, ("v=DMARC1; p=reject; sp=none; rua=mailto:a@shop.example",))
    same = dmarc.judge("news.shop.example", at, ("v=DMARC1; p=reject; rua=mailto:a@shop.example",))
    assert (softer.verdict, same.verdict) == (WARN, OK)
    assert "shop.example" in same.said


@pytest.mark.parametrize(
    ("servers", "has_address", "verdict"),
    [(("mx.shop.example",), False, OK), ((), True, WARN), ((), False, FAIL), (("",), True, FAIL)],
)
def test_replies_need_a_way_back(servers: tuple[str, ...], has_address: bool, verdict: Verdict) -> None:
    assert dmarc.judge_replies("shop.example", servers, has_address).verdict is verdict


# --- Looked up ------------------------------------------------------------------------------------------------------


@pytest.fixture
def name_server(settings: Any) -> Iterator[NameServer]:
    point_at("mailgun://Key@shop.example", settings)
    settings.DEFAULT_FROM_EMAIL = "The Shop <hello@shop.example>"
    settings.EMAIL_DKIM_SELECTORS = ["s1"]
    with open_name_server(settings) as server:
        server.zone["shop.example"] = {"MX": ["10 mx.shop.example."], "A": ["192.0.2.1"]}
        server.publish("shop.example", "some-site-verification=1", "v=spf1 include:mailgun.org ~all")
        server.publish("mailgun.org", "v=spf1 include:_spf.mailgun.org ~all")
        server.publish("_spf.mailgun.org", "v=spf1 ip4:192.0.2.0/24 ~all")
        server.publish("s1._domainkey.shop.example", STRONG)
        server.publish("_dmarc.shop.example", "v=DMARC1; p=reject; rua=mailto:dmarc@shop.example")
        yield server


def checked(settings: Any, now: dt.datetime) -> check.Check:
    return check.check(Names(settings.NAME_SERVERS, seconds=0.5), now=now)


def verdicts(found: check.Check) -> dict[str, Verdict]:
    return {finding.name: finding.verdict for finding in found.findings}


def test_a_domain_in_order_is_all_green(name_server: NameServer, settings: Any, now: dt.datetime) -> None:
    found = checked(settings, now)
    assert verdicts(found) == {"SPF": OK, "DKIM": OK, "DMARC": OK, "Replies": OK}, found
    assert found.verdict is OK
    assert "2 of 10" in found.findings[0].said


def test_a_domain_with_nothing_has_something_to_publish_for_each(
    name_server: NameServer, settings: Any, now: dt.datetime
) -> None:
    name_server.zone = {"shop.example": {"A": ["192.0.2.1"]}}
    found = checked(settings, now)
    assert verdicts(found) == {"SPF": FAIL, "DKIM": FAIL, "DMARC": FAIL, "Replies": WARN}
    for finding in found.findings:
        assert finding.to_do
        if finding.publish:
            name_server.publish(finding.publish.name, finding.publish.value)
    name_server.publish("mailgun.org", "v=spf1 ip4:192.0.2.0/24 ~all")
    assert verdicts(checked(settings, now)) == {"SPF": OK, "DKIM": FAIL, "DMARC": WARN, "Replies": WARN}


def test_a_domain_that_does_not_exist_is_said_to_be_none(
    name_server: NameServer, settings: Any, now: dt.datetime
) -> None:
    settings.DEFAULT_FROM_EMAIL = "hello@no-such-shop.example"
    found = checked(settings, now)
    assert (found.exists, found.findings, found.verdict) == (False, (), FAIL)


@pytest.mark.parametrize(
    ("silent", "name"),
    [
        ("shop.example", "SPF"),
        ("_spf.mailgun.org", "SPF"),
        ("s1._domainkey.shop.example", "DKIM"),
        ("_dmarc.shop.example", "DMARC"),
    ],
)
def test_a_silent_name_server_is_no_fault_of_the_records(
    name_server: NameServer, settings: Any, now: dt.datetime, silent: str, name: str
) -> None:
    name_server.silent_about.add(silent)
    found = checked(settings, now)
    assert verdicts(found)[name] is UNKNOWN
    assert FAIL not in verdicts(found).values()
    assert found.exists


def test_a_provider_that_sends_by_another_domain_is_looked_up_there(
    name_server: NameServer, settings: Any, now: dt.datetime
) -> None:
    point_at("mailgun://Key@mg.shop.example", settings)
    name_server.publish("mg.shop.example", "v=spf1 include:mailgun.org ~all")
    name_server.publish("s1._domainkey.mg.shop.example", STRONG)
    found = checked(settings, now)
    assert (found.domain, found.sending) == ("shop.example", "mg.shop.example")
    assert found.verdict is OK


@pytest.mark.parametrize(
    ("url", "include", "selectors"),
    [
        ("smtp+tls://u:p@smtp.gmail.com", "_spf.google.com", ("google",)),
        ("smtp+tls://u:p@smtp.office365.com", "spf.protection.outlook.com", ("selector1", "selector2")),
        ("smtp://mail.shop.example", "", ()),
        ("sendgrid://Key", "", ("s1", "s2")),
    ],
)
def test_what_a_carrier_is_known_to_want(settings: Any, url: str, include: str, selectors: tuple[str, ...]) -> None:
    point_at(url, settings)
    assert (check.habits().include, check.selectors()) == (include, selectors)


@pytest.mark.parametrize("name", ["a" * 64 + ".example", "a..example", ".".join(["a" * 60] * 5), "žž\x00.example"])
def test_a_name_that_cannot_be_one_is_no_domain(name_server: NameServer, settings: Any, name: str) -> None:
    assert Names(settings.NAME_SERVERS).look_up(name, "TXT").state is State.NO_DOMAIN


def test_a_check_is_kept_for_ten_minutes_unless_asked_anew(
    name_server: NameServer, settings: Any, now: dt.datetime
) -> None:
    first = check.latest(now=now, anew=True)
    asked = len(name_server.asked)
    assert check.latest(now=now + dt.timedelta(minutes=5)) == first
    assert len(name_server.asked) == asked
    again = check.latest(now=now + dt.timedelta(minutes=5), anew=True)
    assert again.checked_at > first.checked_at
    assert len(name_server.asked) == 2 * asked
