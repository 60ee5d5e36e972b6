"""Helpdesk: a Flask application with Flask-Login and a table of accounts of its own. WSGI."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyotp
from flask import Flask, Response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, UserMixin, current_user, login_required, login_user, logout_user

from linkmw import redirects
from linkmw.demo.products import accounts, serve
from linkmw.demo.products.accounts import Member
from linkmw.demo.products.people import people_of

LOGIN_PATH = "/login"
HERE = Path(__file__).parent
TICKETS = (
    ("#311", "The printer on floor 2 prints the same page twice", "open"),
    ("#312", "A moth in the relay", "solved"),
    ("#313", "New keyboard, left-handed", "waiting"),
)


class User(UserMixin):
    """A member, as Flask-Login wants one."""

    def __init__(self, member: Member) -> None:
        self.id = member.id
        self.username = member.username
        self.email = member.email
        self.roles = member.roles
        self.totp_secret = member.totp_secret


def load(account_id: str) -> User | None:
    return _user(accounts.by_id(account_id))


def find(name: str) -> User | None:
    return _user(accounts.by_name(name))


def verify_password(username: str, password: str) -> User | None:
    return _user(accounts.check(username, password))


def joining(email: str) -> list[tuple[User, bool, int | None]]:
    return [(User(member), accounts.may_join(member), member.last_used) for member in accounts.by_email(email)]


def _user(member: Member | None) -> User | None:
    return None if member is None else User(member)


def create_app() -> Flask:
    """Helpdesk as it is without linkmw."""
    app = Flask(
        "helpdesk",
        root_path=str(HERE),
        template_folder=str(HERE / "templates" / "helpdesk"),
        static_folder=str(HERE / "static" / "helpdesk"),
        static_url_path="/static",
    )
    app.config.update(
        SECRET_KEY=serve.secret(),
        SESSION_COOKIE_NAME="helpdesk_session",
        SESSION_COOKIE_SAMESITE=serve.same_site().capitalize(),
    )
    app.jinja_env.globals["product"] = serve.name("Helpdesk")
    logins = LoginManager(app)
    logins.login_view = "login"
    logins.user_loader(load)
    app.add_url_rule("/", view_func=start)
    app.add_url_rule("/tickets", view_func=login_required(tickets), endpoint="tickets")
    app.add_url_rule(LOGIN_PATH, view_func=login, methods=["GET", "POST"])
    app.add_url_rule("/login/code", view_func=code, methods=["GET", "POST"])
    app.add_url_rule("/logout", view_func=logout, methods=["POST"])
    app.add_url_rule("/forgot", view_func=forgot, methods=["GET", "POST"])
    app.add_url_rule("/help/two-factor", view_func=two_factor_help)
    app.after_request(_add_policy)
    return app


def _add_policy(response: Response) -> Response:
    # A strict policy, so that the demo shows what linkmw does under one.
    response.headers["Content-Security-Policy"] = "default-src 'self'; form-action 'self'; frame-ancestors 'none'"
    return response


def start() -> str:
    return render_template("start.html", user=current_user)


def tickets() -> str:
    return render_template("tickets.html", user=current_user, tickets=TICKETS)


def login() -> ResponseReturnValue:
    target = redirects.judge(request.values.get("next", "/"))
    if request.method == "GET":
        return render_template("login.html", target=target)
    user = verify_password(request.form.get("username", ""), request.form.get("password", ""))
    if user is None:
        return render_template("login.html", target=target, wrong=True, username=request.form.get("username", "")), 401
    if user.totp_secret:
        session["pending"] = [user.id, target]
        return redirect(url_for("code"))
    return _enter(user, target)


def code() -> ResponseReturnValue:
    """The second step: the code of an authenticator app."""
    user_id, target = session.get("pending", (None, "/"))
    user = load(str(user_id))
    if user is None:
        return redirect(url_for("login"))
    if request.method == "GET":
        return render_template("code.html")
    if not pyotp.TOTP(user.totp_secret).verify(request.form.get("code", "").replace(" ", ""), valid_window=1):
        return render_template("code.html", wrong=True), 401
    return _enter(user, target)


def _enter(user: User, target: str) -> ResponseReturnValue:
    session.clear()
    accounts.note_sign_in(user.id)
    login_user(user)
    return redirect(target)


def logout() -> ResponseReturnValue:
    logout_user()
    return redirect(url_for("start"))


def forgot() -> str:
    return render_template("forgot.html", sent=request.method == "POST")


def two_factor_help() -> str:
    return render_template("two_factor_help.html")


def wrap(app: Flask) -> Flask:
    """What adding linkmw to Helpdesk comes to."""
    from linkmw_flask import LinkMW, Product

    app.config["LINKMW_LOGIN_PATHS"] = LOGIN_PATH
    app.config["LINKMW_FORGOT_PASSWORD"] = "/forgot"
    app.config["LINKMW_SECOND_FACTOR_HELP"] = "/help/two-factor"
    product = Product(
        verify_password=verify_password,
        find=find,
        totp_secret=_totp_secret,
        joining=joining,
        owns_password=lambda _user: True,
        is_staff=lambda _user: False,
    )
    LinkMW(app, product)
    return app


def _totp_secret(user: Any) -> str | None:
    return user.totp_secret or None


def prepare() -> None:
    accounts.prepare(people_of("helpdesk"))


unwrapped = create_app()
wsgi_application = wrap(create_app()) if serve.wrapped() else unwrapped

if __name__ == "__main__":
    serve.main("linkmw.demo.products.helpdesk", ("wsgi",), prepare)
