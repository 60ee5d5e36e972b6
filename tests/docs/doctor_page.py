"""Writes docs/doctor.md from the checks themselves: `python tests/docs/doctor_page.py`."""

from __future__ import annotations

from pathlib import Path

from linkmw.cli.doctor.catalogue import AT_THE_HUB, IN_A_PRODUCT
from linkmw.cli.doctor.findings import Check

PAGE = Path(__file__).resolve().parents[2] / "docs" / "doctor.md"

HEAD = """# The doctor

Written by `python tests/docs/doctor_page.py`; a test fails when it is out of date.

`linkmw doctor` in a product and `linkmw hub doctor` at the hub look through everything that has to be right, and change
nothing. Each check is a line: `ok`, `warning` or `wrong`, what was found, and under it what to do.

```text
wrong    keycloak.pkce       acme: a request without S256 is taken
                             → `linkmw keycloak setup`
```

| exit code | |
|---|---|
| 0 | nothing is wrong; with `--strict`: and there is no warning |
| 1 | something is wrong |
| 2 | wrong usage |

`--json` prints one object for scripts: `{"ok": …, "findings": [{"check", "of", "standing", "found", "advice",
"details"}]}`. The names of the checks stay. Secrets are starred out; of a URL with a password the password is.

**In a product**, with its environment and in its folder. A Django project is seen whole with `DJANGO_SETTINGS_MODULE`
set; any other shows how it is wrapped with `--app module:application`. Where this machine does not reach the product by
its public address, `--at http://127.0.0.1:8000` says how it does.

**At the hub**, with its environment and in its folder. What the hub's client may do at Keycloak is *tried*: a request
without PKCE, by the implicit flow, or to another address has to be refused. What Keycloak shows administrators alone,
its version and the settings that nobody can try from outside, is looked at with `--admin-password-file FILE` or
`LINKMW_KEYCLOAK_ADMIN_PASSWORD` (`docs/keycloak.md`). No mail is sent but with `--mail-to`.

A clock is wrong from 30 seconds on; tokens forgive 60. The hub refuses to start on wrong settings, a file that others
can read, a key that nobody made by chance, another schema, and a Redis that evicts keys. One that does not answer then
is said in the log, and looked at by the doctor.
"""


def table(checks: tuple[Check, ...]) -> str:
    rows = [f"| `{check.name}` | {check.looks_at} | {check.advice} |" for check in checks]
    return "\n".join(("| check | what it looks at | what to do |", "|---|---|---|", *rows))


def page() -> str:
    return f"{HEAD}\n## In a product\n\n{table(IN_A_PRODUCT)}\n\n## At the hub\n\n{table(AT_THE_HUB)}\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
