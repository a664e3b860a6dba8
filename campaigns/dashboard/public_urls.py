from django.urls import path

from campaigns.dashboard.views import public

app_name = "campaigns-public"
urlpatterns = [
    path("o/<str:token>", public.opened, name="open"),
    path("c/<str:token>", public.clicked, name="click"),
    path("u/<str:token>", public.unsubscribe, name="unsubscribe"),
    path("offer/<str:token>", public.offer, name="offer"),
]
