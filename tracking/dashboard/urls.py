from django.urls import path

from tracking.dashboard import views

app_name = "tracking"
urlpatterns = [
    path("tracking/", views.soon, name="events"),
]
