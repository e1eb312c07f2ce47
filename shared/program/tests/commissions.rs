//! Commission rules of a program file: each broken form is refused where it stands, with the way out; what is unwise is warned of.

use laurel_program::{Code, Diagnostic, Program, Severity, check};

const PERX: &str = include_str!("../../../infra/programs/perx.toml");

/// The first finding of the shipped program with `to` where `from` stood, beside those it always has; and its line.
fn found(from: &str, to: &str) -> Option<(Severity, Code, String, String)> {
    assert!(PERX.contains(from), "{from}");
    let text = PERX.replacen(from, to, 1);
    let one = check(&text).into_iter().find(|found| found.code != Code::OscillatingLadder)?;
    let said = format!("{} ({})", one.message, one.help.unwrap_or_default());
    Some((one.severity, one.code, said, text.lines().nth(one.line - 1).unwrap_or_default().to_owned()))
}

#[test]
fn broken_forms_are_refused_where_they_stand() {
    use Code::{
        BadCurrency, BadId, BadValue, BandsGap, BandsOrder, NeverHolds, UnknownField, UnknownKey, UnknownTier,
        WrongType,
    };
    let pilot = "rate = \"3%\"\nat_most";
    let pilot_if = "if = { acv = \"< 25000\", renewal = false }\nrate = \"3%\"";
    // what stands there; what it is broken to; the code; a part of message and help; a part of the line
    let rows = [
        (pilot, "rate = \"3\"\nat_most", BadValue, "`3` is no rate; write \"7%\"", "rate = \"3\""),
        (pilot, "rate = \"0%\"\nat_most", BadValue, "`0%` is no rate", "rate ="),
        (pilot, "rate = \"101%\"\nat_most", BadValue, "at most \"100%\"", "rate ="),
        (pilot, "rate = \"-3%\"\nat_most", BadValue, "is no rate", "rate ="),
        (pilot, "rate = 0.03\nat_most", WrongType, "a rate in quotes", "rate = 0.03"),
        (
            pilot,
            "rate = { by = \"acw\", table = { a = \"3%\" } }\nat_most",
            UnknownField,
            "did you mean `acv`?",
            "rate =",
        ),
        (pilot, "rate = { by = \"acv\", table = { a = \"3%\" } }\nat_most", NeverHolds, "write `bands`", "rate ="),
        (pilot, "rate = { by = \"motion\" }\nat_most", BadValue, "`bands`, or `slices`, or `table`", "rate ="),
        (pilot, "rate = { by = \"acv\", slices = [] }\nat_most", BandsGap, "there is no band", "rate ="),
        (pilot, "rte = \"3%\"\nrate = \"3%\"\nat_most", UnknownKey, "did you mean `rate`?", "rte"),
        (
            "{ from = \"50000\", rate = \"5%\" }",
            "{ from = \"20000\", rate = \"5%\" }",
            BandsOrder,
            "rising order",
            "rate =",
        ),
        (
            "{ from = \"50000\", rate = \"5%\" }",
            "{ from = \"50000\", to = \"90000\", rate = \"5%\" }",
            BandsGap,
            "a gap between 90000 and 100000",
            "rate =",
        ),
        (
            "tenor = { \"36 months\" = \"1.5\" }",
            "tenor = { \"3 years\" = \"1.5\" }",
            BadValue,
            "write \"36 months\"",
            "tenor",
        ),
        ("tenor = { \"36 months\" = \"1.5\" }", "tenor = { \"36 months\" = \"0\" }", BadValue, "above zero", "tenor"),
        (
            "base = \"first-year value\"",
            "times = [{ attainment = \"acv\", per = \"year\", bands = [{ from = \"0%\", by = \"0.9\" }] }, { attainment = \"acv\", per = \"year\", bands = [{ from = \"100%\", by = \"1.2\" }] }]",
            BadValue,
            "the target acv of a year in sell multiplies twice",
            "times =",
        ),
        ("base = \"first-year value\"", "base = \"profit\"", BadValue, "write \"first-year value\"", "base ="),
        ("base = \"first-year value\"", "payable = \"later\"", BadValue, "or \"at the first invoice\"", "payable"),
        ("base = \"first-year value\"", "on = \"deal.qualified\"", BadValue, "`deal.qualified` pays none", "on ="),
        ("base = \"first-year value\"", "base = \"invoiced amount\"", BadValue, "write \"first-year value\"", "base ="),
        ("base = \"first-year value\"", "for = \"24 months\"", BadValue, "how long invoices pay", "for ="),
        (
            pilot_if,
            "on = \"invoice.paid\"\nbase = \"total value\"\nrate = \"3%\"",
            BadValue,
            "write \"invoiced amount\"",
            "base =",
        ),
        (pilot_if, "on = \"invoice.paid\"\nfor = \"long\"\nrate = \"3%\"", BadValue, "`long` is no length", "for ="),
        (
            pilot_if,
            "on = \"invoice.paid\"\ntenor = { \"36 months\" = \"2\" }\nrate = \"3%\"",
            BadValue,
            "leave it out",
            "tenor =",
        ),
        (
            pilot_if,
            "on = \"invoice.paid\"\npayable = \"at the first invoice\"\nrate = \"3%\"",
            BadValue,
            "an invoice is paid already",
            "payable =",
        ),
        (
            pilot_if,
            "on = \"invoice.paid\"\nif = { acv = \"> 1\" }\nrate = \"3%\"",
            UnknownField,
            "no field `acv`",
            "if =",
        ),
        ("tier = \"reseller\"\nif", "tier = [\"reseler\"]\nif", UnknownTier, "no ladder has a tier `reseler`", "tier"),
        (
            "if = { acv = \"< 25000\", renewal = false }",
            "if = { points = \"< 25000\" }",
            UnknownField,
            "no field `points`",
            "if =",
        ),
        (
            "if = { acv = \"< 25000\", renewal = false }",
            "if = { outcome = \"lost\" }",
            BadValue,
            "for deals that are won",
            "if =",
        ),
        ("twice per partner in all", "twice per partner", BadValue, "or \"twice per partner in all\"", "at_most"),
        ("twice per partner in all", "500 points per partner per year", BadCurrency, "this pays USD", "at_most"),
        ("twice per partner in all", "500 EUR per partner per year", BadCurrency, "this pays USD", "at_most"),
        (
            "twice per partner in all",
            "5.001 USD per partner per year",
            BadValue,
            "more decimals than USD has",
            "at_most",
        ),
        (
            "at_most = \"20 per partner per month\"",
            "at_most = \"20 USD per partner per month\"",
            BadCurrency,
            "this gives points",
            "at_most",
        ),
        ("[earn.training]", "[earn.\"commission.training\"]", BadId, "is a commission's", "[earn."),
        ("[earn.training]", "[earn.\"$training\"]", BadId, "is a commission's", "[earn."),
        (
            "tenor = { \"36 months\" = \"1.5\" }",
            "tenor = { \"036 months\" = \"1.5\" }",
            BadValue,
            "write \"36 months\"",
            "tenor",
        ),
        ("twice per partner in all", "100 USD per person per year", BadValue, "deal.closed names none", "at_most"),
        (
            "hold = \"30 days\"                    # acc",
            "hold = \"1 year\" # acc",
            BadValue,
            "at most 186 days",
            "hold",
        ),
        ("attainment = \"acv\"", "attainment = \"certifications\"", BadValue, "write one of: deals, acv", "times ="),
        ("per = \"year\"", "per = \"week\"", BadValue, "write \"year\", \"quarter\" or \"month\"", "times ="),
        ("{ from = \"50%\", by = \"1\" }", "{ from = \"50\", by = \"1\" }", BadValue, "write \"50%\"", "times ="),
        ("{ from = \"50%\", by = \"1\" }", "{ from = \"100%\", by = \"1\" }", BandsOrder, "rising order", "times ="),
        ("{ from = \"0%\", by = \"0.9\" }", "{ from = \"-1%\", by = \"0.9\" }", BadValue, "write \"50%\"", "times ="),
        ("{ from = \"0%\", by = \"0.9\" }", "{ from = \"0%\", by = \"0\" }", BadValue, "above zero", "times ="),
        (
            "{ tier = \"oem\", by = \"1.5\" }",
            "{ tier = \"oem\", by = \"1.5\", true_up = true }",
            BadValue,
            "{ attainment = \"acv\", per = \"quarter\"",
            "times =",
        ),
        (
            "{ tier = \"oem\", by = \"1.5\" }",
            "{ attainment = \"acv\", per = \"year\", bands = [{ from = \"100%\", by = \"1.5\" }], true_up = true }",
            BadValue,
            "points are not trued up",
            "times =",
        ),
        (
            "if = { acv = \"< 25000\", renewal = false }\nrate = \"3%\"\nat_most = \"twice per partner in all\"\nhold",
            "on = \"invoice.paid\"\nrate = \"3%\"\ntimes = [{ attainment = \"acv\", per = \"year\", bands = [{ from = \"100%\", by = \"1.5\" }], true_up = true }]\nhold",
            BadValue,
            "what invoices pay is not trued up",
            "times =",
        ),
        ("attainment = \"acv\", per = \"year\"", "attainment = \"acv\"", BadValue, "per = \"quarter\"", "times ="),
        ("public_tender = { bidders = 3 }", "public_tender = []", WrongType, "write a table", "public_tender"),
        (
            "bidders = 3",
            "bidders = 99999999999999999999",
            WrongType,
            "the number 99999999999999999999 cannot stand here",
            "bidders",
        ),
        ("bidders = 3", "bidders = 1", BadValue, "2 to 16 bidders", "bidders"),
        ("[\"14 days\", \"3 days\"]", "\"90 days\"", BadValue, "has not begun", "remind"),
        (
            "[\"14 days\", \"3 days\"]",
            "[\"4 days\", \"3 days\", \"2 days\", \"1 day\"]",
            BadValue,
            "at most 3 reminders",
            "remind",
        ),
        (
            "second_registrant = \"reject\"",
            "third_registrant = \"maybe\"",
            BadValue,
            "accept and notify",
            "third_registrant",
        ),
        ("answered_within = \"14 days\"", "answered_within = \"soon\"", BadValue, "is no length", "answered_within"),
        ("margin_floor = \"50%\"", "margin_floor = \"half\"", BadValue, "is no rate", "margin_floor"),
        ("margin_floor = \"50%\"", "margin_floor = \"80%\"", BadValue, "less than gross_margin", "margin_floor"),
        ("margin_floor = \"50%\"", "# no floor", BadValue, "margin_floor = \"40%\"", "gross_margin"),
        ("gross_margin = \"80%\"", "# no margin", BadValue, "gross_margin = \"80%\"", "margin_floor"),
        ("minimum = \"50\"", "minimum = \"50.001\"", BadValue, "fewer decimals", "minimum"),
        ("at_most = \"30%\"", "at_most = \"30\"", BadValue, "is no rate", "at_most"),
        (
            "currency = \"of the program\"",
            "currency = \"EUR\"",
            BadValue,
            "\"of the program\" or \"of the deal\"",
            "currency",
        ),
        (
            "amended_deals = \"rated again\"",
            "amended_deals = \"again\"",
            BadValue,
            "or \"rated again\"",
            "amended_deals",
        ),
        (
            "clawback = \"netted from what becomes payable next\"",
            "clawback = \"yes\"",
            BadValue,
            "\"forgiven\"",
            "clawback",
        ),
    ];
    for (from, to, code, said, line) in rows {
        let (severity, seen, message, at) = found(from, to).unwrap_or_else(|| panic!("nothing was found in {to}"));
        assert_eq!((severity, seen), (Severity::Error, code), "{to}: {message}");
        assert!(message.contains(said), "{to}: {message}");
        assert!(at.contains(line), "{to}: {at}");
    }
}

