from tracking.models.asked import Replay, ReplayVerdict, SavedFunnel
from tracking.models.log import CurrentTransactionId, Dispatch, Event, Projection, TransactionIdField
from tracking.models.partners import EventStructure, Partner, PartnerAccess, PartnerSystem, SystemKey
from tracking.models.read import (
    CountedProperty,
    HourCount,
    IdentityLink,
    PersonActivity,
    SeenMessage,
    TrackedEvent,
    UserMerge,
    ValueCount,
)
from tracking.models.received import ReceivedEvent

__all__ = [
    "CountedProperty",
    "CurrentTransactionId",
    "Dispatch",
    "Event",
    "EventStructure",
    "HourCount",
    "IdentityLink",
    "Partner",
    "PartnerAccess",
    "PartnerSystem",
    "PersonActivity",
    "Projection",
    "ReceivedEvent",
    "Replay",
    "ReplayVerdict",
    "SavedFunnel",
    "SeenMessage",
    "SystemKey",
    "TrackedEvent",
    "TransactionIdField",
    "UserMerge",
    "ValueCount",
]
