//! What the guide says of rules of every form, each beside what an example of the same program makes.

use std::fmt::Write;

use laurel_guide::describe::describe;
use laurel_guide::page::Block;
use laurel_guide::{Found, check};

const HEAD: &str = r#"
[program]
id = "asked"
name = "Asked"
currency = "EUR"
[sources]
"/crm/*" = ["partner.*", "deal.*", "invoice.paid", "course.completed", "project.completed", "certification.*", "webinar.attended"]
[event."webinar.attended"]
fields = { webinar_id = "id", minutes = "number", fee = "optional money" }
[ladder.sell.member]
rank = 1
[ladder.sell.gold]
rank = 2
enter = { deals = 3, within = "1 year" }
[ladder.service.member]
rank = 1
[ladder.service.premier]
rank = 2
enter = { projects = 3, within = "1 year" }
"#;

/// The rows of every table of the points and the commissions.
fn rows(rules: &str) -> Vec<String> {
    let page = describe(&format!("{HEAD}{rules}")).unwrap_or_else(|found| panic!("{found:?}"));
    let of = page.sections.iter().filter(|one| ["How you earn points", "Commissions"].contains(&one.title.as_str()));
    let tables = of.flat_map(|section| &section.blocks).filter_map(|block| match block {
        Block::Table(table) => Some(table.rows.iter().map(|row| row.join(" | "))),
        Block::Text(_) | Block::Note(_) | Block::Ledger { .. } => None,
    });
    tables.flatten().collect()
}

fn texts(rules: &str) -> String {
    describe(&format!("{HEAD}{rules}")).unwrap_or_else(|found| panic!("{found:?}")).markdown()
}

/// What an example makes, as `check` says it.
fn made(rules: &str, events: &str) -> String {
    let found = check(&format!("{HEAD}{rules}\n[[example]]\nname = \"x\"\nevents = [{events}]\n"));
    let help =
        found.iter().find_map(|Found { finding, .. }| finding.help.clone().filter(|help| help.contains("ledger")));
    help.unwrap_or_else(|| panic!("{found:?}"))
}

fn closed(acv: &str, more: &str) -> String {
    format!(
        "{{ on = \"2026-03-01\", type = \"deal.closed\", deal_id = \"D\", outcome = \"won\", acv = \"{acv}\"{more} }}"
    )
}

#[test]
fn a_band_is_asked_inside_itself() {
    let rules = "[commission.a]\nrate = { by = \"acv\", bands = [{ from = \"0\", rate = \"20%\" }, { from = \"500\", rate = \"5%\" }] }\n";
    let told = rows(rules);
    assert!(
        told[0].starts_with("below 500 EUR | 20%, as ") && told[1].starts_with("500 EUR or more | 5%, as "),
        "{told:?}"
    );
    assert!(made(rules, &closed("400", "")).contains("+80.00 EUR"));
}

#[test]
fn the_rules_own_condition_on_its_scale_holds() {
    let rules = "[earn.a]\non = \"deal.closed\"\nif = { outcome = \"won\", acv = \">= 5000\" }\npoints = { by = \"acv\", bands = [{ from = \"0\", points = 10 }, { from = \"10000\", points = 20 }] }\n";
    assert_eq!(rows(rules), ["below 10,000 EUR | 10", "10,000 EUR or more | 20"]);
    assert!(made(rules, &closed("6000", "")).contains("+10 points"));
    let rules = "[earn.a]\non = \"deal.closed\"\nif = { outcome = \"won\", acv = \">= 50000\" }\npoints = { by = \"acv\", per = \"1000\", points = 1 }\nat_most = \"5000 points per partner per month\"\n";
    assert_eq!(rows(rules), ["for each 1,000 EUR of value of a year | 1"]);
}

#[test]
fn a_step_is_told_with_what_multiplies_it() {
    let rules = "[earn.a]\non = \"deal.closed\"\nif = { outcome = \"won\" }\npoints = { by = \"acv\", per = \"1000\", points = 1 }\nat_most = \"5000 points per partner per month\"\ntimes = [{ tier = \"gold\", by = \"1.5\" }]\n";
    assert_eq!(rows(rules), ["for each 1,000 EUR of value of a year | 1 | 1.5"]);
}

