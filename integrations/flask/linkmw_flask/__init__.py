"""linkmw for Flask: "Sign in with ACME ID" beside the login that an application has.

    from linkmw_flask import LinkMW, Product

    LinkMW(app, Product(verify_password=check_password, find=find_user, totp_secret=lambda user: user.totp_secret))

Settings are `LINKMW_…` in the environment or in `app.config` (`docs/settings.md`). Flask-Login is to be set up first;
without it say how a user is loaded and where the session keeps the id: `Product(…, load=…, session_key="user_id")`.
"""

from __future__ import annotations

from linkmw_flask.extension import LinkMW
from linkmw_flask.product import Product

__all__ = ["LinkMW", "Product"]
