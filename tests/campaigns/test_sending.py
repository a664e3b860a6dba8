import datetime as dt

from campaigns.models import Campaign, Send
from tests.campaigns.world import send_all, states
from tests.post_office import PostOffice

Status = Send.Status


def test_everybody_in_the_plan_gets_each_message_once(
    running: Campaign, post_office: PostOffice, at_the_end: dt.datetime
) -> None:
    send_all(at_the_end)
    assert states(running) == {Status.SENT: running.sends.count()}
    assert sorted(post_office.recipients) == sorted(running.sends.values_list("recipient", flat=True))
