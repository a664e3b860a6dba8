"""DMARC: what receivers do with mail that fails both proofs (RFC 7489), and who answers."""

from integrations.domains.records import Finding, Record, Verdict, tags

ABOUT = "What happens to forged mail"
POLICIES = {"none": "is delivered all the same", "quarantine": "goes to the spam folder", "reject": "is refused"}


def is_dmarc(text: str) -> bool:
    return text.partition(";")[0].replace(" ", "").upper() == "V=DMARC1"


def places(domain: str) -> list[str]:
    """Where a policy for `domain` may stand: its own name, then the names above it, as far as the last two labels."""
    labels = domain.split(".")
    return [f"_dmarc.{'.'.join(labels[start:])}" for start in range(max(len(labels) - 1, 1))]


def judge(domain: str, place: str, records: tuple[str, ...]) -> Finding:
    """`records` are the DMARC records at `place`, the first of `places` that has any."""
    start = Record("TXT", f"_dmarc.{domain}", f"v=DMARC1; p=none; rua=mailto:postmaster@{domain}")
    if not records:
        said = "No policy is published. Gmail and Yahoo want one of everybody who writes to many."
        return _finding(Verdict.FAIL, said, "Publish this record. It changes nothing yet but asks for reports.", start)
    if len(records) > 1:
        said = f"There are {len(records)} policies. With more than one, mail servers obey none."
        return _finding(Verdict.FAIL, said, "Keep one of them and remove the others.", None, records)
    given = tags(records[0])
    inherited = place != f"_dmarc.{domain}"
    policy = ((given.get("sp") if inherited else "") or given.get("p", "")).lower()
    if policy not in POLICIES:
        said = "The policy does not say what to do: p must be none, quarantine or reject."
        return _finding(Verdict.FAIL, said, "Publish this record instead.", start, records)
    said = f"Mail that fails both proofs {POLICIES[policy]}."
    if inherited:
        said += f" The policy is that of {place.removeprefix('_dmarc.')}."
    return _judge_strength(domain, policy, given, said, records)


def _judge_strength(domain: str, policy: str, given: dict[str, str], said: str, records: tuple[str, ...]) -> Finding:
    reports = given.get("rua", "") or f"mailto:postmaster@{domain}"
    if policy == "none":
        stricter = Record("TXT", f"_dmarc.{domain}", f"v=DMARC1; p=quarantine; rua={reports}")
        to_do = "Mailbox providers accept that. When SPF and DKIM are in order, this record keeps forgers out, too."
        return _finding(Verdict.WARN, said, to_do, stricter, records)
    if "rua" not in given:
        to_do = f"You would hear of forgeries with rua={reports} in the record."
        return _finding(Verdict.OK, said, to_do, None, records)
    return _finding(Verdict.OK, said, "", None, records)


def judge_replies(domain: str, mail_servers: tuple[str, ...], has_address: bool) -> Finding:
    """Replies and bounces need a way back. One MX record with an empty name says that there is none (RFC 7505)."""
    name, about = "Replies", "The way back to you"
    if mail_servers and mail_servers != ("",):
        said = f"Replies reach {', '.join(mail_servers)}."
        return Finding(name=name, about=about, verdict=Verdict.OK, said=said, found=mail_servers)
    if not mail_servers and has_address:
        said = "There is no MX record; replies go to the web server, which seldom takes mail."
        return Finding(name=name, about=about, verdict=Verdict.WARN, said=said, to_do="Publish an MX record.")
    said = "Nobody can answer: the domain takes no mail, and some mail servers refuse mail from such a domain."
    to_do = "Publish an MX record, or send from a domain with a mailbox."
    return Finding(name=name, about=about, verdict=Verdict.FAIL, said=said, to_do=to_do)


def _finding(
    verdict: Verdict, said: str, to_do: str = "", publish: Record | None = None, found: tuple[str, ...] = ()
) -> Finding:
    return Finding(name="DMARC", about=ABOUT, verdict=verdict, said=said, to_do=to_do, publish=publish, found=found)
