from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('loyalty', '0018_forecasts'),
    ]

    operations = [
        migrations.AddField(
            model_name='memberstats',
            name='purchase_days',
            field=models.IntegerField(db_default=0, default=0, help_text="Days of the business's zone with an order: several of one day are one."),
        ),
    ]
