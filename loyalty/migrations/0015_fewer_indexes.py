"""Indexes that others stand in for are gone, and none is written for what is null.

Room is left in the pages of accounts and lots: a balance that changes stays where it is, and no index hears of it.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('loyalty', '0014_rules_in_use'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='pointslot',
            name='lots_to_expire',
        ),
        migrations.RemoveIndex(
            model_name='pointslot',
            name='lots_to_release',
        ),
        migrations.AlterField(
            model_name='lotuse',
            name='redemption',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='lot_uses', to='loyalty.redemption'),
        ),
        migrations.AlterField(
            model_name='pointsentry',
            name='member',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='points_entries', to='loyalty.member'),
        ),
        migrations.AlterField(
            model_name='pointsentry',
            name='order',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='points_entries', to='loyalty.order'),
        ),
        migrations.AlterField(
            model_name='pointsentry',
            name='rule',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='loyalty.earnrule'),
        ),
        migrations.AlterField(
            model_name='pointslot',
            name='order',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='points_lots', to='loyalty.order'),
        ),
        migrations.AlterField(
            model_name='redemption',
            name='by',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AlterField(
            model_name='redemption',
            name='order',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='redemptions', to='loyalty.order'),
        ),
        migrations.AlterField(
            model_name='redemption',
            name='store',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='redemptions', to='loyalty.store'),
        ),
        migrations.AddIndex(
            model_name='pointsentry',
            index=models.Index(condition=models.Q(('order__isnull', False)), fields=['order'], name='points_of_order'),
        ),
        migrations.AddIndex(
            model_name='pointsentry',
            index=models.Index(condition=models.Q(('rule__isnull', False)), fields=['rule'], name='points_by_rule'),
        ),
        migrations.AddIndex(
            model_name='pointslot',
            index=models.Index(condition=models.Q(('order__isnull', False)), fields=['order'], name='lots_of_order'),
        ),
        migrations.AddIndex(
            model_name='pointslot',
            index=models.Index(condition=models.Q(('expires_at__isnull', False), ('is_open', True)), fields=['expires_at'], name='lots_to_expire'),
        ),
        migrations.AddIndex(
            model_name='pointslot',
            index=models.Index(condition=models.Q(('is_waiting', True), ('pending_until__isnull', False)), fields=['pending_until'], name='lots_to_release'),
        ),
        migrations.AddIndex(
            model_name='redemption',
            index=models.Index(condition=models.Q(('store__isnull', False)), fields=['store'], name='redemptions_at_store'),
        ),
        migrations.AddIndex(
            model_name='redemption',
            index=models.Index(condition=models.Q(('order__isnull', False)), fields=['order'], name='redemptions_of_order'),
        ),
        migrations.RunSQL(
            "ALTER TABLE loyalty_pointsaccount SET (fillfactor = 70); ALTER TABLE loyalty_pointslot SET (fillfactor = 90)",
            "ALTER TABLE loyalty_pointsaccount RESET (fillfactor); ALTER TABLE loyalty_pointslot RESET (fillfactor)",
        ),
    ]
