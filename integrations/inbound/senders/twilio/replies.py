"""What is written back to somebody who wrote STOP or HELP; to everything else, nothing."""

from collections.abc import Mapping

from twilio.twiml.messaging_response import MessagingResponse

from integrations.inbound.base import Answer, Kind
from integrations.inbound.senders.twilio.translate import heard

TEXTS = {
    (Kind.UNSUBSCRIBED, "en"): "{shop}: you are unsubscribed and get no more texts from us. Reply START to get them.",
    (Kind.UNSUBSCRIBED, "es"): "{shop}: ya no recibirás mensajes nuestros. Responde START para volver a recibirlos.",
    (Kind.ASKED_HELP, "en"): "{shop}: texts about offers and your points. Reply STOP to get no more. "
    "Msg & data rates may apply.",
    (Kind.ASKED_HELP, "es"): "{shop}: mensajes sobre ofertas y tus puntos. Responde STOP para no recibir más. "
    "Pueden aplicarse cargos.",
}


def reply(fields: Mapping[str, str], *, had_left: bool, shop: str) -> Answer:
    """One confirmation for each time somebody leaves. Nothing at all when Twilio says that it answered."""
    if fields.get("OptOutType"):
        return SILENCE
    asked = heard(fields)
    words = TEXTS.get((asked.kind, asked.language), "")
    if not words or (asked.kind is Kind.UNSUBSCRIBED and had_left):
        return SILENCE
    return _twiml(words.format(shop=shop))


def _twiml(words: str = "") -> Answer:
    response = MessagingResponse()
    if words:
        response.message(words)
    return Answer(str(response), "text/xml")


SILENCE = _twiml()
