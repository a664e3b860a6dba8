from django.urls import path, register_converter

from campaigns.dashboard.views import (
    arms,
    attribution,
    audience,
    beside,
    campaigns,
    earned,
    experiments,
    forecasts,
    look,
    permits,
    pictures,
    plans,
    playbooks,
    sends,
    suppressions,
    templates,
    versions,
    workspace,
)

app_name = "campaigns"


class Verb:
    regex = "start|pause|resume|cancel"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class TemplateVerb(Verb):
    regex = "rename|default|plain|copy|discard|archive|back"


register_converter(Verb, "verb")
register_converter(TemplateVerb, "template_verb")

urlpatterns = [
    path("campaigns/", campaigns.campaign_list, name="campaigns"),
    path("campaigns/new/", campaigns.campaign_new, name="campaign-new"),
    path("campaigns/of/<uuid:public_id>/", sends.sends_of_member, name="sends-of"),
    path("campaigns/specimens/", beside.specimen_list, name="specimens"),
    path("campaigns/templates/", templates.template_list, name="templates"),
    path("campaigns/templates/new/", templates.template_new, name="template-new"),
    path("campaigns/templates/blocks/<int:pk>/forget/", versions.block_forget, name="block-forget"),
    path("campaigns/templates/<uuid:public_id>/", templates.template_page, name="template"),
    path("campaigns/templates/<uuid:public_id>/write/", templates.template_write, name="template-write"),
    path("campaigns/templates/<uuid:public_id>/preview/", beside.template_preview, name="template-preview"),
    path("campaigns/templates/<uuid:public_id>/checks/", beside.template_checks, name="template-checks"),
    path("campaigns/templates/<uuid:public_id>/links/", beside.template_links, name="template-links"),
    path("campaigns/templates/<uuid:public_id>/test/", beside.template_test, name="template-test"),
    path("campaigns/templates/<uuid:public_id>/versions/", versions.version_list, name="template-versions"),
    path("campaigns/templates/<uuid:public_id>/versions/save/", versions.version_save, name="version-save"),
    path("campaigns/templates/<uuid:public_id>/versions/<int:number>/", versions.version_page, name="version"),
    path(
        "campaigns/templates/<uuid:public_id>/versions/<int:number>/restore/",
        versions.version_restore,
        name="version-restore",
    ),
    path("campaigns/templates/<uuid:public_id>/<template_verb:verb>/", versions.template_do, name="template-do"),
    path("campaigns/playbooks/", playbooks.playbook_list, name="playbooks"),
    path("campaigns/playbooks/new/", playbooks.playbook_edit, name="playbook-new"),
    path("campaigns/playbooks/<int:pk>/", playbooks.playbook_edit, name="playbook"),
    path("campaigns/offers/new/", playbooks.offer_edit, name="offer-new"),
    path("campaigns/offers/<int:pk>/", playbooks.offer_edit, name="offer"),
    path("campaigns/pictures/", pictures.picture_list, name="pictures"),
    path("campaigns/pictures/choose/", pictures.picture_choose, name="media-choose"),
    path("campaigns/pictures/<uuid:public_id>/", pictures.picture_page, name="picture"),
    path("campaigns/pictures/<uuid:public_id>/archive/", pictures.picture_archive, name="picture-archive"),
    path("campaigns/arms/", arms.report_list, name="arms"),
    path("campaigns/arms/<uuid:public_id>/", arms.report_page, name="arms-report"),
    path("campaigns/plans/<uuid:plan_id>/approve/", plans.plan_approve, name="plan-approve"),
    path("campaigns/plans/<uuid:plan_id>/withdraw/", plans.plan_withdraw, name="plan-withdraw"),
    path("campaigns/plans/<uuid:plan_id>/cancel/", plans.plan_cancel, name="plan-cancel"),
    path("campaigns/plans/<uuid:plan_id>/evidence/", plans.plan_evidence, name="plan-evidence"),
    path("campaigns/plans/<uuid:plan_id>/audience/", audience.plan_audience, name="plan-audience"),
    path("campaigns/plans/<uuid:plan_id>/price/", forecasts.plan_price, name="plan-price"),
    path("campaigns/plans/<uuid:plan_id>/undo/", workspace.plan_undo, name="plan-undo"),
    path("campaigns/plans/<uuid:plan_id>/redo/", workspace.plan_redo, name="plan-redo"),
    path("campaigns/steps/<uuid:step_id>/move/", workspace.step_move, name="step-move"),
    path("campaigns/steps/<uuid:step_id>/texts/", workspace.step_texts, name="step-texts"),
    path("campaigns/steps/<uuid:step_id>/comments/", workspace.step_comments, name="step-comments"),
    path("campaigns/steps/<uuid:step_id>/why/", workspace.step_why, name="step-why"),
    path("campaigns/texts/<uuid:text_id>/use/", workspace.text_use, name="text-use"),
    path("campaigns/calls/<uuid:call_id>/cancel/", workspace.call_cancel, name="call-cancel"),
    path("campaigns/comments/<int:pk>/settle/", workspace.comment_settle, name="comment-settle"),
    path("campaigns/steps/<uuid:step_id>/hours/", forecasts.step_hours, name="step-hours"),
    path("campaigns/steps/<uuid:step_id>/price/", forecasts.step_price, name="step-price"),
    path("campaigns/steps/<uuid:step_id>/", plans.step_page, name="step"),
    path("campaigns/steps/<uuid:step_id>/preview/", plans.step_preview, name="step-preview"),
    path("campaigns/steps/<uuid:step_id>/test/", plans.step_test, name="step-test"),
    path("campaigns/steps/<uuid:step_id>/send/", plans.step_send, name="step-send"),
    path("campaigns/steps/<uuid:step_id>/variants/", experiments.variants, name="step-variants"),
    path("campaigns/steps/<uuid:step_id>/variants/write/", experiments.variants_write, name="step-variants-write"),
    path("campaigns/steps/<uuid:step_id>/variants/drop/", experiments.variants_drop, name="step-variants-drop"),
    path(
        "campaigns/steps/<uuid:step_id>/variants/<str:letter>/choose/",
        experiments.variant_choose,
        name="step-variant-choose",
    ),
    path("campaigns/steps/<uuid:step_id>/remove/", plans.step_remove, name="step-remove"),
    path("campaigns/<uuid:public_id>/", campaigns.campaign_page, name="campaign"),
    path("campaigns/<uuid:public_id>/repeat/end/", campaigns.repeat_end, name="repeat-end"),
    path("campaigns/<uuid:public_id>/edit/", campaigns.campaign_edit, name="campaign-edit"),
    path("campaigns/<uuid:public_id>/plan/", plans.plan_request, name="plan-request"),
    path("campaigns/<uuid:public_id>/earned/", earned.campaign_earned, name="earned"),
    path("campaigns/<uuid:public_id>/orders/", campaigns.campaign_orders, name="orders"),
    path("campaigns/<uuid:public_id>/sends/", sends.campaign_sends, name="sends"),
    path("campaigns/<uuid:public_id>/sends/<uuid:send_id>/", sends.send_page, name="send"),
    path("campaigns/<uuid:public_id>/sends/<uuid:send_id>/settle/", sends.send_settle, name="send-settle"),
    path("campaigns/<uuid:public_id>/notices/<int:pk>/read/", campaigns.notice_read, name="notice-read"),
    path("campaigns/<uuid:public_id>/<verb:verb>/", campaigns.campaign_move, name="move"),
    path("settings/campaigns/", playbooks.policy_page, name="policy"),
    path("settings/campaigns/voice/", look.voice_page, name="voice"),
    path("settings/campaigns/attribution/", attribution.attribution_page, name="attribution"),
    path("settings/campaigns/look/", look.look_page, name="look"),
    path("settings/campaigns/look/preview/", look.look_preview, name="look-preview"),
    path("settings/campaigns/rules/", permits.rules, name="permit-rules"),
    path("settings/campaigns/rules/new/", permits.message_policy, name="message-policy-new"),
    path("settings/campaigns/rules/<int:pk>/", permits.message_policy, name="message-policy"),
    path("settings/campaigns/rules/<int:pk>/switch/", permits.message_policy_switch, name="message-policy-switch"),
    path("settings/campaigns/hours/new/", permits.hours, name="quiet-hours-new"),
    path("settings/campaigns/hours/<int:pk>/", permits.hours, name="quiet-hours"),
    path("settings/campaigns/hours/<int:pk>/switch/", permits.hours_switch, name="quiet-hours-switch"),
    path("settings/campaigns/caps/", permits.caps, name="permit-caps"),
    path("settings/campaigns/caps/new/", permits.cap, name="cap-new"),
    path("settings/campaigns/caps/<int:pk>/", permits.cap, name="cap"),
    path("settings/campaigns/caps/<int:pk>/remove/", permits.cap_remove, name="cap-remove"),
    path("settings/campaigns/speed/", permits.speed, name="permit-speed"),
    path("settings/campaigns/speed/<str:provider>/", permits.rate, name="rate"),
    path("settings/campaigns/speed/<str:provider>/again/", permits.pause_end, name="pause-end"),
    path("settings/campaigns/left-alone/", suppressions.suppression_list, name="left-alone"),
    path("settings/campaigns/left-alone/add/", suppressions.suppression_add, name="left-alone-add"),
    path("settings/campaigns/left-alone/<int:pk>/lift/", suppressions.suppression_lift, name="left-alone-lift"),
    path("stream/campaigns/<uuid:public_id>/", campaigns.campaign_stream, name="stream"),
    path("stream/plans/<uuid:plan_id>/", plans.plan_stream, name="plan-stream"),
]
