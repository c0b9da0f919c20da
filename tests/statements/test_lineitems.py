"""What a row of a statement is called, apart from what stands around it on the page."""

from __future__ import annotations

import pytest

from extractors.statements.lineitems import _GLUED_HEADING


@pytest.mark.parametrize(
    ("printed", "label"),
    [
        ("Cash flows from operating activities Operating profit", "Operating profit"),
        ("Cash flows from investing activities", "Cash flows from investing activities"),
        (
            "Cash flows from operating activities before tax",
            "Cash flows from operating activities before tax",
        ),
    ],
)
def test_a_heading_joined_to_the_row_below_is_taken_off_its_label(printed: str, label: str) -> None:
    assert _GLUED_HEADING.sub("", printed) == label
