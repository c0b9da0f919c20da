"""How the worker is doing, in Prometheus' terms. Seconds, tokens and cells; rates are left to the reader of the counters."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest


class Metrics:
    """The worker's counters and gauges, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"parquetry_worker_{name}", text, labels, registry=self.registry)

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(f"parquetry_worker_{name}", text, registry=self.registry)

        self.tiles = counter("tiles", "Requests with an image that were answered or given up")
        self.images = counter("images", "Images that went through the vision tower")
        self.embeddings = counter("embeddings", "Images that were embedded")
        self.finished = counter("finished", "Requests by how they ended", "reason")
        self.rejected = counter("rejected", "Requests refused before they were queued", "reason")
        self.adapter_switches = counter(
            "adapter_switches", "Times that another LoRA adapter was put in place"
        )
        self.prompt_tokens = counter("prompt_tokens", "Prompt tokens decoded, image tokens included")
        self.answer_tokens = counter("answer_tokens", "Answer tokens")
        self.steps = counter("steps", "Decode steps")
        self.encode_seconds = counter("encode_seconds", "Seconds in the vision tower")
        self.prefill_seconds = counter("prefill_seconds", "Seconds feeding images into the language model")
        self.decode_seconds = counter("decode_seconds", "Seconds decoding text, choosing tokens included")
        self.queue_depth = gauge("queue_depth", "Requests that wait for a slot")
        self.slots_busy = gauge("slots_busy", "Answers that are being decoded")
        self.slots = gauge("slots", "Answers that can be decoded at once")
        self.cells_used = gauge("kv_cells_used", "KV cells kept or set aside")
        self.cells = gauge("kv_cells", "KV cells there are")
        self.resident_bytes = gauge("resident_bytes", "Resident memory of the worker process")

    def exposition(self) -> bytes:
        """Return the text that Prometheus reads."""
        return bytes(generate_latest(self.registry))
