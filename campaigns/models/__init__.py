from campaigns.models.campaigns import Campaign, WrongState
from campaigns.models.plans import Action, Plan, PlanAnswer, PlanStep
from campaigns.models.playbooks import Offer, Playbook
from campaigns.models.policy import CampaignPolicy
from campaigns.models.sends import Send, Touch

__all__ = [
    "Action",
    "Campaign",
    "CampaignPolicy",
    "Offer",
    "Plan",
    "PlanAnswer",
    "PlanStep",
    "Playbook",
    "Send",
    "Touch",
    "WrongState",
]
