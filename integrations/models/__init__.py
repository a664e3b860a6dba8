from integrations.models.alerts import AlertDelivery, StaffAlert
from integrations.models.inbound import InboundCall, ProviderReport
from integrations.models.mailbox import MailboxMessage

__all__ = ["AlertDelivery", "InboundCall", "MailboxMessage", "ProviderReport", "StaffAlert"]
