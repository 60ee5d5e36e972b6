"""The tables and the people of Orders."""

from __future__ import annotations

import os
from base64 import b32decode

from linkmw.demo.products.people import Person, people_of

PERMISSIONS = {"Buyers": ("view_user",), "Approvers": ("view_user", "change_user"), "Warehouse": ("view_group",)}


def prepare() -> None:
    """Migrated, and every person of the list is there; those who are there already stay as they are."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "linkmw.demo.products.orders.settings")
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    from django.contrib.auth.models import User

    known = set(User.objects.values_list("username", flat=True))
    for person in people_of("orders"):
        if person.username not in known:
            _add(person)


def _add(person: Person) -> None:
    from django.contrib.auth.models import User
    from django_otp.plugins.otp_totp.models import TOTPDevice

    user = User.objects.create_user(person.username, person.email, person.password, is_staff=person.staff)
    user.first_name = person.name
    user.last_login = person.last_sign_in
    user.save()
    user.groups.set(_group(role) for role in person.roles)
    if person.totp_secret:
        TOTPDevice.objects.create(user=user, name="authenticator", key=b32decode(person.totp_secret).hex())


def _group(name: str) -> object:
    from django.contrib.auth.models import Group, Permission

    group, made = Group.objects.get_or_create(name=name)
    if made:
        group.permissions.set(Permission.objects.filter(codename__in=PERMISSIONS.get(name, ())))
    return group
