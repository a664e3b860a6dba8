"""One settings file for every stage, driven by config.environment. A laptop needs no variable at all."""

from pathlib import Path
from typing import Any

import dj_database_url
import sentry_sdk
from csp.constants import NONE, SELF, UNSAFE_INLINE
from django.urls import reverse_lazy
from django.utils.functional import SimpleLazyObject

from config import environment, frontend, locales, logs, mail, media, secret, vapid
from config.environment import Stage

ENV = environment.read()
BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = ENV.secret_key or secret.kept_in(ENV.var)
SECRET_KEY_FALLBACKS = ENV.secret_key_fallbacks
DEBUG = ENV.environment is Stage.DEVELOPMENT
ALLOWED_HOSTS = ENV.hosts
PUBLIC_URL = ENV.public_url
DEMO_SHOP = ENV.demo_shop and not ENV.is_production

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin.apps.SimpleAdminConfig",  # config.urls finds what is in it: a worker has no use for that
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "config.frontend.StaticFiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "django.forms",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "template_partials.apps.SimpleAppConfig",
    "django_celery_beat",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "auditlog",
    "pgtrigger",
    "csp",
    "tracking",
    "integrations",
    "loyalty",
    "campaigns",
    "analytics",
    "config",
]

MIDDLEWARE = [
    "config.shared.streaming.Streams",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "config.shared.admin.AdminPolicy",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "auditlog.middleware.AuditlogMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "config.shared.refusals.NoNul",
    "config.shared.refusals.ShowRefusals",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

_LOADERS: list[Any] = ["django.template.loaders.filesystem.Loader", "django.template.loaders.app_directories.Loader"]
if not DEBUG:
    _LOADERS = [("django.template.loaders.cached.Loader", _LOADERS)]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [("template_partials.loader.Loader", _LOADERS)],
            "builtins": ["template_partials.templatetags.partials", "config.shared.tags"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.context.shell",
            ],
        },
    }
]
FORM_RENDERER = "config.shared.forms.Renderer"

# --- Data ---------------------------------------------------------------------------------------------------------

DATABASES = {"default": dj_database_url.parse(ENV.postgres)}
DATABASES["default"]["ENGINE"] = "django.db.backends.postgresql"
DATABASES["default"]["OPTIONS"] = {"connect_timeout": 5}
# After PostgreSQL was restarted no visitor meets a connection that died with it: one that waits in the pool is tried
# first, and replaced.
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
if ENV.environment is not Stage.TEST:
    # A bad address must be told in seconds; the pool's own default hides the cause for half a minute.
    DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 1, "max_size": 12, "timeout": 5}

REDIS_URL = ENV.redis
CACHES = {"default": {"BACKEND": "config.shared.caches.ForgivingRedisCache", "LOCATION": ENV.redis}}
SESSION_ENGINE = "django.contrib.sessions.backends.db"  # A copy in Redis could outlive a sign-out.
UPLOADS = ENV.var / "uploads"
MEDIA_ROOT = UPLOADS
MEDIA_URL = ""

INGEST_FOLDER = ENV.var / "ingest"
INGEST_SPOOL_BYTES = ENV.ingest_spool_mb * 2**20
TRACKING_RETENTION_MONTHS = ENV.tracking_retention_months

