"""A middleware of a project's own, built on django-otp's: named in MIDDLEWARE, for it loads models."""

from __future__ import annotations

from django_otp.middleware import OTPMiddleware


class OwnMiddleware(OTPMiddleware):
    pass
