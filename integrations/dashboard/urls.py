from django.urls import path

from integrations.dashboard import views

app_name = "integrations"
urlpatterns = [
    path("integrations/", views.integrations, name="integrations"),
    path("integrations/mailbox/", views.mailbox, name="mailbox"),
    path("integrations/mailbox/empty/", views.mailbox_empty, name="mailbox-empty"),
    path("integrations/mailbox/<int:pk>/", views.letter, name="letter"),
    path("integrations/mailbox/<int:pk>/html/", views.letter_html, name="letter-html"),
]
