from django.urls import path

from campaigns.dashboard import views

app_name = "campaigns"
urlpatterns = [
    path("campaigns/", views.soon, name="campaigns"),
]
