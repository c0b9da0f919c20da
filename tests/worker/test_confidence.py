from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractors.worker.confidence import TokenOdds, value_odds, value_spans

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def at(document: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        document = document[step]
    return document


def leaves(document: Any) -> int:
    if isinstance(document, dict):
        return sum(leaves(value) for value in document.values())
    if isinstance(document, list):
        return sum(leaves(value) for value in document)
    return 1


@given(values, st.sampled_from([None, 1]), st.booleans())
def test_every_value_is_found_where_it_stands(document: Any, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    spans = list(value_spans(text))
    assert len(spans) == leaves(document)
    for path, start, end in spans:
        assert json.loads(text[start:end]) == at(document, path)


@given(values, st.lists(st.integers(1, 7), min_size=1, max_size=200))
def test_odds_are_those_of_the_tokens_that_wrote_the_value(document: Any, sizes: list[int]) -> None:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    data, tokens, i = text.encode(errors="surrogatepass"), [], 0
    if "\\ud" in json.dumps(document):
        return
    while data:
        size = sizes[i % len(sizes)]
        tokens.append(TokenOdds(data[:size], -float(i), 0.01 * (i % 50)))
        data, i = data[size:], i + 1
    odds = value_odds(text, tokens)
    assert len(odds) == leaves(document)
    for value in odds.values():
        assert value.lowest <= value.mean <= 0
        assert 0 <= value.forbidden < 1


def test_a_doubtful_digit_shows_in_its_own_value_only() -> None:
    text = '{"rows":[["Sales","1,234"],["Tax","99"]]}'
    tokens = [TokenOdds(letter.encode(), -0.01) for letter in text]
    place = text.index("2")
    tokens[place] = TokenOdds(b"2", -3.0, 0.4)
    odds = value_odds(text, tokens)
    assert odds["rows", 0, 1].lowest == -3.0
    assert odds["rows", 0, 1].mean == pytest.approx((-3.0 - 6 * 0.01) / 7)
    assert odds["rows", 0, 1].forbidden == 0.4
    assert odds["rows", 1, 1].lowest == -0.01


def test_tokens_that_do_not_write_the_text_say_nothing() -> None:
    assert value_odds('{"a":1}', [TokenOdds(b'{"a":', -1.0)]) == {}
    assert value_odds('"a"', []) == {}
