"""The hub's signed question to a product (protocol, section 5)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import count
from typing import Any

import httpx2
import pytest
from tests.hub.world import ACME, HUB, SETTINGS, World, jwt_claims, product

from linkmw.errors import RegistrationRefused, Unavailable
from linkmw.hub.bulkhead import AT_ONCE
from linkmw.hub.ports import AccountAnswer, JoinAnswer
from linkmw.hub.products import SignedProducts
from linkmw.hub.registration import check_client, check_tenant
from linkmw.model import Client
from linkmw.oidc import call_token
from linkmw.oidc.jose import KeySet

Answer = Callable[[dict[str, Any], str], httpx2.Response]


Question = Callable[[SignedProducts, Client], Awaitable[Any]]


def look_up(products: SignedProducts, client: Client) -> Awaitable[AccountAnswer]:
    return products.look_up(client, "7")


def asked(world: World, answer: Answer, internal_url: str = "", question: Question = look_up) -> Any:
    """What the hub makes of a product's `answer` to (question, jti), the signature being checked as a gate does."""
    ids = count()

    async def ask() -> Any:
        jwks = await world.sql.keys.public()

        def gate(request: httpx2.Request) -> httpx2.Response:
            claims = call_token.verify(
                request.headers["authorization"].removeprefix("Bearer "),
                KeySet.read(jwks),
                issuer=f"{HUB}/o/orders",
                audience="orders",
                method="POST",
                url="https://orders.example/.linkmw/accounts",
                body=request.content,
                now=world.clock(),
            )
            assert request.url.host == (internal_url.removeprefix("http://") or "orders.example")
            # An application answers to its public name; one that checks it refuses the internal one with 400.
            assert request.headers["host"] == "orders.example"
            assert request.url.path == "/.linkmw/accounts"
            return answer(json.loads(request.content), claims["jti"])

        http = httpx2.AsyncClient(transport=httpx2.MockTransport(gate), timeout=1.0)
        products = SignedProducts(http, world.sql.keys, SETTINGS, now=world.clock, token=lambda: f"jti-{next(ids)}")
        return await question(products, product("orders", internal_url=internal_url))

    return asyncio.run(ask())


def found(question: dict[str, Any], jti: str) -> httpx2.Response:
    assert question == {"v": 1, "do": "look_up", "account_id": "7"}
    said = {"username": "ada.l", "email": "a@b.example", "active": True, "usable_password": False}
    return httpx2.Response(200, json={"v": 1, "jti": jti, "found": True, **said})


def test_bc03_the_question_is_signed_over_method_address_and_body(world: World) -> None:
    assert asked(world, found) == AccountAnswer(True, True, False, "ada.l", "a@b.example")


@pytest.mark.parametrize(
    ("said", "read"), [(True, True), (False, False), (None, None), ("true", None), (1, None), ([], None)]
)
def test_pr27_who_is_staff_is_said_plainly_or_not_at_all(world: World, said: object, read: bool | None) -> None:
    told = {"v": 1, "found": True, "staff": said}
    assert asked(world, lambda _, jti: httpx2.Response(200, json={**told, "jti": jti})).staff is read


def test_the_internal_url_is_where_it_is_sent_and_the_public_one_what_is_signed(world: World) -> None:
    assert asked(world, found, "http://orders.internal").found


@pytest.mark.parametrize(("said", "heard"), [(True, True), (False, False), ("yes", None), (1, None), (None, None)])
def test_pr27_who_is_staff_is_heard_only_in_so_many_words(world: World, said: object, heard: bool | None) -> None:
    def gate(_: object, jti: str) -> httpx2.Response:
        return httpx2.Response(200, json={"v": 1, "jti": jti, "found": True, "staff": said})

    assert asked(world, gate).staff is heard


def test_an_account_that_is_gone(world: World) -> None:
    answer = asked(world, lambda _, jti: httpx2.Response(200, json={"v": 1, "jti": jti, "found": False}))
    assert answer == AccountAnswer(False)


