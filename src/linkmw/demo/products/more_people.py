"""Further accounts of a product that runs already: one process for all of them, for a framework takes a second to load.

python -m linkmw.demo.products.more_people MODULE: each line is a file of people, answered when they have accounts.
"""

from __future__ import annotations

import os
import sys
from contextlib import redirect_stdout
from importlib import import_module


def main() -> None:
    prepare = import_module(sys.argv[1]).prepare
    for line in sys.stdin:
        os.environ["DEMO_PEOPLE"] = line.rstrip("\n")
        with redirect_stdout(sys.stderr):  # nothing but answers goes there
            prepare()
        print("made", flush=True)


if __name__ == "__main__":
    main()
