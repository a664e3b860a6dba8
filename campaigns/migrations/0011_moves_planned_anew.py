import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0010_bounces_apart"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="send",
            name="moves_are_kept",
        ),
        migrations.AlterField(
            model_name="sendmove",
            name="send",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="moves",
                to="campaigns.send",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="send",
            trigger=pgtrigger.compiler.Trigger(
                name="moves_are_kept",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n        EXECUTE $sql$\n            INSERT INTO campaigns_sendmove (send_id, status, due_at, note, at)\n            SELECT after.id, after.status, after.due_at, after.failure, clock_timestamp()\n            FROM after JOIN before USING (id)\n            WHERE after.status <> before.status OR (after.status = 'PENDING' AND after.due_at <> before.due_at)\n        $sql$;\n        RETURN NULL;\n    ",
                    hash="a96aa49021ea226442d2d8beaf4be5cb1171224a",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_moves_are_kept_973f4",
                    referencing="REFERENCING OLD TABLE AS before  NEW TABLE AS after ",
                    table="campaigns_send",
                    when="AFTER",
                ),
            ),
        ),
    ]
