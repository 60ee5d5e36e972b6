"""Which users of a Django project may be linked by their address, and whose password is the project's own."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import override_settings
from tests.adapters.test_django_accounts import use

from linkmw.settings import Settings

pytestmark = pytest.mark.usefixtures("orders_database")
EMAIL = "grace@acme.example"
WAS_HERE = datetime(2026, 11, 20, 12, tzinfo=UTC)


def verified(user):
    return user.email == EMAIL


@pytest.fixture
def product():
    from linkmw_django.configuration import Configuration
    from linkmw_django.product import Product

    return Product(Configuration(Settings(), email_is_verified=f"{__name__}.verified"))


@pytest.fixture
def grace(orders_database):
    from django.contrib.auth.models import User

    return User.objects.create_user("grace.h", EMAIL, "nanosecond", last_login=WAS_HERE)


def test_pr06_a_user_with_a_verified_address_may_join(product, grace):
    rows = product.joining(EMAIL)
    assert [(row.account.username, row.allowed, row.last_used) for row in rows] == [
        ("grace.h", True, int(WAS_HERE.timestamp()))
    ]


@pytest.mark.parametrize(
    "changes", [{"is_active": False}, {"is_staff": True}, {"is_superuser": True}, {"last_login": None}]
)
def test_pr06_nobody_who_is_closed_or_staff_or_never_was_here(product, grace, changes):
    for name, value in changes.items():
        setattr(grace, name, value)
    grace.save()
    assert [row.allowed for row in product.joining(EMAIL)] == [False]


@pytest.mark.parametrize(
    ("changes", "staff"), [({}, False), ({"is_staff": True}, True), ({"is_superuser": True}, True)]
)
def test_pr27_a_django_project_says_who_is_staff(product, grace, changes, staff):
    for name, value in changes.items():
        setattr(grace, name, value)
    grace.save()
    assert product.find(str(grace.pk)).staff is staff
    assert product.find_by_name("grace.h").staff is staff


def test_pr06_nobody_with_a_second_factor(product, grace):
    from django_otp.plugins.otp_totp.models import TOTPDevice

    TOTPDevice.objects.create(user=grace, key="00" * 20)
    assert [row.allowed for row in product.joining(EMAIL)] == [False]


def test_pr06_none_of_two_with_one_address(product, grace):
    from django.contrib.auth.models import User

    User.objects.create_user("grace.admin", EMAIL, "nanosecond", last_login=WAS_HERE)
    assert [row.allowed for row in product.joining(EMAIL)] == [False, False]


def test_pr06_nobody_where_the_project_does_not_say_that_it_is_verified(grace):
    from linkmw_django.configuration import Configuration
    from linkmw_django.product import Product

    assert [row.allowed for row in Product(Configuration(Settings())).joining(EMAIL)] == [False]


def test_pr06_the_projects_word_is_read_from_its_settings(grace):
    from linkmw_django.configuration import configuration

    with override_settings(LINKMW={"EMAIL_IS_VERIFIED": f"{__name__}.verified"}):
        assert configuration().is_email_verified(grace) is True
        assert not any("email_is_verified" in problem for problem in configuration().settings.problems)


@pytest.mark.parametrize("email", ["GRACE@acme.example", "grace@acme.example ", "gr\u0430ce@acme.example", "", "a\0@b"])
def test_lt15_an_address_is_compared_exactly(product, grace, email):
    assert product.joining(email) == []


def test_pr10_djangos_own_password_is_its_own(product, grace):
    assert product.owns_password(str(grace.pk)) is True


def test_pr10_an_unusable_password_is_not(product, grace):
    grace.set_unusable_password()
    grace.save()
    assert product.owns_password(str(grace.pk)) is False


def test_pr10_nor_one_that_was_hashed_elsewhere(product, grace):
    grace.password = "ldap$something"
    grace.save()
    assert product.owns_password(str(grace.pk)) is False


def test_pr10_nor_any_where_a_directory_is_asked_too(product, grace, monkeypatch):
    from django.contrib.auth.backends import BaseBackend, ModelBackend

    def authenticate(self, request, username=None, password=None):
        return None

    with use(monkeypatch, type("Directory", (BaseBackend,), {"authenticate": authenticate}), ModelBackend):
        assert product.owns_password(str(grace.pk)) is False


def test_pr10_a_backend_that_takes_no_passwords_changes_nothing(product, grace, monkeypatch):
    from django.contrib.auth.backends import BaseBackend, ModelBackend

    def authenticate(self, request, token):
        return None

    with use(monkeypatch, type("Tokens", (BaseBackend,), {"authenticate": authenticate}), ModelBackend):
        assert product.owns_password(str(grace.pk)) is True
