"""The check of the sending domain, as this copy is set up now."""

from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr

from django.conf import settings
from django.core.cache import cache

from integrations.domains import dkim, dmarc, spf
from integrations.domains.names import Answer, Names, State
from integrations.domains.records import Finding, Verdict, no_answer

KEPT_SECONDS, KEPT_WHEN_SILENT = 600, 30
DEEPEST, MOST_INCLUDES = 10, 20


@dataclass(frozen=True)
class Habits:
    """What a carrier of mail asks to be included in SPF, and the usual names of the keys it signs with."""

    include: str = ""
    selectors: tuple[str, ...] = ()


# Where the include is empty the carrier sends under a name of its own or has you delegate one, and checks that itself.
BY_PROVIDER = {
    "mailgun": Habits("mailgun.org", ("mailo", "pic", "k1", "smtp", "mx", "pdk1", "pdk2")),
    "sendgrid": Habits("", ("s1", "s2")),
    "postmark": Habits("", ()),
    "brevo": Habits("", ("brevo1", "brevo2", "mail")),
    "resend": Habits("", ("resend",)),
    "mailjet": Habits("spf.mailjet.com", ("mailjet",)),
    "sparkpost": Habits("", ()),
    "ses": Habits("", ()),
}
BY_MAIL_SERVER = {
    "gmail.com": Habits("_spf.google.com", ("google",)),
    "google.com": Habits("_spf.google.com", ("google",)),
    "office365.com": Habits("spf.protection.outlook.com", ("selector1", "selector2")),
    "mailgun.org": BY_PROVIDER["mailgun"],
    "sendgrid.net": BY_PROVIDER["sendgrid"],
    "mailjet.com": BY_PROVIDER["mailjet"],
    "brevo.com": BY_PROVIDER["brevo"],
    "resend.com": BY_PROVIDER["resend"],
}


@dataclass(frozen=True, kw_only=True)
class Check:
    """`sending` is the domain the envelope and the signature speak of: another one only with Mailgun's own setting."""

    domain: str
    sending: str
    exists: bool
    findings: tuple[Finding, ...]
    checked_at: datetime

    @property
    def verdict(self) -> Verdict:
        """The worst of them; not knowing is no fault."""
        found = {finding.verdict for finding in self.findings} or {Verdict.FAIL}
        order = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.WARN, Verdict.OK)
        return next(verdict for verdict in order if verdict in found)


def sender_domain() -> str:
    """The domain of the From address, in ASCII."""
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2].rstrip(".").lower()
    try:
        return domain.encode("idna").decode()
    except UnicodeError:
        return domain


def sending_domain() -> str:
    named = settings.EMAIL_PROVIDER.host
    return getattr(settings, "ANYMAIL", {}).get(named) or sender_domain()


def latest(*, now: datetime, anew: bool = False) -> Check:
    """The check of the last ten minutes, or a new one: seconds, when name servers are slow."""
    known: Check | None = None if anew else cache.get(_key())
    if known is None:
        known = check(Names(settings.NAME_SERVERS), now=now)
        cache.set(_key(), known, KEPT_WHEN_SILENT if known.verdict is Verdict.UNKNOWN else KEPT_SECONDS)
    return known


def _key() -> str:
    parts = (sender_domain(), sending_domain(), settings.EMAIL_PROVIDER.name, *selectors())
    return f"sending-domain:{':'.join(parts)}"


def check(names: Names, *, now: datetime) -> Check:
    domain, sending = sender_domain(), sending_domain()
    keys = {selector: f"{selector}._domainkey.{sending}" for selector in selectors()}
    policies = dmarc.places(domain)
    questions = [(domain, "MX"), (domain, "A"), (domain, "AAAA"), (sending, "TXT")]
    questions += [(name, "TXT") for name in (*keys.values(), *policies)]
    answers = names.all_at_once(questions)
    exists = answers[domain, "MX"].state is not State.NO_DOMAIN
    findings = (
        _spf(names, sending, answers[sending, "TXT"]),
        _dkim(sending, {selector: answers[name, "TXT"] for selector, name in keys.items()}),
        _dmarc(domain, {name: answers[name, "TXT"] for name in policies}),
        _replies(domain, answers[domain, "MX"], [answers[domain, kind] for kind in ("A", "AAAA")]),
    )
    return Check(domain=domain, sending=sending, exists=exists, findings=findings if exists else (), checked_at=now)


def habits() -> Habits:
    if settings.EMAIL_PROVIDER.name in BY_PROVIDER:
        return BY_PROVIDER[settings.EMAIL_PROVIDER.name]
    host = settings.EMAIL_HOST.lower()
    return next((known for end, known in BY_MAIL_SERVER.items() if host.endswith(f".{end}")), Habits())


def selectors() -> tuple[str, ...]:
    return tuple(settings.EMAIL_DKIM_SELECTORS) or habits().selectors


def carrier() -> str:
    provider = settings.EMAIL_PROVIDER
    return provider.title if provider.name in BY_PROVIDER else settings.EMAIL_HOST


def _spf(names: Names, sending: str, own: Answer) -> Finding:
    published: dict[str, tuple[str, ...]] = {}
    waiting = {sending: own}
    for _ in range(DEEPEST):
        if any(answer.state is State.SILENT for answer in waiting.values()):
            return no_answer("SPF", "Who may send for you")
        published |= {name: tuple(filter(spf.is_spf, answer.values)) for name, answer in waiting.items()}
        further = _includes(published) - set(published)
        if not further or len(published) > MOST_INCLUDES:
            break
        waiting = {name: answer for (name, _), answer in names.all_at_once([(n, "TXT") for n in further]).items()}
    server = settings.EMAIL_HOST if settings.EMAIL_PROVIDER.name not in BY_PROVIDER else ""
    return spf.judge(sending, published, wanted=habits().include, server=server, title=carrier())


def _includes(published: dict[str, tuple[str, ...]]) -> set[str]:
    found = set()
    for records in published.values():
        for record in records[:1]:
            try:
                found |= {term.leads_to for term in spf.terms(record) if term.leads_to}
            except ValueError:  # told when it is judged
                continue
    return found


def _dkim(sending: str, answers: dict[str, Answer]) -> Finding:
    if answers and all(answer.state is State.SILENT for answer in answers.values()):
        return no_answer("DKIM", dkim.ABOUT)
    published = {selector: answer.values for selector, answer in answers.items()}
    return dkim.judge(sending, published, are_guessed=not settings.EMAIL_DKIM_SELECTORS, title=carrier())


def _dmarc(domain: str, answers: dict[str, Answer]) -> Finding:
    for place, answer in answers.items():
        if answer.state is State.SILENT:
            return no_answer("DMARC", dmarc.ABOUT)
        if records := tuple(filter(dmarc.is_dmarc, answer.values)):
            return dmarc.judge(domain, place, records)
    return dmarc.judge(domain, f"_dmarc.{domain}", ())


def _replies(domain: str, servers: Answer, addresses: list[Answer]) -> Finding:
    if servers.state is State.SILENT:
        return no_answer("Replies", "The way back to you")
    has_address = any(answer.state is State.FOUND for answer in addresses)
    return dmarc.judge_replies(domain, servers.values, has_address)
