from tracking.models.log import CurrentTransactionId, Dispatch, Event, Projection, TransactionIdField

__all__ = ["CurrentTransactionId", "Dispatch", "Event", "Projection", "TransactionIdField"]