@pytest.mark.parametrize(
    "answer",
    [
        lambda _, __: httpx2.Response(200, json={"v": 1, "jti": "another", "found": True}),
        lambda _, jti: httpx2.Response(200, json={"v": 9, "jti": jti, "found": True}),
        lambda _, __: httpx2.Response(200, html="<h1>Not found</h1>"),
        lambda _, __: httpx2.Response(404),
        lambda _, jti: httpx2.Response(302, headers={"location": "http://169.254.169.254/"}, json={"jti": jti}),
    ],
)
def test_bc05_bc16_what_is_not_the_gates_own_answer_counts_for_nothing(world: World, answer: Answer) -> None:
    with pytest.raises(Unavailable):
        asked(world, answer)


def test_pr14_hostile_words_in_an_answer_are_dropped(world: World) -> None:
    said = {"found": True, "username": "a\u202eb", "email": "a@b.example,c@d.example"}
    answer = asked(world, lambda _, jti: httpx2.Response(200, json={"v": 1, "jti": jti, **said}))
    assert (answer.username, answer.email) == ("", "")


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254", "http://169.254.169.254:80", "http://2852039166", "http://0xa9fea9fe", "http://0xa9.254.43518",
        "http://[::ffff:169.254.169.254]", "http://[fe80::1]", "http://0.0.0.0", "http://[::]", "file:///etc/passwd",
        "gopher://orders.internal", "http://", "http://[", "http://ada@orders.internal", "//orders.internal",
    ],
)  # fmt: skip
def test_bc16_a_registry_that_names_such_an_address_is_not_believed(world: World, url: str) -> None:
    def reached(_: dict[str, Any], __: str) -> httpx2.Response:
        raise AssertionError("it was called")

    with pytest.raises(Unavailable):
        asked(world, reached, url)


@pytest.mark.parametrize("field", ["public_url", "redirect_uri", "internal_url", "login_url"])
@pytest.mark.parametrize("url", ["https://169.254.169.254/x", "https://[fe80::1]/x", "file:///etc/passwd"])
def test_bc16_such_an_address_is_not_registered(field: str, url: str) -> None:
    with pytest.raises(RegistrationRefused):
        check_client(replace(product("orders"), **{field: url}), HUB)


@pytest.mark.parametrize("field", ["issuer", "internal_issuer"])
def test_bc16_fc15_nor_as_a_keycloak(field: str) -> None:
    with pytest.raises(RegistrationRefused):
        check_tenant(replace(ACME, **{field: "https://169.254.169.254/realms/acme"}))


def says(expected: dict[str, Any], **members: Any) -> Answer:
    """A gate that is asked `expected` and answers with `members`."""

    def answer(question: dict[str, Any], jti: str) -> httpx2.Response:
        assert question == {"v": 1, **expected}
        return httpx2.Response(200, json={"v": 1, "jti": jti, **members})

    return answer


def test_ake09_a_product_is_asked_by_name_and_says_who_it_is(world: World) -> None:
    gate = says({"do": "find", "name": "ada.l"}, found=True, account_id="7", username="ada.l", email="a@b.example")
    answer = asked(world, gate, question=lambda products, client: products.find(client, "ada.l"))
    assert answer == AccountAnswer(True, True, True, "ada.l", "a@b.example", "7")


@pytest.mark.parametrize("members", [{"found": False}, {"found": True}, {"found": True, "account_id": 7}, {}])
def test_ake09_an_account_without_an_id_is_none(world: World, members: dict[str, Any]) -> None:
    gate = says({"do": "find", "name": "x"}, **members)
    assert asked(world, gate, question=lambda products, client: products.find(client, "x")) == AccountAnswer(False)


def may_join(world: World, accounts: Any) -> Any:
    gate = says({"do": "may_join", "email": "a@b.example"}, accounts=accounts)
    return asked(world, gate, question=lambda products, client: products.may_join(client, "a@b.example"))


def test_pr06_who_may_join_is_the_products_word(world: World) -> None:
    rows = [
        {"account_id": "7", "username": "ada.l", "allowed": True, "last_used": 1_790_000_000},
        {"account_id": "8", "username": "ada.admin", "allowed": False, "last_used": None},
    ]
    assert may_join(world, rows) == [JoinAnswer("7", "ada.l", True, 1_790_000_000), JoinAnswer("8", "ada.admin", False)]


def test_pr06_only_true_is_a_yes_and_odd_rows_are_dropped(world: World) -> None:
    rows = [{"account_id": "7", "allowed": 1, "last_used": True}, {"account_id": ""}, "7", {"allowed": True}, {}]
    assert may_join(world, rows) == [JoinAnswer("7", "", False)]


