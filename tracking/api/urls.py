from django.urls import path

from tracking.api import counted, events, insights, partners, replays, structures, systems, views

V1 = "api/tracking/v1"

app_name = "tracking-api"
urlpatterns = [
    path("api/events/statistics", views.Statistics.as_view(), name="statistics"),
    path("api/events/partner-system/<uuid:public_id>", events.EventsOfSystem.as_view(), name="events-of-system"),
    path(f"{V1}/events/", events.Events.as_view(), name="events"),
    path(f"{V1}/people/<path:person>/timeline/", events.Timeline.as_view(), name="timeline"),
    path(f"{V1}/errors/", events.Errors.as_view(), name="errors"),
    path(f"{V1}/values/", events.Values.as_view(), name="values"),
    path(f"{V1}/values/counted/", counted.CountedProperties.as_view(), name="counted-properties"),
    path(f"{V1}/values/counted/<uuid:public_id>/", counted.CountedProperty.as_view(), name="counted-property"),
    path(f"{V1}/sessions/", insights.Sessions.as_view(), name="sessions"),
    path(f"{V1}/retention/", insights.Retention.as_view(), name="retention"),
    path(f"{V1}/funnels/", insights.Funnels.as_view(), name="funnels"),
    path(f"{V1}/replays/", replays.Replays.as_view(), name="replays"),
    path(f"{V1}/replays/preview/", replays.ReplayPreview.as_view(), name="replay-preview"),
    path(f"{V1}/replays/<uuid:public_id>/", replays.OneReplay.as_view(), name="replay"),
    path(f"{V1}/replays/<uuid:public_id>/cancel/", replays.ReplayCancel.as_view(), name="replay-cancel"),
    path(f"{V1}/merges/", replays.Merges.as_view(), name="merges"),
    path(f"{V1}/merges/<int:number>/undo/", replays.MergeUndo.as_view(), name="merge-undo"),
    path(f"{V1}/partners/", partners.Partners.as_view(), name="partners"),
    path(f"{V1}/partners/<uuid:public_id>/", partners.Partner.as_view(), name="partner"),
    path(f"{V1}/systems/", systems.Systems.as_view(), name="systems"),
    path(f"{V1}/systems/<uuid:public_id>/", systems.System.as_view(), name="system"),
    path(f"{V1}/systems/<uuid:public_id>/unplanned/", systems.Unplanned.as_view(), name="unplanned"),
    path(f"{V1}/systems/<uuid:public_id>/inferred/", systems.Inference.as_view(), name="inferred"),
    path(f"{V1}/keys/", systems.Keys.as_view(), name="keys"),
    path(f"{V1}/keys/<int:number>/rotate/", systems.KeyRotation.as_view(), name="key-rotate"),
    path(f"{V1}/keys/<int:number>/revoke/", systems.KeyRevocation.as_view(), name="key-revoke"),
    path(f"{V1}/structures/", structures.Structures.as_view(), name="structures"),
    path(f"{V1}/structures/<uuid:public_id>/", structures.Structure.as_view(), name="structure"),
    path(f"{V1}/structures/<uuid:public_id>/publish/", structures.Publication.as_view(), name="structure-publish"),
    path(f"{V1}/structures/<uuid:public_id>/retire/", structures.Retirement.as_view(), name="structure-retire"),
    path(f"{V1}/structures/<uuid:public_id>/trial/", structures.Trial.as_view(), name="structure-trial"),
    path(
        f"{V1}/structures/<uuid:public_id>/differences/", structures.Comparison.as_view(), name="structure-differences"
    ),
]
