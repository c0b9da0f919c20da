"""Run the supervised worker from the environment: `python -m extractors.worker` with `PARQUETRY_WORKER_*` set.

With `--tied` it ends when its standard input does: whoever holds the other end has ended, in whatever way.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading

from extractors.errors import ParquetryError
from extractors.worker.settings import WorkerSettings
from extractors.worker.supervisor import run_worker


def _end_with_input() -> None:
    while sys.stdin.buffer.read(1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    if "--tied" in sys.argv[1:]:
        threading.Thread(target=_end_with_input, daemon=True).start()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s supervisor %(levelname)s %(message)s")
    try:
        sys.exit(run_worker(WorkerSettings()))
    except ParquetryError as error:
        sys.exit(str(error))
