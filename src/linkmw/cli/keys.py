"""`linkmw hub keys`: the keys that the hub signs with."""

from __future__ import annotations

from dataclasses import asdict

import click

from linkmw.cli import configuration, shown
from linkmw.cli.shown import span

_KID = 43  # characters: 256 bits in base64url
_STATES = {"signs": "signs now", "waits": "signs later", "verifies": "published only"}


@click.group()
def keys() -> None:
    """List, rotate and retire the keys that the hub signs tokens with."""


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line.")
def list_(as_json: bool) -> None:
    """Print every key that is published: which one signs, since or from when, and when it goes."""
    with configuration.stores() as (_, stores):
        stores.require_current_schema()
        found = stores.admin.signing_keys()
    if as_json:
        for key in found:
            shown.as_json(asdict(key))
        return
    rows = [(k.kid, k.algorithm, _STATES[k.stands], shown.when(k.signs_from), shown.when(k.gone)) for k in found]
    shown.table(("KEY", "ALGORITHM", "STATE", "SIGNS FROM", "GONE"), rows)


@keys.command()
@click.option(
    "--algorithm",
    type=click.Choice(["RS256", "ES256"]),
    multiple=True,
    default=("RS256", "ES256"),
    show_default="both",
    help="Whose key; may be repeated.",
)
@click.option(
    "--lead",
    type=span,
    metavar="SPAN",
    default=None,
    help="How long it is published before it signs; 61m when left out: products keep the keys for an hour.",
)
def rotate(algorithm: tuple[str, ...], lead: int | None) -> None:
    """Make a new signing key. It is published now and signs when every product has it; nobody's sign-in fails.

    The key before it stays published for an hour after that, and goes by itself. Only one can wait at a time. With a
    shorter --lead a product meets a key that it does not know, and asks for the keys once more, every 30 s at most.
    """
    from linkmw.stores.sql.keys import LEAD_SECONDS

    with configuration.stores() as (_, stores):
        stores.require_current_schema()
        for one in algorithm:
            made = stores.admin.rotate_key(one, LEAD_SECONDS if lead is None else lead)
            click.echo(f"{made.kid} is published, and signs {made.algorithm} from {shown.when(made.signs_from)} on.")


class _OfAKey(click.Command):
    """One key in 64 begins with a dash, and is no option: by its length it is a thumbprint (RFC 7638)."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        kids = [arg for arg in args if len(arg) == _KID]
        if kids:
            args = [*(arg for arg in args if len(arg) != _KID and arg != "--"), "--", *kids]
        return super().parse_args(ctx, args)


@keys.command(cls=_OfAKey)
@click.argument("kid", metavar="KEY")
@click.option("--yes", is_flag=True, help="Do not ask.")
def retire(kid: str, yes: bool) -> None:
    """Take KEY out of the published keys now: it is known to somebody else, or was never meant to be.

    If it is the one that signs, the next of its algorithm signs from now on; without a next one it is refused. What
    KEY has signed is worth nothing to whoever asks for the keys from now on; a product that keeps them believes it for
    up to an hour more: restart it if that matters.
    """
    if not yes:
        click.confirm(f"Retire {kid}? Sign-ins of this minute may fail and have to be begun again", abort=True)
    with configuration.stores() as (_, stores):
        stores.require_current_schema()
        follows = stores.admin.retire_key(kid)
    click.echo(f"{kid} is gone." + (f" {follows.kid} signs {follows.algorithm} from now on." if follows else ""))
