"""Columns of a table from the white space that its rows have in common."""

from extractors.geometry.columns import find_columns, place
from extractors.pages.rows import measure, printed_rows
from schemas.box import Box
from schemas.page import Word

# A scanned statement in small type: the second column's currency signs stand under the brackets of the first.
ROWS = [
    [("Net", 24, 34), ("income", 36, 60), ("$", 420, 428), ("5,727", 454, 477), ("$", 478, 486), ("2,539", 512, 532)],
    [("Translation", 24, 60), ("496", 463, 475), ("(148)", 518, 534)],
    [("Hedges", 24, 50), ("(825)", 458, 480), ("(130)", 518, 534)],
    [("Other", 24, 45), ("(324)", 458, 480), ("(287)", 515, 537)],
    [("Gains", 24, 45), ("5", 471, 475), ("(9)", 526, 534)],
    [("Total", 24, 43), ("$", 420, 428), ("5,403", 454, 477), ("$", 478, 486), ("2,252", 512, 532)],
]  # fmt: skip


def test_currency_signs_close_no_gutter() -> None:
    words = [
        Word(text, Box(x0, 12.0 * row, x1, 12.0 * row + 8), row)
        for row, cells in enumerate(ROWS)
        for text, x0, x1 in cells
    ]
    columns = find_columns(printed_rows(words), measure(words))
    # a single row of six is taken for chance: the bracket that reaches to 537 widens nothing
    assert [(column.x0, column.x1) for column in columns] == [(24, 60), (454, 480), (512, 534)]


def test_a_date_over_two_columns_is_not_parted_at_their_gutter() -> None:
    texts = [
        [("31", 360, 369), ("December", 373, 415), ("December", 474, 516), ("27,", 520, 531)],
        [("2016", 351, 370), ("2016", 407, 427), ("2015", 464, 484), ("2015", 521, 540)],
        *([("Goodwill", 60, 100), ("54,917", 344, 370), ("58,778", 458, 484)] for _ in range(3)),
        *([("Total", 60, 85), ("60,725", 401, 427), ("62,753", 514, 540)] for _ in range(3)),
    ]
    words = [
        Word(text, Box(x0, 12.0 * row, x1, 12.0 * row + 10), row)
        for row, cells in enumerate(texts)
        for text, x0, x1 in cells
    ]
    rows, scale = printed_rows(words), measure(words)
    columns = find_columns(rows[1:], scale)
    assert [(item.piece.text, item.first, item.last) for item in place(rows[0], columns, scale)] == [
        ("31 December", 1, 2),
        ("December 27,", 3, 4),
    ]
