from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class ConfigConfig(AppConfig):
    name = "config"
    verbose_name = "Wiring"

    def ready(self) -> None:
        from config import celery, roles, shipped  # noqa: F401  # the app that tasks are sent through

        # Sent once per app with models; the last of ours comes when every permission exists.
        last = apps.get_app_config("campaigns")
        post_migrate.connect(roles.write_groups, sender=last)
        post_migrate.connect(shipped.write_defaults, sender=last)
