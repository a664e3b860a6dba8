"""The checklist of a template: what a good eye would notice before it is worn."""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format

from campaigns.queries.templates import INSTEAD, lacks, readers_of_other_languages
from campaigns.rules import content as c
from campaigns.rules.checking import Check, State, checks_of_email
from campaigns.rules.drift import Drift
from campaigns.sending.specimens import Specimen, words_of
from campaigns.writing import press
from integrations.rules import sms

LANGUAGES = dict(settings.LANGUAGES)


def checks_of(
    content: c.Content, channel: str, language: str, shown: Specimen, drifts: Sequence[Check] = ()
) -> list[Check]:
    """What `shown`, its readers and its other languages tell, the worst first."""
    found = [
        Check(State.LOOK, f"{word} is not known of this member", f"Instead {INSTEAD[word]}.") for word in shown.missing
    ]
    found += drifts
    if channel == "email":
        found += checks_of_email(
            content.email.get(language) or c.HOUSE.email["en"],
            subject=shown.message.subject,
            html=shown.message.html,
            links=shown.letter.links,
            can_be_left="{{ url.unsubscribe }}" in shown.letter.html,
        )
    if channel == "sms":
        found.append(_segments(shown.message.text))
    for lack in lacks(words_of(shown.letter)):
        text = f"{lack.members:,} of {lack.of:,} members have none: {lack.instead}."
        found.append(Check(State.LOOK, lack.word, text))
    for code, members in readers_of_other_languages(set(content.variants(channel)), press.BASE_LANGUAGE):
        told = f"{members:,} members read {LANGUAGES.get(code, code)}, and get it in another language."
        found.append(Check(State.LOOK, f"Not in {LANGUAGES.get(code, code)}", told))
    return sorted(found, key=lambda check: list(State).index(check.state), reverse=True)


def told_drift(drift: Drift) -> Check:
    """What the versions of a template, and its draft, tell of two languages."""
    ahead, behind = LANGUAGES.get(drift.ahead, drift.ahead), LANGUAGES.get(drift.behind, drift.behind)
    when = "in this draft" if drift.is_drafted else f"on {_day(drift.ahead_at)}"
    text = f"{behind} was last changed on {_day(drift.behind_at)}. See whether both still say the same."
    return Check(State.LOOK, f"{ahead} changed {when} after {behind}", text)


def _day(moment: datetime) -> str:
    day = timezone.localtime(moment)
    return date_format(day, "j F" if day.year == timezone.localtime().year else "j F Y")


def _segments(text: str) -> Check:
    size = sms.size(text)
    told = f"{size.units} units of {size.encoding}; {size.left} more fit."
    if foreign := sms.foreign(text):
        told += f" Because of {' '.join(foreign)} it takes more than twice the room."
    state = State.FINE if size.segments <= 1 else State.LOOK
    return Check(state, f"{size.segments} segment{'' if size.segments == 1 else 's'}", told)
