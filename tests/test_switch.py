"""Which mode holds, and what switches linkmw off: the truth tables."""

from __future__ import annotations

from itertools import product

import pytest

from linkmw.switch import Mode, effective, is_off_in, read_switch

MODES: tuple[Mode, ...] = ("off", "beside", "replace")


@pytest.mark.parametrize(("own", "tenant"), list(product(MODES, MODES)))
def test_p05_the_lower_of_two_wishes_holds(own: Mode, tenant: Mode) -> None:
    lower = MODES[min(MODES.index(own), MODES.index(tenant))]
    assert effective(own, tenant, healthy=True) == lower
    assert [effective(own, tenant, healthy=True, percent=percent) for percent in (-1, 0, 1, 2, 100)] == [
        *("off", "off"),
        *(lower, lower, lower),
    ]
    assert effective(own, tenant, healthy=False) == "off"


@pytest.mark.parametrize(
    ("text", "switch"),
    [
        *((word, True) for word in ("1", "true", "yes", "on", " ON\n", "True")),
        *((word, False) for word in ("0", "false", "no", "off", " Off ", "FALSE")),
        *((word, None) for word in ("", "2", "-1", "onn", "enabled", "o n")),
    ],
)
def test_dis01_what_a_switch_says(text: str, switch: bool | None) -> None:
    assert read_switch(text) is switch


@pytest.mark.parametrize(
    ("environ", "off"),
    [
        ({"LINKMW_ENABLED": "off"}, True),
        ({"LINKMW_ENABLED": "on"}, False),
        ({"LINKMW_ENABLED": ""}, False),
        ({"LINKMW_ENABLED": "nonsense"}, False),
        ({}, False),
        ({"LINKMW_ENABLED": "off", "LINKMW_ENABLED_FILE": "/run/secrets/x"}, False),  # a mistake to be said
        ({"LINKMW_ENABLED_FILE": "/run/secrets/x"}, False),
    ],
)
def test_dis12_the_environment_alone_may_settle_it(environ: dict[str, str], off: bool) -> None:
    assert is_off_in(environ) is off
