"""linkmw for Starlette and FastAPI: "Sign in with ACME ID" beside the login that an application has.

    from linkmw_starlette import LinkMiddleware, Product

    product = Product(verify_password=check_password, load=load_user, find=find_user, session_key="user_id")
    middleware = [Middleware(SessionMiddleware, secret_key=…), Middleware(LinkMiddleware, product=product)]

Settings are `LINKMW_…` in the environment, or `settings={"login_paths": "/sign-in"}` (`docs/settings.md`). Any callable
may be `async def`. The session is `scope["session"]`: `SessionMiddleware`, or what does its work, comes first.
"""

from __future__ import annotations

from linkmw_starlette.middleware import LinkMiddleware
from linkmw_starlette.product import Product

__all__ = ["LinkMiddleware", "Product"]
