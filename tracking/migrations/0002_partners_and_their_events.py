import pgtrigger.compiler
import pgtrigger.migrations
import django.db.models.deletion
import django.db.models.functions.datetime
import tracking.models.log
import uuid
from django.conf import settings
from django.db import migrations, models


# Django cannot make partitioned tables: their primary keys hold the month's column, which the models do not show.
RECEIVED = """
CREATE TABLE tracking_receivedevent (
    id uuid NOT NULL,
    received_at timestamptz NOT NULL,
    transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
    system_id bigint NOT NULL,
    dialect varchar(20) NOT NULL,
    kind varchar(12) NOT NULL,
    name text NOT NULL,
    message_id text NOT NULL,
    user_id text NOT NULL,
    anonymous_id text NOT NULL,
    occurred_at timestamptz NOT NULL,
    properties jsonb NOT NULL,
    context jsonb NOT NULL,
    errors jsonb NOT NULL,
    structure_id bigint NULL,
    sdk text NOT NULL,
    correlation_id text NOT NULL,
    PRIMARY KEY (id, received_at)
) PARTITION BY RANGE (received_at);
CREATE TABLE tracking_receivedevent_rest PARTITION OF tracking_receivedevent DEFAULT;
CREATE INDEX received_in_order ON tracking_receivedevent (transaction_id);
"""

TRACKED = """
CREATE TABLE tracking_trackedevent (
    id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    partner_id bigint NOT NULL,
    system_id bigint NOT NULL,
    partner_name text NOT NULL,
    system_name text NOT NULL,
    kind varchar(12) NOT NULL,
    name text NOT NULL,
    message_id text NOT NULL,
    person text NOT NULL,
    user_id text NOT NULL,
    anonymous_id text NOT NULL,
    properties jsonb NOT NULL,
    is_valid boolean NOT NULL,
    errors jsonb NOT NULL,
    PRIMARY KEY (id, occurred_at)
) PARTITION BY RANGE (occurred_at);
CREATE TABLE tracking_trackedevent_rest PARTITION OF tracking_trackedevent DEFAULT;
CREATE INDEX tracked_of_system ON tracking_trackedevent (system_id, occurred_at);
CREATE INDEX tracked_of_person ON tracking_trackedevent (system_id, person, occurred_at);
CREATE INDEX tracked_of_name ON tracking_trackedevent (system_id, name, occurred_at) INCLUDE (person);
CREATE INDEX tracked_invalid ON tracking_trackedevent (system_id, occurred_at) WHERE NOT is_valid;
"""

# Bits of tracking_personactivity: 63 of them, none where the day or week lies outside.
BITS = """
CREATE FUNCTION tracking_bit(place integer) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN place BETWEEN 0 AND 62 THEN 1::bigint << place ELSE 0 END;
CREATE FUNCTION tracking_shifted(bits bigint, places integer) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN places BETWEEN 0 AND 62 THEN (bits << places) & 9223372036854775807 ELSE 0 END;
"""
NO_BITS = "DROP FUNCTION tracking_bit(integer), tracking_shifted(bigint, integer)"


