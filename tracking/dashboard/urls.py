from django.urls import path

from tracking.dashboard import events, funnels, insights, partners, people, replays, structures, systems, views

app_name = "tracking"
urlpatterns = [
    path("tracking/", views.events, name="events"),
    path("tracking/<int:pk>/", views.event, name="event"),
    path("tracking/of/<str:subject>/", views.events_of, name="events-of"),
    path("tracking/events/", events.tracked_list, name="tracked"),
    path("tracking/events/<uuid:event_id>/", events.tracked_event, name="tracked-event"),
    path("tracking/events/quality/", events.quality, name="quality"),
    path("tracking/replays/", replays.replay_list, name="replays"),
    path("tracking/replays/new/", replays.replay_new, name="replay-new"),
    path("tracking/replays/<uuid:public_id>/", replays.replay_page, name="replay"),
    path("tracking/replays/<uuid:public_id>/cancel/", replays.replay_cancel, name="replay-cancel"),
    path("stream/tracking/replays/<uuid:public_id>/", replays.replay_stream, name="replay-stream"),
    path("tracking/people/", people.people_page, name="people"),
    path("tracking/people/merge/", people.merge_page, name="merge"),
    path("tracking/people/merges/<int:pk>/undo/", people.merge_undo, name="merge-undo"),
    path("tracking/funnels/", funnels.funnel_page, name="funnel"),
    path("tracking/funnels/people/", funnels.funnel_people, name="funnel-people"),
    path("tracking/funnels/save/", funnels.funnel_save, name="funnel-save"),
    path("tracking/funnels/<uuid:public_id>/put-aside/", funnels.funnel_put_aside, name="funnel-put-aside"),
    path("tracking/retention/", insights.retention_page, name="retention"),
    path("tracking/sessions/", insights.sessions_page, name="sessions"),
    path("tracking/live/", events.live, name="live"),
    path("stream/tracking/<uuid:public_id>/", events.live_stream, name="live-stream"),
    path("tracking/partners/", partners.partner_list, name="partners"),
    path("tracking/partners/new/", partners.partner_add, name="partner-add"),
    path("tracking/partners/<uuid:public_id>/", partners.partner_page, name="partner"),
    path("tracking/partners/<uuid:public_id>/change/", partners.partner_change, name="partner-change"),
    path("tracking/partners/<uuid:public_id>/systems/", partners.system_add, name="system-add"),
    path("tracking/partners/systems/<uuid:public_id>/", systems.system_page, name="system"),
    path("tracking/partners/systems/<uuid:public_id>/change/", systems.system_change, name="system-change"),
    path("tracking/partners/systems/<uuid:public_id>/keys/", systems.key_make, name="key-make"),
    path("tracking/partners/systems/<uuid:public_id>/structure/", structures.structure_edit, name="structure-edit"),
    path("tracking/partners/keys/<int:pk>/rotate/", systems.key_rotate, name="key-rotate"),
    path("tracking/partners/keys/<int:pk>/revoke/", systems.key_revoke, name="key-revoke"),
    path("tracking/partners/structures/<uuid:public_id>/", structures.structure_page, name="structure"),
    path("tracking/partners/structures/<uuid:public_id>/trial/", structures.structure_trial, name="structure-trial"),
    path(
        "tracking/partners/structures/<uuid:public_id>/<slug:verb>/", structures.structure_move, name="structure-move"
    ),
    path("tracking/health/", views.health, name="health"),
    path("tracking/health/<str:name>/rebuild/", views.rebuild, name="rebuild"),
    path("tracking/dispatches/<int:pk>/retry/", views.retry, name="retry"),
]
