"""Everything a shopper's phone and a till ask. Below api/loyalty/v1/."""

from django.urls import path

from loyalty.api import devices, sign_in

app_name = "loyalty-api"
urlpatterns = [
    path("sign-in/codes", sign_in.Codes.as_view(), name="codes"),
    path("sign-in/tokens", sign_in.Tokens.as_view(), name="tokens"),
    path("sign-in/refresh", sign_in.Refresh.as_view(), name="refresh"),
    path("sign-out", sign_in.SignOut.as_view(), name="sign-out"),
    path("me/devices", devices.Devices.as_view(), name="devices"),
    path("me/devices/<uuid:public_id>", devices.OneDevice.as_view(), name="device"),
]
