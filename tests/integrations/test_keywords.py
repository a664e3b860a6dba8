"""What people write back, and what it asks for. The rule is in integrations/inbound/keywords.py."""

import pytest

from integrations.inbound.base import Kind
from integrations.inbound.keywords import Heard, heard

# The FCC's words and Twilio's, alone, however they are typed.
STOP_IN_A_WORD = """
STOP | stop | Stop. | STOP!!! | "stop" | s.t.o.p. | StopAll | stop all | Quit | END | revoke | Opt out | OPT-OUT
optout | cancel | Cancel please | UNSUBSCRIBE | unsubscribe me | stop stop stop | please stop | Stop, thank you
stop it
Please stop this | Unsub | STOP. I told you twice | Stop! Leave me alone | Ok, stop | sToP 🙏
"""
STOP_IN_A_SENTENCE = """
please stop texting me | stop sending me these | Can you stop texting me? | could you please stop sending these messages
don't text me again | Don’t text me | do not ever contact me | dont send me any more messages | never text this number
I want to unsubscribe | how do I unsubscribe? | I'd like to opt out | please opt me out of this | take me off your list
remove my number from your list | no more texts | no more messages please | I no longer want to receive messages
I don't want these texts | not interested in these messages | I revoke my consent | cancel my subscription
stop the messages | end these texts | why don't you stop texting me | lose my number | quit messaging me
leave me alone | I do not want to hear from you | Stop spamming me | please do not text me before 9
I don't wish to be contacted
"""
STOP_IN_SPANISH = """
ALTO | Parar | Alto por favor | baja | ¡Basta! | dejen de enviarme mensajes | no me escriban más
ya no quiero recibir mensajes | no quiero mas mensajes | quiero darme de baja | No me manden más
cancelar suscripción | deje de escribirme
"""
TALK = """
where is the bus stop? | when do you stop serving? | when do you stop sending texts? | I'll stop by later
can I stop by at 5 | don't stop texting me | please don't stop the alerts | what time does the sale end?
cancel my order | can I cancel my reservation | is this the end of the sale | I can't stop drinking your IPA
I can't quit you | thanks! | nonstop fun | I don't want to unsubscribe | I didn't unsubscribe
did you stop texting people? | do you text me when it's back? | why don't you text me anymore?
you don't text me enough | text me when it arrives | send me the red one | don't send me the red, send white
don't call me a taxi yet | does the weekend end early? | full stop near the shop | no me enviaron mi pedido
dónde está la parada | quiero mensajes | I do not need a bag, thanks | help me find a wine | yes please reserve two
do you have info on tequila | stop sign wine | quit smoking gummies? | I don't want to miss your texts
How do I start my order | he told me to revoke it | don't forget to text me | Never mind | I got no message
Can I get this without the end piece
"""


def said(table: str) -> list[str]:
    return [text.strip() for line in table.strip().splitlines() for text in line.split(" | ")]


@pytest.mark.parametrize("text", said(STOP_IN_A_WORD) + said(STOP_IN_A_SENTENCE))
def test_whoever_asks_to_be_left_alone_is(text):
    assert heard(text).kind is Kind.UNSUBSCRIBED


@pytest.mark.parametrize("text", said(STOP_IN_SPANISH))
def test_whoever_asks_in_spanish_is_too_and_is_answered_in_spanish(text):
    assert heard(text) == Heard(Kind.UNSUBSCRIBED, "es")


@pytest.mark.parametrize("text", said(TALK))
def test_a_word_in_other_talk_is_no_request(text):
    assert heard(text).kind is Kind.OTHER


@pytest.mark.parametrize(
    ("text", "kind", "language"),
    [
        ("START", Kind.SUBSCRIBED, "en"),
        ("unstop", Kind.SUBSCRIBED, "en"),
        ("Yes!", Kind.SUBSCRIBED, "en"),
        ("Comenzar", Kind.SUBSCRIBED, "es"),
        ("HELP", Kind.ASKED_HELP, "en"),
        ("Info please", Kind.ASKED_HELP, "en"),
        ("¿Ayuda?", Kind.ASKED_HELP, "es"),
        ("", Kind.OTHER, "en"),
        ("👍", Kind.OTHER, "en"),
    ],
)
def test_start_and_help_are_heard_alone(text, kind, language):
    assert (heard(text).kind, heard(text).language) == (kind, language)


def test_the_longest_message_is_read_in_no_time():
    assert heard("dont " * 100_000).kind is Kind.OTHER
    assert heard("no longer want " * 100_000).kind is Kind.OTHER
