from integrations.models.alerts import AlertDelivery, StaffAlert
from integrations.models.inbound import InboundCall, ProviderReport
from integrations.models.mailbox import MailboxMessage
from integrations.models.outbound import DeliveryAttempt, Destination, OutboundDelivery

__all__ = [
    "AlertDelivery",
    "DeliveryAttempt",
    "Destination",
    "InboundCall",
    "MailboxMessage",
    "OutboundDelivery",
    "ProviderReport",
    "StaffAlert",
]
