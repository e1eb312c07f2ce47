//! The guide: what it says is what is earned.

use insta::assert_snapshot;
use laurel_guide::describe::describe;
use laurel_guide::page::{Block, Page, Table};
use replay::World;

const HR: &str = include_str!("../../../infra/programs/hr-software.toml");
const PERX: &str = include_str!("../../../infra/programs/perx.toml");
const APEX: &str = include_str!("../../../infra/programs/apex.toml");

fn page(text: &str) -> Page {
    describe(text).expect("a guide")
}

#[test]
fn guides_of_the_shipped_programs() {
    for (name, file) in [("hr-software", HR), ("perx", PERX), ("apex", APEX)] {
        assert_snapshot!(name, page(file).markdown());
    }
}

/// The cell of the page that a person would look up.
fn cell(page: &Page, section: &str, row: &str, column: &str) -> String {
    let blocks = page.sections.iter().filter(|one| one.title == section).flat_map(|one| &one.blocks);
    let mut tables = blocks.filter_map(|block| if let Block::Table(table) = block { Some(table) } else { None });
    let found = tables.find_map(|Table { columns, rows, .. }| {
        let at = columns.iter().position(|one| one == column)?;
        rows.iter().find(|cells| cells[0].starts_with(row)).map(|cells| cells[at].clone())
    });
    found.unwrap_or_else(|| panic!("{section} has no {row} in {column}"))
}

/// The first figure of a text.
fn figure(text: &str) -> i64 {
    let digits: String =
        text.chars().skip_while(|c| !c.is_ascii_digit()).take_while(|c| c.is_ascii_digit() || *c == ',').collect();
    digits.replace(',', "").parse().unwrap_or_else(|_| panic!("no figure in {text}"))
}

const T: &str = "2026-03-02T14:00:00Z";

fn world(file: &str) -> World {
    let mut w = World::new(file, "2026-03-02T15:00:00Z");
    w.enrol("northwind");
    w
}

fn has(w: &World) -> i64 {
    let balance = w.account("northwind").balance();
    balance.available + balance.pending
}

