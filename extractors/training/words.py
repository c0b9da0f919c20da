"""Which words stand in a drawn table? Line items of financial statements in six languages, headers, and words like them.

In: a random generator. Out: printed texts without line breaks, all in Latin letters. Nothing here is read from a document.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

CONCEPTS = Path(__file__).parents[1] / "concepts.json"
LAST_LATIN = 0x250  # first code point past Latin Extended-B
DASHES = "–—"  # the other characters that a label may have
CODE_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
CODE_DIGITS = "0123456789"

LINE_ITEMS = """
Raw materials|Work in progress|Finished goods|Trade and other payables|Borrowings|Lease liabilities|Contract assets
Prepaid expenses and other current assets|Accrued compensation and benefits|Deferred revenue, non-current|Term loan
Marketable securities|Equity securities without readily determinable fair values|Restricted cash|Land and buildings
Machinery and equipment|Construction in progress|Less: accumulated depreciation|Patents and licences|Customer relationships
Research and development|Sales and marketing|General and administrative|Restructuring charges|Impairment of goodwill
Loss on extinguishment of debt|Gain on sale of business|Provision for credit losses|Share-based compensation expense
Purchases of property, plant and equipment|Acquisitions, net of cash acquired|Repayment of long-term debt|Repurchase of shares
Proceeds from issuance of notes|Effect of exchange rate changes on cash|Net increase (decrease) in cash|Dividends paid
Balance at beginning of year|Balance at 31 December|Transfers to reserves|Share premium account|Called up share capital
Federal|State and local|Foreign|United States|Europe, Middle East and Africa|Asia Pacific|Japan|Rest of world|Corporate
Within one year|One to five years|After five years|Total minimum payments|Imputed interest|Weighted average rate
Level 1|Level 2|Level 3|Interest rate swaps|Forward contracts|Commercial paper|Money market funds|Municipal bonds
Wages and salaries|Social security costs|Pension costs|Directors' emoluments|Audit fees|Tax advisory services
Number of employees|Average headcount|Stores at end of period|Square metres|Tonnes sold|Passengers carried|Occupancy rate
Opening balance|Closing balance|Additions|Disposals|Charge for the year|Exchange differences|Net book value|Cost|Amortisation
Interest received|Interest paid|Taxes paid|Other, net|Subtotal|Total|Average|of which due within one year|thereof: own shares
Premiums earned|Claims incurred|Loans and advances to customers|Deposits from banks|Tier 1 capital|Risk-weighted assets
Immaterielle Vermögensgegenstände|Sachanlagen|Finanzanlagen|Vorräte|Forderungen und sonstige Vermögensgegenstände
Kassenbestand, Guthaben bei Kreditinstituten|Gezeichnetes Kapital|Kapitalrücklage|Gewinnvortrag|Jahresüberschuss
Rückstellungen für Pensionen|Steuerrückstellungen|Verbindlichkeiten aus Lieferungen und Leistungen|Löhne und Gehälter
Soziale Abgaben|Abschreibungen auf Sachanlagen|Sonstige betriebliche Erträge|Zinsen und ähnliche Aufwendungen|Summe
Bestandsveränderungen|Aufwendungen für bezogene Leistungen|davon aus verbundenen Unternehmen|Rechnungsabgrenzungsposten
Immobilisations corporelles|Immobilisations incorporelles|Écarts d'acquisition|Stocks et en-cours|Créances clients
Trésorerie et équivalents de trésorerie|Capital social|Réserves consolidées|Résultat de l'exercice|Emprunts obligataires
Dettes fournisseurs|Charges de personnel|Dotations aux amortissements|Résultat opérationnel courant|Impôts différés
Produits financiers|Coût de l'endettement financier net|Intérêts minoritaires|Total de l'actif|Autres passifs non courants
Inmovilizado material|Inmovilizado intangible|Existencias|Deudores comerciales|Efectivo y otros activos líquidos
Fondos propios|Reservas|Resultado del ejercicio|Deudas con entidades de crédito|Acreedores comerciales|Gastos de personal
Amortización del inmovilizado|Ingresos financieros|Impuesto sobre beneficios|Aprovisionamientos|Otros gastos de explotación
Ativo imobilizado|Intangível|Contas a receber de clientes|Caixa e equivalentes de caixa|Empréstimos e financiamentos
Fornecedores|Obrigações trabalhistas|Patrimônio líquido|Lucro do exercício|Despesas com vendas|Resultado financeiro
Depreciação e amortização|Imposto de renda e contribuição social|Receitas financeiras|Variação cambial|Provisões
Materiële vaste activa|Immateriële vaste activa|Voorraden|Vorderingen|Liquide middelen|Eigen vermogen|Voorzieningen
Kortlopende schulden|Langlopende schulden|Lonen en salarissen|Afschrijvingen|Financiële baten en lasten|Overige kosten
"""
HEADERS = """
Note|Notes|Total|Change|% Change|Budget|Actual|Group|Company|Description|Item|Amount|Balance|Debit|Credit|Shares|Cost|Quantity
$'000|£'000|€'000|£m|$m|€ million|EUR|USD|GBP|TEUR|RMB'000|US$|%|Unaudited|Audited|Restated|As reported|Adjusted
Year ended|Three months ended|Nine months ended|Fiscal year|As of|Years Ended December 31,|June 30,|December 31,|March 31, 2023
31 December|30 June 2024|31 March|31.12.2023|31.12.2024|Vorjahr|Geschäftsjahr|Anhang|Exercice|Ejercicio|Exercício|Boekjaar|Ref.
Fair value|Carrying amount|Gross|Net|Level 1|Level 2|Maturity|Rate|Low|High|Common Stock|Retained Earnings|Q1|Q2|Q3|Q4|H1|FY2024
In millions|(in thousands)|(in millions, except per share data)|Assets|Liabilities|Revenue|Operating|Segment|Date|Value|Price
"""
PROSE = """
the company and its subsidiaries hold these amounts at fair value through profit or loss as described in the notes which form an
integral part of these consolidated financial statements are based on estimates that management considers reasonable under
circumstances during the period we recognised an impairment because expected future cash flows were lower than carrying amount
following table presents changes by segment for each of last three years ended including effects from currency translation and
see accompanying report independent registered public accounting firm its board directors approved on behalf figures have been
rounded may not add due to rounding includes amounts attributable non controlling interests excluding discontinued operations
"""
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
    "Januar",
    "März",
    "Juni",
    "Juli",
    "Oktober",
    "Dezember",
    "janvier",
    "mars",
    "juin",
    "décembre",
    "enero",
    "diciembre",
    "março",
    "dezembro",
    "maart",
]


def _items(text: str) -> tuple[str, ...]:
    return tuple(item.strip() for line in text.strip().splitlines() for item in line.split("|"))


def _is_latin(text: str) -> bool:
    return all(ord(letter) < LAST_LATIN or letter in DASHES for letter in text)


@lru_cache(1)
def line_items() -> tuple[str, ...]:
    """Return the labels that statements print, those of the known concepts among them."""
    entries = json.loads(CONCEPTS.read_text(encoding="utf-8"))["concepts"]
    known = sorted({label for entry in entries for label in entry["labels"] if _is_latin(label)})
    return (*_items(LINE_ITEMS), *known)


@lru_cache(1)
def headers() -> tuple[str, ...]:
    """Return what stands above columns."""
    return _items(HEADERS)


@lru_cache(1)
def _words() -> tuple[str, ...]:
    """Return the single words of all texts, of three letters and more."""
    found = {word.strip("(),:;'") for item in line_items() for word in item.split()}
    return tuple(sorted(word for word in found | set(PROSE.split()) if len(word) > 2))


def pick(rng: np.random.Generator, items: Sequence[str]) -> str:
    """Return one of `items`."""
    return items[int(rng.integers(len(items)))]


def invented_word(rng: np.random.Generator) -> str:
    """Return the head of one word with the tail of another: pronounceable, and in no dictionary."""
    head, tail = pick(rng, _words()), pick(rng, _words())
    return head[: int(rng.integers(1, len(head)))] + tail[int(rng.integers(1, len(tail))) :]


def _code(rng: np.random.Generator) -> str:
    letters = "".join(pick(rng, CODE_LETTERS) for _ in range(rng.integers(0, 4)))
    digits = "".join(pick(rng, CODE_DIGITS) for _ in range(rng.integers(1, 8)))
    return letters + pick(rng, ("", "-", " ", "/")) + digits


def phrase(rng: np.random.Generator, least: int = 1, most: int = 5) -> str:
    """Return `least` to `most` words that belong together by nothing but chance; some are invented."""
    n = int(rng.integers(least, most + 1))
    return " ".join(invented_word(rng) if rng.random() < 0.35 else pick(rng, _words()) for _ in range(n))


def sentence(rng: np.random.Generator) -> str:
    """Return a line of running text."""
    words = PROSE.split()
    text = " ".join(pick(rng, words) for _ in range(rng.integers(6, 13)))
    return text[0].upper() + text[1:] + pick(rng, ("", ".", ",", ":"))


def _cased(rng: np.random.Generator, text: str) -> str:
    kind = rng.random()
    if kind < 0.08:
        return text.upper().replace("ß", "SS")
    if kind < 0.28:
        return " ".join(word[:1].upper() + word[1:] for word in text.split(" "))
    if kind < 0.93:
        return text[:1].upper() + text[1:]
    return text


def label(rng: np.random.Generator) -> str:
    """Return the label of a row: a line item, words that look like one, a name or a code."""
    kind = rng.random()
    if kind < 0.55:
        text = pick(rng, line_items())
    elif kind < 0.9:
        text = phrase(rng)
    elif kind < 0.95:
        text = f"{pick(rng, line_items())} {_code(rng)}"
    else:
        text = f"{_code(rng)} {phrase(rng, 1, 3)}"
    text = _cased(rng, text)
    tail = rng.random()
    if tail < 0.04:
        text += f" ({pick(rng, ('1', '2', '3', 'a', 'b', 'i', 'ii', 'Note 4', 'note 12', 'in %'))})"
    elif tail < 0.07:
        text += pick(rng, (":", "*", " *", ", net", " -", " –", "..."))
    elif tail < 0.1:
        text = f"{pick(rng, ('I.', 'II.', 'IV.', 'A.', 'B.', '1.', '2.', '3.', '10.', 'a)', 'b)', '-', '–', '•'))} {text}"
    if rng.random() < 0.5:
        text = text.replace("'", "’")
    return text


def date(rng: np.random.Generator) -> str:
    """Return a date or a period as it heads a column."""
    year, month, day = int(rng.integers(1995, 2031)), int(rng.integers(1, 13)), int(rng.integers(1, 32))
    forms = (
        str(year), str(year), str(year), str(year), f"FY{year % 100:02d}", f"{year - 1}/{year % 100:02d}", f"{year - 1}-{year}",
        f"{day:02d}.{month:02d}.{year}", f"{day}/{month}/{year}", f"{year}-{month:02d}-{day:02d}",
        f"{day} {pick(rng, MONTHS)} {year}", f"{pick(rng, MONTHS)} {day}, {year}", f"{pick(rng, MONTHS[:12])[:3]} {year % 100:02d}",
        f"Q{month % 4 + 1} {year}",
    )  # fmt: skip
    return pick(rng, forms)
