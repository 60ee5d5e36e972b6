"""The reset mails that products send for us: their own, to the public URL, with one answer for everybody."""

from __future__ import annotations

import re

import pytest
from django.test import RequestFactory, override_settings
from flask import Flask, url_for
from tests.adapters.django_mails import IN_MEMORY

from linkmw.http import Request
from linkmw.settings import Settings
from linkmw_flask import Product as FlaskProduct

PUBLIC = "https://orders.example"


@pytest.fixture
def product(orders_database):
    from django.contrib.auth.models import User

    from linkmw_django.configuration import Configuration
    from linkmw_django.product import Product

    User.objects.create_user("grace.h", "grace@acme.example", "nanosecond")
    return Product(Configuration(Settings(public_url=PUBLIC)))


@pytest.fixture
def mails():
    from django.core import mail

    with override_settings(**IN_MEMORY, ALLOWED_HOSTS=["*"]):
        mail.outbox = []
        yield mail.outbox


def asked(host="orders.internal:8000"):
    return Request("POST", "/.linkmw/forgot", raw=RequestFactory(headers={"host": host}).post("/.linkmw/forgot"))


def test_pr23_the_mails_link_is_of_the_public_url_whatever_the_host_header_says(product, mails):
    for host in ("orders.internal:8000", "evil.example"):
        assert product.send_reset(asked(host), "grace@acme.example") is True
    assert len(mails) == 2
    for mail in mails:
        links = re.findall(r"https?://[^/\s]+", mail.body)
        assert set(links) == {PUBLIC}
        assert mail.to == ["grace@acme.example"]


def test_ake21_it_is_the_projects_own_mail(product, mails):
    from django.template.loader import render_to_string

    product.send_reset(asked(), "grace@acme.example")
    assert mails[0].subject == render_to_string("reset_subject.txt").strip()


def test_ake21_its_link_sets_a_new_password(product, mails):
    from django.test import Client

    product.send_reset(asked(), "grace@acme.example")
    path = re.search(r"https://orders\.example(/\S+)", mails[0].body)[1]
    answer = Client().get(path, follow=True)
    assert answer.status_code == 200
    assert b"new_password1" in answer.content


def test_bf08_an_address_nobody_has_takes_the_same_steps(product, mails, monkeypatch):
    from django.contrib.auth import forms
    from django.core.mail.backends import locmem

    steps = []
    render = forms.loader.render_to_string
    monkeypatch.setattr(forms.loader, "render_to_string", lambda name, *_: steps.append(name) or render(name, *_))
    monkeypatch.setattr(locmem.EmailBackend, "__init__", _noting(locmem.EmailBackend.__init__, steps), raising=True)
    taken = []
    for email in ("grace@acme.example", "nobody@acme.example"):
        steps.clear()
        assert product.send_reset(asked(), email) is True
        taken.append(list(steps))
    assert taken[0] == taken[1] == ["reset_subject.txt", "reset.txt", "connection"]
    assert [mail.to for mail in mails] == [["grace@acme.example"]]


def _noting(made, steps):
    def init(self, *arguments, **named):
        steps.append("connection")
        made(self, *arguments, **named)

    return init


def test_a_project_without_such_a_page_has_no_such_mail(product, mails):
    with override_settings(ROOT_URLCONF="django.conf.urls.i18n"):
        assert product.send_reset(asked(), "grace@acme.example") is False


def flask_product(**hooks):
    app = Flask("reset")
    app.config.update(SECRET_KEY="not a secret")
    app.add_url_rule("/reset", endpoint="reset", view_func=lambda: "reset")
    product = FlaskProduct(
        session_key="user", load=lambda account_id: None, verify_password=lambda name, password: None, **hooks
    )
    return product.bound_to(app, PUBLIC)


@pytest.mark.parametrize(("hooks", "staff"), [({}, None), ({"is_staff": lambda user: user["admin"]}, True)])
def test_pr27_a_hook_says_who_is_staff_and_without_one_nobody_knows(hooks, staff):
    ada = {"id": 7, "username": "ada", "email": "ada@acme.example", "admin": True}
    product = flask_product(find=lambda name: ada, **hooks)
    assert product.find_by_name("ada").staff is staff


def test_pr23_a_flask_hook_builds_its_links_for_the_public_url():
    from werkzeug.test import create_environ

    links = []
    product = flask_product(send_reset=lambda email: links.append((email, url_for("reset", _external=True))))
    request = Request("POST", "/.linkmw/forgot", raw=create_environ("/.linkmw/forgot", "http://evil.example"))
    assert product.send_reset(request, "ada@acme.example") is True
    assert links == [("ada@acme.example", f"{PUBLIC}/reset")]


def test_without_a_hook_there_is_no_mail_and_nobody_joins():
    from werkzeug.test import create_environ

    product = flask_product()
    assert product.send_reset(Request("POST", "/", raw=create_environ("/")), "ada@acme.example") is False
    assert product.joining("ada@acme.example") == []
    assert product.owns_password("7") is False


def test_pr06_a_hook_says_who_may_join_and_is_held_to_the_address():
    ada = {"id": 7, "username": "ada.l", "email": "ada@acme.example"}
    product = flask_product(joining=lambda email: [(ada, True, 1_790_000_000)], owns_password=lambda user: True)
    assert [(row.account.account_id, row.allowed, row.last_used) for row in product.joining("ada@acme.example")] == [
        ("7", True, 1_790_000_000)
    ]
    assert product.joining("ADA@acme.example") == []
