//! Random programs: a file of the grammar for any choices, always in good form.

use std::fmt::Write;

const CAPS: [&str; 14] = [
    "1 per partner per month",
    "2 per partner per quarter",
    "130 points per partner per month",
    "700 points per partner per year",
    "1 per partner per day",
    "1 per person per week",
    "250 points per partner per deal",
    "1 per person per deal",
    "90 points per person per month",
    "300 points per team per quarter",
    "once per person",
    "400 points per person",
    "60 points per partner per deal per month",
    "1 per partner per deal",
];
const VIEW_CAPS: [&str; 9] = [
    "1 per person per content per week",
    "7 points per partner per month",
    "1 per partner per content",
    "3 per team per day",
    "once per person",
    "4 points per person per content per year",
    "2 per partner per day",
    "9 points per team",
    "5 points per territory per month",
];

/// What a program of the grammar chooses.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    /// Caps of closings, by number.
    pub caps: Vec<usize>,
    /// Caps of views, by number.
    pub views: Vec<usize>,
    /// Whether what a clawback cannot take is forgiven.
    pub forgive: bool,
    /// Whether what is taken back frees its caps.
    pub frees: bool,
    /// Whether suspended partners earn.
    pub suspended: bool,
    /// How many months points last, less one.
    pub expiry: u8,
    /// Whether closings wait before they are available.
    pub hold: bool,
    /// Whether books close by the month.
    pub monthly: bool,
    /// Whether late events are booked in their own period while it is open.
    pub own: bool,
    /// Which ladders there are.
    pub ladder: u8,
    /// Whether a deal must be registered before it closes.
    pub required: bool,
    /// In which month the fiscal year starts, when partners are reminded, and which rules are paused.
    pub fiscal: u8,
    /// The time zone.
    pub zone: u8,
    /// The cap of the reward, and its price.
    pub rcap: u8,
    /// Whether amending earns by itself.
    pub amended_rule: bool,
    /// Whether a second registrant is accepted.
    pub second: bool,
    /// Which commissions there are, and by which settings; none for 0.
    pub pays: u8,
    /// Which budgets and benefits there are, and by which settings; none for 0.
    pub pools: u8,
    /// What is stated of partners, and what goes by it; nothing for 0.
    pub facts: u8,
}

