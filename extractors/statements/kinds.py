"""Which financial statement is this table, and is it the entity's own? Titles and row labels → kind and primary.

In: the texts that can be a table's title (nearest first) and its row labels. Out: a `KindGuess`. A title names the kind, the
rows must bear it out; look-alikes (selected data, extracts in a discussion, parent-only schedules, quarterly tables, segment
and pro-forma figures) keep their kind and are marked as not primary.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from extractors.statements.periods import fold
from schemas.records import StatementKind

MAX_TITLE = 130  # characters; a longer line is a sentence that mentions a statement
HEADING_LINES = 6  # printed lines above a table among which "Parent Company Only" stands
TITLE_POINTS = 3  # what a title is worth beside the anchors, one point each
ENOUGH_ANCHORS = {  # distinct anchors that make a whole statement of a kind
    "balance_sheet": 3,
    "income_statement": 3,
    "cash_flow_statement": 3,
    "comprehensive_income": 2,
    "equity_statement": 2,
}

# A word that a statement's own title holds and a column header ("Accumulated other comprehensive income") does not.
TITLE_WORD = re.compile(
    r"statement|account|sheet|表|rechnung|bilanz|compte|bilan|estado|demonstra|overzicht|tableau|cuenta"
)
# Matched on folded text without any white space, for text layers split letters off and OCR loses spaces.
_TITLES: tuple[tuple[StatementKind, str], ...] = (
    ("cash_flow_statement",
     r"statements?of(?:consolidated|group|company)?cashflows?|cashflows?statements?|cashflowsstatements?|consolidatedcashflows?$|现金流量表|現金流量表|キャッシュ.?フロー計算書"
     r"|kapitalflussrechnung|cashflowrechnung|geldflussrechnung|fluxdetresorerie|flujosdeefectivo|fluxosdecaixa|kasstroomoverzicht"),
    ("equity_statement",
     r"statements?of(?:consolidated)?(?:changesin|movementsin)?(?:total)?(?:stockholders|shareholders|shareowners|owners|members|partners)?['’]?s?['’]?"
     r"(?:equity|capital|deficit|funds)|changesin(?:total)?(?:(?:stock|share)holders|shareowners|owners)?['’]?s?['’]?(?:equity|capital|deficit|funds)"
     r"|reconciliationofmovementsinshareholders|equitystatements?|(?:所有者|股东|股東)权益(?:\(或股东权益\))?变动表|权益变动表|權益變動表|eigenkapitalveranderung|eigenkapitalspiegel"
     r"|variationdescapitauxpropres|cambiosenelpatrimonio|mutacoesdopatrimonio|mutatieoverzicht"),
    ("comprehensive_income",
     r"comprehensive(?:income|loss|earnings)|totalrecognised|recognisedgainsandlosses|综合收益表|其他综合收益表|全面收益表|gesamtergebnisrechnung|resultatglobal"
     r"|resultadointegral|resultadoabrangente|totaalresultaat"),
    ("income_statement",
     r"statements?of(?:consolidated|group|company)?(?:netincome|income|operations|earnings|profit(?:s)?(?:and|or|&)?|loss|results|financialactivities|incomeandexpenditure)"
     r"|incomestatements?|profit(?:and|or|&|/)loss|consolidatedresultsofoperations|earningsstatements?|incomeandexpenditureaccount|利润表|利潤表|损益表|損益表|収益表|損益計算書"
     r"|gewinn-?undverlust|erfolgsrechnung|comptederesultat|perdidasyganancias|estados?deresultados|cuentaderesultados|demonstracaodoresultado"
     r"|winst-?en-?verlies|resultatenrekening|\bincome\s*statement"),
    ("balance_sheet",
     r"balancesheets?|statements?of(?:consolidated)?financial(?:position|condition)|statements?ofassets(?:and|,)liabilities|statements?ofnetassets"
     r"|资产负债表|資產負債表|财务状况表|財務狀況表|貸借対照表|^(?:konzern)?bilanz|bilanzzum|^bilan(?:consolide)?|bilanconsolide|balancegeneral|situacionfinanciera"
     r"|balancopatrimonial|(?:geconsolideerde)?balansper|^balans"),
)  # fmt: skip
_KIND_PATTERNS = tuple((kind, re.compile(pattern)) for kind, pattern in _TITLES)

_LOOK_ALIKE = re.compile(
    r"selected|summary|summari[sz]ed|highlights|fiveyear|tenyear|quarterly|proforma|segment|guarantor|issuer|analysisof|discussion|overview"
    r"|averagebalance|reconciliationof(?!movements)|supplement(?!arydata)|schedule(?:i|ii)?[^a-z]|nongaap|non-gaap|adjusted|percentageof|keyfigures|financialdata"
    r"|index|tableofcontents|notestothe|statisticaldata|kennzahlen|chiffrescles|主要会计数据|主要财务指标"
    r"|thefollowing|asfollows|changesinaccumulated|bycomponent|\(extract\)|:$"  # a sentence that leads to a table of a note
)
_PARENT = re.compile(
    r"parentcompany(?!and)|parentonly|condensedfinancialinformationof(?:the)?(?:parent|registrant)|^schedulei(?![a-z])|\(parent\)|registrantonly|母公司(?!股东|所有者)|companyonly|unconsolidated|^company(?:balancesheet|statementof|profitandloss|cashflow)"
)
_CONSOLIDATED = re.compile(r"consolidated|group|合并|合併|konzern|consolide|consolidad|geconsolideerd")

# Row labels that only a statement of this kind has, folded; one anchor each.
_ANCHORS: dict[StatementKind, tuple[str, ...]] = {
    "balance_sheet": (
        r"total\s*assets\b|资产总计|资产总额|資產總計|summe\s*(?:der\s*)?aktiva|bilanzsumme|total\s*(?:de\s*l')?actif|total\s*activos?|total\s*do\s*ativo|totaal\s*activa|net\s*assets\b",
        r"total\s*liabilities(?!\s*and)|负债合计|負債合計|total\s*pasivo|net\s*current\s*(?:assets|liabilities)|total\s*assets\s*less\s*current",
        r"total\s*liabilities\s*(?:and|,|&)|liabilities\s*and\s*.*equity|负债和所有者权益|负债及|summe\s*(?:der\s*)?passiva|total\s*(?:du\s*)?passif|totaal\s*passiva|capital\s*and\s*reserves|equity\s*and\s*liabilities",
        r"current\s*assets|流动资产|umlaufvermogen|actif\s*courant|activo\s*(?:circulante|corriente)|ativo\s*circulante|vlottende\s*activa|loans,?\s*net|deposits",
        r"current\s*liabilities|falling\s*due\s*within|流动负债|kurzfristige\s*(?:verbindlichkeiten|schulden)|passif\s*courant|pasivo\s*corriente|passivo\s*circulante|kortlopende",
        r"(?:fixed|non-?current|tangible)\s*assets|非流动资产|anlagevermogen|immobilisations|inmovilizado|vaste\s*activa|property,?\s*plant|property\s*and\s*equipment|premises",
        r"called\s*up\s*share\s*capital|share\s*capital|common\s*stock|实收资本|股本|gezeichnetes\s*kapital|capital\s*social|retained\s*earnings|未分配利润|shareholders?\W*\s*funds|total\s*equity",
    ),
    "income_statement": (
        r"\brevenues?\b|\bturnover\b|\bnet\s*sales\b|\bsales\b|营业(?:总)?收入|umsatzerlose|chiffre\s*d'affaires|ingresos|ventas|receita|omzet|interest\s*income",
        r"cost\s*of\s*(?:goods\s*sold|sales|revenues?|products?)|营业(?:总)?成本|herstellungskosten|cout\s*des\s*ventes|coste?\s*de\s*ventas|custo|kostprijs|materialaufwand|interest\s*expense|provision\s*for\s*credit",
        r"(?:administrative|selling|general)\s*(?:,|and|&)?\s*|operating\s*expenses|管理费用|销售费用|verwaltungskosten|charges|gastos|despesas|noninterest\s*expense",
        r"operating\s*(?:income|profit|loss|\(loss\)|earnings)|(?:income|loss|profit|earnings).{0,12}from\s*operations|营业利润|betriebsergebnis|resultat\s*operationnel|resultado\s*de\s*explotacion|bedrijfsresultaat|gross\s*(?:profit|margin)",
        r"before\s*(?:\w+\s*){0,3}?tax|利润总额|ergebnis\s*vor\s*steuern|resultat\s*avant\s*impot|antes\s*de\s*impuestos|antes\s*d[oe]s?\s*(?:imposto|tribut)|voor\s*belasting",
        r"(?:income\s*tax|taxation|tax\s*on\s*(?:profit|loss)|provision\s*for\s*(?:income\s*)?taxes)|所得税|ertragsteuern|impots?\s*sur|impuesto|imposto|belastingen",
        r"net\s*(?:income|loss|earnings|profit|\(loss\))|(?:profit|loss|earnings).{0,30}for\s*the\s*(?:financial\s*)?(?:year|period)|净利润|jahresuberschuss|resultat\s*net|resultado\s*(?:neto|del\s*ejercicio)|lucro\s*liquido|nettowinst",
        r"(?:earnings|income|loss|profit).{0,25}per\s*(?:\w+\s*){0,2}share|每股收益|ergebnis\s*je\s*aktie|resultat\s*par\s*action|por\s*accion|por\s*acao",
    ),
    "cash_flow_statement": (
        r"operating\s*activities|from\s*operations|^operations$|经营活动|laufende[rn]?\s*geschaftstatigkeit|activites\s*operationnelles|actividades\s*de\s*(?:operacion|explotacion)|atividades\s*operacionais|operationele\s*activiteiten",
        r"investing\s*activities|^investing$|投资活动|investitionstatigkeit|d'investissement|de\s*inversion|de\s*investimento|investeringsactiviteiten",
        r"financing\s*activities|^financing$|筹资活动|finanzierungstatigkeit|de\s*financement|de\s*financiacion|de\s*financiamento|financieringsactiviteiten",
        r"(?:increase|decrease|change|movement)\W.{0,25}\bcash|现金及现金等价物净增加|veranderung\s*der\s*(?:zahlungsmittel|liquiden)|variation\s*de\s*(?:la\s*)?tresorerie",
        r"cash.{0,60}(?:beginning|end|start|opening|closing|at\s*\d)|期[初末]现金|finanzmittelbestand|tresorerie.{0,30}(?:ouverture|cloture)",
    ),
    "comprehensive_income": (
        r"other\s*comprehensive\s*(?:income|loss|earnings|\(loss\))|其他综合收益|sonstiges\s*ergebnis|autres\s*elements\s*du\s*resultat",
        r"^(?:total\s*)?comprehensive\s*(?:income|loss|earnings|\(loss\))|total\s*comprehensive|综合收益总额|gesamtergebnis|resultat\s*global|recognised\s*gains",
        r"translation|exchange\s*differences|外币财务报表折算|wahrungsumrechnung",
        r"hedg|unrealized|actuarial|pension|postretirement|remeasurement|defined\s*benefit|available[\s-]*for[\s-]*sale|revaluation",
    ),
    "equity_statement": (
        r"^(?:opening\s*|closing\s*)?balances?\b.{0,40}(?:\d{4}|beginning|end|january|december|at\b)|^at\s*\d{1,2}|期[初末]余额|年[初末]余额|stand\s*(?:am|zum)"
        r"|(?:beginning|opening|ending|closing)\s*balances?\b",
        r"dividends?|distributions?|利润分配|ausschuttung",
        r"retained\s*earnings|accumulated\s*deficit|未分配利润|reinvested|profit\s*and\s*loss\s*account",
        r"common\s*stock|share\s*capital|paid-?\s*in\s*capital|treasury\s*(?:stock|shares)|stock-based|share-based|repurchase|股本|called\s*up",
    ),
}  # fmt: skip
_ANCHOR_PATTERNS = {kind: tuple(re.compile(a) for a in anchors) for kind, anchors in _ANCHORS.items()}
_MUST: dict[
    StatementKind, tuple[int, ...]
] = {  # at least one of these anchors (by index) is what the kind is about
    "balance_sheet": (0, 1, 2, 6),
    "income_statement": (4, 6, 3),
    "cash_flow_statement": (3, 4),
    "comprehensive_income": (0, 1),
    "equity_statement": (0,),
}


@dataclass(frozen=True, slots=True)
class KindGuess:
    """What statement a table is. `anchors` counts the distinct row labels that speak for it."""

    kind: StatementKind
    title: str | None
    anchors: int
    look_alike: str | None  # the words that say it is not the entity's own full statement
    parent_only: bool
    consolidated: bool
    whole: bool  # its rows make a whole statement of its kind

    @property
    def score(self) -> float:
        """How strongly title and rows speak for a primary statement; larger is stronger."""
        return (
            self.anchors
            + TITLE_POINTS * bool(self.title)
            + self.consolidated
            - 10 * bool(self.look_alike)
            - 5 * self.parent_only
        )


def title_kind(text: str) -> StatementKind | None:
    """Return the kind of statement that a title names, or None."""
    if not text or len(text) > MAX_TITLE:
        return None
    squeezed = re.sub(r"\s+", "", fold(text))
    found = [(m.start(), kind) for kind, pattern in _KIND_PATTERNS if (m := pattern.search(squeezed))]
    if not found:
        return None
    kinds = [kind for _, kind in found]
    if "income_statement" in kinds and "comprehensive_income" in kinds:
        # "Statements of operations and comprehensive income" is one income statement that goes on to the total
        first = min(found)[1]
        both = re.search(
            r"(?:income|operations|earnings|loss|利润表|损益)(?:\(loss\)|/?\(?loss\)?)?(?:and|&)(?:other)?",
            squeezed,
        )
        return "income_statement" if first == "income_statement" and both else "comprehensive_income"
    return kinds[0]


def anchors_of(kind: StatementKind, labels: Sequence[str]) -> tuple[int, ...]:
    """Return the indices of the kind's anchors that the labels hold."""
    folded = [" ".join(fold(label).split()) for label in labels]
    return tuple(i for i, a in enumerate(_ANCHOR_PATTERNS[kind]) if any(a.search(label) for label in folded))


