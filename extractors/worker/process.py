"""The worker process itself: load the model, test it, serve until told to stop, then finish what is going on.

Started by the supervisor with the settings as JSON on standard input. Exit codes: 0 stopped or recycled, 1 the model does
not fit its settings (starting again would not help), 70 the engine failed (start again).
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from types import FrameType

import uvicorn

from extractors.errors import ParquetryError
from extractors.worker.api import create_app
from extractors.worker.engine import LanguageModel
from extractors.worker.selftest import self_test
from extractors.worker.service import Service, Worker
from extractors.worker.settings import WorkerSettings

log = logging.getLogger(__name__)

EXIT_UNUSABLE = 1
EXIT_ENGINE = 70  # EX_SOFTWARE
DRAIN_SECONDS = 60.0  # for the answers that are going on when told to stop
POLL = 0.1  # seconds


def main() -> int:
    """Serve with the settings on standard input and return the exit code."""
    settings = WorkerSettings.model_validate_json(sys.stdin.read())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s worker %(levelname)s %(message)s")
    worker = Worker(settings)
    config = uvicorn.Config(
        create_app(worker),
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,
        workers=1,
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        worker.draining = True
        stop.set()

    serving = threading.Thread(target=server.run, name="http", daemon=True)
    serving.start()
    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    try:
        began = time.monotonic()
        model = LanguageModel(settings)
        self_test(model)
        service = Service(model, settings, worker.metrics)
    except ParquetryError as error:
        log.error("%s", error)
        return EXIT_UNUSABLE
    service.scheduler.start()
    worker.service = service
    log.info("%s is ready after %.1f s on http://%s:%d", settings.served_name, time.monotonic() - began, settings.host, settings.port)  # fmt: skip
    while not stop.wait(POLL):
        if service.scheduler.failed is not None or not serving.is_alive():
            log.error("Ending, because %s", service.scheduler.failed or "the HTTP server ended")
            time.sleep(POLL)  # let the last answers out
            return EXIT_ENGINE
    until = time.monotonic() + DRAIN_SECONDS
    while not service.scheduler.idle and time.monotonic() < until:
        time.sleep(POLL)
    service.scheduler.stop()
    server.should_exit = True
    serving.join(timeout=5)
    model.close()
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # a GPU driver's exit handlers may hang; everything is flushed and freed
