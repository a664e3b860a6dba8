from campaigns.models.arms import ArmsReport
from campaigns.models.attribution import Attribution
from campaigns.models.briefs import DrawnPicture, ImageBrief
from campaigns.models.calls import ModelCall
from campaigns.models.campaigns import Campaign, WrongState
from campaigns.models.experiments import Experiment, Variant
from campaigns.models.permits import FrequencyCap, MessagePolicy, QuietHours, SendingRate, Suppression
from campaigns.models.plans import Action, Candidate, Plan, PlanStep
from campaigns.models.playbooks import Offer, Playbook
from campaigns.models.policy import CampaignPolicy
from campaigns.models.sends import Notice, ReceivedTouch, Send, SendMove, Touch
from campaigns.models.templates import (
    BrandKit,
    BrandVoice,
    Letter,
    Link,
    MediaFile,
    MemberHour,
    SavedBlock,
    Template,
    TemplateVersion,
)
from campaigns.models.workspace import PlanChange, StepComment, StepText

__all__ = [
    "Action",
    "ArmsReport",
    "Attribution",
    "BrandKit",
    "BrandVoice",
    "Campaign",
    "CampaignPolicy",
    "Candidate",
    "DrawnPicture",
    "Experiment",
    "FrequencyCap",
    "ImageBrief",
    "Letter",
    "Link",
    "MediaFile",
    "MemberHour",
    "MessagePolicy",
    "ModelCall",
    "Notice",
    "Offer",
    "Plan",
    "PlanChange",
    "PlanStep",
    "Playbook",
    "QuietHours",
    "ReceivedTouch",
    "SavedBlock",
    "Send",
    "SendMove",
    "SendingRate",
    "StepComment",
    "StepText",
    "Suppression",
    "Template",
    "TemplateVersion",
    "Touch",
    "Variant",
    "WrongState",
]
