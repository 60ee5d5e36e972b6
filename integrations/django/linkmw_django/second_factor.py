"""The second factors of django-otp, where a project has it installed."""

from __future__ import annotations

from typing import Any, Literal

from django.apps import apps
from django.conf import settings as django_settings
from django.utils.module_loading import import_string

from linkmw.gate.ports import OwnCheck, SecondFactor, UnknownFactor
from linkmw.settings import Settings

# On the Django request: the device that accepted a code in this very request, for the session that it starts.
VERIFIED_DEVICE = "_linkmw_otp_device"

UNTOLD = (
    "accounts with a second factor are not proven by the project's own login: their sessions need not say that it was "
    "shown. LINKMW_SIGNED_IN_PATH names a page that answers 200 only to who is all in (docs/adapters.md)"
)

Said = Literal["whole", "half", "nothing"]


def of_devices(user: Any) -> SecondFactor:
    """What django-otp knows of: none, a six-digit code, or only kinds that a code cannot satisfy (OT08)."""
    devices = confirmed_devices(user)
    if not devices:
        return None
    return OwnCheck() if any(map(_takes_a_code, devices)) else UnknownFactor(type(devices[0]).__name__)


def confirmed_devices(user: Any) -> list[Any]:
    if not apps.is_installed("django_otp"):
        return []
    import django_otp

    return list(django_otp.devices_for_user(user, confirmed=True))


def verify(request: Any, user: Any, code: str) -> bool:
    """Does one of the user's devices accept `code`? With the device's own throttling and replay protection."""
    from django_otp import verify_token

    for device in filter(_takes_a_code, confirmed_devices(user)):
        if verify_token(user, device.persistent_id, code):
            setattr(request, VERIFIED_DEVICE, device)
            return True
    return False


def remember_device(request: Any) -> None:
    """Let the session that just began say which device was shown, as django-otp's own login does."""
    device = getattr(request, VERIFIED_DEVICE, None)
    if device is not None:
        import django_otp

        django_otp.login(request, device)


def is_shown(request: Any, user: Any) -> bool:
    """Did this session show the second factor that `user` has? True for a user without one.

    Reads the session, not `user.is_verified()`: OTPMiddleware may stand behind ours.
    """
    devices = confirmed_devices(user)
    return not devices or request.session.get("otp_device_id") in [device.persistent_id for device in devices]


def said(request: Any, user: Any, *, own_secret: bool, page: bool) -> Said:
    """What this session says of its user's second factor.

    own_secret: does the project keep one of its own for her? page: does `signed_in_path` name a page that tells?
    """
    devices = bool(confirmed_devices(user))
    shown = devices and is_shown(request, user)
    return judged(shown=shown, devices=devices, own_secret=own_secret, tells=tells_devices() or not page)


def judged(*, shown: bool, devices: bool, own_secret: bool, tells: bool) -> Said:
    """Is a session with somebody in it a whole sign-in, half a one, or does it say nothing about that? (PR04)

    tells: is a session without its user's device half a sign-in for certain? Where django-otp's middleware is left out,
    or the secrets are the project's own, a login may ask for everything before it makes a session that names somebody,
    and leave no word of it in there.
    """
    if shown:
        return "whole"
    if devices and tells:
        return "half"
    return "nothing" if devices or own_secret else "whole"


def tells_devices() -> bool:
    """Does the project have django-otp's middleware? Its sessions name somebody first, and the device later."""
    if not apps.is_installed("django_otp"):
        return True
    from django_otp.middleware import OTPMiddleware

    kinds = (import_string(name) for name in django_settings.MIDDLEWARE)
    return any(isinstance(kind, type) and issubclass(kind, OTPMiddleware) for kind in kinds)


def untold(settings: Settings, *, own_secrets: bool) -> str:
    """Whose accounts the native proof leaves out, and what helps; "" for nobody's."""
    if settings.proof != "native" or settings.signed_in_path or (tells_devices() and not own_secrets):
        return ""
    return UNTOLD


def _takes_a_code(device: Any) -> bool:
    """Six digits that nobody has to be sent first: TOTP and HOTP devices, and what behaves like them."""
    return getattr(device, "digits", 0) == 6 and not device.is_interactive()
