"""The Chinese annual report of the invented 澜汀精密仪器股份有限公司: statements in 万元, key figures in 亿元.

Out: a PDF of six pages with an embedded, subset font (Droid Sans Fallback, Apache License 2.0, from PyMuPDF), and its truth.
"""

from __future__ import annotations

import io
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pymupdf
from reportlab.lib.colors import HexColor, white
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from sample_docs.drawing.grid import CHINESE, Column, Entry, Grid, Truth
from sample_docs.drawing.sheet import A4, Look, Sheet

ENTITY = "澜汀精密仪器股份有限公司"
FONT = "DroidSansFallback"
RED, GREY, PALE = HexColor(0x8E1B1B), HexColor(0x666666), HexColor(0xF6EDED)
LEFT, RIGHT = 62.0, 533.0
WIDTH = RIGHT - LEFT
RULED = Look(size=9.0, row=16.5, font=FONT, bold=FONT, indent=12.0, rules="all", accent=HexColor(0x777777))
WAN = 10_000
UNIT = "单位：万元  币种：人民币"

CHAIR = """
2024年，公司坚持以测量技术为核心，克服原材料价格波动和海外市场需求不足的影响，全年实现营业收入{sales}亿元，同比增长{growth}%；实现归属于母公司股东的净利润{net}亿元。经营活动产生的现金流量净额保持稳定，资产负债结构进一步改善。

报告期内，公司完成了东港校准基地的建设并投入使用，海洋传感器产品线的交付周期缩短约三成。研发投入继续向软件和算法倾斜，新取得发明专利二十七项。

展望2025年，公司将继续提升主营产品的质量与服务能力，审慎推进对外投资，以稳健的经营回报全体股东的信任与支持。
"""


def register_font() -> None:
    """Make the Chinese font known; does nothing the second time."""
    if FONT not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(TTFont(FONT, io.BytesIO(pymupdf.Font("cjk").buffer)))


def wan(text: str) -> Decimal:
    """An amount in 万元."""
    return Decimal(text.replace(",", ""))


# (this year, last year), in 万元; totals are computed
ASSETS = {
    "货币资金": ("86,412.37", "71,905.18"), "交易性金融资产": ("12,000.00", "0"),
    "应收票据": ("3,186.90", "4,027.55"), "应收账款": ("54,873.26", "49,316.40"),
    "预付款项": ("2,914.08", "3,305.71"), "存货": ("61,207.94", "58,846.23"), "其他流动资产": ("1,843.62", "2,260.09"),
}  # fmt: skip
FIXED = {
    "长期股权投资": ("18,650.00", "16,420.00"), "固定资产": ("93,174.55", "88,260.37"), "在建工程": ("7,411.82", "12,930.64"),
    "使用权资产": ("4,026.19", "4,758.83"), "无形资产": ("15,328.47", "16,004.12"), "商誉": ("9,870.33", "9,870.33"),
    "递延所得税资产": ("2,145.76", "1,987.20"),
}  # fmt: skip
DEBTS = {
    "短期借款": ("20,000.00", "26,500.00"), "应付票据": ("8,315.44", "6,902.18"), "应付账款": ("39,627.81", "37,418.95"),
    "合同负债": ("6,284.17", "5,190.36"), "应付职工薪酬": ("7,930.52", "7,214.68"), "应交税费": ("2,618.09", "2,377.46"),
}  # fmt: skip
LONG_DEBTS = {
    "长期借款": ("32,000.00", "38,000.00"), "租赁负债": ("2,714.63", "3,306.91"), "递延所得税负债": ("1,209.38", "1,340.02"),
}  # fmt: skip
CAPITAL = {
    "股本": ("60,000.00", "60,000.00"),
    "资本公积": ("72,418.66", "72,418.66"),
    "盈余公积": ("18,240.15", "15,860.72"),
}
MINORITY = ("4,873.21", "4,316.04")
INCOME = {
    "营业收入": ("268,540.73", "241,876.15"), "营业成本": ("172,906.48", "157,241.90"), "税金及附加": ("1,834.26", "1,702.63"),
    "销售费用": ("21,480.57", "19,836.44"), "管理费用": ("18,207.39", "17,465.02"), "研发费用": ("19,315.84", "16,990.78"),
    "财务费用": ("1,486.12", "2,035.67"), "其他收益": ("1,270.00", "986.50"), "投资收益": ("2,230.00", "-418.36"),
    "资产减值损失": ("-1,048.15", "-763.29"), "营业外收入": ("184.30", "96.72"), "营业外支出": ("327.86", "0"),
    "所得税费用": ("5,342.75", "3,976.49"), "少数股东损益": ("557.17", "401.28"),
}  # fmt: skip
COSTS = ("营业成本", "税金及附加", "销售费用", "管理费用", "研发费用", "财务费用")


