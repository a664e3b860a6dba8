from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models.functions import Lower


class Migration(migrations.Migration):
    # Beside tills that go on writing.
    atomic = False

    dependencies = [("loyalty", "0020_purchase_days_so_far")]

    operations = [
        AddIndexConcurrently(model_name="member", index=models.Index(Lower("name"), name="member_by_lower_name")),
    ]
