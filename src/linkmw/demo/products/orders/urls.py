"""The routes of Orders."""

from __future__ import annotations

from django.contrib.auth import views as auth
from django.urls import path

from linkmw.demo.products import serve
from linkmw.demo.products.orders import views

urlpatterns = [
    path("", views.start, name="start"),
    path("orders/", views.orders, name="orders"),
    path("login/", views.Login.as_view(template_name="login.html"), name="login"),
    path("login/code/", views.code, name="code"),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
    path("help/two-factor/", views.two_factor_help, name="two_factor_help"),
    path(
        "password-reset/",
        auth.PasswordResetView.as_view(
            template_name="reset.html",
            email_template_name="reset.txt",
            subject_template_name="reset_subject.txt",
            extra_email_context={"product": serve.name("Orders")},
        ),
        name="password_reset",
    ),
    path(
        "password-reset/sent/",
        auth.PasswordResetDoneView.as_view(template_name="reset_sent.html"),
        name="password_reset_done",
    ),
    path(
        "password-reset/<uidb64>/<token>/",
        auth.PasswordResetConfirmView.as_view(template_name="reset_confirm.html"),
        name="password_reset_confirm",
    ),
    path(
        "password-reset/done/",
        auth.PasswordResetCompleteView.as_view(template_name="reset_done.html"),
        name="password_reset_complete",
    ),
    path("static/orders.css", views.stylesheet),
]
