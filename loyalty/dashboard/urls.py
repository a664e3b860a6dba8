from django.urls import path

from loyalty.dashboard import imports, members, settings, views

app_name = "loyalty"
urlpatterns = [
    path("members/", members.member_list, name="members"),
    path("members/new/", members.member_new, name="member-new"),
    path("members/<uuid:public_id>/", members.member_page, name="member"),
    path("members/<uuid:public_id>/edit/", members.member_edit, name="member-edit"),
    path("members/<uuid:public_id>/orders/", members.member_orders, name="member-orders"),
    path("members/<uuid:public_id>/points/", members.member_ledger, name="member-ledger"),
    path("members/<uuid:public_id>/points/correct/", members.member_correction, name="member-correction"),
    path("members/<uuid:public_id>/consent/", members.member_consent, name="member-consent"),
    path("members/imports/", imports.import_list, name="imports"),
    path("members/imports/new/", imports.import_new, name="import-new"),
    path("members/imports/<uuid:public_id>/", imports.import_page, name="import"),
    path("members/imports/<uuid:public_id>/columns/", imports.import_columns, name="import-columns"),
    path("members/imports/<uuid:public_id>/issues/", imports.import_issues, name="import-issues"),
    path("members/imports/<uuid:public_id>/refused.csv", imports.import_refused, name="import-refused"),
    path("members/imports/<uuid:public_id>/check/", imports.import_check, name="import-check"),
    path("members/imports/<uuid:public_id>/start/", imports.import_start, name="import-start"),
    path("members/imports/<uuid:public_id>/cancel/", imports.import_cancel, name="import-cancel"),
    path("stream/imports/<uuid:public_id>/", imports.import_stream, name="import-stream"),
    path("segments/", views.soon, name="segments"),
    path("loyalty/", views.soon, name="loyalty"),
    path("settings/", settings.brand_page, name="settings"),
    path("settings/logo/", settings.logo_change, name="logo"),
    path("settings/people/", settings.people_page, name="people"),
    path("settings/people/invite/", settings.person_invite, name="person-invite"),
    path("settings/people/<int:pk>/", settings.person_change, name="person-change"),
    path("settings/people/invitations/<int:pk>/withdraw/", settings.invitation_withdraw, name="invitation-withdraw"),
    path("settings/changes/", settings.audit_page, name="audit"),
    path("invitation/<str:token>/", settings.invitation_accept, name="invitation-accept"),
    path("search/", members.search, name="search"),
    path("brand/logo", settings.brand_logo, name="brand-logo"),
    path("brand/accent.css", settings.brand_css, name="brand-css"),
]
