from campaigns.models.campaigns import Campaign, WrongState
from campaigns.models.plans import Action, Candidate, Plan, PlanAnswer, PlanStep
from campaigns.models.playbooks import Offer, Playbook
from campaigns.models.policy import CampaignPolicy
from campaigns.models.sends import Notice, Send, Touch

__all__ = [
    "Action",
    "Campaign",
    "CampaignPolicy",
    "Candidate",
    "Notice",
    "Offer",
    "Plan",
    "PlanAnswer",
    "PlanStep",
    "Playbook",
    "Send",
    "Touch",
    "WrongState",
]
