from django.urls import path

from integrations.dashboard import alert_views, inbound_views, sending_views, views

app_name = "integrations"
urlpatterns = [
    path("integrations/", views.integrations, name="integrations"),
    path("integrations/sending/", sending_views.sending, name="sending"),
    path("integrations/sending/domain/", sending_views.domain, name="sending-domain"),
    path("integrations/sending/domain/again/", sending_views.domain_again, name="sending-domain-again"),
    path("integrations/sending/test/", sending_views.test, name="sending-test"),
    path("integrations/sending/alerts/<str:name>/test/", alert_views.alert_test, name="alert-test"),
    path("integrations/reports/", inbound_views.reports, name="reports"),
    path("integrations/reports/again/", inbound_views.calls_read_again, name="calls-read-again"),
    path("integrations/reports/<uuid:public_id>/again/", inbound_views.call_read_again, name="call-read-again"),
    path("integrations/mailbox/", views.mailbox, name="mailbox"),
    path("integrations/mailbox/empty/", views.mailbox_empty, name="mailbox-empty"),
    path("integrations/mailbox/<int:pk>/", views.letter, name="letter"),
    path("integrations/mailbox/<int:pk>/html/", views.letter_html, name="letter-html"),
]
