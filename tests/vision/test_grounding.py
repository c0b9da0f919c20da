from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractors.vision.grounding import compare, fold, ground_table
from schemas.box import Box
from schemas.page import Word

AREA = Box(0, 0, 600, 800)


def line(y: float, *texts: tuple[float, str]) -> list[Word]:
    out = []
    for x, text in texts:
        for part in text.split():
            out.append(Word(part, Box(x, y, x + 5 * len(part), y + 9), line=int(y), size=9))
            x += 5 * len(part) + 2.4
    return out


def page() -> list[Word]:
    return [
        *line(20, (300, "2024"), (400, "2023")),
        *line(34, (50, "Net sales"), (300, "1,234"), (400, "1,100")),
        *line(48, (50, "Cost of sales"), (300, "(456)"), (400, "(400)")),
        *line(62, (50, "Gross profit"), (300, "778"), (400, "700")),
    ]


TRUE = [
    ["", "2024", "2023"],
    ["Net sales", "1,234", "1,100"],
    ["Cost of sales", "(456)", "(400)"],
    ["Gross profit", "778", "700"],
]


@pytest.mark.parametrize(
    ("read", "printed", "verdict"),
    [
        ("1,234", "1,234", "exact"),
        ("Net  sales", "Net sales", "exact"),
        ("(1,234)", "( 1,234 )", "normalised"),
        ("-12", "−12", "normalised"),
        ("—", "–", "normalised"),
        ("1234", "1,234", "normalised"),
        ("$ 5", "$5", "normalised"),
        ("1,234", "1,284", "mismatch"),
        ("(5)", "5", "mismatch"),
        ("12%", "12", "mismatch"),
        ("12.50", "12.5", "mismatch"),
        ("0", "—", "mismatch"),
        ("", "5", "mismatch"),
    ],
)
def test_how_texts_compare(read: str, printed: str, verdict: str) -> None:
    assert compare(read, printed) == verdict


def test_every_cell_gets_the_box_of_its_own_words() -> None:
    placed = ground_table(TRUE, page(), "text_layer", 1, AREA)
    cells = {(cell.row, cell.col): cell for cell in placed.cells}
    assert len(cells) == 11
    assert {cell.grounding for cell in cells.values()} == {"exact"}
    assert cells[2, 1].box == cells[2, 1].value_box == Box(300, 48, 325, 57)
    assert cells[2, 0].box == Box(50, 48, 50 + 20 + 2.4 + 10 + 2.4 + 25, 57)
    assert cells[2, 0].value_box is None
    assert placed.claimed == frozenset(range(len(page())))


def test_a_trusted_text_layer_wins_and_the_record_says_so() -> None:
    read = [row[:] for row in TRUE]
    read[1][1] = "1,284"
    cells = {(c.row, c.col): c for c in ground_table(read, page(), "text_layer", 1, AREA).cells}
    assert (cells[1, 1].text, cells[1, 1].grounding, cells[1, 1].source) == (
        "1,234",
        "mismatch",
        "text_layer",
    )
    assert cells[1, 1].note == "the model read '1,284'; the page's text layer says '1,234'"
    assert (cells[1, 1].other_text, cells[1, 2].other_text) == ("1,284", None)
    assert cells[1, 2].grounding == "exact"


def test_ocr_does_not_overrule_the_model_but_is_told() -> None:
    read = [row[:] for row in TRUE]
    read[1][1] = "1,284"
    cells = {(c.row, c.col): c for c in ground_table(read, page(), "ocr", 1, AREA).cells}
    assert (cells[1, 1].text, cells[1, 1].grounding, cells[1, 1].source) == ("1,284", "mismatch", "vision")
    assert cells[1, 1].note == "the model read '1,284'; OCR read '1,234'"
    assert cells[1, 1].other_text == "1,234"
    assert (cells[1, 2].grounding, cells[1, 2].source) == ("exact", "vision")


def test_agreement_of_model_and_ocr_is_surer_than_either() -> None:
    words = [Word(w.text, w.box, w.line, confidence=0.8) for w in page()]
    odds = [[0.9] * 3 for _ in TRUE]
    cells = ground_table(TRUE, words, "ocr", 1, AREA, odds).cells
    assert {cell.confidence for cell in cells} == {0.98}


def test_an_invented_row_is_placed_nowhere_and_marked() -> None:
    placed = ground_table([*TRUE, ["Phantom profit", "99,123", "88,123"]], page(), "text_layer", 1, AREA)
    phantom = [cell for cell in placed.cells if cell.row == 4]
    assert [cell.grounding for cell in phantom] == ["mismatch"] * 3
    assert all("not printed here" in (cell.note or "") and cell.source == "vision" for cell in phantom)
    assert placed.row_boxes[4] is None


