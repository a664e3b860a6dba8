from django.urls import path

from integrations.dashboard import views

app_name = "integrations"
urlpatterns = [
    path("integrations/", views.soon, name="integrations"),
]
