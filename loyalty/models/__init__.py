from loyalty.models.business import Business
from loyalty.models.imports import ImportIssue, PurchaseImport
from loyalty.models.own_events import OwnEvents
from loyalty.models.people import Consent, Invitation, Member, User
from loyalty.models.points import EarnRule, PointsAccount, PointsEntry
from loyalty.models.scores import MemberStats, Score, Scoring
from loyalty.models.segments import Segment
from loyalty.models.shop import Order, OrderLine, Product, Store
from loyalty.models.tokens import ApiToken

__all__ = [
    "ApiToken",
    "Business",
    "Consent",
    "EarnRule",
    "ImportIssue",
    "Invitation",
    "Member",
    "MemberStats",
    "Order",
    "OrderLine",
    "OwnEvents",
    "PointsAccount",
    "PointsEntry",
    "Product",
    "PurchaseImport",
    "Score",
    "Scoring",
    "Segment",
    "Store",
    "User",
]
