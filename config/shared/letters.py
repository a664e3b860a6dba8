"""Answers that are a message's own HTML, whoever wrote it: shown, and never run."""

from django.http import HttpResponse

# No script, no form, no frame; styles stand in the markup. `sandbox` gives it an origin of its own, so that it reaches
# no cookie either; links may open, in a tab without these bounds.
POLICY = (
    "default-src 'none'; img-src 'self' data: http: https:; style-src 'unsafe-inline'; form-action 'none'; "
    "frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
)


def letter_response(html: str, *, opens_tabs: bool = True) -> HttpResponse:
    """`html` as a page. `opens_tabs`: its links do not replace the page, as they would inside a frame."""
    response = HttpResponse(f'<base target="_blank">{html}' if opens_tabs else html)
    response._csp_exempt = True  # type: ignore[attr-defined]  # replaced by a stricter one
    response["Content-Security-Policy"] = POLICY
    return response
