"""Answers that are remembered: the same as without, asked once for each short text, and never for a long one."""

from __future__ import annotations

from schemas.remember import LONGEST, remembered


def test_short_texts_are_asked_once_and_long_ones_each_time() -> None:
    asked: list[str] = []

    @remembered
    def length(text: str, more: int = 0) -> int:
        """How long."""
        asked.append(text)
        return len(text) + more

    long = "x" * (LONGEST + 1)
    assert [length("ab"), length("ab"), length("ab", 1), length("ab", more=1)] == [2, 2, 3, 3]
    assert [length(long), length(long)] == [LONGEST + 1] * 2
    assert asked == ["ab", "ab", "ab", long, long]
    assert length.__doc__ == "How long."
