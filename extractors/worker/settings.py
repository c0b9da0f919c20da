"""How the worker is to run: one frozen model, filled from arguments or `PARQUETRY_WORKER_*` variables.

Counts of cells and tokens are in tokens of the language model; one image token covers 32 × 32 pixels.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

KVType = Literal["f32", "f16", "q8_0"]


class WorkerSettings(BaseSettings):
    """Everything `parquetry worker` may be told."""

    model_config = SettingsConfigDict(
        env_prefix="PARQUETRY_WORKER_", frozen=True, extra="ignore", protected_namespaces=()
    )

    model: Path | None = Field(None, description="language model, a GGUF file")
    mmproj: Path | None = Field(None, description="its vision tower, the mmproj GGUF file")
    name: str | None = Field(None, description="name that clients ask for; the file's stem when not given")
    adapters: dict[str, Path] = Field({}, description="LoRA adapters (GGUF) by the name that clients ask for")
    host: str = Field("127.0.0.1", description="address to listen on; beyond this machine only with a token")
    port: int = Field(7860, ge=1, le=65_535, description="port to listen on")
    token: SecretStr | None = Field(None, description="bearer token that clients must send")

    n_gpu_layers: int = Field(
        -1, ge=-1, description="language model layers on the GPU; -1 for all, 0 for none"
    )
    main_gpu: int = Field(0, ge=0, description="which GPU")
    gpus: str | None = Field(
        None, description="all, or numbers such as 0,1: one worker for each, on ports from --port on"
    )
    fit: bool = Field(
        True,
        description="derive slots, context, layers and KV type from the free memory where they are not given",
    )
    threads: int | None = Field(None, ge=1, description="CPU threads; all cores when not given")
    slots: int = Field(16, ge=1, le=64, description="answers that are decoded at once")
    kept: int = Field(
        16, ge=0, le=128, description="instruction prefixes and read tiles kept for the next question"
    )
    context: int = Field(32_768, ge=512, description="KV cells shared by all answers")
    batch: int = Field(2048, ge=32, description="most rows of one decode call")
    ubatch: int = Field(1024, ge=32, description="most rows of one pass through the model")
    kv_type: KVType = Field("f16", description="type of the KV cache")
    flash_attention: Literal["auto", "on", "off"] = Field(
        "auto", description="auto: on for a GPU; off for a CPU, where it is less exact"
    )
    image_max_tokens: int = Field(
        4096, ge=64, description="largest image after preparation; larger ones are scaled down"
    )

    queue: int = Field(128, ge=1, description="requests that may wait; beyond it clients get 429")
    encode_ahead: int = Field(4, ge=1, description="images encoded before a slot is free")
    deadline: float = Field(300.0, gt=0, description="seconds after which an answer is given up")
    max_tokens: int = Field(2048, ge=1, description="answer length when the client does not say")
    max_image_bytes: int = Field(20_000_000, gt=0, description="largest image file of a request")
    max_image_pixels: int = Field(40_000_000, gt=0, description="largest image of a request, in pixels")
    max_images: int = Field(4, ge=1, description="most images of one request")
    max_body: int = Field(64_000_000, gt=0, description="largest request in bytes")

    hang_seconds: float = Field(120.0, gt=0, description="no step for this long while there is work: restart")
    recycle_tiles: int = Field(20_000, ge=0, description="restart after this many tiles; 0 for never")
    recycle_growth: int = Field(
        4_000_000_000, ge=0, description="restart after resident memory grew by these bytes; 0 for never"
    )
    max_restarts: int = Field(0, ge=0, description="give up after this many restarts in a row; 0 for never")

    @property
    def served_name(self) -> str:
        """The name under which the model is served."""
        return self.name or (self.model.stem if self.model else "")
