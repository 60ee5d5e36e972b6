"""Orders: a Django project with Django's own accounts, groups and permissions, and django-otp. WSGI and ASGI.

`wsgi_application` and `asgi_application` are made when first asked for: Django reads its settings then.
"""

from __future__ import annotations

import os
from typing import Any

LOGIN_PATH = "/login/"


def __getattr__(name: str) -> Any:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "linkmw.demo.products.orders.settings")
    if name == "wsgi_application":
        from django.core.wsgi import get_wsgi_application

        return get_wsgi_application()
    if name == "asgi_application":
        from django.core.asgi import get_asgi_application

        return get_asgi_application()
    raise AttributeError(name)
