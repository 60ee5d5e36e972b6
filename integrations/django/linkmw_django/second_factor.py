"""The second factors of django-otp, where a project has it installed."""

from __future__ import annotations

from typing import Any

from django.apps import apps

from linkmw.gate.ports import OwnCheck, SecondFactor, UnknownFactor

# On the Django request: the device that accepted a code in this very request, for the session that it starts.
VERIFIED_DEVICE = "_linkmw_otp_device"


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


def _takes_a_code(device: Any) -> bool:
    """Six digits that nobody has to be sent first: TOTP and HOTP devices, and what behaves like them."""
    return getattr(device, "digits", 0) == 6 and not device.is_interactive()
