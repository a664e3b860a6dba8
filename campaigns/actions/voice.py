from django.db import transaction

from campaigns.models import BrandVoice
from campaigns.queries.house import brand_voice


def ship_brand_voice() -> None:
    BrandVoice.objects.get_or_create(pk=1)


@transaction.atomic
def change_brand_voice(*, voice: str, forbidden_words: str, required_words: str, claims: str) -> BrandVoice:
    """How messages speak that are written from now on. Lists have one entry a line; empty lines and doubles go."""
    row = brand_voice()
    row.voice = voice.strip()
    row.forbidden_words, row.required_words = _tidy(forbidden_words), _tidy(required_words)
    row.claims = _tidy(claims)
    row.save(update_fields=["voice", "forbidden_words", "required_words", "claims"])
    return row


def _tidy(text: str) -> str:
    return "\n".join(dict.fromkeys(BrandVoice.lines(text)))
