"""Par value × shares = the amount printed, in full or rounded; labels that count in thousands prove nothing."""

from decimal import Decimal

import pytest

from extractors.statements.parvalue import printed_in_full, written_counts

LABEL = (
    "Common stock, $0.01 par value, 25,000,000 shares authorized; 12,613,978 issued as of December 31, 2022 and "
    "11,986,873 issued and outstanding as of December 31, 2021"
)


@pytest.mark.parametrize(
    ("amounts", "proven"),
    [
        (("126140", "119869"), True),
        (("126000", "120000"), True),  # rounded to thousands, and written with their zeros
        (("126140", "0"), True),
        (("126", "120"), False),  # in thousands
        (("126140", "129869"), False),
        (("1261398", "1198687"), False),
        ((), False),
        (("0", "0"), False),
    ],
)
def test_amounts_in_full_are_par_value_times_shares(amounts: tuple[str, ...], proven: bool) -> None:
    assert printed_in_full(LABEL, [Decimal(a) for a in amounts]) is proven


@pytest.mark.parametrize(
    "label",
    [
        "Common stock, no par value, 12,613,978 shares issued",
        "Common stock, $0.01 par value (12,613,978 thousand shares issued)",
        "Common stock, $0.01 par value, 12,614 shares issued",
        "Cash at the bank 12,613,978",
    ],
)
def test_labels_without_par_or_written_counts_prove_nothing(label: str) -> None:
    assert not printed_in_full(label, [Decimal(126140)])


def test_par_value_may_stand_behind_its_name() -> None:
    assert printed_in_full("Ordinary shares, par value $0.0001; 297,183,000 shares issued", [Decimal(30000)])


def test_counts_written_in_a_label() -> None:
    assert written_counts(LABEL) == {Decimal(25_000_000), Decimal(12_613_978), Decimal(11_986_873)}
    assert written_counts("Treasury stock, at cost, 1,177 shares") == frozenset()
    assert written_counts("Bonds of $12,613,978 outstanding") == frozenset()