/// What is stated of a partner, of these kinds and sizes; in bad form now and then. It goes by `seed` alone.
pub fn stated(seed: u32) -> String {
    let kind = ["a", "b", "b", "c"][(seed & 3) as usize];
    let size = ["3", "20.0", "77", "many"][(seed >> 2 & 3) as usize]
        .replace("many", if (seed >> 4).is_multiple_of(4) { "many" } else { "1000" });
    let payee =
        if (seed >> 6).is_multiple_of(8) { String::new() } else { format!(r#","payee":"V-{}""#, seed >> 9 & 3) };
    let tax = ["", r#","tax":"30""#, r#","tax":"12.5""#, r#","tax":"0""#][(seed >> 11 & 3) as usize];
    format!(r#"{{"kind":"{kind}","size":"{size}"{payee}{tax}}}"#)
}

/// What goes by what is stated of partners, by the bits of `facts`.
fn of_facts(text: &str, facts: u8) -> String {
    if facts == 0 {
        return text.to_owned();
    }
    let is = |bit: u8| facts >> bit & 1 == 1;
    let mut text = text.to_owned();
    let rows = [
        (
            "[earn.closed]\non = \"deal.closed\"\nif = { outcome = \"won\" }",
            "[earn.closed]\non = \"deal.closed\"\nif = { outcome = \"won\", partner.kind = \"!= c\" }",
        ),
        (
            "points = 3\n",
            "points = { by = \"partner.size\", bands = [{ from = \"0\", points = 3 }, { from = \"50\", points = 9 }] }\n",
        ),
        (
            "{ from = \"1000\", rate = \"5%\" }, { from = \"10000\", rate = \"7.5%\" }] }\ntenor",
            "{ from = \"1000\", rate = \"5%\" }] }\nif = { partner.kind = \"one of a, b\" }\ntenor",
        ),
        ("[commission.more]\n", "[commission.more]\nif = { \"partner.size\" = \">= 10\" }\n"),
        (
            "on = \"deal.influenced\"\nrate = \"10%\"",
            "on = \"deal.influenced\"\nrate = { by = \"partner.kind\", table = { a = \"10%\", b = \"4%\" } }",
        ),
        (
            "enter = { deals = 2, within = \"1 year\" }",
            "pro_rata = true\nenter = { any = [{ certification = \"sales-101\", persons = 2 }, { all = [{ partner.kind = \"one of a, b\" }, { deals = 2, within = \"1 year\" }] }] }",
        ),
        (
            "keep = { points = 200, within = \"fiscal year\" }",
            "keep = { any = [{ partner.size = \">= 50\", attested.good = true }, { points = 200, within = \"fiscal year\" }] }",
        ),
    ];
    for (bit, (from, to)) in (0..).zip(rows) {
        if is(bit) {
            text = text.replace(from, to);
        }
    }
    // What a rule needs besides.
    if is(0) {
        text = text.replace("[earn.bonus]\n", "[earn.bonus]\nneeds = { course = \"sales-1\" }\n");
    }
    if is(4) {
        text = text.replace(
            "on = \"deal.influenced\"\n",
            "on = \"deal.influenced\"\nneeds = { certification = \"sales-101\" }\n",
        );
    }
    let attested = "\"/admin/*\" = [\"attestation.*\"";
    if text.contains("\"/admin/*\" = [") {
        text = text.replace("\"/admin/*\" = [", &format!("{attested}, "));
    } else {
        text = text.replace("[earn.closed]\n", &format!("{attested}]\n[earn.closed]\n"));
    }
    let declared = "[facts]\nkind = \"one of a, b, c\"\nsize = \"number\"\npayee = \"text\"\ntax = \"percent\"\n";
    let new = if is(1) {
        "[onboarding]\nproductive = { deals = 1, within = \"1 year\" }\nby = \"20 days\"\nplan_after = \"1 month\"\ntrained = { certification = \"sales-101\", level = 201 }\n"
    } else {
        ""
    };
    let asked = if is(7) { "[payouts]\npayee = \"partner.payee\"\nwithholding = \"partner.tax\"\n" } else { "" };
    format!("{text}{declared}{new}{asked}")
}

/// What draws on budgets, and benefits of which there are only so many, by the bits of `pools`.
fn pooled(text: &str, pools: u8) -> String {
    if pools == 0 {
        return text.to_owned();
    }
    let is = |bit: u8| pools >> bit & 1 == 1;
    let settings = format!(
        "{}when_short = \"{}\"\nreturned = \"{}\"\nparts = {}\n",
        if is(2) { "per = \"quarter\"\n" } else { "" },
        if is(3) { "give nothing" } else { "give what is left" },
        if is(4) { "to the current period" } else { "to its own period" },
        [1, 3, 2, 7][usize::from(pools >> 5 & 3)],
    );
    let mut text = text.replace(
        "\"payout.*\", \"invoice.paid\"]\n",
        "\"payout.*\", \"invoice.paid\", \"budget.*\"]\n\"/admin/*\" = [\"benefit.*\", \"exclusivity.*\"]\n",
    );
    if is(0) {
        text = text.replace("[earn.closed]\n", "[earn.closed]\nbudget = \"fund\"\n");
        let _ = write!(text, "[budget.fund]\nof = \"points\"\n{settings}");
    }
    if is(1) && text.contains("[commission.base]") && !text.contains("\"of the deal\"") {
        for rule in ["base", "share", "influence"] {
            let table = format!("[commission.{rule}]\n");
            text = text.replace(&table, &format!("{table}budget = \"spiffs\"\n"));
        }
        let _ = write!(text, "[budget.spiffs]\nof = \"USD\"\n{settings}");
    }
    if is(5) {
        text.push_str("[exclusivity]\nkeep = { acv = \"9000\", within = \"1 quarter\" }\nfirst_review = \"1 month\"\nreview = \"monthly\"\n");
    }
    if is(5) && is(6) {
        text.push_str("grace = \"1 month\"\nlasts = \"4 months\"\nearn = { deals = 1, within = \"1 year\" }\n");
    }
    text.push_str("[benefit.stand]\nname = \"Stand\"\n");
    text.push_str(if is(7) { "slots = 1\nper = \"month\"\n" } else { "slots = 2\nat_most = 2\n" });
    text
}

/// How a program shares deals.
const SHARING: &str = r#"[influence]
part = "33.33%"
endorsement = "20%"
integration_requirement = "30%"
active_in_sale = "50%"
"#;

/// Commissions of a program, by the bits of `pays`.
fn commissions(pays: u8, has_gold: bool) -> (String, String) {
    if pays == 0 {
        return (String::new(), String::new());
    }
    let is = |bit: u8| pays >> bit & 1 == 1;
    let hold = if is(0) { "hold = \"45 days\"\n" } else { "" };
    let in_deals = is(1);
    let caps = match (is(2), in_deals) {
        (false, _) => "",
        (true, true) => "at_most = \"twice per partner per quarter\"\n",
        (true, false) => {
            "at_most = [\"700 USD per partner per quarter\", \"300.50 USD per partner per deal\"]\nat_least = \"12\"\n"
        }
    };
    let waits = if is(7) { "payable = \"at the first invoice\"\n" } else { "" };
    let gold = if has_gold { "tier = \"gold\"\n" } else { "" };
    let attained = match pays % 5 {
        0 => {
            "times = [{ attainment = \"acv\", per = \"year\", bands = [{ from = \"0%\", by = \"0.5\" }, { from = \"80%\", by = \"1.3\" }] }]\n"
        }
        1 => {
            "times = [{ attainment = \"deals\", per = \"quarter\", bands = [{ from = \"50%\", by = \"1.1\" }], true_up = true }]\n"
        }
        2 => {
            "times = [{ attainment = \"acv\", per = \"month\", bands = [{ from = \"0%\", by = \"0.7\" }, { from = \"30%\", by = \"1.2\" }], true_up = true }, { attainment = \"deals\", per = \"year\", bands = [{ from = \"100%\", by = \"1.5\" }], true_up = true }]\n"
        }
        _ => "",
    };
    let share = match pays % 3 {
        0 => "",
        1 => "[commission.share]\non = \"invoice.paid\"\nrate = \"10%\"\nfor = \"3 months\"\nhold = \"15 days\"\n",
        _ => {
            "[commission.share]\non = \"invoice.paid\"\nrate = { by = \"amount\", bands = [{ from = \"1000\", rate = \"6.5%\" }] }\n"
        }
    };
    let rules = format!(
        r#"
[commission.base]
base = "total value"
rate = {{ by = "acv", bands = [{{ from = "1", rate = "3%" }}, {{ from = "1000", rate = "5%" }}, {{ from = "10000", rate = "7.5%" }}] }}
tenor = {{ "24 months" = "1.5" }}
{hold}{caps}
[commission.more]
{gold}{waits}{attained}rate = {{ by = "acv", slices = [{{ from = "100", rate = "12%" }}, {{ from = "5000", rate = "8%" }}] }}
{share}"#
    );
    let one = |bit, no: &'static str, yes: &'static str| if is(bit) { yes } else { no };
    let (influence, shared) = match pays % 4 {
        0 => ("", ""),
        1 => (
            "[commission.influence]\non = \"deal.influenced\"\nrate = \"10%\"\ntimes = [{ attainment = \"deals\", per = \"quarter\", bands = [{ from = \"0%\", by = \"0.9\" }, { from = \"100%\", by = \"1.4\" }], true_up = true }]\n",
            SHARING,
        ),
        2 => (
            "[commission.influence]\non = \"deal.influenced\"\nif = { kind = \"endorsement\" }\nrate = { by = \"acv\", bands = [{ from = \"500\", rate = \"8%\" }] }\nat_most = \"200 USD per partner per quarter\"\nhold = \"15 days\"\n",
            SHARING,
        ),
        _ => ("", SHARING),
    };
    // Caps in an amount of the program's bound nothing that is paid in the deals' currency.
    let influence = if in_deals { "" } else { influence };
    let rules = format!("{rules}{influence}");
    let policy = format!(
        r#"
{shared}
[policy.commissions]
{}
currency = "{}"
amended_deals = "{}"
reversed_deals = "{}"
clawback = "{}"
"#,
        one(3, "", "at_most = \"9%\""),
        if in_deals { "of the deal" } else { "of the program" },
        one(4, "rated again", "at the rate that was paid"),
        one(5, "at the rate that was paid", "rated again"),
        one(6, "netted from what becomes payable next", "forgiven"),
    );
    (rules, policy)
}

/// The file of a program `test` with these choices: reward `card`, sources `/crm/*`, `/lms/*`, `/cms/*`.
pub fn text(p: &Choices) -> String {
    let caps = |set: &[usize], of: &[&str]| {
        if set.is_empty() {
            String::new()
        } else {
            format!(
                "at_most = [{}]\n",
                set.iter().map(|i| format!("{:?}", of[*i % of.len()])).collect::<Vec<_>>().join(",")
            )
        }
    };
    let ladder = match p.ladder % 4 {
        0 => "",
        1 => {
            "[ladder.sell.base]\nrank = 1\n[ladder.sell.gold]\nrank = 2\nenter = { deals = 2, within = \"1 year\" }\nkeep = { deals = 2, within = \"6 months\" }\ngrace = \"1 quarter\"\n"
        }
        2 => {
            "[ladder.sell.base]\nrank = 1\n[ladder.sell.gold]\nrank = 2\nenter = { points = 200, within = \"6 months\" }\nkeep = { points = 200, within = \"fiscal year\" }\nreview = \"monthly\"\nfirst_review = \"1 month\"\n[ladder.service.bronze]\nrank = 1\n[ladder.service.silver]\nrank = 2\nenter = { registrations = 1, within = \"3 months\" }\nkeep = { acv = \"100\", within = \"1 month\" }\nreview = \"monthly\"\nfirst_review = \"1 month\"\n"
        }
        _ => {
            "[ladder.service.bronze]\nrank = 1\n[ladder.sell.low]\nrank = 1\nkeep = { registrations = 1, within = \"1 month\" }\nreview = \"monthly\"\nfirst_review = \"1 month\"\nprune_after = 2\n"
        }
    };
    let has_gold = p.ladder % 4 == 1 || p.ladder % 4 == 2;
    let (commissions, paid) = commissions(p.pays, has_gold);
    let times = if has_gold { "times = [{ tier = \"gold\", by = \"1.5\" }]\n" } else { "" };
    let text = format!(
        r#"
[program]
id = "test"
name = "Test"
currency = "USD"
time_zone = "{}"
fiscal_year_starts = "{:02}-01"
periods_close = "{}"
late_events = "{}"
rates = {{ EUR = "2" }}
[sources]
"/crm/*" = ["partner.*", "target.set", "deal.*", "purchase_order.received"]
"/lms/*" = ["course.completed", "certification.*"]
"/cms/*" = ["content.viewed"]
"/finance/*" = ["payout.*", "invoice.paid"]
[earn.closed]
on = "deal.closed"
if = {{ outcome = "won" }}
points = {{ by = "acv", bands = [{{ from = "1", points = 10 }}, {{ from = "1000", points = 100 }}, {{ from = "10000", points = 1000 }}] }}
{}{}{}
[earn.bonus]
on = "deal.closed"
if = {{ outcome = "won", acv = ">= 5000" }}
points = {{ by = "total_value", per = "1000", points = 1 }}
hold = "30 days"
{}
[earn.lost]
on = "deal.closed"
if = {{ outcome = "lost" }}
points = 1
{}
[earn.registered]
on = "deal.registered"
points = 5
hold_if = [{{ less_than = "60% of registrations qualified", from = 2, within = "3 months" }}]
held_for = "40 days"
[earn.reading]
on = "content.viewed"
points = 3
{}
{}{}
[reward.card]
name = "Card"
points = {}
at_most = "{}"
{}
[registration]
required = {}
second_registrant = "{}"
exclusive_for = "30 days"
{}[policy]
expiry = "{} months after earning, at the end of the {}"
clawback = "{}"
reversed_awards = "{}"
suspended_partners = "{}"
{}"#,
        ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "America/Los_Angeles", "Asia/Singapore"]
            [p.zone as usize % 5],
        [1, 4, 10][p.fiscal as usize % 3],
        if p.monthly { "5 days after the month" } else { "10 days after the quarter" },
        if p.own {
            "book in the period of the event while it is open, else in the current one"
        } else {
            "book in the current period"
        },
        if p.hold { "hold = \"2 months\"\n" } else { "" },
        times,
        caps(&p.caps, &CAPS),
        caps(&p.caps[..p.caps.len().min(1)], &CAPS),
        caps(&p.caps[..p.caps.len().min(1)], &CAPS),
        caps(&p.views, &VIEW_CAPS),
        if p.amended_rule { "[earn.growth]\non = \"deal.amended\"\npoints = 4\n" } else { "" },
        commissions,
        [60, 9][p.rcap as usize / 8 % 2],
        [
            "5 per partner per quarter",
            "1 per partner per week",
            "1 per partner per day",
            "2 per partner per month",
            "40 per partner per day",
            "60 per partner per month",
            "50 per partner per week",
            "90 per partner per quarter",
        ][p.rcap as usize % 8],
        ladder,
        p.required,
        if p.second { "accept and notify" } else { "reject" },
        match p.fiscal / 16 % 4 {
            0 => "",
            1 => "remind = [\"10 days\", \"1 day\"]\n",
            2 => "remind = \"1 week\"\npublic_tender = { bidders = 2 }\n",
            _ => "third_registrant = \"reject\"\nremind = \"29 days\"\n",
        },
        p.expiry % 4 + 1,
        ["month", "month", "quarter", "year"][p.expiry as usize / 64],
        if p.forgive { "within balance, rest forgiven" } else { "within balance, rest netted from future points" },
        if p.frees { "free their caps" } else { "stay counted" },
        if p.suspended { "earn" } else { "earn nothing" },
        paid,
    );
    of_facts(&own_events(&pooled(&paused(&text, p.fiscal), p.pools), p), p.facts)
}

/// Rules that give nothing for some weeks, by the bits of `fiscal` that say nothing else.
fn paused(text: &str, fiscal: u8) -> String {
    let (rules, days): (&[&str], &str) = match fiscal / 64 {
        2 => (&["earn.closed", "commission.more"], "from = \"2026-03-10\""),
        3 => (
            &["earn.reading", "earn.bonus", "commission.base", "commission.share", "commission.influence"],
            "from = \"2026-02-01\", until = \"2026-06-15\"",
        ),
        _ => return text.to_owned(),
    };
    rules.iter().fold(text.to_owned(), |text, rule| {
        text.replace(&format!("[{rule}]\n"), &format!("[{rule}]\npaused = {{ {days} }}\n"))
    })
}

/// What happens in the vendor's own words: of fields that another version may have more of.
fn own_events(text: &str, p: &Choices) -> String {
    let room = if p.hold { ", room = \"optional text\"" } else { "" };
    let held_for = if p.required { "held_for = \"9 days\"\n" } else { "" };
    let motion = if p.second { "motion = \"service\"\n" } else { "" };
    let text = text.replace(
        "\"/cms/*\" = [\"content.viewed\"]\n",
        "\"/cms/*\" = [\"content.viewed\"]\n\"/webinars/*\" = [\"webinar.*\"]\n\"/staff/*\" = [\"award.*\"]\n",
    );
    let text = text.replace(
        "enter = { registrations = 1, within = \"3 months\" }",
        "enter = { any = [{ registrations = 1, within = \"3 months\" }, { counts = { webinars = 2 }, within = \"3 months\" }] }",
    );
    let challenge = if p.frees && p.second {
        "[challenge.month]\nname = \"Month\"\nmetric = \"points\"\nper = \"month\"\nplaces = 2\n"
    } else {
        ""
    };
    format!(
        r#"{text}{challenge}[event."webinar.attended"]
fields = {{ webinar_id = "id", person_id = "person", minutes = "optional number", mode = "one of live, recorded", fee = "optional money", asked = "yes or no"{room} }}
counts = "webinars"
{motion}[earn.webinar]
on = "webinar.attended"
if = {{ mode = "live", minutes = ">= 30" }}
points = 7
hold_if = [{{ more_than = "1 per person per hour" }}]
{held_for}at_most = ["once per person per webinar", "30 points per partner per month"]
[earn.paid-webinar]
on = "webinar.attended"
points = {{ by = "fee", per = "100", points = 1 }}
"#
    )
}
