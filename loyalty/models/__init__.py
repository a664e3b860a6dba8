from loyalty.models.business import Business
from loyalty.models.forecasts import Forecast, ForecastRun, ForecastVersion, GroupMove
from loyalty.models.imports import ImportIssue, PurchaseImport
from loyalty.models.own_events import OwnEvents
from loyalty.models.people import Consent, Invitation, Member, User
from loyalty.models.points import EarnRule, LedgerCheck, LotUse, PointsAccount, PointsEntry, PointsLot
from loyalty.models.programme import Programme, ReferralMilestone
from loyalty.models.referrals import Invite, Referral
from loyalty.models.rewards import Picture, Redemption, Reward, RewardPolicy
from loyalty.models.scans import CodeBatch, ProductCode, Scan
from loyalty.models.scores import MemberStats, Score, Scoring
from loyalty.models.segments import Segment
from loyalty.models.shop import Order, OrderLine, Product, Store
from loyalty.models.shoppers import (
    Answer,
    Device,
    LoginCode,
    MemberMerge,
    PushSubscription,
    RefreshToken,
    TillKey,
)
from loyalty.models.tiers import Tier, TierStanding
from loyalty.models.tokens import ApiToken
from loyalty.models.wallet import WalletPass, WalletPhone
from loyalty.models.wishlist import WishlistItem

__all__ = [
    "Answer",
    "ApiToken",
    "Business",
    "CodeBatch",
    "Consent",
    "Device",
    "EarnRule",
    "Forecast",
    "ForecastRun",
    "ForecastVersion",
    "GroupMove",
    "ImportIssue",
    "Invitation",
    "Invite",
    "LedgerCheck",
    "LoginCode",
    "LotUse",
    "Member",
    "MemberMerge",
    "MemberStats",
    "Order",
    "OrderLine",
    "OwnEvents",
    "Picture",
    "PointsAccount",
    "PointsEntry",
    "PointsLot",
    "Product",
    "ProductCode",
    "Programme",
    "PurchaseImport",
    "PushSubscription",
    "Redemption",
    "Referral",
    "ReferralMilestone",
    "RefreshToken",
    "Reward",
    "RewardPolicy",
    "Scan",
    "Score",
    "Scoring",
    "Segment",
    "Store",
    "Tier",
    "TierStanding",
    "TillKey",
    "User",
    "WalletPass",
    "WalletPhone",
    "WishlistItem",
]
