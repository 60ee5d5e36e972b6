"""What the tests start does not outlive them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.stores.servers import answers, until

ROOT = Path(__file__).resolve().parents[2]
STARTS_ONE = """
import sys
from pathlib import Path
from tests.stores.servers import Server
print(Server(Path(sys.argv[1])).port, flush=True)
sys.stdin.read()
"""


def test_a_redis_goes_when_the_run_that_started_it_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STARTS_ONE, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout
        port = int(run.stdout.readline())
        assert answers(port)
        run.kill()
    until(lambda: not answers(port))
