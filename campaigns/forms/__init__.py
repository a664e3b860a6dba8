from campaigns.forms.arms import ArmsForm
from campaigns.forms.attribution import AttributionForm
from campaigns.forms.brand_kit import BrandKitForm
from campaigns.forms.campaigns import AnewForm, CampaignForm, OfferForm, PlaybookForm, StepForm, WordsForm
from campaigns.forms.experiments import ExperimentForm
from campaigns.forms.permits import CapForm, LiftForm, MessagePolicyForm, QuietHoursForm, RateForm, SuppressionForm
from campaigns.forms.pictures import PictureForm, UploadForm
from campaigns.forms.policy import PolicyForm
from campaigns.forms.voice import BrandVoiceForm

__all__ = [
    "AnewForm",
    "ArmsForm",
    "AttributionForm",
    "BrandKitForm",
    "BrandVoiceForm",
    "CampaignForm",
    "CapForm",
    "ExperimentForm",
    "LiftForm",
    "MessagePolicyForm",
    "OfferForm",
    "PictureForm",
    "PlaybookForm",
    "PolicyForm",
    "QuietHoursForm",
    "RateForm",
    "StepForm",
    "SuppressionForm",
    "UploadForm",
    "WordsForm",
]
