from campaigns.forms.campaigns import CampaignForm, OfferForm, PlaybookForm, StepForm
from campaigns.forms.permits import CapForm, LiftForm, MessagePolicyForm, QuietHoursForm, RateForm, SuppressionForm
from campaigns.forms.policy import PolicyForm

__all__ = [
    "CampaignForm",
    "CapForm",
    "LiftForm",
    "MessagePolicyForm",
    "OfferForm",
    "PlaybookForm",
    "PolicyForm",
    "QuietHoursForm",
    "RateForm",
    "StepForm",
    "SuppressionForm",
]
