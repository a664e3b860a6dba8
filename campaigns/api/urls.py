from django.urls import path

from campaigns.api import earned, export, me, wallet

app_name = "campaigns-api"
urlpatterns = [
    path("api/campaigns/v1/earned", earned.Earned.as_view(), name="earned-by-all"),
    path("api/campaigns/v1/earned/<uuid:public_id>", earned.EarnedByOne.as_view(), name="earned"),
    path("api/campaigns/v1/steps/<uuid:step_id>/variants", earned.Variants.as_view(), name="variants"),
    path("api/campaigns/v1/holdout", earned.Holdout.as_view(), name="holdout"),
    path("api/campaigns/v1/me/offers", me.Offers.as_view(), name="offers"),
    path("api/campaigns/v1/me/messages", me.Messages.as_view(), name="messages"),
    path("api/loyalty/v1/me/export", export.Export.as_view(), name="export"),
    path("api/loyalty/v1/me/wallet/<slug:kind>", wallet.Pass.as_view(), name="wallet"),
    path("wallet/cards/<str:link>", wallet.card, name="wallet-card"),
    path(
        "wallet/v1/devices/<str:device_id>/registrations/<str:pass_type>", wallet.registrations, name="wallet-changed"
    ),
    path(
        "wallet/v1/devices/<str:device_id>/registrations/<str:pass_type>/<str:serial>",
        wallet.registration,
        name="wallet-registration",
    ),
    path("wallet/v1/passes/<str:pass_type>/<str:serial>", wallet.latest, name="wallet-pass"),
    path("wallet/v1/log", wallet.Log.as_view(), name="wallet-log"),
]