#[test]
fn months_count_in_what_a_contract_is_worth() {
    let rules = "[commission.a]\nbase = \"total value\"\nrate = \"10%\"\nif = { tenor_months = \">= 24\" }\n";
    assert_eq!(rows(rules), ["any deal | 10%, as 2,000.00 EUR of 20,000 EUR"]);
    assert!(made(rules, &closed("10000", ", tenor_months = 24")).contains("+2000.00 EUR"));
    let rules = "[earn.e]\non = \"deal.closed\"\npoints = 7\nif = { outcome = \"won\", tenor_months = \">= 24\", total_value = \"< 20000\" }\n";
    assert!(rows(rules)[0].contains("| 7 |"), "{:?}", rows(rules));
}

#[test]
fn a_tier_that_pays_and_one_that_multiplies_are_held_together() {
    let rules = "[commission.a]\ntier = \"gold\"\nrate = \"10%\"\ntimes = [{ tier = \"premier\", by = \"1.5\" }]\n";
    assert_eq!(rows(rules), ["any deal | 10%, as 1,000.00 EUR of 10,000 EUR | 15%, as 1,500.00 EUR of 10,000 EUR"]);
    let rules = "[earn.e]\non = \"course.completed\"\nneeds = { tier = \"gold\" }\npoints = 100\ntimes = [{ tier = \"premier\", by = \"2\" }]\n";
    assert_eq!(rows(rules), [" | 100 | 200"]);
}

#[test]
fn what_is_not_to_be_is_something_else() {
    let rules = "[facts]\nkind = \"one of a, b\"\n[earn.a]\non = \"project.completed\"\nif = { outcome = \"!= successful\" }\npoints = 5\n[earn.b]\non = \"course.completed\"\nif = { level = \"!= 101\" }\npoints = 6\n[earn.c]\non = \"deal.registered\"\nif = { partner.kind = \"!= a\" }\npoints = 7\n[earn.d]\non = \"webinar.attended\"\nif = { minutes = \">= 2.5\" }\npoints = 8\n";
    let told = rows(rules);
    for points in ["| 5 |", "| 6 |", "| 7 |", "| 8 |"] {
        assert!(told.iter().any(|row| row.contains(points)), "{points} {told:?}");
    }
}

#[test]
fn invoices_are_paid_in_the_programs_currency_and_after_a_registration() {
    let rules = "[registration]\nrequired = true\n[commission.a]\non = \"invoice.paid\"\nrate = \"5%\"\n";
    assert_eq!(rows(rules), ["any invoice | 5%, as 500.00 EUR of 10,000 EUR"]);
}

#[test]
fn lines_are_worth_what_is_asked() {
    let rules = "[commission.s]\nbase = \"lines of services\"\nrate = { by = \"acv\", bands = [{ from = \"0\", rate = \"5%\" }, { from = \"50000\", rate = \"10%\" }] }\n";
    let told = rows(rules);
    assert!(told[0].contains("| 5%, as ") && told[1].contains("| 10%, as "), "{told:?}");
}

#[test]
fn slices_are_told_with_their_shares() {
    let rules = "[commission.a]\nrate = { by = \"acv\", slices = [{ from = \"0\", rate = \"12%\" }, { from = \"100000\", rate = \"8%\" }] }\n";
    assert!(texts(rules).contains("12% of the first 100,000 EUR, 8% of what is above 100,000 EUR"), "{}", texts(rules));
    assert!(made(rules, &closed("150000", "")).contains("+16000.00 EUR"));
}

#[test]
fn a_campaign_is_told_alone() {
    let rules = "[campaign.c]\nfrom = \"2026-05-01\"\nuntil = \"2026-07-01\"\nby = \"2\"\n[campaign.d]\nfrom = \"2026-04-01\"\nuntil = \"2026-06-01\"\nby = \"3\"\n[earn.a]\non = \"deal.registered\"\npoints = 10\ntimes = [{ campaign = \"c\" }, { campaign = \"d\" }]\n";
    let told = texts(rules);
    assert!(told.contains("c, 2026-05-01 to 2026-06-30: You register a deal: 20 instead of 10."), "{told}");
    assert!(told.contains("d, 2026-04-01 to 2026-05-31: You register a deal: 30 instead of 10."), "{told}");
    let long = "[campaign.c]\nfrom = \"2026-01-01\"\nuntil = \"2100-01-01\"\nby = \"2\"\n[earn.a]\non = \"deal.registered\"\npoints = 10\ntimes = [{ campaign = \"c\" }]\n";
    assert!(texts(long).contains("20 instead of 10"), "{}", texts(long));
}