class Migration(migrations.Migration):
    dependencies = [
        ("tracking", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(BITS, NO_BITS),
        migrations.CreateModel(
            name="HourCount",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "system_id", "hour", "name", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("system_id", models.BigIntegerField()),
                ("hour", models.DateTimeField()),
                ("name", models.TextField()),
                ("valid", models.BigIntegerField(default=0)),
                ("invalid", models.BigIntegerField(default=0)),
                ("duplicates", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="Partner",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("name", models.CharField(max_length=120, unique=True)),
                ("is_active", models.BooleanField(default=True)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
            ],
            options={
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="PersonActivity",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "system_id", "person", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("system_id", models.BigIntegerField()),
                ("person", models.TextField()),
                ("first_day", models.DateField()),
                ("days", models.BigIntegerField()),
                ("first_week", models.DateField()),
                ("weeks", models.BigIntegerField()),
            ],
            options={
                "verbose_name_plural": "person activities",
            },
        ),
        migrations.CreateModel(
            name="SeenMessage",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "system_id", "digest", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("system_id", models.BigIntegerField()),
                ("digest", models.UUIDField()),
                ("event_id", models.UUIDField()),
                ("seen_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="IdentityLink",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("partner_id", models.BigIntegerField()),
                ("anonymous_id", models.TextField()),
                ("user_id", models.TextField()),
                ("event_id", models.UUIDField()),
                ("linked_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("partner_id", "anonymous_id"), name="one_user_per_anonymous_id")
                ],
            },
        ),
        migrations.CreateModel(
            name="PartnerAccess",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "partner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="accesses", to="tracking.partner"
                    ),
                ),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="partner_access",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "partner accesses",
            },
        ),
        migrations.CreateModel(
            name="PartnerSystem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("name", models.CharField(max_length=120)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("WEBSITE", "Website"),
                            ("IOS", "iOS app"),
                            ("ANDROID", "Android app"),
                            ("BACKEND", "Backend"),
                            ("POINT_OF_SALE", "Point of sale"),
                        ],
                        default="BACKEND",
                        max_length=16,
                    ),
                ),
                ("is_active", models.BooleanField(default=True, help_text="An inactive system's events are refused.")),
                (
                    "events_per_second",
                    models.PositiveIntegerField(
                        default=0, help_text="More than this on average is answered 429; 0 means no limit."
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "partner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="systems", to="tracking.partner"
                    ),
                ),
            ],
            options={
                "ordering": ["partner__name", "name"],
            },
        ),
        migrations.CreateModel(
            name="EventStructure",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("event_name", models.CharField(max_length=200)),
                ("version", models.PositiveIntegerField()),
                (
                    "status",
                    models.CharField(
                        choices=[("DRAFT", "Draft"), ("PUBLISHED", "Published"), ("RETIRED", "Retired")],
                        default="DRAFT",
                        max_length=12,
                    ),
                ),
                ("schema", models.JSONField()),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("published_at", models.DateTimeField(blank=True, null=True)),
                ("retired_at", models.DateTimeField(blank=True, null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "system",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="structures",
                        to="tracking.partnersystem",
                    ),
                ),
            ],
            options={
                "ordering": ["system", "event_name", "-version"],
            },
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="ReceivedEvent",
                    fields=[
                        ("id", models.UUIDField(primary_key=True, serialize=False)),
                        ("received_at", models.DateTimeField()),
                        (
                            "transaction_id",
                            tracking.models.log.TransactionIdField(
                                db_default=tracking.models.log.CurrentTransactionId(), editable=False
                            ),
                        ),
                        ("system_id", models.BigIntegerField()),
                        ("dialect", models.CharField(max_length=20)),
                        ("kind", models.CharField(max_length=12)),
                        ("name", models.TextField()),
                        ("message_id", models.TextField()),
                        ("user_id", models.TextField(blank=True)),
                        ("anonymous_id", models.TextField(blank=True)),
                        ("occurred_at", models.DateTimeField(help_text="Corrected for the clock of the sender.")),
                        ("properties", models.JSONField(default=dict)),
                        ("context", models.JSONField(default=dict)),
                        ("errors", models.JSONField(default=list)),
                        (
                            "structure_id",
                            models.BigIntegerField(
                                help_text="The structure it was checked against, if there was one.", null=True
                            ),
                        ),
                        ("sdk", models.TextField(blank=True)),
                        ("correlation_id", models.TextField(blank=True)),
                    ],
                    options={
                        "indexes": [models.Index(fields=["transaction_id"], name="received_in_order")],
                    },
                ),
            ],
            database_operations=[migrations.RunSQL(RECEIVED, "DROP TABLE tracking_receivedevent")],
        ),
        migrations.CreateModel(
            name="SystemKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(choices=[("WRITE_KEY", "Write key"), ("PAIR", "Id and secret")], max_length=12),
                ),
                (
                    "prefix",
                    models.CharField(
                        help_text="The visible beginning of a write key, or the whole id of a pair.", max_length=40
                    ),
                ),
                ("digest", models.BinaryField(max_length=32, unique=True)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "expires_at",
                    models.DateTimeField(blank=True, help_text="When a rotated key stops working.", null=True),
                ),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                ("last_used_at", models.DateTimeField(blank=True, null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "system",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="keys", to="tracking.partnersystem"
                    ),
                ),
            ],
            options={
                "ordering": ["-pk"],
            },
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="TrackedEvent",
                    fields=[
                        ("id", models.UUIDField(primary_key=True, serialize=False)),
                        ("occurred_at", models.DateTimeField()),
                        ("received_at", models.DateTimeField()),
                        ("partner_id", models.BigIntegerField()),
                        ("system_id", models.BigIntegerField()),
                        ("partner_name", models.TextField()),
                        ("system_name", models.TextField()),
                        ("kind", models.CharField(max_length=12)),
                        ("name", models.TextField()),
                        ("message_id", models.TextField()),
                        ("person", models.TextField(blank=True)),
                        ("user_id", models.TextField(blank=True)),
                        ("anonymous_id", models.TextField(blank=True)),
                        ("properties", models.JSONField(default=dict)),
                        ("is_valid", models.BooleanField()),
                        ("errors", models.JSONField(default=list)),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["system_id", "occurred_at"], name="tracked_of_system"),
                            models.Index(fields=["system_id", "person", "occurred_at"], name="tracked_of_person"),
                            models.Index(
                                fields=["system_id", "name", "occurred_at"], include=("person",), name="tracked_of_name"
                            ),
                            models.Index(
                                condition=models.Q(("is_valid", False)),
                                fields=["system_id", "occurred_at"],
                                name="tracked_invalid",
                            ),
                        ],
                    },
                ),
            ],
            database_operations=[migrations.RunSQL(TRACKED, "DROP TABLE tracking_trackedevent")],
        ),
        migrations.CreateModel(
            name="UserMerge",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("user_id", models.TextField(verbose_name="the user who goes")),
                ("into_user_id", models.TextField(verbose_name="the user who stays")),
                ("merged_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("undone_at", models.DateTimeField(blank=True, null=True)),
                (
                    "merged_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "partner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="merges", to="tracking.partner"
                    ),
                ),
                (
                    "undone_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="partnersystem",
            constraint=models.UniqueConstraint(fields=("partner", "name"), name="one_system_of_a_name_per_partner"),
        ),
        migrations.AddConstraint(
            model_name="eventstructure",
            constraint=models.UniqueConstraint(
                fields=("system", "event_name", "version"), name="one_structure_per_version"
            ),
        ),
        migrations.AddConstraint(
            model_name="eventstructure",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "PUBLISHED")),
                fields=("system", "event_name"),
                name="one_published_structure_per_event",
            ),
        ),
        migrations.AddConstraint(
            model_name="eventstructure",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "DRAFT")),
                fields=("system", "event_name"),
                name="one_draft_structure_per_event",
            ),
        ),
        migrations.AddConstraint(
            model_name="usermerge",
            constraint=models.UniqueConstraint(
                condition=models.Q(("undone_at", None)), fields=("partner", "user_id"), name="a_user_is_merged_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="usermerge",
            constraint=models.CheckConstraint(
                condition=models.Q(("user_id", models.F("into_user_id")), _negated=True), name="merge_is_of_two"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="eventstructure",
            trigger=pgtrigger.compiler.Trigger(
                name="tell_the_ingest",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="PERFORM pg_notify('tracking_catalogue', ''); RETURN NULL;",
                    hash="c6f564295a7318309d4a55576fe7f42c0b1ae53a",
                    level="STATEMENT",
                    operation="INSERT OR UPDATE OR DELETE OR TRUNCATE",
                    pgid="pgtrigger_tell_the_ingest_58683",
                    table="tracking_eventstructure",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="partner",
            trigger=pgtrigger.compiler.Trigger(
                name="tell_the_ingest",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="PERFORM pg_notify('tracking_catalogue', ''); RETURN NULL;",
                    hash="c8c06512ba2dd5df7d05d0939694eb93354f1243",
                    level="STATEMENT",
                    operation="INSERT OR UPDATE OR DELETE OR TRUNCATE",
                    pgid="pgtrigger_tell_the_ingest_36354",
                    table="tracking_partner",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="partnersystem",
            trigger=pgtrigger.compiler.Trigger(
                name="tell_the_ingest",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="PERFORM pg_notify('tracking_catalogue', ''); RETURN NULL;",
                    hash="13898d53bc0aeb2c95b07d3d05b1aa412fe7f6ca",
                    level="STATEMENT",
                    operation="INSERT OR UPDATE OR DELETE OR TRUNCATE",
                    pgid="pgtrigger_tell_the_ingest_a27ba",
                    table="tracking_partnersystem",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="systemkey",
            trigger=pgtrigger.compiler.Trigger(
                name="tell_the_ingest",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="PERFORM pg_notify('tracking_catalogue', ''); RETURN NULL;",
                    hash="e05ba5ba51d8552961cdec61a1eeaa6e13011e07",
                    level="STATEMENT",
                    operation='INSERT OR UPDATE OF "expires_at", "revoked_at", "digest", "system_id" OR DELETE OR TRUNCATE',
                    pgid="pgtrigger_tell_the_ingest_48edf",
                    table="tracking_systemkey",
                    when="AFTER",
                ),
            ),
        ),
    ]
