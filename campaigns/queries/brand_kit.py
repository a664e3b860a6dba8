from campaigns.models import BrandKit


def brand_kit() -> BrandKit:
    """What all messages of this business share: the one row; until somebody writes it, what it says by itself."""
    return BrandKit.objects.filter(pk=1).first() or BrandKit(pk=1)
