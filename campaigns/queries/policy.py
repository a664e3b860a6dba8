from campaigns.models import CampaignPolicy


def policy() -> CampaignPolicy:
    """The one row; config.shipped writes it."""
    return CampaignPolicy.objects.get(pk=1)
