"""The groups that rights hang on; their names are those of `dashboard/api/permissions.py`."""

from __future__ import annotations

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

GROUPS = ("Operators", "Writers")


def create(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Make the groups that are missing; one made by hand before stays as it is."""
    group = apps.get_model("auth", "Group")
    for name in GROUPS:
        group.objects.using(editor.connection.alias).get_or_create(name=name)


def remove(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Remove the groups; who was in them keeps the account."""
    apps.get_model("auth", "Group").objects.using(editor.connection.alias).filter(name__in=GROUPS).delete()


class Migration(migrations.Migration):
    """Brings the groups Operators and Writers."""

    dependencies = [("auth", "0012_alter_user_first_name_max_length")]
    operations = [migrations.RunPython(create, remove)]