def pair(texts: tuple[str, str]) -> tuple[Decimal, Decimal]:
    """Both years' amounts."""
    return wan(texts[0]), wan(texts[1])


def sums(*parts: tuple[Decimal, Decimal]) -> tuple[Decimal, Decimal]:
    """Add up both years."""
    return sum((p[0] for p in parts), Decimal(0)), sum((p[1] for p in parts), Decimal(0))


def less(first: tuple[Decimal, Decimal], *others: tuple[Decimal, Decimal]) -> tuple[Decimal, Decimal]:
    """Take the others from the first, for both years."""
    taken = sums(*others)
    return first[0] - taken[0], first[1] - taken[1]


def _lines(parts: dict[str, tuple[str, str]], notes: dict[str, str]) -> list[Entry]:
    return [Entry(label, pair(texts), 1, note=notes.get(label)) for label, texts in parts.items()]


def balance_sheet() -> Grid:
    """合并资产负债表: what is left after debts, capital and minorities is the undistributed profit."""
    notes = {
        "货币资金": "七、1",
        "应收账款": "七、5",
        "存货": "七、9",
        "固定资产": "七、21",
        "商誉": "七、27",
        "短期借款": "七、32",
    }
    current, fixed = (sums(*map(pair, part.values())) for part in (ASSETS, FIXED))
    debts, long_debts = (sums(*map(pair, part.values())) for part in (DEBTS, LONG_DEBTS))
    assets, liabilities = sums(current, fixed), sums(debts, long_debts)
    equity = less(assets, liabilities)
    own = less(equity, pair(MINORITY))
    undistributed = less(own, *map(pair, CAPITAL.values()))

    def total(label: str, values: tuple[Decimal, Decimal]) -> Entry:
        return Entry(label, values, 2, total=True)

    rows = [
        Entry("流动资产：", section=True), *_lines(ASSETS, notes), total("流动资产合计", current),
        Entry("非流动资产：", section=True), *_lines(FIXED, notes), total("非流动资产合计", fixed), total("资产总计", assets),
        Entry("流动负债：", section=True), *_lines(DEBTS, notes), total("流动负债合计", debts),
        Entry("非流动负债：", section=True), *_lines(LONG_DEBTS, notes), total("非流动负债合计", long_debts),
        total("负债合计", liabilities),
        Entry("所有者权益（或股东权益）：", section=True), *_lines(CAPITAL, notes), Entry("未分配利润", undistributed, 1),
        total("归属于母公司所有者权益合计", own), Entry("少数股东权益", pair(MINORITY), 1), total("所有者权益合计", equity),
        total("负债和所有者权益总计", assets),
    ]  # fmt: skip
    columns = (
        Column("期末余额", 104.0, "right", "2024-12-31"),
        Column("期初余额", 104.0, "right", "2023-12-31"),
    )
    return _grid(columns, rows, "合并资产负债表", "balance_sheet", "2024年12月31日", "附注")


