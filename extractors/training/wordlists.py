"""Which words can a drawn table have? Lists: line items, headers, second lines, units, names, syllables, months.

Items are divided by "|" where they have blanks, else by blanks; what is drawn more often stands there more often. Nothing here is
read from a document.
"""

from __future__ import annotations

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
Three Months Ended|Six Months Ended|Nine Months Ended|Twelve Months Ended|Three Months Ended June 30,|Nine Months Ended September 30,
Year Ended December 31,|Years ended June 30,|For the year ended|Fiscal Years Ended|At December 31,|As of September 30,|December 31, 2023
September 28, 2024|31 March 2024|Note(s)|Reference|Qty|Unit price|Unit|VAT|VAT %|Tax|Discount|Payee|Money in|Money out|Paid in|Paid out|Due
% of Total|% Var.|% Sales|Increase|(Decrease)|Increase (Decrease)|Inc/(Dec)|Variance|$ Change|Shareholders' Equity|Treasury Stock|Par Value
Additional Paid-in Capital|Accumulated Other|Comprehensive Income|Noncontrolling|Interests|Total Equity|Parent|Eliminations|Consolidated
Share capital £m|2024 £'000|2023 £'000|2024 €m|CHF|AUD|CAD|SEK|kEUR|Mio. €|bps|YoY|YTD|LTM|Weighted|Average|Per Share|Basic|Diluted|Type
In millions|(in thousands)|(in millions, except per share data)|Assets|Liabilities|Revenue|Operating|Segment|Date|Value|Price
"""
SECOND_LINES = """
of the parent company|of the Company|net of tax|net of income taxes of|and other current assets|and cash equivalents|before income taxes
and restricted cash at end of period|respectively|shares issued and outstanding|discontinued operations|attributable to common shareholders
accounted for using the equity method|including current portion|for the period|per share amounts|and 2022, respectively|owners of the parent
of allowance for doubtful accounts|des Geschäftsjahres|aus Lieferungen und Leistungen|de l'exercice|por operaciones continuadas|do período
"""
WORDS = """
accelerated acceptances accounted accretion accrual accruals accrued accumulated acquired acquiree acquisitions activities actuarial adequacy
adjusted adjustment adjustments administrative advances advertising affiliates aggregate agreements aircraft allocated allowance allowances
amended amortizable amortization amounts annual appreciation arrangements assessment assessments associates assumed assumptions attributable
audit authorized automotive available awards bankruptcy basic beneficial benefit benefits billings bonds borrowed borrowings brands brokerage
buildings bullion business calculated called cancelled capital capitalized captive cards carried carrying cash casualty ceded change charge
charges chemicals claims clearing clients collateral collected collections combined commercial commissions commitments commodity common
communications compensation competitive completed components comprehensive computer concentration consideration consolidated construction
consultancy consumer contingencies contingent continuing contract contracts contractual contributed contributions controlled conversion
convertible corporate costs coupons covered credit creditors cumulative currencies current curtailment customers data dealers debentures debit
debt debtors declared deductions default deferred deficit defined delivery demand deposits depletion deposited derecognised derivative
derivatives designated determinable development diluted direct director disclosed disclosure discontinued discount discounts disposal disposed
distributed distribution distributions divestiture dividend domestic donations doubtful drilling earned earnings economic effect effective
electricity eligible employee employees employer encumbrances energy engineering entertainment entity environmental equipment equity
equivalents escrow estimated exceptional excess exchange excluding exercised exercises expected expenditure expenditures expenses expiration
expired exploration exports exposure extended extinguishment extraordinary facilities facility factoring federal fees fiduciary finance
financed financial financing fiscal fixed fixtures fleet flows forecast foreclosed foreign forfeited forfeitures forward franchise freehold
freight fuel fulfilment fully funded funding funds furniture future gains gaming general generated geographic goods goodwill government grant
granted grants gross ground growth guaranteed guarantees healthcare hedge hedges hedging held holders holding hospitality housing impaired
impairment impairments improvements income incorporated increase incremental incurred indemnification indemnities indirect individual inflows
information infrastructure inherent initial input instalment institutions instruments insurance insured intangible intangibles intercompany
interest interests interim internal international intersegment inventories inventory invested investee investees investing investment
investments invoices issuance issued issuer issues items joint judgements labour land laws leased leasehold leases legal lenders lending
liabilities liability licensing liquid liquidity litigation loans logistics long-term losses maintenance managed management mandatory
manufacturing margin marketable marketing materials maturities maturity measured measurement medical members membership merchandise merger
minimum minority miscellaneous mobile model mortgage mortgages movement movements multi-employer municipal natural net network non-cash
non-controlling noncontrolling noncurrent non-recurring notes notional obligations occupancy offering offset oil onerous operated operating
operations opportunities option options ordinary other outflows outstanding overdraft overdrafts overheads owned owners ownership packaging
paid parent participating partner partners payable payables payment payments payroll penalties pension performance permanent petroleum
pharmaceutical plans plant pledged policies policyholders pool portfolio portion positions postage postemployment postretirement preferred
premium premiums prepaid prepayments presented principal prior privatisation proceeds processing product production products professional
profit program projects promissory properties property provided provision provisions public publishing purchase purchased purchases qualified
raised ratable real realizable realized rebates receipts receivable receivables recognised recognized reconcile reconciliation recoverable
recoveries recovery redeemable redeemed redemption refinancing refundable refunds regulatory reimbursement reinsurance reinvested related
remeasurement remaining rendered rent rental rentals reorganization repairs repayment repayments reporting repurchase repurchased repurchases
research reserve reserves residual restated restricted restructuring retail retained retirement return returns revaluation revenue revenues
reversal revolving rights risk royalties salaries sales salvage savings scheduled securities securitization securitized segment selling senior
separate service services servicing settled settlement settlements share shareholders shareholding shares shipping short-term software sold
sponsored stock stockholders storage stores straight-line structured subordinated subscribers subscription subscriptions subsequent
subsidiaries subsidiary subsidies supplemental supplementary supplier suppliers supplies support surplus swap swaps syndicated systems tangible
tax taxable taxation taxes technology telecommunications temporary tenant term termination third-party tools trade trademarks trading
transaction transactions transfer transferred transfers transition translation transmission transportation travel treasury turnover
unallocated unamortised unamortized unappropriated unaudited uncertain uncollectible unconsolidated underlying underwriting undistributed
unearned unfunded unobservable unpaid unrealised unrealized unrecognized unsecured unused utilities utilization valuation value variable
vehicles vendors vested vesting volume wages warrants warranties warranty weighted wholesale withdrawals withheld withholding worldwide
write-down write-downs write-offs written yield
"""
LINKS = "of of of and and and in on to for from at by with net the the per a less or / & as under over than due under excluding including before after"
UNITS = """
pcs pc ea each h hrs hours days kg t m m² km kWh MWh l Stk. Std. EUR USD GBP box set lot month Yes No Paid Open A B1 n/a DR CR incl.
"""
NAME_TAILS = """
Ltd|Ltd.|Inc.|Inc|LLC|GmbH|AG|plc|PLC|S.A.|SA|N.V.|B.V.|Co.|Corp.|& Co.|Group|Holdings|Bank|Fund|Trust|LP|SE|AB|S.p.A.|Sons|Services
Systems|Partners|Energy
"""
NAME_PARTS = "Mc O' Mac van de von & St. El i e"
ONSETS = """
b c d f g h j k l m n p r s t v w y z b c d f g h k l m n p r s t bl br ch cl cr dr fl fr gh gl gr kn ph pl pr qu sc sh sk sl sm sn sp st
str sw th tr tw wh x
"""
VOWELS = "a e i o u a e i o u a e i o u ai au ea ee ei eu ia ie io oa oo ou ue y"
ACCENTED = {"a": "äáãàâå", "e": "éèêë", "i": "íî", "o": "öóõôø", "u": "üúù", "c": "ç", "n": "ñ"}
CODAS = "n r s t l m d k p g b c f x y n r s t nd ng nt rd rk rn rs rt ck ct ff ft ld lf lk ll lt mp nk ns ps sh sk ss st th tz w x z"
PROSE = """
the company and its subsidiaries hold these amounts at fair value through profit or loss as described in the notes which form an
integral part of these consolidated financial statements are based on estimates that management considers reasonable under
circumstances during the period we recognised an impairment because expected future cash flows were lower than carrying amount
following table presents changes by segment for each of last three years ended including effects from currency translation and
see accompanying report independent registered public accounting firm its board directors approved on behalf figures have been
rounded may not add due to rounding includes amounts attributable non controlling interests excluding discontinued operations
"""
MONTHS = """
January February March April May June July August September October November December Januar März Juni Juli Oktober Dezember
janvier mars juin décembre enero diciembre março dezembro maart
"""
