"""SPF: which servers may send for a domain (RFC 7208)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import islice

from integrations.domains.records import Finding, Record, Verdict

MOST_LOOKUPS, FAR_TOO_MANY = 10, 50
COSTLY = {"include", "a", "mx", "ptr", "exists", "redirect"}
MECHANISMS = {"all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"}
_TERM = re.compile(r"(?P<qualifier>[+?~-]?)(?P<name>[A-Za-z][\w.-]*)(?P<sign>[:=/]?)(?P<value>\S*)")


@dataclass(frozen=True)
class Term:
    qualifier: str
    name: str
    value: str
    is_modifier: bool

    @property
    def leads_to(self) -> str:
        """The domain whose record counts, too; none for one written with macros, which nobody can follow ahead."""
        leads = self.name in ("include", "redirect") and "%" not in self.value
        return self.value.rstrip(".").lower() if leads else ""


def is_spf(text: str) -> bool:
    return text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")


def terms(record: str) -> tuple[Term, ...]:
    """Raises ValueError naming the word that no mail server understands."""
    found = []
    for word in record.split()[1:]:
        match = _TERM.fullmatch(word)
        name = match["name"].lower() if match else ""
        is_modifier = bool(match) and match["sign"] == "="  # type: ignore[index]
        if match is None or not (name in MECHANISMS or is_modifier) or (name == "include" and not match["value"]):
            raise ValueError(word)
        found.append(Term(match["qualifier"] or "+", name, match["value"], is_modifier))
    return tuple(found)


def judge(domain: str, published: Mapping[str, tuple[str, ...]], *, wanted: str, server: str, title: str) -> Finding:
    """`published` holds the SPF records of `domain` and of every domain they lead to; `wanted` is what the provider
    asks to be included, and `server` a mail server of one's own."""
    ours = published.get(domain, ())
    if not ours:
        return _finding(
            Verdict.FAIL,
            "No record says who may send mail for your domain, so a forger is as good as you are.",
            "Publish this record where your domain is managed.",
            Record("TXT", domain, f"v=spf1 {_source(wanted, server)} ~all"),
        )
    if len(ours) > 1:
        return _finding(
            Verdict.FAIL,
            f"There are {len(ours)} SPF records. With more than one, mail servers obey none.",
            "Remove them all and publish this one instead.",
            Record("TXT", domain, _merged(ours)),
            ours,
        )
    return _judge_one(domain, ours[0], published, wanted, title)


def _judge_one(domain: str, record: str, published: Mapping[str, tuple[str, ...]], wanted: str, title: str) -> Finding:
    try:
        followed = _followed(domain, published)
    except ValueError as fault:
        said = f"“{fault}” is not understood by mail servers, which then ignore the whole record."
        return _finding(Verdict.FAIL, said, "Correct or remove that word.", found=(record,))
    reached, count = [term.leads_to for term in followed if term.leads_to], len(followed)
    if count > MOST_LOOKUPS:
        asks = "far too many" if count == FAR_TOO_MANY else count
        said = f"The record makes mail servers ask {asks} other names; after {MOST_LOOKUPS} they give up."
        return _finding(Verdict.FAIL, said, "Remove the include of a service you no longer use.", found=(record,))
    if missing := next((name for name in reached if not published.get(name)), ""):
        said = f"It refers to {missing}, which publishes no such record. Mail servers then ignore yours."
        return _finding(Verdict.FAIL, said, f"Remove or correct the part with {missing}.", found=(record,))
    said = f"One record says who may send for you, with {count} of {MOST_LOOKUPS} look-ups."
    is_named = not wanted or wanted in reached
    return _judge_meaning(domain, record, "" if is_named else wanted, title) or _finding(
        Verdict.OK, said, found=(record,)
    )


def _judge_meaning(domain: str, record: str, missing: str, title: str) -> Finding | None:
    """`missing` is what the provider asks to be included, when it is not."""
    own = terms(record)
    end = next((term.qualifier for term in own if term.name == "all"), "")
    redirects = any(term.name == "redirect" for term in own)
    if end == "+":
        return _finding(
            Verdict.FAIL,
            "The record ends in +all: anybody in the world may send mail as you.",
            "Publish this record instead.",
            Record("TXT", domain, _ending(record, "~all")),
            (record,),
        )
    if missing:
        return _finding(
            Verdict.WARN,
            f"The record does not name {title}, which carries your mail.",
            "Publish this record instead.",
            Record("TXT", domain, _ending(record, f"include:{missing} {end or '~'}all")),
            (record,),
        )
    if end in ("", "?") and not redirects:
        return _finding(
            Verdict.WARN,
            "The record does not say what to do with mail from anybody else.",
            "Publish this record instead.",
            Record("TXT", domain, _ending(record, "~all")),
            (record,),
        )
    return None


def _followed(domain: str, published: Mapping[str, tuple[str, ...]]) -> list[Term]:
    """Every term that makes a mail server ask again, those of included records as well (RFC 7208, 4.6.4).

    Records may lead to each other for ever: counting stops when it is far too many.
    """
    return list(islice(_lookups(domain, published), FAR_TOO_MANY))


def _lookups(domain: str, published: Mapping[str, tuple[str, ...]]) -> Iterator[Term]:
    for record in published.get(domain, ())[:1]:
        for term in terms(record):
            if term.name in COSTLY and (term.name == "redirect" or not term.is_modifier):
                yield term
                yield from _lookups(term.leads_to, published)


def _source(wanted: str, server: str) -> str:
    """The part of a first record that names who sends."""
    if wanted:
        return f"include:{wanted}"
    try:
        address = ip_address(server)
    except ValueError:
        return f"a:{server}" if "." in server else "mx"
    return f"ip{address.version}:{server}"


def _merged(records: tuple[str, ...]) -> str:
    words = [word for record in records for word in record.split()[1:] if not word.lower().endswith("all")]
    return " ".join(["v=spf1", *dict.fromkeys(words), "~all"])


def _ending(record: str, ending: str) -> str:
    words = [word for word in record.split() if word.lower().lstrip("+?~-") != "all"]
    return " ".join([*words, ending])


def _finding(
    verdict: Verdict, said: str, to_do: str = "", publish: Record | None = None, found: tuple[str, ...] = ()
) -> Finding:
    return Finding(
        name="SPF", about="Who may send for you", verdict=verdict, said=said, to_do=to_do, publish=publish, found=found
    )