# --- People -------------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "loyalty.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "config.accounts.EndsApiTokens"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = reverse_lazy("analytics:home")
LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "config.accounts.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,5/5m/key", "reset_password": "20/m/ip,5/m/key"}
ACCOUNT_SESSION_REMEMBER = True
ALLAUTH_TRUSTED_PROXY_COUNT = ENV.trusted_proxies
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Regulars"
AUDITLOG_INCLUDE_TRACKING_MODELS = (
    {"model": "loyalty.User", "exclude_fields": ["password", "last_login"], "m2m_fields": ["groups"]},
    {"model": "loyalty.Invitation", "exclude_fields": ["token_hash"]},
    {"model": "loyalty.Business", "exclude_fields": ["logo"]},
    {"model": "loyalty.ApiToken", "exclude_fields": ["digest", "last_used_at"]},
    {"model": "loyalty.TillKey", "exclude_fields": ["digest", "last_used_at"]},
    "loyalty.Member",
    "loyalty.Consent",
    "loyalty.Store",
    "loyalty.Product",
    "loyalty.EarnRule",
    "loyalty.Reward",
    "loyalty.RewardPolicy",
    "loyalty.CodeBatch",
    "loyalty.Programme",
    "loyalty.ReferralMilestone",
    "loyalty.Tier",
    {"model": "loyalty.OwnEvents", "exclude_fields": ["begins_anew"]},
    "loyalty.PointsEntry",
    {"model": "loyalty.Segment", "exclude_fields": ["member_count", "counted_at"]},
    {"model": "loyalty.PurchaseImport", "include_fields": ["status", "mapping", "time_zone", "file_name"]},
    {"model": "campaigns.Campaign", "m2m_fields": ["segments"]},
    {"model": "campaigns.Playbook", "m2m_fields": ["offers"]},
    "campaigns.Offer",
    {"model": "campaigns.ArmsReport", "exclude_fields": ["table"]},
    "campaigns.CampaignPolicy",
    "campaigns.BrandKit",
    {"model": "campaigns.Template", "include_fields": ["name", "is_default", "archived_at"]},
    {"model": "campaigns.MediaFile", "include_fields": ["name", "alt", "archived_at"]},
    "campaigns.SavedBlock",
    "campaigns.MessagePolicy",
    "campaigns.QuietHours",
    "campaigns.FrequencyCap",
    "tracking.Partner",
    "tracking.PartnerAccess",
    "tracking.PartnerSystem",
    {"model": "tracking.SystemKey", "exclude_fields": ["digest", "last_used_at"]},
    {"model": "tracking.EventStructure", "exclude_fields": ["schema"]},
    "tracking.UserMerge",
    {"model": "tracking.CountedProperty", "include_fields": ["system", "event_name", "path", "status"]},
    "tracking.SavedFunnel",
    {
        "model": "integrations.Destination",
        "include_fields": ["name", "kind", "events", "tells_people", "is_enabled", "disabled_because"],
    },
    {"model": "tracking.Replay", "include_fields": ["system", "event_name", "error_type", "status"]},
)

# --- Work in the background ---------------------------------------------------------------------------------------

CELERY_BROKER_URL = ENV.broker
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 300
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 20
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # Twice the longest task: a message must not be given out again while its worker is busy. What a killed worker
    # leaves behind is taken up by the sweeps, long before.
    "visibility_timeout": 7_200,
    "unacked_restore_interval": 5,
    "socket_timeout": 30,
    "socket_connect_timeout": 5,
}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TIMEZONE = "UTC"
DJANGO_CELERY_BEAT_TZ_AWARE = True

# --- The outside world: one adapter a line ------------------------------------------------------------------------

_EMAIL_URL = ENV.email_url or f"smtp://127.0.0.1:{ENV.mailbox}"
CHANNELS = {"email": mail.channel_of(_EMAIL_URL)}
if ENV.sms_url:
    CHANNELS["sms"] = {
        "twilio": "integrations.channels.twilio.TwilioChannel",
        "https": "integrations.channels.http_sms.HttpSmsChannel",
        "http": "integrations.channels.http_sms.HttpSmsChannel",
    }[ENV.sms_url.partition(":")[0]]
elif ENV.uses_mailbox:
    CHANNELS["sms"] = "integrations.channels.mailbox_phone.MailboxSms"
if ENV.uses_mailbox and not ENV.vapid_private_key:
    CHANNELS["push"] = "integrations.channels.mailbox_phone.MailboxPush"
else:
    CHANNELS["push"] = "integrations.channels.webpush.WebPushChannel"
if ENV.environment is Stage.TEST:
    CHANNELS = {"email": CHANNELS["email"]}  # A test says which others there are.
SMS_URL = ENV.sms_url or ""
TWILIO_API_URL = ENV.twilio_api_url.rstrip("/")
OUTGOING_TIMEOUT = 15
ALLOW_PRIVATE_ADDRESSES = ENV.allow_private_addresses

# Who may call under /hooks/, and the business in whose name people are answered.
ALERT_URLS = ENV.alert_urls
INBOUND_SECRETS = ENV.inbound_secrets
INBOUND_RETENTION_DAYS = ENV.inbound_retention_days
HISTORY_RETENTION_MONTHS = ENV.history_retention_months
SHOP_BRAND = "loyalty.queries.brand.brand"

