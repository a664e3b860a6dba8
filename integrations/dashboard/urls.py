from django.urls import path

from integrations.dashboard import alert_views, inbound_views, outbound_views, sending_views, views

OUTBOUND = "integrations/events-out/<uuid:public_id>/"
DELIVERY = f"{OUTBOUND}deliveries/<uuid:delivery_id>/"

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
    path("integrations/events-out/", outbound_views.outbound, name="outbound"),
    path("integrations/events-out/new/<slug:kind>/", outbound_views.outbound_new, name="outbound-new"),
    path(OUTBOUND, outbound_views.outbound_destination, name="outbound-destination"),
    path(f"{OUTBOUND}change/", outbound_views.outbound_change, name="outbound-change"),
    path(f"{OUTBOUND}test/", outbound_views.outbound_test, name="outbound-test"),
    path(f"{OUTBOUND}secret/", outbound_views.outbound_rotate, name="outbound-rotate"),
    path(f"{OUTBOUND}switch/", outbound_views.outbound_switch, name="outbound-switch"),
    path(f"{OUTBOUND}replay/", outbound_views.outbound_replay, name="outbound-replay"),
    path(f"{OUTBOUND}delete/", outbound_views.outbound_delete, name="outbound-delete"),
    path(DELIVERY, outbound_views.outbound_delivery, name="outbound-delivery"),
    path(f"{DELIVERY}again/", outbound_views.outbound_delivery_again, name="outbound-delivery-again"),
    path(f"{DELIVERY}now/", outbound_views.outbound_delivery_now, name="outbound-delivery-now"),
    path("integrations/mailbox/", views.mailbox, name="mailbox"),
    path("integrations/mailbox/empty/", views.mailbox_empty, name="mailbox-empty"),
    path("integrations/mailbox/<int:pk>/", views.letter, name="letter"),
    path("integrations/mailbox/<int:pk>/html/", views.letter_html, name="letter-html"),
]
