"""What the Django adapter makes of unusual projects: backends, user models, devices of django-otp."""

from __future__ import annotations

import pytest
from django.test import RequestFactory, override_settings

from linkmw.errors import LinkRefused
from linkmw.gate.ports import OwnCheck, UnknownFactor
from linkmw.http import Request
from linkmw.model import Marker
from linkmw.settings import Settings

pytestmark = pytest.mark.usefixtures("orders_database")


@pytest.fixture
def product():
    from linkmw_django.configuration import Configuration
    from linkmw_django.product import Product

    return Product(Configuration(Settings()))


@pytest.fixture
def grace(orders_database):
    from django.contrib.auth.models import User

    return User.objects.create_user("grace.h", "grace@acme.example", "nanosecond")


@pytest.fixture
def request_of():
    def made(**session):
        from django.contrib.auth.middleware import AuthenticationMiddleware
        from django.contrib.sessions.middleware import SessionMiddleware

        django_request = RequestFactory().post("/.linkmw/prove")
        SessionMiddleware(lambda request: None).process_request(django_request)
        AuthenticationMiddleware(lambda request: None).process_request(django_request)
        django_request.session.update(session)
        return Request("POST", "/.linkmw/prove", raw=django_request)

    return made


def _backend(**methods):
    from django.contrib.auth.backends import ModelBackend

    return type("Backend", (ModelBackend,), methods)


def use(monkeypatch, *backends):
    """Put these classes into AUTHENTICATION_BACKENDS."""
    names = []
    for number, backend in enumerate(backends):
        monkeypatch.setattr(f"{__name__}.BACKEND_{number}", backend, raising=False)
        names.append(f"{__name__}.BACKEND_{number}")
    return override_settings(AUTHENTICATION_BACKENDS=names)


BACKEND_0 = BACKEND_1 = None


def test_a_backend_that_locks_out_is_heard(product, grace, request_of, monkeypatch):
    from django.core.exceptions import PermissionDenied

    def authenticate(self, request, **credentials):
        raise PermissionDenied

    from django.contrib.auth.backends import ModelBackend

    with use(monkeypatch, _backend(authenticate=authenticate), ModelBackend):
        assert product.verify_password(request_of(), "grace.h", "nanosecond") is None


def test_a_lock_out_raised_by_a_signal_is_a_wrong_password(product, grace, request_of):
    from django.contrib.auth.signals import user_login_failed
    from django.core.exceptions import PermissionDenied

    def lock_out(sender, **_):
        raise PermissionDenied

    user_login_failed.connect(lock_out)
    try:
        assert product.verify_password(request_of(), "grace.h", "wrong") is None
    finally:
        user_login_failed.disconnect(lock_out)


def test_backends_get_the_request_as_at_the_login_form(product, grace, request_of, monkeypatch):
    seen = []

    def authenticate(self, request, username=None, password=None):
        seen.append(request)

    asked = request_of()
    with use(monkeypatch, _backend(authenticate=authenticate)):
        product.verify_password(asked, "grace.h", "nanosecond")
    assert seen == [asked.raw]


def test_a_backend_that_only_knows_email_is_asked_by_its_own_word(product, grace, request_of, monkeypatch):
    from django.contrib.auth.models import User

    seen = []

    def authenticate(self, request, email, password):
        seen.append(email)

    with use(monkeypatch, _backend(authenticate=authenticate)):
        monkeypatch.setattr(User, "USERNAME_FIELD", "email")
        product.verify_password(request_of(), "grace@acme.example", "nanosecond")
    assert seen == ["grace@acme.example"]


def test_the_username_is_read_as_djangos_own_form_reads_it(product, request_of):
    from django.contrib.auth.models import User

    User.objects.create_user("andré", password="nanosecond")
    assert product.verify_password(request_of(), " andre\u0301 ", "nanosecond").username == "andré"


def test_ake2_a_session_names_the_backend_that_will_know_the_user(product, grace, request_of, monkeypatch):
    from django.contrib.auth import BACKEND_SESSION_KEY
    from django.contrib.auth.backends import BaseBackend, ModelBackend

    asked = request_of()
    with use(monkeypatch, type("OnlyPermissions", (BaseBackend,), {}), ModelBackend):
        product.start_session(asked, str(grace.pk), None)
    assert asked.raw.session[BACKEND_SESSION_KEY] == f"{__name__}.BACKEND_1"


def test_bc12_a_user_no_backend_would_know_again_may_not_sign_in(product, grace, request_of, monkeypatch):
    with use(monkeypatch, _backend(get_user=lambda self, user_id: None)), pytest.raises(LinkRefused) as refused:
        product.start_session(request_of(), str(grace.pk), None)
    assert refused.value.code == "account_inactive"


@pytest.mark.parametrize(("fields", "staff"), [({}, False), ({"is_staff": True}, True), ({"is_superuser": True}, True)])
def test_pr27_django_says_who_is_staff(product, grace, fields, staff):
    for name, value in fields.items():
        setattr(grace, name, value)
    grace.save()
    assert product.find(str(grace.pk)).staff is staff


def test_dis7_an_unusable_password_is_told(product, grace):
    grace.set_unusable_password()
    grace.save()
    assert product.find(str(grace.pk)).usable_password is False


def _device(user, **fields):
    from django_otp.plugins.otp_totp.models import TOTPDevice

    return TOTPDevice.objects.create(user=user, name="app", **fields)


def _now(device):
    from django_otp.oath import TOTP

    return f"{TOTP(device.bin_key, device.step, device.t0, device.digits).token():06d}"


def test_mim05_a_device_of_django_otp_is_asked_itself(product, grace):
    _device(grace)
    assert product.second_factor(Request("GET", "/"), str(grace.pk)) == OwnCheck()


def test_mim05_an_unconfirmed_device_is_none(product, grace):
    _device(grace, confirmed=False)
    assert product.second_factor(Request("GET", "/"), str(grace.pk)) is None


def test_ot08_devices_of_kinds_without_a_six_digit_code_stop_the_proof(product, grace):
    _device(grace, digits=8)
    assert product.second_factor(Request("GET", "/"), str(grace.pk)) == UnknownFactor("TOTPDevice")


def test_a_device_that_sleeps_after_a_wrong_code_takes_no_right_one(product, grace, request_of):
    device = _device(grace)
    with override_settings(OTP_TOTP_THROTTLE_FACTOR=60):
        assert product.verify_second_factor(request_of(), str(grace.pk), "000000") is False
        assert product.verify_second_factor(request_of(), str(grace.pk), _now(device)) is False


def test_the_session_says_which_device_was_shown(product, grace, request_of):
    device = _device(grace)
    asked = request_of()
    assert product.verify_second_factor(asked, str(grace.pk), _now(device)) is True
    product.start_session(asked, str(grace.pk), Marker("sid", 1))
    assert asked.raw.session["otp_device_id"] == device.persistent_id
    assert product.is_complete(asked) is True


def test_pr04_a_session_without_the_device_is_half_a_sign_in(product, grace, request_of):
    _device(grace)
    asked = request_of()
    product.start_session(asked, str(grace.pk), None)
    assert product.current_account(asked) is not None
    assert product.is_complete(asked) is False


def test_a_project_without_django_otp_has_no_devices(product, grace):
    from django.apps import apps
    from django.conf import settings

    names = [name for name in settings.INSTALLED_APPS if not name.startswith("django_otp")]
    with override_settings(INSTALLED_APPS=names):
        assert not apps.is_installed("django_otp")
        assert product.second_factor(Request("GET", "/"), str(grace.pk)) is None