# Who is told what happens here, and who says whom an event is about, where a destination is to know.
OUTBOUND_RETENTION_DAYS = ENV.outbound_retention_days
OUTBOUND_PEOPLE = "loyalty.queries.told_people.told_people"
CUSTOMERIO_URLS = {"us": "https://track.customer.io", "eu": "https://track-eu.customer.io"}

# Where members may keep their card.
APPLE_PASS = ENV.apple_identity
WALLETS = {"apple": "integrations.wallets.apple.AppleWallet"} if APPLE_PASS else {}
APNS_URL = ENV.apns_url.rstrip("/")
APNS_CA_FILE = str(ENV.apns_ca_file or "")

LANGUAGE_MODEL = "integrations.llm.openai.OpenAIModel" if ENV.openai_api_key else "integrations.llm.rules.RulesModel"
OPENAI = {"api_key": ENV.openai_api_key, "base_url": ENV.openai_base_url, "model": ENV.openai_model}
# US dollars for a million tokens, told and answered.
OPENAI_PRICES = (ENV.openai_price_in, ENV.openai_price_out)
# Who makes pictures from briefs; empty: nobody.
# The key of one server is told to no other.
_IS_ONE_SERVER = ENV.openai_image_base_url in (None, ENV.openai_base_url)
_IMAGE_KEY = ENV.openai_image_api_key or (ENV.openai_api_key if _IS_ONE_SERVER else None)
IMAGE_MODEL = "integrations.llm.openai_pictures.OpenAIPictures" if ENV.openai_image_model and _IMAGE_KEY else ""
OPENAI_IMAGES = {
    "api_key": _IMAGE_KEY,
    "base_url": ENV.openai_image_base_url or ENV.openai_base_url,
    "model": ENV.openai_image_model,
}
OPENAI_IMAGE_PRICE = ENV.openai_image_price  # US dollars for one picture

# Made when it is first asked for, and not while an image is built, which many shops may share.
VAPID_PRIVATE_KEY = SimpleLazyObject(
    lambda: ENV.vapid_private_key or secret.kept_in(ENV.var, "vapid-key", vapid.new_key)
)
VAPID_PUBLIC_KEY = SimpleLazyObject(lambda: vapid.public_key(str(VAPID_PRIVATE_KEY)))

USES_MAILBOX = ENV.uses_mailbox
MAILBOX_PORT = ENV.mailbox
EMAIL_TIMEOUT = mail.ANSWER_SECONDS
EMAIL_DKIM_SELECTORS = ENV.email_dkim_selectors
DEFAULT_FROM_EMAIL = SERVER_EMAIL = ENV.email_from
EMAIL_PROVIDER = mail.provider_of(_EMAIL_URL)
EMAIL_CONNECTIONS = mail.CONNECTIONS  # Of one worker to an SMTP server, unless EMAIL_URL says another number.
globals().update(mail.settings_of(_EMAIL_URL))
NAME_SERVERS: list[tuple[str, int]] = []  # Asked about the sending domain; none: those of this machine.

REST_FRAMEWORK = {
    # A bearer is a person's token by its beginning, else a system's key: so tokens are looked at first.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "loyalty.api.tokens.ApiTokenAuthentication",
        "tracking.api.authentication.SystemKeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    # For those who work here, unless a view says otherwise: neither a partner's people nor systems.
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    "DEFAULT_THROTTLE_CLASSES": ["config.limits.Strangers", "config.limits.Callers", "config.limits.CostlyCallers"],
    "DEFAULT_THROTTLE_RATES": {
        "caller": ENV.api_calls_per_minute,
        "costly": ENV.api_costly_calls_per_minute,
        "stranger": ENV.api_stranger_calls_per_minute,
    },
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "config.api.problem",
}
if ENV.environment is Stage.TEST:
    # Tests ask faster than any script; those about limits set their own.
    REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] = {}
