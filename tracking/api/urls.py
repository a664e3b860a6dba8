from django.urls import path

from tracking.api import partners, structures, systems, views

V1 = "api/tracking/v1"

app_name = "tracking-api"
urlpatterns = [
    path("api/events/statistics", views.Statistics.as_view(), name="statistics"),
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