def test_pr06_an_answer_without_accounts_is_none(world: World) -> None:
    with pytest.raises(Unavailable):
        may_join(world, None)


def test_ds06_of_very_many_accounts_twenty_are_read(world: World) -> None:
    assert len(may_join(world, [{"account_id": str(number)} for number in range(500)])) == 20


PHC = "$argon2id$v=19$m=7168,t=5,p=1$" + "c" * 22 + "$" + "d" * 43


@pytest.mark.parametrize(
    ("said", "taken"),
    [(PHC, PHC), ("", ""), (None, ""), (PHC + "\n", ""), ("$2b$12$" + "x" * 53, ""), (PHC.replace("id", "i"), "")],
)
def test_pr10_what_is_no_argon2id_hash_is_not_carried(world: World, said: Any, taken: str) -> None:
    gate = says({"do": "password_hash", "transaction": "t" * 43}, password_hash=said)
    assert asked(world, gate, question=lambda products, client: products.password_hash(client, "t" * 43)) == taken


@pytest.mark.parametrize(
    "question",
    [
        lambda products, client: products.find(client, "x"),
        lambda products, client: products.may_join(client, "a@b.example"),
        lambda products, client: products.password_hash(client, "t" * 43),
    ],
)
def test_bc05_an_answer_to_another_question_counts_for_nothing(world: World, question: Question) -> None:
    with pytest.raises(Unavailable):
        asked(world, lambda _, __: httpx2.Response(200, json={"v": 1, "jti": "another"}), question=question)


@pytest.mark.parametrize(("status", "taken"), [(200, True), (204, True), (303, False), (400, False), (500, False)])
def test_ops08_a_logout_token_is_taken_or_will_be_told_again(world: World, status: int, taken: bool) -> None:
    seen: list[httpx2.Request] = []

    def gate(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(status)

    async def tell(client: Client) -> None:
        http = httpx2.AsyncClient(transport=httpx2.MockTransport(gate), timeout=1.0)
        await SignedProducts(http, world.sql.keys, SETTINGS, now=world.clock, token=str).log_out(client, "a.b.c")

    if taken:
        asyncio.run(tell(product("orders")))
    else:
        with pytest.raises(Unavailable):
            asyncio.run(tell(product("orders")))
    assert [str(request.url) for request in seen] == ["https://orders.example/.linkmw/logout"]
    assert seen[0].content == b"logout_token=a.b.c"
    with pytest.raises(Unavailable):  # whoever writes the registry sends nobody anywhere
        asyncio.run(tell(replace(product("orders"), redirect_uri="http://169.254.169.254/.linkmw/callback")))
    assert len(seen) == 1


# ---- a product that is slow


def test_ds04_a_slow_product_holds_sixteen_callers_and_takes_nothing_from_the_others(world: World) -> None:
    """Who comes next is told at once, so that nobody waits in a queue for what does not come."""

    async def story() -> None:
        answers, ids = asyncio.Event(), count()

        async def gate(request: httpx2.Request) -> httpx2.Response:
            if request.url.host == "orders.example":
                await answers.wait()
            claims = jwt_claims(request.headers["authorization"].removeprefix("Bearer "))
            return httpx2.Response(200, json={"v": 1, "jti": claims["jti"], "found": True})

        http = httpx2.AsyncClient(transport=httpx2.MockTransport(gate), timeout=60.0)
        products = SignedProducts(http, world.sql.keys, SETTINGS, now=world.clock, token=lambda: f"jti-{next(ids)}")
        crowd = [asyncio.create_task(products.look_up(product("orders"), "7")) for _ in range(100)]
        shed: set[asyncio.Task[AccountAnswer]] = set()
        while len(shed) < 100 - AT_ONCE:
            shed, _ = await asyncio.wait(crowd, timeout=0.01)
        assert all(isinstance(task.exception(), Unavailable) for task in shed)
        others = await asyncio.gather(*(products.look_up(product("stock"), "7") for _ in range(AT_ONCE)))
        assert all(answer.found for answer in others)
        answers.set()
        assert all(answer.found for answer in await asyncio.gather(*(set(crowd) - shed)))
        assert (await products.look_up(product("orders"), "7")).found

    asyncio.run(story())