/// M34: shares that do not sum to the whole, and a commission of what is not shared, are refused.
#[test]
fn broken_shares_are_refused() {
    let with = |influence: &str, rule: &str| format!("{PERX}\n{influence}\n{rule}\n");
    let shares = |endorsement: &str, part: &str| {
        format!(
            "[influence]\npart = \"{part}\"\nendorsement = \"{endorsement}\"\nintegration_requirement = \"30%\"\nactive_in_sale = \"50%\"\n"
        )
    };
    let paid = "[commission.influence]\non = \"deal.influenced\"\nrate = \"10%\"\n";
    let errors = |text: &str| -> Vec<(Code, String)> {
        let found = check(text).into_iter().filter(|found| found.severity == Severity::Error);
        found.map(|found| (found.code, format!("{} ({})", found.message, found.help.unwrap_or_default()))).collect()
    };
    assert_eq!(errors(&with(&shares("20%", "30%"), paid)), []);
    assert_eq!(errors(&with(&shares("0%", "30%").replace("30%\"\nactive", "50%\"\nactive"), paid)), []);
    for (text, code, said) in [
        (with(&shares("10%", "30%"), paid), Code::SharesSum, "sum to 90%, not to 100%"),
        (with(&shares("20.001%", "30%"), paid), Code::BadValue, "finer than a hundredth of a percent"),
        (with(&shares("20%", "130%"), paid), Code::BadValue, "at most \"100%\""),
        (with("", paid), Code::BadValue, "say how, in [influence]"),
        (
            with(&shares("20%", "30%"), &paid.replace("rate", "payable = \"at the first invoice\"\nrate")),
            Code::BadValue,
            "`payable` is not said of deal.influenced",
        ),
        (
            with(&shares("20%", "30%"), &paid.replace("rate", "if = { kind = \"friendship\" }\nrate")),
            Code::NeverHolds,
            "friendship",
        ),
    ] {
        let found = errors(&text);
        assert!(found.iter().any(|(seen, message)| *seen == code && message.contains(said)), "{said}: {found:?}");
    }
}

