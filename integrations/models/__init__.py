from integrations.models.inbound import InboundCall, ProviderReport
from integrations.models.mailbox import MailboxMessage

__all__ = ["InboundCall", "MailboxMessage", "ProviderReport"]
