"""Authlib on Flask, with Flask-Session in Redis."""

import os

import redis
from authlib.integrations.flask_client import OAuth
from flask import Flask, redirect, session
from flask_session import Session

app = Flask(__name__)
app.secret_key = "x" * 32
app.config.update(SESSION_TYPE="redis", SESSION_REDIS=redis.Redis.from_url(os.environ["REDIS"]))
Session(app)
oauth = OAuth(app)
oauth.register(
    "op",
    client_id="bench",
    client_secret="secret",
    server_metadata_url=os.environ["ISSUER"] + "/.well-known/openid-configuration",
    client_kwargs={"scope": "openid profile email", "code_challenge_method": "S256"},
)


@app.get("/login")
def login():
    return oauth.op.authorize_redirect(os.environ["URL"] + "/callback")


@app.get("/callback")
def callback():
    found = oauth.op.authorize_access_token()["userinfo"]
    session["user"] = {name: found[name] for name in ("sub", "email", "name")}
    return redirect("/done")


@app.get("/me")
def me():
    return session.get("user") or {}
