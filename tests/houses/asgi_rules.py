"""The rules of ASGI 3 (HTTP and WebSocket 2.3 to 2.5, lifespan 2.0) for what an application sends and is given."""

from __future__ import annotations

from typing import Any

# In each state, the messages that may be sent, and the state that follows.
SENDING: dict[str, dict[str, dict[str, str]]] = {
    "http": {
        "": {"http.response.start": "started"},
        "started": {"http.response.body": "started", "http.response.pathsend": "over"},
        "over": {},
    },
    "websocket": {
        "": {"websocket.accept": "open", "websocket.close": "over", "websocket.http.response.start": "refused"},
        "refused": {"websocket.http.response.body": "refused"},
        "open": {"websocket.send": "open", "websocket.close": "over"},
        "over": {},
    },
    "lifespan": {
        "": {"lifespan.startup.complete": "up", "lifespan.startup.failed": "over"},
        "up": {"lifespan.shutdown.complete": "over", "lifespan.shutdown.failed": "over"},
        "over": {},
    },
}
RECEIVED = {
    "http": {"http.request", "http.disconnect"},
    "websocket": {"websocket.connect", "websocket.receive", "websocket.disconnect"},
    "lifespan": {"lifespan.startup", "lifespan.shutdown"},
}


class Watched:
    """`app`, and in `wrong` every message to or from it that breaks a rule. side: named there."""

    def __init__(self, app: Any, wrong: list[str], side: str) -> None:
        self._app, self._wrong, self._side = app, wrong, side

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        kind, state, disconnected = scope["type"], "", False
        self._scope(scope)

        async def watched_receive() -> Any:
            nonlocal disconnected
            message = await receive()
            if message["type"] not in RECEIVED[kind]:
                self._say(kind, "was given", message["type"])
            if disconnected and not message["type"].endswith(".disconnect"):
                self._say(kind, "was given after the end", message["type"])
            disconnected = message["type"].endswith(".disconnect")
            return message

        async def watched_send(message: Any) -> None:
            nonlocal state
            name, may = message["type"], SENDING[kind][state]
            if name not in may:
                self._say(kind, f"in state {state!r} sent", name)
            self._message(kind, message)
            state = may.get(name, state)
            if name == "http.response.body" and not message.get("more_body", False):
                state = "over"
            await send(message)

        await self._app(scope, watched_receive, watched_send)
        if kind == "http" and state != "over":
            self._say(kind, "left in state", state)

    def _scope(self, scope: Any) -> None:
        if scope["type"] not in SENDING or not scope["asgi"]["version"].startswith("3"):
            self._say(scope["type"], "scope", repr(scope["asgi"]))
        if scope["type"] != "lifespan":
            if not isinstance(scope["path"], str) or not isinstance(scope["query_string"], bytes):
                self._say(scope["type"], "scope", "path or query_string")
            if any(type(name) is not bytes or name != name.lower() for name, _ in scope["headers"]):
                self._say(scope["type"], "scope", "headers")

    def _message(self, kind: str, message: Any) -> None:
        if "headers" in message and not all(
            type(name) is bytes and type(value) is bytes and name == name.lower() for name, value in message["headers"]
        ):
            self._say(kind, "sent", "headers")
        if message["type"] == "http.response.start" and type(message["status"]) is not int:
            self._say(kind, "sent", "status")
        if message["type"] == "http.response.body" and not isinstance(message.get("body", b""), bytes):
            self._say(kind, "sent", "body")

    def _say(self, kind: str, did: str, what: str) -> None:
        self._wrong.append(f"{self._side}, {kind}: {did} {what}")
