from campaigns.models.campaigns import Campaign, WrongState
from campaigns.models.permits import FrequencyCap, MessagePolicy, QuietHours, SendingRate, Suppression
from campaigns.models.plans import Action, Candidate, Plan, PlanAnswer, PlanStep
from campaigns.models.playbooks import Offer, Playbook
from campaigns.models.policy import CampaignPolicy
from campaigns.models.sends import Notice, Send, SendMove, Touch

__all__ = [
    "Action",
    "Campaign",
    "CampaignPolicy",
    "Candidate",
    "FrequencyCap",
    "MessagePolicy",
    "Notice",
    "Offer",
    "Plan",
    "PlanAnswer",
    "PlanStep",
    "Playbook",
    "QuietHours",
    "Send",
    "SendMove",
    "SendingRate",
    "Suppression",
    "Touch",
    "WrongState",
]
