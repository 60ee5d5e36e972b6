"""Django with mozilla-django-oidc or django-allauth (KIND). Sessions in Redis, users in SQLite with WAL."""

import os

import django
from django.conf import settings

KIND, ISSUER = os.environ["KIND"], os.environ["ISSUER"]
APPS = ["auth", "contenttypes", "sessions", "messages"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
PROCESSORS = ["template.context_processors.request", "contrib.auth.context_processors.auth"]
PROCESSORS += ["contrib.messages.context_processors.messages"]
COMMON = {
    "SECRET_KEY": "x" * 50,
    "ALLOWED_HOSTS": ["*"],
    "ROOT_URLCONF": __name__,
    "USE_TZ": True,
    "LOGGING_CONFIG": None,
    "DATABASES": {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ["DATABASE"],
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
            },
        }
    },
    "CACHES": {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": os.environ["REDIS"]}},
    "SESSION_ENGINE": "django.contrib.sessions.backends.cache",
    "LOGIN_REDIRECT_URL": "/done",
    "LOGIN_REDIRECT_URL_FAILURE": "/failed",
    "TEMPLATES": [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {"context_processors": [f"django.{name}" for name in PROCESSORS]},
        }
    ],
}
ALLAUTH = [
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
]
apps = [f"django.contrib.{name}" for name in APPS]
if KIND == "mozilla":
    settings.configure(
        **COMMON,
        INSTALLED_APPS=[*apps, "mozilla_django_oidc"],
        MIDDLEWARE=MIDDLEWARE,
        AUTHENTICATION_BACKENDS=["mozilla_django_oidc.auth.OIDCAuthenticationBackend"],
        OIDC_OP_TOKEN_ENDPOINT=ISSUER + "/token",
        OIDC_OP_USER_ENDPOINT=ISSUER + "/userinfo",
        OIDC_OP_AUTHORIZATION_ENDPOINT=ISSUER + "/auth",
        OIDC_OP_JWKS_ENDPOINT=ISSUER + "/certs",
        OIDC_RP_CLIENT_ID="bench",
        OIDC_RP_CLIENT_SECRET="secret",
        OIDC_RP_SIGN_ALGO="RS256",
        OIDC_RP_SCOPES="openid email profile",
        OIDC_USE_PKCE=True,
    )
else:
    one = {
        "provider_id": "kc",
        "name": "KC",
        "client_id": "bench",
        "secret": "secret",
        "settings": {"server_url": ISSUER + "/.well-known/openid-configuration", "oauth_pkce_enabled": True},
    }
    settings.configure(
        **COMMON,
        INSTALLED_APPS=[*apps, *ALLAUTH],
        MIDDLEWARE=[*MIDDLEWARE, "allauth.account.middleware.AccountMiddleware"],
        AUTHENTICATION_BACKENDS=[
            "django.contrib.auth.backends.ModelBackend",
            "allauth.account.auth_backends.AuthenticationBackend",
        ],
        ACCOUNT_RATE_LIMITS=False,
        ACCOUNT_EMAIL_VERIFICATION="none",
        SOCIALACCOUNT_LOGIN_ON_GET=True,
        SOCIALACCOUNT_AUTO_SIGNUP=True,
        SOCIALACCOUNT_PROVIDERS={"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [one]}},
    )
django.setup()

from django.core.handlers.wsgi import WSGIHandler  # noqa: E402  (after django.setup)
from django.core.management import call_command  # noqa: E402
from django.http import HttpResponse, JsonResponse  # noqa: E402
from django.urls import include, path  # noqa: E402


def me(request):
    return JsonResponse({"user": request.user.get_username()} if request.user.is_authenticated else {})


def done(_request):
    return HttpResponse("done")


theirs = (
    path("oidc/", include("mozilla_django_oidc.urls"))
    if KIND == "mozilla"
    else path("accounts/", include("allauth.urls"))
)
urlpatterns = [path("me", me), path("done", done), theirs]
call_command("migrate", verbosity=0)
app = WSGIHandler()