/// An amount in the program's currency bounds nothing that is paid in the deals'.
#[test]
fn what_is_paid_in_the_deals_currency_is_not_bounded_in_the_programs() {
    let text = PERX.replacen("currency = \"of the program\"", "currency = \"of the deal\"", 1);
    assert!(check(&text).iter().all(|found| found.code == Code::OscillatingLadder));
    for bound in ["at_least = \"100\"\nrate", "at_most = \"500 USD per partner per year\"\nrate"] {
        let text = text.replacen(
            "renewal = false }\nrate = { by = \"acv\", bands = [\n  { from = \"0.01\"",
            &format!("renewal = false }}\n{bound} = {{ by = \"acv\", bands = [\n  {{ from = \"0.01\""),
            1,
        );
        let found: Vec<Code> = check(&text).into_iter().map(|found| found.code).collect();
        assert!(found.contains(&Code::BadCurrency), "{bound}: {found:?}");
    }
}

#[test]
fn unwise_rates_are_warned_of() {
    let warned = |from: &str, to: &str| {
        let (severity, code, message, _) = found(from, to).unwrap_or_else(|| panic!("nothing was found in {to}"));
        assert_eq!(severity, Severity::Warning, "{message}");
        (code, message)
    };
    let (code, message) = warned("rate = \"3%\"\nat_most", "rate = \"31%\"\nat_most");
    assert_eq!(code, Code::RateAboveCap);
    assert!(message.starts_with("it comes to 31%, and the program pays at most 30%"), "{message}");
    // What multiplies counts.
    let (code, message) = warned("rate = \"7%\"", "rate = \"21%\"");
    assert_eq!(code, Code::RateAboveCap);
    assert!(message.starts_with("it comes to 31.5% (21% times 1.5)"), "{message}");
    assert_eq!(found("rate = \"7%\"", "rate = \"20%\""), None);
    let (code, message) = warned("by = \"1.2\"", "by = \"1.3\"");
    assert_eq!(code, Code::RateAboveCap);
    assert!(message.starts_with("it comes to 32.5% (25% times 1.3)"), "{message}");
    // M08: what is left of the margin.
    let floor = |floor: &str| PERX.replacen("margin_floor = \"50%\"", &format!("margin_floor = \"{floor}\""), 1);
    let below = |text: &str| check(text).into_iter().find(|found| found.code == Code::MarginBelowFloor);
    assert_eq!(below(&floor("50%")), None, "30 % of 80 % leave half");
    let message = below(&floor("50.1%")).expect("a warning").message;
    assert_eq!(message, "it pays up to 30%, and leaves 50% of a margin of 80%: less than the floor of 50.1%");
    // M06: half of the business or more is a joint venture.
    let margin = PERX.replacen("gross_margin", "# ", 1).replacen("margin_floor", "# ", 1);
    let half = margin.replacen("at_most = \"30%\" ", "# ", 1).replacen("rate = \"25%\"", "rate = \"41.7%\"", 1);
    assert!(check(&half).iter().any(|found| found.code == Code::RateOfHalf), "{:?}", check(&half));
    let less = half.replacen("rate = \"41.7%\"", "rate = \"41.6%\"", 1);
    assert!(check(&less).iter().all(|found| found.code == Code::OscillatingLadder));
}

