from django.urls import path

from integrations.inbound.views import hook

urlpatterns = [path("hooks/<str:name>/", hook, name="hook")]
