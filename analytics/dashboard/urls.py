from django.urls import path

from analytics.dashboard import views

app_name = "analytics"
urlpatterns = [
    path("", views.soon, name="home"),
    path("analytics/", views.soon, name="analytics"),
]