#[test]
fn what_waits_for_a_payment_has_no_days_yet() {
    let rules = "[commission.a]\nrate = \"7%\"\npayable = \"at the first invoice\"\nhold = \"1 quarter\"\n";
    let told = texts(rules);
    assert!(!told.contains("2912"), "{told}");
    assert!(told.contains("yours 3 months after that"), "{told}");
}

/// Days that no calendar holds are told, and end nothing.
#[test]
fn a_day_beyond_all_calendars_is_told() {
    for day in ["9999-12-31", "9000-01-01", "1969-12-31", "-009999-01-01"] {
        let events = closed("1", "").replace("2026-03-01", day);
        let found = check(&format!("{HEAD}[[example]]\nname = \"x\"\nevents = [{events}]\nledger = []\n"));
        assert!(!found.is_empty(), "{day}");
    }
    for locked in ["9999-12-31", "9990-01-01", "9998-12-31"] {
        let file = format!("{HEAD}[commission.c]\nrate = \"10%\"\n").replacen(
            "currency = \"EUR\"",
            &format!("currency = \"EUR\"\nlocked_until = \"{locked}\""),
            1,
        );
        assert!(describe(&file).is_ok_and(|page| page.markdown().contains("10%, as ")), "{locked}");
    }
}

/// A search for stories ends, however many ways there are to enter, and however many tiers bounce.
#[test]
fn a_search_ends() {
    let any =
        |fact: &str| (0..10).map(|nth| format!("{{ partner.{fact} = \"v{nth}\" }}")).collect::<Vec<_>>().join(", ");
    let mut file = HEAD
        .replace("[ladder.sell.member]", "[facts]\nf0 = \"text\"\nf1 = \"text\"\nf2 = \"text\"\n[ladder.sell.member]");
    write!(
        file,
        "[ladder.many.z]\nrank = 1\n[ladder.many.a]\nrank = 2\nenter = {{ all = [{{ deals = 5, within = \"1 year\" }}, {{ any = [{}] }}, {{ any = [{}] }}, {{ any = [{}] }}] }}\nkeep = {{ deals = 50, within = \"1 year\" }}\ngrace = \"1 quarter\"\n[ladder.many.b]\nrank = 3\nenter = {{ deals = 5, within = \"1 year\" }}\nkeep = {{ deals = 1, within = \"1 year\" }}\ngrace = \"1 quarter\"\n",
        any("f0"),
        any("f1"),
        any("f2")
    )
    .expect("text");
    file += "[ladder.tall.t0]\nrank = 1\n";
    for tier in 1..60 {
        write!(
            file,
            "[ladder.tall.t{tier}]\nrank = {}\nenter = {{ deals = {tier}, within = \"1 year\" }}\nkeep = {{ deals = {}, within = \"1 year\" }}\ngrace = \"1 quarter\"\n",
            tier + 1,
            tier + 1
        )
        .expect("text");
    }
    assert!(check(&file).len() >= 60);
}

#[test]
fn until_before_the_end_of_what_happens_is_no_example() {
    let file = format!(
        "{HEAD}[earn.a]\non = \"deal.closed\"\npoints = 1\n[[example]]\nname = \"x\"\nevents = [{}]\nuntil = \"2020-01-01\"\nledger = [\"2026-03-01 +1 points by a\"]\n",
        closed("1", "")
    );
    let found = check(&file);
    assert!(found.iter().any(|one| one.finding.message.contains("`until` is 2020-01-01")), "{found:?}");
}

