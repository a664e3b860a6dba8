from django.urls import path

from campaigns.dashboard.views import media, preferences, public

app_name = "campaigns-public"
urlpatterns = [
    path("o/<str:token>", public.opened, name="open"),
    path("c/<str:token>", public.clicked, name="click"),
    path("u/<str:token>", preferences.unsubscribe, name="unsubscribe"),
    path("u/<str:token>/preferences", preferences.preferences, name="preferences"),
    path("v/<str:token>", public.viewed, name="view"),
    path("offer/<str:token>", public.offer, name="offer"),
    path("media/messages/<slug:digest>.<slug:kind>", media.media_file, name="media"),
]