/// A rate that is ten times what it was is a slip of the hand, as a point value is.
#[test]
fn a_rate_that_leaps_is_asked_about() {
    let read = |text: &str| Program::parse(text).expect("a program");
    let after = PERX.replacen("{ from = \"25000\", rate = \"3%\" }", "{ from = \"25000\", rate = \"30%\" }", 1);
    let found = leaps(&read(PERX), &read(&after), &after);
    let [one] = found.as_slice() else { panic!("{found:?}") };
    assert!(one.message.contains("rate by acv from 25000 = 30% where it was 3%: 10 times as much"), "{}", one.message);
    assert!(after.lines().nth(one.line - 1).is_some_and(|line| line.starts_with("rate = { by")), "line {}", one.line);
    // What a commission and a payout are at least is asked about too, in either direction, and so is a factor.
    let floor = |least: &str| PERX.replacen("tenor = {", &format!("at_least = \"{least}\"\ntenor = {{"), 1);
    let minimum = |least: &str| PERX.replacen("minimum = \"50\"", &format!("minimum = \"{least}\""), 1);
    let factor = |by: &str| PERX.replacen("\"36 months\" = \"1.5\"", &format!("\"36 months\" = \"{by}\""), 1);
    for (before, after, told) in [
        (floor("500"), floor("5000"), "at_least = 5000 where it was 500: 10 times as much"),
        (floor("5000"), floor("500"), "at_least = 500 where it was 5000: 10 times as little"),
        (minimum("50"), minimum("5000"), "minimum = 5000 where it was 50: 100 times as much"),
        (factor("1.5"), factor("15"), "tenor from 36 months = 15 where it was 1.5: 10 times as much"),
    ] {
        let found = leaps(&read(&before), &read(&after), &after);
        let [one] = found.as_slice() else { panic!("{told}: {found:?}") };
        assert!(one.message.ends_with(told), "{}", one.message);
        let key = told.split(' ').next().unwrap_or_default();
        assert!(after.lines().nth(one.line - 1).is_some_and(|line| line.starts_with(key)), "line {}", one.line);
    }
    assert_eq!(leaps(&read(&floor("500")), &read(&floor("4999")), &floor("4999")), []);
    // What finance had locked stays locked.
    let locked = |day: &str| PERX.replacen("periods_close", &format!("locked_until = \"{day}\"\nperiods_close"), 1);
    for (before, after, asks) in [
        (locked("2026-06-30"), locked("2026-06-29"), true),
        (locked("2026-06-30"), PERX.to_owned(), true),
        (locked("2026-06-30"), locked("2026-07-01"), false),
        (PERX.to_owned(), locked("2026-06-30"), false),
    ] {
        let found = leaps(&read(&before), &read(&after), &after);
        let told: Vec<Code> = found.iter().map(|found| found.code).collect();
        assert_eq!(told, vec![Code::LockMovedBack; usize::from(asks)], "{found:?}");
    }
    // A rule that gave points and gives money now is another rule.
    assert_eq!(leaps(&read(PERX), &read(PERX), PERX), []);
}

