from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0010_cards_and_scans")]

    operations = [
        migrations.AddField(
            model_name="logincode",
            name="claimed_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="logincode",
            name="language",
            field=models.CharField(blank=True, max_length=7, default=""),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="logincode",
            name="digest",
            field=models.BinaryField(default=b"", editable=False, max_length=32),
        ),
    ]
