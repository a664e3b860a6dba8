from campaigns.models import CampaignPolicy


def policy() -> CampaignPolicy:
    return CampaignPolicy.objects.get_or_create(pk=1)[0]
