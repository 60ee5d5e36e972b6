"""linkmw in a Flask application with its own signed session; users in SQLite."""

from bench.peers.users import by_id, by_name
from flask import Flask, session

from linkmw_flask import LinkMW, Product

app = Flask(__name__)
app.secret_key = "x" * 32
LinkMW(app, Product(verify_password=lambda _name, _password: None, load=by_id, find=by_name, session_key="user_id"))


@app.get("/me")
def me():
    return {"user": found} if (found := session.get("user_id")) else {}


@app.get("/done")
@app.get("/login")
def done():
    return "done"
