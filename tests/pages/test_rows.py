from hypothesis import given
from hypothesis import strategies as st

from extractors.pages.rows import has_digits, is_value, joined, level_words, measure, pieces, printed_rows
from schemas.box import Box
from schemas.page import Word
from tests.typed_pages import typed_page


def words(*placed: tuple[float, str]) -> tuple[Word, ...]:
    """Words of one line at the given left edges, letters 5 points wide, type 10 points high."""
    return tuple(Word(text, Box(x, 0, x + 5 * len(text), 10), 0) for x, text in placed)


def cut(*placed: tuple[float, str]) -> list[str]:
    return [piece.text for piece in pieces(words(*placed), 0.25)]


def test_values_and_words_are_told_apart() -> None:
    for text in [
        "1,234",
        "(56)",
        "$1,234",
        "1.5x",
        "12.5%",
        "(4.7)%",
        "—",
        "-",
        "2018",
        "£(3)",
        "0,1",
        "1.234,56",
        "79%",
        "†",
        "3²",
        "1990–1995",
    ]:
        assert is_value(text), text
    for text in ["Net", "31,", "2.", "kg/year", "Q1", "(n", "FY2018", "", "and 5"]:
        assert not is_value(text), text
    assert has_digits("(56)")
    assert not has_digits("—")


def test_signs_that_stand_apart_join_their_number() -> None:
    assert cut((0, "$"), (60, "1,234"), (88, ")"), (120, "%")) == ["$ 1,234 )", "%"]
    assert cut((0, "("), (8, "56"), (20, ")"), (27, "%")) == ["( 56 ) %"]
    assert cut((0, "$000's"), (40, "%")) == ["$000's", "%"]


def test_two_values_side_by_side_are_two_but_groups_of_a_number_are_one() -> None:
    assert cut((0, "2,862"), (27.5, "(4.6)")) == ["2,862", "(4.6)"]
    assert cut((0, "1"), (7.5, "649"), (25, "672")) == ["1 649 672"]
    assert cut((0, "1"), (20, "649")) == ["1", "649"]


def test_labels_hold_together_and_columns_come_apart() -> None:
    assert cut((0, "Net"), (17.5, "sales"), (60, "120")) == ["Net sales", "120"]
    assert cut((0, "Year"), (22, "ended")) == ["Year ended"]


def test_raised_marks_stay_with_their_word() -> None:
    assert cut((0, "0.29"), (25, "³"), (60, "1.51")) == ["0.29³", "1.51"]
    assert joined(words((0, "share"), (25, "¹"), (40, "total"))) == "share¹ total"


def test_rows_collect_superscripts_and_part_neighbouring_lines() -> None:
    line = Word("Total", Box(0, 100, 30, 110), 0)
    mark = Word("²", Box(31, 98.5, 34, 104.5), 1)
    below = Word("Next", Box(0, 111, 30, 121), 2)
    rows = printed_rows([below, mark, line])
    assert [[word.text for word in row.words] for row in rows] == [["Total", "²"], ["Next"]]


def test_measure_of_typewritten_pages() -> None:
    found = measure(typed_page("one two three four\nfive six seven").words)
    assert found.height == 10
    assert found.blank == 0.7  # a character of 6 points and the point between letters, of 10


def test_sideways_lines_are_left_out() -> None:
    level = words((0, "level"))
    sideways = tuple(
        Word(text, Box(50, 40 * n, 60, 40 * n + 35), 9) for n, text in enumerate(("up", "the", "axis"))
    )
    assert level_words([*level, *sideways]) == list(level)


@given(st.text(max_size=30))
def test_any_text_is_a_value_or_is_not(text: str) -> None:
    assert is_value(text) in (True, False)
