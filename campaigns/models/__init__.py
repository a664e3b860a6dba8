from campaigns.models.arms import ArmsReport
from campaigns.models.attribution import Attribution
from campaigns.models.campaigns import Campaign, WrongState
from campaigns.models.experiments import Experiment, Variant
from campaigns.models.permits import FrequencyCap, MessagePolicy, QuietHours, SendingRate, Suppression
from campaigns.models.plans import Action, Candidate, Plan, PlanAnswer, PlanStep
from campaigns.models.playbooks import Offer, Playbook
from campaigns.models.policy import CampaignPolicy
from campaigns.models.sends import Notice, ReceivedTouch, Send, SendMove, Touch
from campaigns.models.templates import (
    BrandKit,
    Letter,
    Link,
    MediaFile,
    MemberHour,
    SavedBlock,
    Template,
    TemplateVersion,
)

__all__ = [
    "Action",
    "ArmsReport",
    "Attribution",
    "BrandKit",
    "Campaign",
    "CampaignPolicy",
    "Candidate",
    "Experiment",
    "FrequencyCap",
    "Letter",
    "Link",
    "MediaFile",
    "MemberHour",
    "MessagePolicy",
    "Notice",
    "Offer",
    "Plan",
    "PlanAnswer",
    "PlanStep",
    "Playbook",
    "QuietHours",
    "ReceivedTouch",
    "SavedBlock",
    "Send",
    "SendMove",
    "SendingRate",
    "Suppression",
    "Template",
    "TemplateVersion",
    "Touch",
    "Variant",
    "WrongState",
]
