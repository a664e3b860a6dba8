"""From which numbers on somebody here should hear of it. Plain Python; each number with where it is from."""

from datetime import timedelta

# Amazon SES reviews an account from 5 % of bounces on and pauses it at 10 %: docs.aws.amazon.com/ses/latest/dg,
# "Reputation metrics". Counted over what left within the hour, for bounces come at once.
BOUNCED = 0.05
BOUNCED_OF = timedelta(hours=1)
# Google and Yahoo ask senders never to reach 0.3 %: support.google.com/a/answer/81126. People complain when they read,
# so it is counted over what left within the day.
COMPLAINED = 0.003
COMPLAINED_OF = timedelta(days=1)
# Of fewer messages a share says nothing: one bounce among ten is 10 %.
FEWEST_MESSAGES = 100
FEWEST_REPORTS = 2
# A provider's usual pause is a minute or two.
LONG_PAUSE = timedelta(minutes=10)
# Providers report within minutes, and the report settles the doubt by itself.
LONG_DOUBT = timedelta(minutes=15)
# Reports are read each second and applied every five.
LATE_REPORTS = timedelta(minutes=5)


def is_too_many(reported: int, messages: int, share: float) -> bool:
    """Whether more than `share` of `messages` were reported, and there are enough of both to say so."""
    return messages >= FEWEST_MESSAGES and reported >= FEWEST_REPORTS and reported > share * messages
