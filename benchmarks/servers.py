"""The servers that `benchmarks.worker` and `benchmarks.gpu` ask beside our own, each started on a free port over the same files.

llama_cpp.server needs `pip install -e '.[bench]'`. llama-server is built from the llama.cpp that is inside
llama-cpp-python's source package, so that both compute with the same kernels:

    pip download --no-binary llama-cpp-python --no-deps llama-cpp-python==0.3.36 && tar xf llama_cpp_python-0.3.36.tar.gz
    cmake -S llama_cpp_python-0.3.36/vendor/llama.cpp -B build/llama-server -G Ninja -DCMAKE_BUILD_TYPE=Release \
          -DBUILD_SHARED_LIBS=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_APP=OFF \
          -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_NUMBER=0
    cmake --build build/llama-server --target llama-server      # add -DGGML_CUDA=ON -DCMAKE_CUDA_ARCHITECTURES=90 above for an H100
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.worker_process import free_port

START_SECONDS = 600.0  # a large model on a busy disk
CELLS_PER_SLOT = 2048  # llama-server divides its context among its slots


@contextmanager
def _serving(command: Sequence[str], port: int, ready: str, log: Path) -> Iterator[tuple[str, int]]:
    """Run a server until it answers `ready` with 200; yield its address and process id; end it afterwards."""
    url = f"http://127.0.0.1:{port}"
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
        try:
            until = time.monotonic() + START_SECONDS
            while True:
                if process.poll() is not None or time.monotonic() > until:
                    sys.exit(
                        f"{command[0]} did not start; see {log}:\n{log.read_text(errors='replace')[-2000:]}"
                    )
                try:
                    if httpx.get(url + ready, timeout=5).status_code == 200:
                        break
                except httpx.HTTPError:
                    pass
                time.sleep(0.2)
            yield url, process.pid
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def llama_cpp_server(
    model: Path, mmproj: Path, threads: int, gpu_layers: int = 0
) -> Iterator[tuple[str, int]]:
    """llama-cpp-python's own server, with its multimodal chat handler; it answers one request at a time."""
    port = free_port()
    command = [
        sys.executable, "-m", "llama_cpp.server", "--model", str(model), "--clip_model_path", str(mmproj),
        "--chat_format", "mtmd", "--n_ctx", "8192", "--n_threads", str(threads), "--n_threads_batch", str(threads),
        "--n_gpu_layers", str(gpu_layers), "--host", "127.0.0.1", "--port", str(port), "--verbose", "false",
    ]  # fmt: skip
    with _serving(command, port, "/v1/models", model.with_suffix(".server.log")) as running:
        yield running


@contextmanager
def llama_server(
    binary: Path, model: Path, mmproj: Path, slots: int, threads: int, more: Sequence[str] = ()
) -> Iterator[tuple[str, int]]:
    """llama.cpp's server with `slots` answers at once (`-np`)."""
    port = free_port()
    command = [
        str(binary), "--model", str(model), "--mmproj", str(mmproj), "--parallel", str(slots),
        "--ctx-size", str(slots * CELLS_PER_SLOT), "--threads", str(threads), "--host", "127.0.0.1", "--port", str(port),
        "--skip-chat-parsing", *more,  # random weights write no format that its parsers know
    ]  # fmt: skip
    with _serving(command, port, "/health", model.with_suffix(".llama-server.log")) as running:
        yield running