def _grid(
    columns: tuple[Column, ...],
    rows: list[Entry],
    title: str,
    kind: str,
    caption: str | None,
    note: str | None,
) -> Grid:
    return Grid(
        columns, tuple(rows), title, kind, stub="项目", note_header=note, currency="CNY", scale=WAN,
        unit_text=UNIT, period_caption=caption, notation=CHINESE,
    )  # fmt: skip


FLOW_COLUMNS = (
    Column("本期金额", 104.0, "right", "2024-12-31", "2024-01-01", 12),
    Column("上期金额", 104.0, "right", "2023-12-31", "2023-01-01", 12),
)


def profits() -> dict[str, tuple[Decimal, Decimal]]:
    """The computed lines of the income statement."""
    i = {label: pair(texts) for label, texts in INCOME.items()}
    costs = sums(*(i[label] for label in COSTS))
    operating = sums(less(i["营业收入"], costs), i["其他收益"], i["投资收益"], i["资产减值损失"])
    before = less(sums(operating, i["营业外收入"]), i["营业外支出"])
    net = less(before, i["所得税费用"])
    return {
        "costs": costs,
        "operating": operating,
        "before": before,
        "net": net,
        "own": less(net, i["少数股东损益"]),
    }


def income_statement() -> Grid:
    """合并利润表 with other comprehensive income and earnings per share."""
    i, p = {label: pair(texts) for label, texts in INCOME.items()}, profits()
    other = wan("-316.42"), wan("208.75")
    shares = wan("60,000.00")
    earnings = tuple((own / shares).quantize(Decimal("0.01"), ROUND_HALF_UP) for own in p["own"])
    rows = [
        Entry("一、营业总收入", i["营业收入"], total=True), Entry("其中：营业收入", i["营业收入"], 1, note="七、61"),
        Entry("二、营业总成本", p["costs"], total=True),
        *(Entry(("其中：" if label == COSTS[0] else "") + label, i[label], 1) for label in COSTS),
        Entry("加：其他收益", i["其他收益"], 1),
        Entry("投资收益（损失以“-”号填列）", i["投资收益"], 1, note="七、68"),
        Entry("资产减值损失（损失以“-”号填列）", i["资产减值损失"], 1),
        Entry("三、营业利润（亏损以“-”号填列）", p["operating"], total=True),
        Entry("加：营业外收入", i["营业外收入"], 1), Entry("减：营业外支出", i["营业外支出"], 1),
        Entry("四、利润总额（亏损总额以“-”号填列）", p["before"], total=True),
        Entry("减：所得税费用", i["所得税费用"], 1, note="七、76"),
        Entry("五、净利润（净亏损以“-”号填列）", p["net"], total=True),
        Entry("归属于母公司股东的净利润", p["own"], 1), Entry("少数股东损益", i["少数股东损益"], 1),
        Entry("六、其他综合收益的税后净额", other), Entry("七、综合收益总额", sums(p["net"], other), total=True),
        Entry("八、每股收益：", section=True),
        Entry("（一）基本每股收益（元/股）", earnings, 1, unit="per_share"),
        Entry("（二）稀释每股收益（元/股）", earnings, 1, unit="per_share"),
    ]  # fmt: skip
    return _grid(FLOW_COLUMNS, rows, "合并利润表", "income_statement", "2024年1—12月", "附注")


