"""Django settings of Orders. The three linkmw lines are all that a project adds."""

from __future__ import annotations

import os
from pathlib import Path

import django

from linkmw.demo.products.orders import LOGIN_PATH
from linkmw.demo.products.serve import same_site, secret, wrapped

HERE = Path(__file__).parents[1]

DEBUG = False
SECRET_KEY = secret()
ALLOWED_HOSTS = [".localhost", "127.0.0.1", "[::1]", "testserver"]
ROOT_URLCONF = "linkmw.demo.products.orders.urls"
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django_otp",
    "django_otp.plugins.otp_totp",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
if wrapped():
    INSTALLED_APPS.append("linkmw_django")
    MIDDLEWARE.append("linkmw_django.LinkMiddleware")
    LINKMW = {
        "LOGIN_PATHS": [LOGIN_PATH],
        "FORGOT_PASSWORD": "/password-reset/",
        "SECOND_FACTOR_HELP": "/help/two-factor/",
        "EMAIL_IS_VERIFIED": "linkmw.demo.products.orders.addresses.is_confirmed",
    }
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ["DEMO_DATABASE"],
        "OPTIONS": {"timeout": 10, "transaction_mode": "IMMEDIATE"},
    }
}
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [HERE / "templates" / "orders"],
        "OPTIONS": {
            "context_processors": [
                "django.contrib.auth.context_processors.auth",
                "linkmw.demo.products.orders.views.named",
            ]
        },
    }
]
SESSION_COOKIE_NAME = "orders_session"
SESSION_COOKIE_SAMESITE = same_site().capitalize()
CSRF_COOKIE_NAME = "orders_csrf"
AUTH_PASSWORD_VALIDATORS = [{"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"}]
LOGIN_URL = LOGIN_PATH
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
# The login page and linkmw both count wrong codes; a device that sleeps as well would make the demo's people wait.
OTP_TOTP_THROTTLE_FACTOR = 0
_host, _, _port = os.environ.get("DEMO_SMTP", "").partition(":")
_backend = f"django.core.mail.backends.{'smtp' if _host else 'dummy'}.EmailBackend"
if django.VERSION >= (6, 1):
    MAILERS = {"default": {"BACKEND": _backend, "OPTIONS": {"host": _host, "port": int(_port)} if _host else {}}}
else:
    EMAIL_BACKEND, EMAIL_HOST, EMAIL_PORT = _backend, _host, int(_port or 0)
DEFAULT_FROM_EMAIL = os.environ.get("DEMO_MAIL_FROM", "orders@acme.example")
