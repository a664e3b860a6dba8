from django.urls import path

from tracking.api import views

app_name = "tracking-api"
urlpatterns = [
    path("api/events/statistics", views.Statistics.as_view(), name="statistics"),
]
