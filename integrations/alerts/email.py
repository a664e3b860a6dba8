"""An email to whoever watches over this copy. ALERT_URLS: mailto:operators@shop.example."""

import logging
from urllib.parse import unquote, urlsplit

from django.core.mail import send_mail

from integrations.alerts.base import Alert, NotTold

logger = logging.getLogger(__name__)


class Email:
    title = "Email"

    def __init__(self, url: str, transport: str) -> None:
        self.place = unquote(urlsplit(url).path)

    def tell(self, alert: Alert) -> None:
        try:
            send_mail(" ".join(alert.title.split()), f"{alert.text}\n\n{alert.link}\n", None, [self.place])
        except Exception as error:
            logger.exception("Alert %s could not be sent by email.", alert.id)
            raise NotTold("The mail server did not take it.") from error