def test_swapped_columns_are_mismatches() -> None:
    read = [[row[0], row[2], row[1]] for row in TRUE]
    cells = ground_table(read, page(), "text_layer", 1, AREA).cells
    figures = [cell for cell in cells if cell.col > 0 and cell.row > 0]
    assert all(cell.grounding == "mismatch" or cell.note is None for cell in figures)
    assert any(cell.grounding == "mismatch" for cell in figures)


def test_a_label_on_two_lines_is_one_cell() -> None:
    words = [
        *line(20, (300, "2024")),
        *line(34, (50, "Accumulated other comprehensive")),
        *line(45, (50, "loss, net of tax"), (300, "(17)")),
        *line(60, (50, "Total"), (300, "83")),
    ]
    read = [["", "2024"], ["Accumulated other comprehensive loss, net of tax", "(17)"], ["Total", "83"]]
    cells = {(c.row, c.col): c for c in ground_table(read, words, "text_layer", 1, AREA).cells}
    assert {cell.grounding for cell in cells.values()} == {"exact"}
    assert (cells[1, 0].box.y0, cells[1, 0].box.y1) == (34, 54)


def test_a_raised_mark_belongs_to_the_word_that_it_was_read_with() -> None:
    words = [
        *page()[:2],
        *line(
            34,
            (50, "Net sales"),
            (96, "(a)"),
            (300, "$"),
            (308, "1,234"),
            (334, "(b)"),
            (400, "( 5"),
            (413, ")"),
        ),
    ]
    read = [["", "2024", "2023"], ["Net sales⁽ᵃ⁾", "$1,234(b)", "(5)"]]
    cells = {(c.row, c.col): c for c in ground_table(read, words, "text_layer", 1, AREA).cells}
    assert (cells[1, 0].text, cells[1, 0].grounding) == ("Net sales (a)", "normalised")
    assert (cells[1, 1].text, cells[1, 1].grounding) == ("$ 1,234 (b)", "normalised")
    assert (cells[1, 2].text, cells[1, 2].grounding) == ("( 5 )", "normalised")
    assert cells[1, 1].box == Box(300, 34, 349, 43)


def test_two_words_may_be_printed_as_one() -> None:
    words = [*page()[:2], *line(34, (50, "Net sales"), (300, "$1,234"), (400, "1,100"))]
    cells = {
        (c.row, c.col): c
        for c in ground_table(
            [["", "2024", "2023"], ["Net sales", "$ 1,234", "1,100"]], words, "text_layer", 1, AREA
        ).cells
    }
    assert (cells[1, 1].text, cells[1, 1].grounding) == ("$1,234", "normalised")
    assert (cells[1, 2].text, cells[1, 2].grounding) == ("1,100", "exact")


def test_joined_cells_become_spans() -> None:
    words = [
        *line(20, (330, "Years ended")),
        *line(34, (300, "2024"), (400, "2023")),
        *line(48, (50, "Sales"), (300, "5"), (400, "4")),
    ]
    read = [["", "Years ended", "<"], ["^", "2024", "2023"], ["Sales", "5", "4"]]
    cells = {(c.row, c.col): c for c in ground_table(read, words, "text_layer", 1, AREA).cells}
    assert (cells[0, 1].col_span, cells[0, 1].row_span) == (2, 1)
    assert set(cells) == {(0, 1), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2)}


def test_without_words_nothing_is_vouched_for() -> None:
    cells = ground_table(TRUE, [], "none", 1, AREA, [[0.7] * 3 for _ in TRUE]).cells
    assert len(cells) == 11
    assert {(c.grounding, c.source, c.confidence) for c in cells} == {("unavailable", "vision", 0.7)}
    assert all(AREA.contains_center(cell.box) for cell in cells)


def test_a_decimal_comma_is_understood() -> None:
    words = [*line(20, (50, "Umsatz"), (300, "1.234,50")), *line(34, (50, "Kosten"), (300, "99,10"))]
    cells = ground_table([["Umsatz", "1234,50"], ["Kosten", "99,10"]], words, "text_layer", 1, AREA).cells
    assert [cell.grounding for cell in cells] == ["exact", "normalised", "exact", "exact"]
    assert cells[1].text == "1.234,50"


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(st.text(max_size=12), max_size=6), max_size=8))
def test_no_answer_breaks_it_and_nothing_wrong_is_exact(rows: list[list[str]]) -> None:
    printed = {fold(word.text) for word in page()}
    for cell in ground_table(rows, page(), "text_layer", 1, AREA).cells:
        if cell.grounding != "mismatch":
            assert all(fold(part) in printed for part in cell.text.split())