def guess_kind(titles: Sequence[str], labels: Sequence[str], headers: Sequence[str] = ()) -> KindGuess | None:
    """Return what statement a table is, or None for any other table.

    `titles` are the texts that can name it, the nearest first; `labels` its row labels; `headers` its column headers (the
    components of an equity statement stand there).
    """
    titled = [(text, kind) for text in titles if (kind := title_kind(text))]
    everything = [*labels, *headers]
    candidates: list[KindGuess] = []
    kinds: list[tuple[StatementKind, str | None]] = [(kind, text) for text, kind in titled[:2]]
    kinds += [(kind, None) for kind in _ANCHORS if kind not in [k for k, _ in kinds]]
    for kind, title in kinds:
        found = anchors_of(kind, everything if kind == "equity_statement" else labels)
        whole = len(found) >= ENOUGH_ANCHORS[kind] and any(i in _MUST[kind] for i in found)
        if not whole and not (title and len(found) >= 1):
            continue
        context = [title] if title else [t for t in titles[:3] if len(t) <= MAX_TITLE]
        squeezed = [re.sub(r"\s+", "", fold(t)) for t in context]
        around = [re.sub(r"\s+", "", fold(t)) for t in titles[:HEADING_LINES] if len(t) <= MAX_TITLE]
        look = next((m[0] for t in squeezed if (m := _LOOK_ALIKE.search(t))), None)
        candidates.append(
            KindGuess(
                kind,
                title,
                len(found),
                look,
                any(_PARENT.search(t) for t in (*squeezed, *around)),
                any(_CONSOLIDATED.search(t) for t in squeezed),
                whole,
            )  # fmt: skip
        )
    if not candidates:
        return None
    named = [c for c in candidates if c.title]
    if named and (
        named[0].whole or not any(c.whole and c.anchors >= named[0].anchors + 3 for c in candidates)
    ):
        return named[0]
    whole_ones = [c for c in candidates if c.whole]
    return max(whole_ones, key=lambda c: c.anchors / len(_ANCHORS[c.kind])) if whole_ones else None
