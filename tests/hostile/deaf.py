"""A reading process that says it is ready and then takes nothing of what it is sent."""

from __future__ import annotations

import sys
import time

if __name__ == "__main__":
    sys.stdin.buffer.readline()
    print("READY", flush=True)
    while True:
        time.sleep(60)