def cash_flow_statement() -> Grid:
    """合并现金流量表: ends with the cash of the balance sheet."""
    closing = pair(ASSETS["货币资金"])
    inflow = {
        "销售商品、提供劳务收到的现金": ("298,228.71", "262,418.07"),
        "收到的税费返还": ("3,840.16", "3,215.44"),
    }
    inflow["收到其他与经营活动有关的现金"] = ("2,907.33", "2,144.80")
    outflow = {
        "购买商品、接受劳务支付的现金": ("179,264.90", "173,905.26"),
        "支付给职工以及为职工支付的现金": ("47,318.72", "43,670.11"),
    }
    outflow |= {
        "支付的各项税费": ("11,402.85", "9,876.30"),
        "支付其他与经营活动有关的现金": ("19,764.08", "18,202.97"),
    }
    invest_in = {
        "收回投资收到的现金": ("15,000.00", "8,000.00"),
        "取得投资收益收到的现金": ("612.40", "385.17"),
    }
    invest_out = {
        "购建固定资产、无形资产支付的现金": ("13,486.59", "17,250.38"),
        "投资支付的现金": ("12,000.00", "0"),
    }
    finance_in = {"取得借款收到的现金": ("20,000.00", "32,000.00")}
    finance_out = {
        "偿还债务支付的现金": ("32,500.00", "30,000.00"),
        "分配股利、利润或偿付利息支付的现金": ("10,215.67", "9,640.52"),
    }
    rows: list[Entry] = []
    nets = []
    for title, name, into, out in (
        ("一、经营活动产生的现金流量：", "经营", inflow, outflow),
        ("二、投资活动产生的现金流量：", "投资", invest_in, invest_out),
        ("三、筹资活动产生的现金流量：", "筹资", finance_in, finance_out),
    ):
        total_in, total_out = (sums(*map(pair, part.values())) for part in (into, out))
        nets.append(less(total_in, total_out))
        rows += [
            Entry(title, section=True), *_lines(into, {}), Entry(f"{name}活动现金流入小计", total_in, 2, total=True),
            *_lines(out, {}), Entry(f"{name}活动现金流出小计", total_out, 2, total=True),
            Entry(f"{name}活动产生的现金流量净额", nets[-1], 2, total=True),
        ]  # fmt: skip
    rates = wan("-128.60"), wan("94.35")
    change = sums(*nets, rates)
    assert closing[0] - change[0] == closing[1]
    rows += [
        Entry("四、汇率变动对现金及现金等价物的影响", rates),
        Entry("五、现金及现金等价物净增加额", change, total=True),
        Entry("加：期初现金及现金等价物余额", less(closing, change), 1),
        Entry("六、期末现金及现金等价物余额", closing, total=True),
    ]
    return _grid(FLOW_COLUMNS, rows, "合并现金流量表", "cash_flow_statement", "2024年1—12月", None)


def key_figures() -> Grid:
    """主要会计数据 in 亿元: rounded, so it is a look-alike and no statement."""
    sheet = {row.label: row.values for row in balance_sheet().rows}
    p = profits()

    def yi(values: tuple[object, ...]) -> tuple[Decimal, ...]:
        return tuple(
            (v / WAN).quantize(Decimal("0.01"), ROUND_HALF_UP) for v in values if isinstance(v, Decimal)
        )

    rows = []
    for label, values in (
        ("营业收入", pair(INCOME["营业收入"])), ("归属于上市公司股东的净利润", p["own"]),
        ("归属于上市公司股东的净资产", sheet["归属于母公司所有者权益合计"]), ("总资产", sheet["资产总计"]),
    ):  # fmt: skip
        new, old = yi(values)
        change = ((new - old) * 100 / old).quantize(Decimal("0.01"), ROUND_HALF_UP)
        rows.append(Entry(label, (new, old, f"{change}")))
    columns = (Column("2024年", 84.0), Column("2023年", 84.0), Column("本期比上年同期\n增减（%）", 96.0))
    return Grid(
        columns, tuple(rows), "主要会计数据", stub="主要会计数据", currency="CNY", scale=100_000_000,
        unit_text="单位：亿元  币种：人民币", notation=CHINESE,
    )  # fmt: skip


