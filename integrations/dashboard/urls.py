from django.urls import path

from integrations.dashboard import sending_views, views

app_name = "integrations"
urlpatterns = [
    path("integrations/", views.integrations, name="integrations"),
    path("integrations/sending/", sending_views.sending, name="sending"),
    path("integrations/sending/domain/", sending_views.domain, name="sending-domain"),
    path("integrations/sending/domain/again/", sending_views.domain_again, name="sending-domain-again"),
    path("integrations/sending/test/", sending_views.test, name="sending-test"),
    path("integrations/mailbox/", views.mailbox, name="mailbox"),
    path("integrations/mailbox/empty/", views.mailbox_empty, name="mailbox-empty"),
    path("integrations/mailbox/<int:pk>/", views.letter, name="letter"),
    path("integrations/mailbox/<int:pk>/html/", views.letter_html, name="letter-html"),
]
