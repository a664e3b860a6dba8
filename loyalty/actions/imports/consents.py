"""What a file says of consent, entered set by set, with the line of the file as its evidence.

A yes holds for the address it was given with, and never undoes a no, whoever said it. A no follows the person and the
address, so it counts for the member who has that address as well; it undoes a yes unless the member has said yes
since, by another way than an import. `loyalty.actions.members.set_consent` is the same for one member.
"""

from dataclasses import dataclass
from datetime import datetime

from loyalty.actions.imports.staging import rows
from loyalty.actions.members import IMPORT
from loyalty.events import ConsentChanged
from loyalty.models import Consent, User
from tracking.actions import record_all
from tracking.actions.record import Occurrence

TOPIC = Consent.Topic.MARKETING
_STANDING = f"""
    LEFT JOIN loyalty_consent standing
        ON standing.member_id = p.member_id AND standing.channel = c.channel AND standing.topic = '{TOPIC}'
"""
# An address that is another member's, or not the one the shop keeps, brings no consent to write to this member.
_HOLDS = "NOT p.contact_taken AND NOT c.is_elsewhere"
_IS_GIVEN = f"c.is_granted AND {_HOLDS} AND standing.id IS NULL"
_MAY_WITHDRAW = f"(standing.source = '{IMPORT}' OR standing.changed_at <= c.said_at)"
_IS_WITHDRAWN = f"NOT c.is_granted AND standing.is_granted AND {_MAY_WITHDRAW}"
_IS_DECLINED = "NOT c.is_granted AND standing.id IS NULL"
_OF_BATCH = "p.batch = %(batch)s AND p.canonical = p.person"
_SAID = f"FROM incoming_consents c JOIN incoming_people p USING (person) {_STANDING}"

_LINES = f"{_SAID} JOIN incoming_lines l ON l.line_number = c.line_number"
REMARKS = {
    "consent_elsewhere": f"{_LINES} WHERE c.is_elsewhere AND NOT p.contact_taken AND standing.id IS NULL",
    "opted_out": f"{_LINES} WHERE c.is_granted AND NOT standing.is_granted",
    "opted_in_since": f"{_LINES} WHERE NOT c.is_granted AND standing.is_granted AND NOT {_MAY_WITHDRAW}",
}


@dataclass(frozen=True)
class Evidence:
    """Where the answers stand. `columns` is channel -> the file's own column; `importer` is somebody's name."""

    file: str
    columns: dict[str, str]
    importer: str
    by: User | None


def counted() -> tuple[int, int, int]:
    """How many consents are given, how many withdrawn, and how many declined by people who had not been asked yet."""
    given, withdrawn, declined = rows(f"""
        SELECT count(*) FILTER (WHERE {_IS_GIVEN}), count(*) FILTER (WHERE {_IS_WITHDRAWN}),
               count(*) FILTER (WHERE {_IS_DECLINED}) {_SAID}
    """)[0]
    return given, withdrawn, declined


def enter(batch: int, *, evidence: Evidence, now: datetime) -> None:
    """Of the people of one batch. The row itself decides, whatever happened meanwhile."""
    words = f"""
        format(
            '“%%s” says %%s in %%s, line %%s; imported by %%s on %%s',
            CASE c.channel WHEN '{Consent.Channel.EMAIL}' THEN %(email)s ELSE %(sms)s END,
            CASE WHEN c.is_granted THEN 'yes' ELSE 'no' END, %(file)s, c.line_number, %(importer)s, %(date)s
        )
    """
    parameters = {
        "email": evidence.columns.get(Consent.Channel.EMAIL, ""),
        "sms": evidence.columns.get(Consent.Channel.SMS, ""),
        "file": evidence.file,
        "importer": evidence.importer,
        "date": f"{now:%Y-%m-%d}",
        "by": evidence.by and evidence.by.pk,
        "now": now,
        "batch": batch,
    }
    said = "incoming_people p JOIN incoming_consents c USING (person)"
    first = rows(
        f"""
        INSERT INTO loyalty_consent
            (member_id, channel, topic, is_granted, wording, source, changed_by_id, changed_at)
        SELECT p.member_id, c.channel, '{TOPIC}', c.is_granted, {words}, '{IMPORT}', %(by)s, %(now)s
        FROM {said} WHERE {_OF_BATCH} AND (NOT c.is_granted OR ({_HOLDS}))
        ORDER BY p.member_id, c.channel
        ON CONFLICT (member_id, channel, topic) DO NOTHING
        RETURNING member_id, channel, is_granted, wording
        """,
        parameters,
    )
    withdrawn = rows(
        f"""
        UPDATE loyalty_consent standing SET
            is_granted = false, wording = {words}, source = '{IMPORT}', address = NULL, changed_by_id = %(by)s,
            changed_at = %(now)s
        FROM {said}
        WHERE {_OF_BATCH}
          AND standing.member_id = p.member_id AND standing.channel = c.channel AND standing.topic = '{TOPIC}'
          AND NOT c.is_granted AND standing.is_granted AND {_MAY_WITHDRAW}
        RETURNING standing.member_id, standing.channel, standing.is_granted, standing.wording
        """,
        parameters,
    )
    _tell(first + withdrawn, now=now)


def _tell(changes: list[tuple[int, str, bool, str]], *, now: datetime) -> None:
    subjects = dict(
        rows("SELECT id, public_id::text FROM loyalty_member WHERE id = ANY(%s)", [[change[0] for change in changes]])
    )
    record_all(
        [
            Occurrence(
                ConsentChanged(
                    subject=subjects[member],
                    channel=channel,
                    topic=TOPIC,
                    is_granted=is_granted,
                    wording=wording,
                    source=IMPORT,
                    address=None,
                ),
                f"{subjects[member]}:{channel}:{TOPIC}:{now.isoformat()}",
                now,
            )
            for member, channel, is_granted, wording in changes
        ]
    )