def receivables() -> Grid:
    """应收账款按账龄披露 under two header rows; the net amount is that of the balance sheet."""
    gross = [
        pair(t)
        for t in (
            ("50,236.18", "45,902.77"),
            ("4,105.63", "3,488.20"),
            ("2,216.40", "1,730.55"),
            ("1,384.09", "1,207.36"),
        )
    ]
    net = pair(ASSETS["应收账款"])
    total = sums(*gross)
    allowance = less(total, net)
    rows = [
        Entry(label, values, 1)
        for label, values in zip(("1年以内", "1至2年", "2至3年", "3年以上"), gross, strict=True)
    ]
    rows += [
        Entry("小计", total, total=True),
        Entry("减：坏账准备", allowance, 1),
        Entry("合计", net, total=True),
    ]
    columns = (Column("期末账面余额", 120.0, "right"), Column("期初账面余额", 120.0, "right"))
    grid = _grid(columns, rows, "应收账款按账龄披露", "table", None, None)
    return replace(grid, stub="账龄", spans=((("账面余额", 0, 1),),))


def draw(path: Path) -> Truth:
    """Draw the report at `path` and return its truth."""
    register_font()
    truth = Truth(path.name, entity=ENTITY)
    sheet = Sheet(path, A4, truth, f"{ENTITY} 2024年年度报告", ENTITY)
    sheet.fill(0, 0, 595, 842, RED)
    sheet.text(LEFT, 330, ENTITY, 26, FONT, color=white)
    sheet.text(LEFT, 378, "2024年年度报告", 20, FONT, color=white)
    sheet.text(LEFT, 780, "本公司为虚构公司，仅用于样例文件", 9, FONT, color=HexColor(0xE5C9C9))
    sheet.next_page()
    _furniture(sheet)
    sheet.text(LEFT, 96, "第二节  公司简介和主要财务指标", 14, FONT, color=RED)
    p = profits()
    sales = [wan(text) for text in INCOME["营业收入"]]
    text = CHAIR.format(
        sales=f"{sales[0] / WAN:.2f}",
        growth=f"{(sales[0] / sales[1] - 1) * 100:.2f}",
        net=f"{p['own'][0] / WAN:.2f}",
    )
    y = sheet.prose(LEFT, 126, WIDTH, text, 10.5, FONT, 1.7)
    figures = key_figures()
    sheet.text(RIGHT, y + 14, figures.unit_text or "", 9, FONT, "right")
    sheet.table(LEFT, y + 20, WIDTH, figures, replace(RULED, header_fill=PALE))
    for grid, look in (
        (balance_sheet(), replace(RULED, row=14.6)), (income_statement(), RULED),
        (cash_flow_statement(), replace(RULED, row=17.0)),
    ):  # fmt: skip
        sheet.next_page()
        _furniture(sheet)
        y = _statement(sheet, grid, look)
        sheet.text(
            LEFT, y + 24, "公司负责人：沈澜    主管会计工作负责人：顾汀    会计机构负责人：林校", 9, FONT
        )
    sheet.next_page()
    _furniture(sheet)
    sheet.text(LEFT, 96, "七、合并财务报表项目注释", 14, FONT, color=RED)
    sheet.text(LEFT, 124, "5、应收账款", 10.5, FONT)
    sheet.text(LEFT, 142, "（1）按账龄披露", 10, FONT)
    sheet.text(RIGHT, 142, UNIT, 9, FONT, "right")
    sheet.table(LEFT, 148, WIDTH, receivables(), RULED)
    sheet.save()
    return truth


def _furniture(sheet: Sheet) -> None:
    sheet.text(RIGHT, 50, f"{ENTITY}2024年年度报告", 8.5, FONT, "right", GREY)
    sheet.line(LEFT, 56, RIGHT, 56, 0.5, RED)
    sheet.text(297, 806, f"{sheet.page} / 6", 8.5, FONT, "center", GREY)


def _statement(sheet: Sheet, grid: Grid, look: Look) -> float:
    sheet.text(297, 84, grid.title or "", 15, FONT, "center")
    sheet.text(297, 102, grid.period_caption or "", 10, FONT, "center")
    sheet.text(LEFT, 118, f"编制单位：{ENTITY}", 9, FONT)
    sheet.text(RIGHT, 118, grid.unit_text or "", 9, FONT, "right")
    return sheet.table(LEFT, 124, WIDTH, grid, look)
