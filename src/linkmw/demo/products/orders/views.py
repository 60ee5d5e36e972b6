"""The pages of Orders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.contrib import auth
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django_otp import devices_for_user, login, verify_token

from linkmw.demo.products import serve

STYLESHEET = Path(__file__).parents[1] / "static" / "orders" / "orders.css"
PENDING = "second_factor_of"  # in the session: [user id, backend, next], while the code is still missing

ORDERS = (
    ("A-1041", "Punched cards, 10 000", "Delivered"),
    ("A-1042", "Brass gears, set of 12", "In the warehouse"),
    ("A-1043", "Paper tape, 40 rolls", "Ordered"),
)


def named(_request: HttpRequest) -> dict[str, str]:
    """For every template: what this product is called."""
    return {"product": serve.name("Orders")}


class Login(LoginView):
    """Django's own login, with a second page for people who have an authenticator app."""

    def form_valid(self, form: Any) -> HttpResponse:
        user = form.get_user()
        if not any(devices_for_user(user)):
            answer: HttpResponse = super().form_valid(form)
            return answer
        self.request.session[PENDING] = [user.pk, user.backend, self.get_success_url()]
        return redirect("code")


def code(request: HttpRequest) -> HttpResponse:
    """The second step: the code of an authenticator app."""
    pending = request.session.get(PENDING)
    if pending is None:
        return redirect("login")
    user_id, backend, target = pending
    user = User.objects.get(pk=user_id)
    if request.method == "POST":
        device = _accepting(user, request.POST.get("code", "").replace(" ", ""))
        if device is not None:
            del request.session[PENDING]
            auth.login(request, user, backend=backend)
            login(request, device)
            return redirect(target)
    return render(request, "code.html", {"wrong": request.method == "POST"})


def _accepting(user: User, typed: str) -> Any:
    found = (verify_token(user, device.persistent_id, typed) for device in devices_for_user(user))
    return next(filter(None, found), None)


def start(request: HttpRequest) -> HttpResponse:
    return render(request, "start.html", _rights(request.user))


@login_required
def orders(request: HttpRequest) -> HttpResponse:
    return render(request, "orders.html", {"orders": ORDERS, **_rights(request.user)})


def stylesheet(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(STYLESHEET.read_bytes(), content_type="text/css; charset=utf-8")


def two_factor_help(request: HttpRequest) -> HttpResponse:
    return render(request, "two_factor_help.html")


def _rights(user: Any) -> dict[str, Any]:
    """What this user may do, shown so that anyone can see it is what it was."""
    if not user.is_authenticated:
        return {}
    return {
        "groups": list(user.groups.values_list("name", flat=True)),
        "permissions": sorted(user.get_all_permissions()),
    }