/// What stands in a file is in the program, or is told: no name is too long without a word, no sum of factors too large to be checked.
#[test]
fn nothing_is_dropped_and_nothing_panics() {
    let long = format!("{PERX}\n[commission.{}]\nrate = \"3%\"\n", "x".repeat(120));
    assert!(check(&long).iter().any(|found| found.code == Code::BadId), "{:?}", check(&long));
    let campaigns: Vec<String> = (0..10)
        .map(|n| format!("[campaign.c{n}]\nfrom = \"2026-01-01\"\nuntil = \"2027-01-01\"\nby = \"1000\"\n"))
        .collect();
    let times: Vec<String> = (0..10).map(|n| format!("{{ campaign = \"c{n}\" }}")).collect();
    let many =
        format!("{PERX}\n{}[commission.many]\nrate = \"50%\"\ntimes = [{}]\n", campaigns.concat(), times.join(", "));
    assert!(check(&many).iter().any(|found| found.code == Code::RateAboveCap));
}

/// Nobody holds two tiers of a ladder, and a tenor that halves every contract halves the rate: what cannot be is not warned of.
#[test]
fn a_warning_is_of_what_can_be() {
    let with = |rule: &str| format!("{PERX}\n[commission.more]\n{rule}\n");
    let above = |text: &str| check(text).into_iter().any(|found| found.code == Code::RateAboveCap);
    let tiers = |low: &str, high: &str| {
        with(&format!(
            "rate = \"12%\"\ntimes = [{{ tier = \"reseller\", by = \"{low}\" }}, {{ tier = \"oem\", by = \"{high}\" }}]"
        ))
    };
    assert!(!above(&tiers("1.5", "2")));
    assert!(above(&tiers("1.5", "3")));
    assert!(!above(&with("rate = \"50%\"\ntenor = { \"1 months\" = \"0.5\" }")));
    assert!(above(&with("rate = \"50%\"\ntenor = { \"2 months\" = \"0.5\" }")));
}

