"""What a run writes for a log collector: JSON on every line, and never a secret."""

from __future__ import annotations

import io
import json
import logging

import pytest

from flows.logs import JsonEvents
from flows.parameters import RunParameters
from flows.run import run_direct
from tests.hostile import makers
from tests.small import small_pdf


def test_every_event_is_a_line_with_what_is_known_of_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PARQUETRY_PASSWORD", "swordfish")
    small_pdf(tmp_path / "in" / "good.pdf", pages=3)
    makers.encrypted_pdf(tmp_path / "in" / "locked.pdf", "another")
    stream = io.StringIO()
    with JsonEvents(stream) as events:
        parameters = RunParameters(
            folders=(str(tmp_path / "in"),), out=str(tmp_path / "out"), workers=1, engine="geometry"
        )
        summary = run_direct(parameters, events)
        logging.getLogger("some.library").warning("odd %s", "thing")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    by_event: dict[str, list[dict[str, object]]] = {}
    for line in lines:
        assert {"at", "level", "event"} <= line.keys()
        by_event.setdefault(str(line["event"]), []).append(line)
    assert by_event["planned"][0]["documents"] == 2
    pages = by_event["page"]
    assert [(line["page"], line["pages"], line["stage"], line["engine"]) for line in pages] == [
        (number, 3, "page", "geometry") for number in (1, 2, 3)
    ]
    assert all(str(line["document"]).endswith("good.pdf") for line in pages)
    (failure,) = by_event["failure"]
    assert (failure["category"], failure["stage"], failure["level"]) == ("encrypted", "open", "warning")
    good = next(line for line in by_event["document"] if line["status"] == "ok")
    stages = good["seconds_by_stage"]
    assert isinstance(stages, dict)
    assert stages.keys() == {"text", "tables", "statements"}
    assert 0 < sum(stages.values()) <= good["seconds"] + 0.01
    assert by_event["log"][0]["message"] == "odd thing"
    assert "swordfish" not in stream.getvalue()
    assert summary.categories == {"encrypted": 1}


def test_a_run_that_is_broken_off_says_so(tmp_path):
    stream = io.StringIO()
    with pytest.raises(OSError, match="disk"), JsonEvents(stream):
        raise OSError("the disk is gone")
    (line,) = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert (line["event"], line["level"], line["message"]) == ("broken-off", "error", "the disk is gone")
