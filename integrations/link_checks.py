"""Whether addresses that somebody wrote into a message lead anywhere."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from requests import RequestException

from integrations import outgoing

MOST = 30
AT_ONCE = 8
# Answers of servers that are there, but show their pages to people only.
SHY = {401, 403, 405, 429, 999}


@dataclass(frozen=True)
class LinkAnswer:
    url: str
    is_fine: bool
    text: str


def check_links(urls: Sequence[str]) -> list[LinkAnswer]:
    """Each is asked for once, as a browser would; redirects count as answers, and private addresses are not called."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(_checked, list(dict.fromkeys(urls))[:MOST]))


def _checked(url: str) -> LinkAnswer:
    if url.startswith("http://"):
        return LinkAnswer(url, False, "It is not encrypted. Write https:// where the site has it.")
    try:
        with outgoing.untrusted() as session:
            status = session.get(url).status_code
    except outgoing.AddressRefused as refusal:
        return LinkAnswer(url, False, str(refusal))
    except (outgoing.NotConnected, RequestException) as error:
        return LinkAnswer(url, False, f"It does not answer: {error}"[:200])
    is_fine = status < 400 or status in SHY
    return LinkAnswer(url, is_fine, f"It answers with {status}.")
