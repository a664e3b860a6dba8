from django.urls import path

from campaigns.api import export, me

app_name = "campaigns-api"
urlpatterns = [
    path("api/campaigns/v1/me/offers", me.Offers.as_view(), name="offers"),
    path("api/campaigns/v1/me/messages", me.Messages.as_view(), name="messages"),
    path("api/loyalty/v1/me/export", export.Export.as_view(), name="export"),
]