/// A fact that the program does not take is told as a sender is told, and not as a deal that waits.
#[test]
fn an_enrolment_that_is_refused_is_told() {
    let file = format!(
        "{HEAD}[facts]\nkind = \"one of a, b\"\n[[example]]\nname = \"x\"\nevents = [{{ on = \"2026-02-01\", type = \"partner.enrolled\", name = \"N\", motions = [\"sell\"], facts = {{ kind = \"c\" }} }}]\nledger = []\n"
    );
    let found = check(&file);
    assert!(found.iter().any(|one| one.finding.message.contains("write one of: a, b")), "{found:?}");
}

/// What a rule on influence asks, it asks of the deal.
#[test]
fn influence_is_asked_of_the_deal() {
    let rules = "[influence]\npart = \"30%\"\nendorsement = \"20%\"\nintegration_requirement = \"40%\"\nactive_in_sale = \"40%\"\n[commission.i]\non = \"deal.influenced\"\nif = { acv = \">= 50000\" }\nrate = \"10%\"\n";
    let told = rows(rules);
    assert_eq!(told[0], "endorsement | 0.6%, as 300.00 EUR of 50,000 EUR");
    assert_eq!(told[1], "integration requirement | 1.2%, as 600.00 EUR of 50,000 EUR");
}

/// Where nobody may enrol anybody, an example says so, instead of a deal that waits for ever.
#[test]
fn where_nobody_may_be_enrolled_an_example_says_so() {
    let file = HEAD.replace("\"partner.*\", ", "");
    let warned = |one: &Found| {
        one.finding.code == program::Code::UnsentEvent && one.finding.message.contains("nobody takes part")
    };
    assert!(check(&file).iter().any(warned) && !check(HEAD).iter().any(warned));
    let file = format!("{file}[[example]]\nname = \"x\"\nevents = [{}]\nledger = []\n", closed("1", ""));
    let found = check(&file);
    assert!(found.iter().any(|one| one.finding.message.contains("no source may send `partner.enrolled`")), "{found:?}");
}

/// A member that its event does not have is a slip of an example.
#[test]
fn a_member_that_is_none_is_told() {
    let found =
        check(&format!("{HEAD}[[example]]\nname = \"x\"\nevents = [{}]\nledger = []\n", closed("1", ", tenor = 36")));
    assert!(found.iter().any(|one| one.finding.message.contains("deal.closed has no `tenor`")), "{found:?}");
}

/// Neighbours of a number are numbers, and of a word all other words.
#[test]
fn what_is_out_of_line_goes_by_numbers() {
    let table = |rows: &str| {
        let rules = format!(
            "[earn.a]\non = \"deal.closed\"\nif = {{ outcome = \"won\" }}\npoints = {{ by = \"tenor_months\", table = {{ {rows} }} }}\n"
        );
        let found = check(&format!("{HEAD}{rules}"));
        found.into_iter().find(|one| one.finding.code == program::Code::AmountOutOfLine).map(|one| one.finding.message)
    };
    assert_eq!(table("2 = 10, 3 = 20, 9 = 500, 10 = 1000"), None);
    assert!(table("1 = 3, 2 = 10000, 10 = 5, 11 = 10000, 100 = 9000").is_some());
}

#[test]
fn a_witness_shows_its_own_rule() {
    let rules = "[earn.deal]\non = \"deal.closed\"\nif = { outcome = \"won\" }\npoints = { by = \"acv\", per = \"1000\", points = 1 }\nneeds = { tier = \"gold\" }\n[earn.deal-big]\non = \"deal.closed\"\nif = { outcome = \"won\" }\npoints = 7\n";
    let found = check(&format!("{HEAD}{rules}"));
    let unbounded = found.iter().find(|one| one.finding.code == program::Code::UnboundedPoints).expect("a warning");
    let witness = unbounded.witness.as_ref().expect("a witness, with the tier that the rule needs");
    assert!(witness.ledger.iter().all(|line| !line.what.contains("deal-big")), "{witness:?}");
}