/// TOML has dates of its own; here they stand in quotes, as amounts do.
#[test]
fn a_date_stands_in_quotes() {
    let text = PERX.replacen("currency =", "locked_until = 2026-06-30\ncurrency =", 1);
    let all = check(&text);
    let found = all.iter().find(|one| one.code == Code::WrongType).unwrap_or_else(|| panic!("{all:?}"));
    assert_eq!(found.message, "a date stands in quotes: \"2026-06-30\"");
    assert!(text.lines().nth(found.line - 1).is_some_and(|line| line.starts_with("locked_until")), "{found:?}");
}

/// A dotted key that has no form is looked away from as a whole, and brings no second error.
#[test]
fn a_dotted_key_brings_one_error() {
    let text = PERX.replacen(
        "if = { acv = \"< 25000\", renewal = false }",
        "if = { acv = \"< 25000\", renewal = false, partner.type = [\"OEM\"] }",
        1,
    );
    assert_ne!(text, PERX);
    let errors: Vec<String> =
        check(&text).into_iter().filter(|one| one.severity == Severity::Error).map(|one| one.message).collect();
    assert_eq!(errors, ["a list cannot stand here; write a condition, as in \"won\", \">= 30\" or true"]);
}

/// What leaps between two programs.
fn leaps(before: &Program, after: &Program, text: &str) -> Vec<Diagnostic> {
    laurel_program::leaps(before, after, text).into_iter().map(|leap| leap.finding).collect()
}