SPECTACULAR_SETTINGS = {
    "TITLE": "Regulars",
    "DESCRIPTION": "Events in, and answers out.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    # What follows names the part of the API; without it, one address elsewhere would change the name of all.
    "SCHEMA_PATH_PREFIX": "/api/",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.api.describe_problems",
        "loyalty.api.schema.describe_writes",
        "tracking.api.schema.add_ingest",
    ],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "SystemKind": "tracking.models.PartnerSystem.Kind",
        "SendingKind": "tracking.models.partners.SENDING_KINDS",
        "KeyKind": "tracking.models.SystemKey.Kind",
        "StructureStatus": "tracking.models.EventStructure.Status",
        "ConsentChannel": "loyalty.models.Consent.Channel",
        "CodeChannel": "loyalty.actions.login_codes.CHANNELS",
        "RedemptionStatus": "loyalty.models.Redemption.Status",
        "ReferralStatus": "loyalty.models.Referral.Status",
        "RewardKind": "loyalty.models.Reward.Kind",
    },
}

# --- Pages --------------------------------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static", *frontend.FOLDERS]
_STATIC = "whitenoise.storage.CompressedManifestStaticFilesStorage"
if not ENV.is_production:
    _STATIC = "django.contrib.staticfiles.storage.StaticFilesStorage"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": _STATIC},
    "media": media.storage(ENV.media_storage_url, UPLOADS / "media"),
}
WHITENOISE_USE_FINDERS = not ENV.is_production
WHITENOISE_AUTOREFRESH = DEBUG

LANGUAGE_CODE = "en-us"
LANGUAGES = locales.languages()
LOCALE_PATHS = [locales.compiled_into(ENV.var / "locale")]
TIME_ZONE = ENV.time_zone
USE_TZ = True
USE_I18N = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 2**20
FILE_UPLOAD_MAX_MEMORY_SIZE = 2**20

# --- Safety -------------------------------------------------------------------------------------------------------

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src-elem": [SELF],
        # ECharts positions its tooltips through style attributes.
        "style-src-attr": [UNSAFE_INLINE],
        "img-src": [SELF, "data:", *media.origins(ENV.media_storage_url)],
        "font-src": [SELF, "data:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [SELF],
    }
}
PERMISSIONS_POLICY: dict[str, list[str]] = {"camera": [], "geolocation": [], "microphone": [], "payment": [], "usb": []}
X_FRAME_OPTIONS = "SAMEORIGIN"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_TRUSTED_ORIGINS = [ENV.public_url]
if ENV.trusted_proxies:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
if ENV.public_url.startswith("https://"):
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_SSL_REDIRECT = True
    # Subdomains and browsers' preload lists are the owner's to decide; mail previews are frames of our own pages.
    SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W019", "security.W021"]
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]

METRICS_TOKEN = ENV.metrics_token

# --- Watching -----------------------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"mask": {"()": "config.logs.MaskPersonalData"}},
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["mask"]}},
    "root": {"handlers": ["console"], "level": ENV.log_level},
    "loggers": {
        "django.server": {"level": "WARNING"},
        "httpx2": {"level": "WARNING"},
        "twilio": {"level": "WARNING"},
        "celery": {"level": "WARNING"},
        "mail.log": {"level": "ERROR"},
    },
}
if ENV.sentry_dsn:
    sentry_sdk.init(
        dsn=ENV.sentry_dsn,
        environment=ENV.environment,
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        before_send=logs.mask_report,
    )

# --- The admin's look ---------------------------------------------------------------------------------------------

# The brand's accent, in the tones that are readable on a page, from light to dark.
_ON_LIGHT, _ON_DARK = "var(--regulars-accent-strong-light)", "var(--regulars-accent-strong-dark)"
_SHADES = {
    **{str(shade): f"color-mix(in oklab, {_ON_LIGHT} {shade // 8}%, white)" for shade in (50, 100, 200, 300)},
    **dict.fromkeys(("400", "500"), _ON_DARK),
    "600": _ON_LIGHT,
    **{str(shade): f"color-mix(in oklab, {_ON_LIGHT} {150 - shade // 10}%, black)" for shade in (700, 800, 900, 950)},
}
UNFOLD = {
    "SITE_TITLE": "config.context.business_name",
    "SITE_HEADER": "config.context.business_name",
    "SITE_SYMBOL": "loyalty",
    "SITE_URL": reverse_lazy("analytics:home"),
    "SITE_DROPDOWN": [{"title": "Back to the shop", "icon": "storefront", "link": reverse_lazy("analytics:home")}],
    "ACCOUNT": {"navigation": [{"title": "Your account", "link": reverse_lazy("account_change_password")}]},
    "STYLES": ["config.context.accent_stylesheet"],
    "COLORS": {"primary": _SHADES},
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
}