/// A rule that is paused is told as it is, with what it gives otherwise; an example within the pause gives nothing.
#[test]
fn a_pause_is_told_beside_what_the_rule_gives() {
    let rule = |pause: &str| {
        format!(
            "[earn.closed]\non = \"deal.closed\"\nif = {{ outcome = \"won\" }}\npoints = 70\npaused = {{ {pause} }}\n"
        )
    };
    let dated = rule("from = \"2026-03-01\", until = \"2026-04-01\", why = \"We count anew.\"");
    let told = "70, nothing from 2026-03-01 to 2026-03-31 (We count anew)";
    assert!(rows(&dated).iter().any(|row| row.contains(told)), "{:?}", rows(&dated));
    assert!(made(&dated, &closed("100", "")).contains("rule_paused"));
    let day = rule("from = \"2026-03-01\", until = \"2026-03-02\"");
    assert!(rows(&day).iter().any(|row| row.ends_with("70, nothing on 2026-03-01 | ")), "{:?}", rows(&day));
    // Also where it is paused on every day that comes.
    let open = rule("from = \"2020-01-01\"");
    assert!(rows(&open).iter().any(|row| row.contains("70, nothing from 2020-01-01 on")), "{:?}", rows(&open));
}

/// What a rule gives is asked as if it was never paused: in books that are locked past the pause's start, beside a campaign that runs
/// always, and of a campaign that begins within the pause.
#[test]
fn a_pause_hides_no_figure() {
    let rule = |more: &str, pause: &str| {
        format!(
            "{more}[earn.closed]\non = \"deal.closed\"\nif = {{ outcome = \"won\" }}\npoints = 70\ntimes = [{{ campaign = \"june\" }}]\npaused = {{ {pause} }}\n"
        )
    };
    let june =
        |from: &str, until: &str| format!("[campaign.june]\nfrom = \"{from}\"\nuntil = \"{until}\"\nby = \"2\"\n");
    let within = rule(&june("2026-06-01", "2026-07-01"), "from = \"2026-05-20\", until = \"2026-06-03\"");
    assert!(
        texts(&within).contains("june, 2026-06-01 to 2026-06-30: You win a deal: 140 instead of 70."),
        "{}",
        texts(&within)
    );
    let old = rule(&june("2020-06-01", "2020-07-01"), "from = \"0001-01-01\"");
    assert!(rows(&old).iter().any(|row| row.contains("70, nothing from 0001-01-01 on")), "{:?}", rows(&old));
    let locked = HEAD.replace("[sources]", "locked_until = \"2027-01-31\"\n[sources]");
    let file = format!("{locked}{}", rule(&june("2020-06-01", "2020-07-01"), "from = \"2027-01-15\""));
    let told = describe(&file).unwrap_or_else(|found| panic!("{found:?}")).markdown();
    assert!(told.contains("70, nothing from 2027-01-15 on"), "{told}");
}

/// What changes of a commission's sentence is told with the commission, and what it was before.
#[test]
fn a_pause_is_told_with_the_rule_that_it_is_of() {
    let rules = |pause: &str| {
        format!(
            "[commission.base]\nrate = \"10%\"\n{pause}[commission.invoices]\non = \"invoice.paid\"\nrate = \"1%\"\n"
        )
    };
    let page = |pause: &str| describe(&format!("{HEAD}{}", rules(pause))).unwrap_or_else(|found| panic!("{found:?}"));
    let changes = page("paused = { from = \"2026-03-10\" }\n").against(&page("")).markdown();
    let told = "You win a deal. Before: Of the value of the first year. From then on: Of the value of the first year, nothing from 2026-03-10 on.";
    assert!(changes.contains(told) && !changes.contains("No longer"), "{changes}");
}

/// How long points live is told in the words of the setting, with a day beside it.
#[test]
fn how_long_points_last_is_told_in_the_setting_s_words() {
    let told = |expiry: &str| {
        texts(&format!("[earn.closed]\non = \"deal.closed\"\npoints = 70\n[policy]\nexpiry = \"{expiry}\"\n"))
    };
    for (expiry, words) in [
        (
            "at the end of the month",
            "Points live to the end of the month in which they are earned: those of 2026-03-09 can be spent until 2026-03-31.",
        ),
        (
            "at the end of the year",
            "Points live to the end of the fiscal year in which they are earned: those of 2026-03-09 can be spent until 2026-12-31.",
        ),
        (
            "1 month after earning, at the end of the quarter",
            "Points live for 1 month, to the end of that fiscal quarter: those of 2026-03-09 can be spent until 2026-06-30.",
        ),
    ] {
        let told = told(expiry);
        assert!(told.contains(words), "{told}");
    }
}
