from django.urls import path

from loyalty.dashboard import views

app_name = "loyalty"
urlpatterns = [
    path("members/", views.soon, name="members"),
    path("segments/", views.soon, name="segments"),
    path("loyalty/", views.soon, name="loyalty"),
    path("settings/", views.soon, name="settings"),
    path("search/", views.soon, name="search"),
    path("brand/logo", views.soon, name="brand-logo"),
    path("brand/accent.css", views.soon, name="brand-css"),
]
