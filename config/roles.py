"""Who may do what: four roles, written as groups after every migration."""

from typing import Any

from django.apps import apps as installed
from django.contrib.auth.models import Group, Permission
from django.db.models import Q, QuerySet

from loyalty.queries.people import ROLES

OURS = ("tracking", "integrations", "loyalty", "campaigns", "analytics")
ADMIN, MANAGER, MARKETER, VIEWER = ROLES

# What a role may do beyond seeing everything.
MARKETER_MAY = (
    "loyalty.view_pii loyalty.import_purchases loyalty.add_segment loyalty.change_segment loyalty.delete_segment "
    "campaigns.add_campaign campaigns.change_campaign campaigns.approve_plan campaigns.run_campaign "
    "campaigns.add_playbook campaigns.change_playbook campaigns.add_offer campaigns.change_offer "
    "campaigns.add_armsreport campaigns.delete_armsreport "
    "campaigns.add_mediafile campaigns.change_mediafile campaigns.add_template campaigns.change_template "
    "tracking.add_savedfunnel tracking.change_savedfunnel "
    "loyalty.add_forecastrun loyalty.change_forecastversion "
    "loyalty.add_reward loyalty.change_reward loyalty.add_codebatch loyalty.change_codebatch"
).split()
MANAGER_MAY = (
    "loyalty.add_member loyalty.change_member loyalty.add_membermerge loyalty.add_store "
    "loyalty.change_store loyalty.change_product "
    "loyalty.add_consent loyalty.change_consent loyalty.add_earnrule loyalty.change_earnrule "
    "loyalty.add_tier loyalty.change_tier loyalty.change_programme loyalty.add_ledgercheck "
    "loyalty.add_order loyalty.add_pointsentry "
    "loyalty.change_business loyalty.add_tillkey loyalty.change_tillkey campaigns.change_campaignpolicy "
    "campaigns.change_attribution campaigns.change_brandkit campaigns.change_brandvoice "
    "campaigns.add_messagepolicy campaigns.change_messagepolicy campaigns.add_quiethours campaigns.change_quiethours "
    "campaigns.add_frequencycap campaigns.change_frequencycap campaigns.delete_frequencycap "
    "campaigns.add_sendingrate campaigns.change_sendingrate campaigns.add_suppression campaigns.change_suppression "
    "loyalty.change_redemption loyalty.change_referral loyalty.add_rewardpolicy loyalty.change_rewardpolicy "
    "loyalty.view_audit tracking.change_projection "
    "tracking.change_dispatch tracking.add_partner tracking.change_partner tracking.add_partnersystem "
    "tracking.change_partnersystem tracking.add_systemkey tracking.change_systemkey tracking.add_eventstructure "
    "tracking.change_eventstructure tracking.delete_eventstructure tracking.add_partneraccess "
    "tracking.change_partneraccess tracking.add_usermerge tracking.change_usermerge tracking.add_replay "
    "tracking.change_replay integrations.change_inboundcall "
    "integrations.add_destination integrations.change_destination integrations.delete_destination"
).split()


def write_groups(**_: Any) -> None:
    """Make each role hold exactly what this file says. Runs after `migrate`, when all permissions exist."""
    if not installed.is_installed("loyalty"):
        return
    for role in ROLES:
        group, _created = Group.objects.get_or_create(name=role)
        group.permissions.set(_permissions_of(role))


def _permissions_of(role: str) -> QuerySet[Permission]:
    everything = Permission.objects.filter(content_type__app_label__in=OURS)
    if role == ADMIN:
        return Permission.objects.all()
    named = list(MARKETER_MAY if role != VIEWER else []) + list(MANAGER_MAY if role == MANAGER else [])
    wanted = Q(codename__startswith="view_") & ~Q(
        codename__in=["view_pii", "view_audit", "view_user", "view_invitation", "view_partneraccess", "view_apitoken"]
    )
    for name in named:
        app, codename = name.split(".")
        wanted |= Q(content_type__app_label=app, codename=codename)
    return everything.filter(wanted)
