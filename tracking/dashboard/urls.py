from django.urls import path

from tracking.dashboard import views

app_name = "tracking"
urlpatterns = [
    path("tracking/", views.events, name="events"),
    path("tracking/<int:pk>/", views.event, name="event"),
    path("tracking/of/<str:subject>/", views.events_of, name="events-of"),
    path("tracking/health/", views.health, name="health"),
    path("tracking/health/<str:name>/rebuild/", views.rebuild, name="rebuild"),
    path("tracking/dispatches/<int:pk>/retry/", views.retry, name="retry"),
]
