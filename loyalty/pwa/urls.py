from django.urls import path

from loyalty.pwa import views

app_name = "pwa"
urlpatterns = [
    path("", views.shell, name="home"),
    path("sw.js", views.service_worker, name="service-worker"),
    path("join/<str:code>", views.join, name="join"),
    path("app/manifest.webmanifest", views.manifest, name="manifest"),
    path("app/icon-<str:purpose>-<int:size>.png", views.icon, name="icon"),
    path("app/words/<str:language>.json", views.words, name="words"),
    path("app/offline", views.offline, name="offline"),
    path("app/<path:screen>", views.shell, name="screen"),
]