/// Ten figures of a page are looked up there, and earned by events that have nothing to do with how the page was written.
#[test]
fn ten_figures_of_the_page_are_earned() {
    let page = page(HR);
    let points = |row: &str, column: &str| figure(&cell(&page, "How you earn points", row, column));
    let mut w = world(HR);
    let deal = r#"{"deal_id":"R1","opportunity_id":"O1","customer":"Contoso"}"#;
    w.send("deal.registered", "northwind", "r", T, deal);
    assert_eq!(has(&w), points("You register a deal", "Points"), "1: a registration");
    w.send("deal.qualified", "northwind", "q", T, r#"{"deal_id":"R1"}"#);
    assert_eq!(
        has(&w),
        points("You register a deal", "Points") + points("A deal that you registered", "Points"),
        "2: a qualified one"
    );
    let closed = |acv: &str| {
        let mut w = world(HR);
        w.close("northwind", "D1", T, acv);
        has(&w)
    };
    assert_eq!(closed("9999.99"), points("below 10,000 USD", "Points"), "3: a small deal");
    assert_eq!(closed("10000"), points("10,000 USD to below 50,000 USD", "Points"), "4: a deal");
    assert_eq!(closed("50000"), points("50,000 USD or more", "Points"), "5: a large deal");
    let course = |level: u32| {
        let mut w = world(HR);
        let data = format!(r#"{{"course_id":"c","level":{level},"person_id":"dana"}}"#);
        w.send("course.completed", "northwind", "c", T, &data);
        has(&w)
    };
    assert_eq!(course(201), points("level 201", "Points"), "6: a course");
    let mut w = world(HR);
    let viewed = r#"{"content_id":"c","person_id":"dana","seconds":30}"#;
    w.send("content.viewed", "northwind", "v", T, viewed);
    assert_eq!(has(&w), points("Somebody of yours looks at content", "Points"), "7: content");
    // 8: so many deals lead to gold, one less does not; and on gold a deal gives what its column says.
    let deals = figure(&cell(&page, "Tiers", "gold", "What leads to it"));
    let mut w = world(HR);
    for nth in 1..deals {
        w.close("northwind", &format!("D{nth}"), T, "100");
    }
    assert_eq!(w.tier("northwind"), "silver");
    w.close("northwind", "last", T, "100");
    assert_eq!(w.tier("northwind"), "gold", "8: the tier");
    let before = has(&w);
    w.close("northwind", "more", T, "10000");
    assert_eq!(has(&w) - before, points("10,000 USD to below 50,000 USD", "as gold"), "9: on gold");
    w.load_stock("amazon-50", 1);
    let price = figure(&cell(&page, "What your points buy", "Amazon card, US$50", "Points"));
    let before = w.account("northwind").balance().available;
    for nth in 0..4 {
        w.close("northwind", &format!("E{nth}"), T, "50000");
    }
    let rich = w.account("northwind").balance().available;
    assert!(rich > before);
    w.redeem("northwind", "amazon-50", 1, "k");
    assert_eq!(rich - w.account("northwind").balance().available, price, "10: a card");
}

/// Money is what the program pays, tenor and tier with it (M01, M02, M04).
#[test]
fn commissions_of_the_page_are_paid() {
    let page = page(PERX);
    let mut w = World::new(PERX, "2026-03-02T15:00:00Z");
    w.enrol("merlion");
    let data = r#"{"deal_id":"D1","outcome":"won","acv":{"amount":"100000","currency":"USD"},"tenor_months":36}"#;
    w.send("deal.closed", "merlion", "d", T, data);
    let paid: i64 = w
        .last()
        .postings
        .iter()
        .filter(|p| p.rule.as_ref().is_some_and(|r| r.as_str() == "commission.referral"))
        .map(|p| p.amount)
        .sum();
    let told = cell(&page, "Commissions", "a contract of 36 months", "You are paid");
    assert_eq!(told, "10.5%, as 10,500.00 USD of 100,000 USD");
    assert_eq!(paid, 1_050_000);
}

/// A number that changes in the file changes on the page, and there alone; and the page against the one before says that, and no more.
#[test]
fn what_changes_is_told_to_those_it_concerns() {
    let before = page(HR);
    assert_eq!(before.against(&before).sections, []);
    let changed = HR
        .replace("points = 150\nwhy", "points = 175\nwhy")
        .replace("{ tier = \"gold\", by = \"1.25\" }", "{ tier = \"gold\", by = \"1.5\" }")
        .replace("name = \"Amazon card, US$50\"\npoints = 2000", "name = \"Amazon card, US$50\"\npoints = 1800")
        .replace("exclusive_for = \"90 days\"", "exclusive_for = \"60 days\"")
        .replace("[earn.renewal]\non = \"deal.closed\"\nif = { outcome = \"won\", renewal = true }\npoints = 100\nwhy = \"Customers who stay are worth a thank-you.\"\n", "");
    // The examples say what was so.
    let changed = changed.split("[[example]]").next().expect("a head");
    let without = HR.split("[[example]]").next().expect("a head");
    assert_snapshot!(page(changed).against(&page(without)).markdown());
}

#[test]
fn what_a_vendor_writes_stays_text() {
    let text = HR
        .split("[[example]]")
        .next()
        .expect("a head")
        .replace("We want to hear of deals early.", "<script>alert(1)</script> | *bold* & \\\"more\\\"");
    let html = page(&text).html();
    assert!(!html.contains("<script>") && html.contains("&lt;script&gt;alert(1)&lt;/script&gt; | *bold* &amp;"));
    assert!(page(&text).markdown().contains("\\<script\\>alert(1)\\</script\\> \\| \\*bold\\*"));
}

/// Every table has as many cells as columns, and no rule of a shipped program is left out or asked in vain.
#[test]
fn every_rule_is_told_with_a_figure() {
    for file in [HR, PERX, APEX] {
        let page = page(file);
        for block in page.sections.iter().flat_map(|section| &section.blocks) {
            if let Block::Table(table) = block {
                assert!(table.rows.iter().all(|row| row.len() == table.columns.len()), "{table:?}");
                assert!(
                    table.rows.iter().flatten().all(|cell| cell != "-" && !cell.starts_with("0 ") && cell != "0"),
                    "{table:?}"
                );
            }
        }
    }
}
