"""A fast stand-in for Keycloak: one realm, a login page, a session cookie, codes and ID tokens. Anybody may sign in.

It hashes no password and keeps no database, so that many people a second can come by. `python -m tests.faults.provider
PORT FOLDER`; its key is kept in the folder, so that a restart changes nothing.
"""

from __future__ import annotations

import hashlib
import secrets
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from linkmw.demo.parts.answering import status
from linkmw.demo.parts.processes import Process, Processes
from linkmw.demo.parts.progress import Say, silent
from linkmw.oidc import authorize
from linkmw.oidc.jose import PrivateKey, sign

ROOT = Path(__file__).parents[2]
REALM = "/realms/acme"
_COOKIE = "stand_in"
_LOGIN = """<!doctype html><title>Sign in</title><h1>Sign in</h1>
<form method="post" action="{action}"><input name="username"><input name="password" type="password">
<button>Sign in</button></form>"""


class Realm:
    """codes: what each was given out for, until it is redeemed."""

    def __init__(self, url: str, key: PrivateKey) -> None:
        self.issuer = url + REALM
        self._key = key
        self._codes: dict[str, dict[str, str]] = {}

    def app(self) -> Starlette:
        own = REALM + "/protocol/openid-connect"
        return Starlette(
            routes=[
                Route(REALM + "/.well-known/openid-configuration", self.metadata),
                Route(own + "/certs", self.keys),
                Route(own + "/auth", self.authorize, methods=["GET", "POST"]),
                Route(own + "/token", self.token, methods=["POST"]),
            ]
        )

    async def metadata(self, _: Request) -> Response:
        own = self.issuer + "/protocol/openid-connect"
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": own + "/auth",
                "token_endpoint": own + "/token",
                "jwks_uri": own + "/certs",
                "end_session_endpoint": own + "/logout",
                "response_types_supported": ["code"],
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def keys(self, _: Request) -> Response:
        return JSONResponse({"keys": [self._key.public_jwk()]})

    async def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        email = request.cookies.get(_COOKIE, "")
        if request.method == "POST":
            email = str((await request.form())["username"])
        if not email:
            return HTMLResponse(_LOGIN.format(action=f"?{urlencode(asked)}".replace("&", "&amp;")))
        code = secrets.token_urlsafe(24)
        self._codes[code] = {**asked, "email": email}
        answer = urlencode({"code": code, "state": asked["state"], "iss": self.issuer})
        sent = RedirectResponse(f"{asked['redirect_uri']}?{answer}", 303)
        sent.set_cookie(_COOKIE, email, httponly=True)
        return sent

    async def token(self, request: Request) -> Response:
        given = dict(await request.form())
        asked = self._codes.pop(str(given.get("code")), None)
        if asked is None or authorize.code_challenge(str(given["code_verifier"])) != asked["code_challenge"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse({"id_token": self._id_token(asked), "access_token": "none", "token_type": "Bearer"})

    def _id_token(self, asked: dict[str, str]) -> str:
        now, email = int(time.time()), asked["email"]
        subject = hashlib.sha256(email.encode()).hexdigest()[:36]
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "sub": subject,
            "aud": asked["client_id"],
            "iat": now,
            "exp": now + 300,
            "auth_time": now,
            "nonce": asked["nonce"],
            "sid": f"session-of-{subject}",
            "email": email,
            "email_verified": True,
            "name": "Kim Example",
        }
        return sign(claims, self._key, typ="JWT")


class StandIn:
    """The stand-in as a part of the stage: what `linkmw.demo.parts.keycloak.Keycloak` is, for whoever signs in."""

    def __init__(self, processes: Processes, folder: Path, port: int) -> None:
        self.url = f"http://keycloak.localhost:{port}"
        self.internal_url = f"http://127.0.0.1:{port}"
        self.process: Process | None = None
        self._processes, self._folder, self._port = processes, folder, port

    def issuer_of(self, realm: str) -> str:
        return f"{self.url}/realms/{realm}"

    def internal_issuer_of(self, realm: str) -> str:
        return f"{self.internal_url}/realms/{realm}"

    def start(self, say: Say = silent) -> None:
        say("starting")
        command = [sys.executable, "-m", "tests.faults.provider", str(self._port), str(self._folder)]
        self._folder.mkdir(parents=True, exist_ok=True)
        log = self._folder / "stand-in.log"
        self.process = self._processes.start("stand-in", command, log=log, cwd=ROOT)
        self._processes.wait(self.answers, what="the stand-in to answer", seconds=60, process=self.process)
        say("ready")

    def stop(self) -> None:
        if self.process:
            self.process.stop()

    def answers(self) -> bool:
        return status(f"{self.internal_url}{REALM}/.well-known/openid-configuration") == 200


def _key_in(folder: Path) -> PrivateKey:
    kept = folder / "key.pem"
    if not kept.exists():
        kept.touch(mode=0o600)
        kept.write_text(PrivateKey.generate("RS256").pem(), "ascii")
    return PrivateKey.from_pem(kept.read_text("ascii"))


if __name__ == "__main__":
    here = int(sys.argv[1])
    realm = Realm(f"http://keycloak.localhost:{here}", _key_in(Path(sys.argv[2])))
    uvicorn.run(realm.app(), port=here, log_level="warning", access_log=False)
