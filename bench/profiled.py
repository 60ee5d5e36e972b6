"""`python -m bench.profiled FILE MODULE …`: as `python -m MODULE …`, profiled until SIGINT ends it.

The clock is the CPU of the main thread, which an event loop lives in: what another process took meanwhile does not
count. SIGUSR1 forgets what was counted so far.
"""

from __future__ import annotations

import cProfile
import runpy
import signal
import sys
import time


def main() -> None:
    _, path, module, *arguments = sys.argv
    profile = cProfile.Profile(time.thread_time)
    signal.signal(signal.SIGUSR1, lambda _number, _frame: profile.clear())
    sys.argv = [module, *arguments]
    profile.enable()
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        profile.disable()
        profile.dump_stats(path)


if __name__ == "__main__":
    main()
