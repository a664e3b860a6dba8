"""The checklist of a template: what a good eye would notice before it is worn."""

from django.conf import settings

from campaigns.queries.templates import INSTEAD, lacks, readers_of_other_languages
from campaigns.rules import content as c
from campaigns.rules.checking import Check, State, checks_of_email
from campaigns.sending.specimens import Specimen, words_of
from campaigns.writing import press
from integrations.rules import sms


def checks_of(content: c.Content, channel: str, language: str, shown: Specimen) -> list[Check]:
    """What `shown` and its readers tell, the worst first."""
    found = [
        Check(State.LOOK, f"{word} is not known of this member", f"Instead {INSTEAD[word]}.") for word in shown.missing
    ]
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
    variants, names = set(content.variants(channel)), dict(settings.LANGUAGES)
    for code, members in readers_of_other_languages(variants, press.BASE_LANGUAGE):
        told = f"{members:,} members read {names.get(code, code)}, and get it in another language."
        found.append(Check(State.LOOK, f"Not in {names.get(code, code)}", told))
    return sorted(found, key=lambda check: list(State).index(check.state), reverse=True)


def _segments(text: str) -> Check:
    size = sms.size(text)
    told = f"{size.units} units of {size.encoding}; {size.left} more fit."
    if foreign := sms.foreign(text):
        told += f" Because of {' '.join(foreign)} it takes more than twice the room."
    state = State.FINE if size.segments <= 1 else State.LOOK
    return Check(state, f"{size.segments} segment{'' if size.segments == 1 else 's'}", told)
