"""What `linkmw run` has each Python of its command load first: first on PYTHONPATH, and soon out of the way.

The standard library only, up to where linkmw itself is found: last of all, so that of a library which both bring the
application's own is taken.
"""

import os
import sys


def _chain() -> None:
    """The `sitecustomize` that would have been loaded is loaded."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or os.curdir) != here]
    ours = sys.modules.pop("sitecustomize", None)
    try:
        import sitecustomize  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name != "sitecustomize":
            raise
        if ours is not None:
            sys.modules["sitecustomize"] = ours


def _begin() -> None:
    for entry in os.environ.get("LINKMW_RUN_PATH", "").split(os.pathsep):
        if entry and entry not in sys.path:
            sys.path.append(entry)
    try:
        from linkmw.outside import patches

        patches.install()
    except Exception as error:
        print(f"linkmw is OFF, the application is as ever: {type(error).__name__}: {error}", file=sys.stderr)


try:
    _chain()
finally:
    _begin()
