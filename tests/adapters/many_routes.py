"""A URLconf with many login pages: in a namespace, by a regular expression, the admin's, and one for each language."""

from __future__ import annotations

from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.contrib.auth.views import LoginView
from django.urls import include, path, re_path

urlpatterns = [
    path("account/", include(([path("in/", LoginView.as_view(), name="in")], "account"))),
    re_path(r"^log-?in/$", LoginView.as_view(), name="regex"),
    path("back/", admin.AdminSite(name="back_office").urls),
    *i18n_patterns(path("enter/", LoginView.as_view(), name="enter")),
]
