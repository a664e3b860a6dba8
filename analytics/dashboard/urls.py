from django.urls import path

from analytics.dashboard import views

app_name = "analytics"
urlpatterns = [
    path("", views.home, name="home"),
    path("analytics/", views.analytics, name="analytics"),
]
