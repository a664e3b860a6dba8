"""Which openings and clicks are a machine's: a security scanner in front of a mailbox, or a privacy proxy.

None of these signs is proof. A marked touch is kept and shown as such, and not counted as a person.
"""

from datetime import timedelta

# Fragments of user agents that mail scanners and link checkers send, in lower case.
SCANNERS = (
    "barracuda",
    "bot",
    "crawler",
    "curl/",
    "headlesschrome",
    "ironport",
    "mimecast",
    "preview",
    "proofpoint",
    "python-",
    "safelinks",
    "scanner",
    "spider",
    "symantec",
    "urldefense",
    "wget/",
)
# Apple's Mail Privacy Protection fetches every image under this bare name, whether or not anybody reads.
PRIVACY_PROXY_AGENT = "mozilla/5.0"
TOO_FAST = timedelta(seconds=2)
HEADERS_ONLY = "asked only for headers"
EVERY_LINK = "followed every link at once"


def opened_by_machine(*, method: str, user_agent: str, since_sent: timedelta | None) -> str:
    """Why an opening is held to be a machine's, or an empty string."""
    if method == "HEAD":
        return HEADERS_ONLY
    agent = user_agent.strip().lower()
    if agent == PRIVACY_PROXY_AGENT:
        return "privacy proxy"
    return _scanner(agent, since_sent)


def clicked_by_machine(
    *, method: str, user_agent: str, since_sent: timedelta | None, since_other_link: timedelta | None
) -> str:
    """Why a click is held to be a machine's. `since_other_link`: since the last click on another link of it."""
    if method == "HEAD":
        return HEADERS_ONLY
    if since_other_link is not None and since_other_link < TOO_FAST:
        return EVERY_LINK
    return _scanner(user_agent.strip().lower(), since_sent)


def _scanner(agent: str, since_sent: timedelta | None) -> str:
    if not agent:
        return "no user agent"
    if any(name in agent for name in SCANNERS):
        return "scanner"
    if since_sent is not None and since_sent < TOO_FAST:
        return "faster than a person"
    return ""
