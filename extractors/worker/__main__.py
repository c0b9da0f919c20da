"""Run the supervised worker from the environment: `python -m extractors.worker` with `PARQUETRY_WORKER_*` set."""

from __future__ import annotations

import logging
import sys

from extractors.errors import ParquetryError
from extractors.worker.settings import WorkerSettings
from extractors.worker.supervisor import run_worker

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s supervisor %(levelname)s %(message)s")
    try:
        sys.exit(run_worker(WorkerSettings()))
    except ParquetryError as error:
        sys.exit(str(error))
