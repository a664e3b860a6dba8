from django.urls import path

from campaigns.dashboard.views import media, preferences, public
from campaigns.sending.links import BEGINNINGS

app_name = "campaigns-public"
urlpatterns = [
    path(f"{BEGINNINGS['open']}<str:token>", public.opened, name="open"),
    path(f"{BEGINNINGS['click']}<str:token>", public.clicked, name="click"),
    path(f"{BEGINNINGS['unsubscribe']}<str:token>", preferences.unsubscribe, name="unsubscribe"),
    path(f"{BEGINNINGS['unsubscribe']}<str:token>/preferences", preferences.preferences, name="preferences"),
    path(f"{BEGINNINGS['view']}<str:token>", public.viewed, name="view"),
    path(f"{BEGINNINGS['offer']}<str:token>", public.offer, name="offer"),
    path("media/messages/<slug:digest>.<slug:kind>", media.media_file, name="media"),
]
