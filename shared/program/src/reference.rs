//! Every key of a program file: what it means, its form, its default, an example. The reference page and the schema for editors are
//! written from here, and a test holds it to what the reader takes.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use crate::reward::Provider;

/// The form of a value.
#[derive(Clone, Copy, Debug)]
enum Form {
    /// Text for people.
    Text,
    /// An id, or a phrase that its key explains.
    Phrase,
    /// A whole number from the first to the second.
    Whole(i64, i64),
    /// True or false.
    Flag,
    /// A decimal in quotes.
    Decimal,
    /// A percentage in quotes.
    Percent,
    /// A length of time.
    Length,
    /// A day.
    Day,
    /// One of these.
    Words(&'static [&'static str]),
    /// One phrase, or a list of them.
    Phrases,
    /// A list of phrases.
    List,
    /// Names to phrases.
    Named,
    /// Names to whole numbers.
    NamedWholes,
    /// Names to lists of phrases.
    NamedLists,
    /// Names to decimals in quotes.
    NamedDecimals,
    /// Names to percentages in quotes.
    NamedPercents,
    /// Fields to what is asked of them.
    Conditions,
    /// A table that is described below.
    Table(&'static str),
    /// A list of such tables.
    Tables(&'static str),
    /// Whole points, or a scale.
    Points,
    /// A percentage, or a scale.
    Rate,
}

/// A key.
struct Key {
    name: &'static str,
    form: Form,
    /// What holds where it is left out; [`NEEDED`] where it may not be.
    default: &'static str,
    meaning: &'static str,
    example: &'static str,
}

const NEEDED: &str = "needed";
const NOTHING: &str = "nothing";

/// A table of the file.
struct Table {
    /// How it is known here.
    name: &'static str,
    /// How it is written.
    head: &'static str,
    about: &'static str,
    keys: &'static [Key],
}

macro_rules! keys {
    ($($name:literal $form:expr, $default:expr, $meaning:literal, $example:literal;)*) => {
        &[$(Key { name: $name, form: $form, default: $default, meaning: $meaning, example: $example },)*]
    };
}

use Form::{
    Conditions, Day, Decimal, Flag, Length, List, Named, NamedDecimals, NamedPercents, NamedWholes, Percent, Phrase,
    Phrases, Points, Rate, Tables, Text, Whole, Words,
};

const REVIEWS: Form = Words(&["monthly", "quarterly", "annually"]);
const SECOND: Form = Words(&["reject", "accept and notify"]);

/// Every table, in the order in which a file is read.
const TABLES: &[Table] = &[
    Table {
        name: "program",
        head: "[program]",
        about: "Whose program it is, in which currency and calendar.",
        keys: keys! {
            "id" Phrase, NEEDED, "The program's id: the same in every version, and in every event.", r#""hr-software""#;
            "version" Whole(1, 4_294_967_295), "counted by publishing", "The version that the file says it is.", "3";
            "name" Text, NEEDED, "Its name for people.", r#""HR Software Partner Rewards""#;
            "currency" Phrase, NEEDED, "The currency of every amount in the file, ISO 4217; no version may change it.", r#""USD""#;
            "time_zone" Phrase, r#""UTC""#, "The zone of its days, an IANA name.", r#""America/New_York""#;
            "fiscal_year_starts" Phrase, r#""01-01""#, "The first day of its fiscal year, month and day; the first of a month.", r#""07-01""#;
            "default_motion" Phrase, r#""sell""#, "The sales motion of an event that names none.", r#""sell""#;
            "counts_as_deal" List, r#"["deal.closed:won"]"#, "Which events count as a deal on the ladders: types, with an outcome behind a colon.", r#"["deal.closed:won", "purchase_order.received"]"#;
            "rates" NamedDecimals, NOTHING, "Units of the program's currency for one of another, pinned with the version; an event in a currency without one waits.", r#"{ EUR = "1.08" }"#;
            "late_events" Words(&["book in the period of the event while it is open, else in the current one", "book in the current period"]), "the first of them", "Where an event is booked that comes late.", r#""book in the current period""#;
            "periods_close" Phrase, r#""10 days after the month""#, "When the books of a month or a quarter close; reviews are held then.", r#""10 days after the quarter""#;
            "locked_until" Day, NOTHING, "Finance's lock: nothing is booked on that day or before any more.", r#""2026-03-31""#;
        },
    },
    Table {
        name: "event",
        head: "[event.\"<type>\"]",
        about: "An event type of the vendor's own. Rules, ladders and caps may look at it as at any other.",
        keys: keys! {
            "about" Text, NOTHING, "What has happened, in a sentence.", r#""Somebody attended a webinar.""#;
            "fields" Named, NEEDED, "Its members, each with its form: `id`, `person`, `text`, `number`, `money`, `yes or no`, `time`, `day` or `one of a, b`; `optional` before it, where it may be left out.", r#"{ webinar_id = "id", person_id = "person", minutes = "number" }"#;
            "counts" Phrase, NOTHING, "The name under which a ladder may ask for it.", r#""webinars""#;
            "motion" Phrase, "the default motion", "The motion it counts in.", r#""sell""#;
        },
    },
    Table {
        name: "earn",
        head: "[earn.<id>]",
        about: "A rule that gives points.",
        keys: keys! {
            "on" Phrase, NEEDED, "The event type that it looks at; events/README.md lists them.", r#""deal.closed""#;
            "if" Conditions, NOTHING, "What must hold of the event's fields, and of facts of the partner below `partner`; all of it.", r#"{ outcome = "won", acv = ">= 10000" }"#;
            "needs" Form::Table("needs"), NOTHING, "What the partner must have.", r#"{ certification = "sales-101" }"#;
            "points" Points, NEEDED, "How many points: a whole number, or by a field.", "50";
            "times" Tables("times"), NOTHING, "Multipliers; those that apply are multiplied, and the result is rounded down once.", r#"[{ tier = "gold", by = "1.25" }]"#;
            "at_most" Phrases, NOTHING, "Caps: `<n> [points] per partner|person|team|territory`, then `per` what splits it (content, course, deal, project, certification, reward, opportunity, invoice, or a field of a type of the vendor's own), then `per` minute, hour, day, week, month, quarter or year, or `in all`. `once` and `twice` are numbers, too. The narrowest counts.", r#""20 per partner per month""#;
            "budget" Phrase, NOTHING, "The budget that it gives out of.", r#""launch-fund""#;
            "hold" Length, NOTHING, "How long what it gives stays pending.", r#""30 days""#;
            "hold_if" Tables("hold_if"), NOTHING, "What looks like gaming: what it gives then is held.", r#"[{ more_than = "10 per person per minute" }]"#;
            "held_for" Length, "until somebody has looked", "For how long.", r#""14 days""#;
            "paused" Form::Table("paused"), NOTHING, "The days on which it gives nothing.", r#"{ from = "2027-01-15", why = "We look into how many views there are." }"#;
            "why" Text, NOTHING, "Why it is there, shown to partners.", r#""We want to hear of deals early.""#;
        },
    },
    Table {
        name: "points",
        head: "points = { ... }",
        about: "Points by a field of the event: bands, a table, or so many for each step.",
        keys: keys! {
            "by" Phrase, NEEDED, "The field; of money its amount in the program's currency.", r#""acv""#;
            "bands" Tables("band"), NOTHING, "By the highest band whose `from` is reached; below the first, none.", r#"[{ from = "0.01", points = 200 }, { from = "10000", points = 500 }]"#;
            "table" NamedWholes, NOTHING, "By the field's value; none for one that is not there.", "{ 101 = 100, 201 = 200 }";
            "per" Decimal, NOTHING, "For each full step of so much, `points`.", r#""1000""#;
            "points" Whole(1, 1_000_000_000), NOTHING, "How many for each step.", "5";
        },
    },
    Table {
        name: "band",
        head: "{ from = ..., points = ... }",
        about: "A band of points.",
        keys: keys! {
            "from" Decimal, NEEDED, "From this amount on.", r#""10000""#;
            "to" Decimal, "the next `from`", "Below this one; told only where it is to be checked.", r#""50000""#;
            "points" Whole(0, 1_000_000_000), NEEDED, "How many points.", "500";
        },
    },
    Table {
        name: "times",
        head: "times = [{ ... }]",
        about: "A multiplier: by tier, by campaign, or by how far a target is attained.",
        keys: keys! {
            "tier" Phrase, NOTHING, "While the partner holds this tier.", r#""gold""#;
            "motion" Phrase, "any ladder that has the tier", "The ladder.", r#""sell""#;
            "campaign" Phrase, NOTHING, "While this campaign runs, by its factor.", r#""summer-push""#;
            "by" Decimal, NOTHING, "The factor, of a tier.", r#""1.25""#;
            "attainment" Phrase, NOTHING, "By how much of the target of this measure is attained (`target.set`).", r#""acv""#;
            "per" Words(&["year", "quarter", "month"]), NOTHING, "Of which period the target is.", r#""year""#;
            "bands" Tables("factor"), NOTHING, "The factors; below the first, one.", r#"[{ from = "100%", by = "1.2" }]"#;
            "true_up" Flag, "false", "Of commissions: brought to what was attained in the end, once the books of the period have closed.", "true";
        },
    },
    Table {
        name: "factor",
        head: "{ from = ..., by = ... }",
        about: "A band of an attainment.",
        keys: keys! {
            "from" Percent, NEEDED, "From this part of the target on.", r#""100%""#;
            "by" Decimal, NEEDED, "The factor.", r#""1.2""#;
        },
    },
    Table {
        name: "hold_if",
        head: "hold_if = [{ ... }]",
        about: "What looks like gaming.",
        keys: keys! {
            "more_than" Phrase, NOTHING, "More awards of the rule than this, counted as a cap is.", r#""10 per person per minute""#;
            "less_than" Phrase, NOTHING, "A smaller part of what is counted comes to something than this.", r#""10% of registrations qualified""#;
            "from" Whole(1, 1_000_000), NOTHING, "Of `less_than`: only from so many on.", "10";
            "within" Length, NOTHING, "Of `less_than`: looking back so long.", r#""6 months""#;
        },
    },
    Table {
        name: "paused",
        head: "paused = { ... }",
        about: "The days on which a rule gives nothing: not for what happens on them, and not for what corrects that later. What happened before goes on as it would have, its corrections too. It begins no earlier than the version that says it.",
        keys: keys! {
            "from" Day, NEEDED, "The first day.", r#""2027-01-15""#;
            "until" Day, "until another version says otherwise", "The first day after it.", r#""2027-02-01""#;
            "why" Text, NOTHING, "Why, shown to partners.", r#""We look into how many views there are.""#;
        },
    },
    Table {
        name: "commission",
        head: "[commission.<id>]",
        about: "A rule that pays money: a rate of a base.",
        keys: keys! {
            "on" Words(&["deal.closed", "invoice.paid", "deal.influenced"]), r#""deal.closed""#, "What it pays for: a won deal, an invoice of one, or a part in another's.", r#""invoice.paid""#;
            "if" Conditions, NOTHING, "What must hold of the event's fields, and of facts of the partner.", r#"{ partner.type = "reseller" }"#;
            "needs" Form::Table("needs"), NOTHING, "What the partner must have when the deal closes.", r#"{ certification = "apex-sales" }"#;
            "tier" Phrases, "any", "Tiers of which the partner holds one.", r#"["reseller", "oem"]"#;
            "base" Phrase, r#""first-year value""#, "What the rate is of: `first-year value`, `total value`, `invoiced amount`, or `lines of <revenue type>`.", r#""total value""#;
            "rate" Rate, NEEDED, "The rate: a percentage, or by a field.", r#""15%""#;
            "tenor" NamedDecimals, NOTHING, "Factors by the length of the contract: the longest that is reached counts.", r#"{ "36 months" = "1.5" }"#;
            "times" Tables("times"), NOTHING, "Multipliers.", r#"[{ tier = "oem", by = "1.1" }]"#;
            "payable" Words(&["at closing", "at the first invoice"]), r#""at closing""#, "When it becomes payable, before its hold.", r#""at the first invoice""#;
            "for" Length, "as long as they come", "Of invoices: for so long after the deal was closed.", r#""24 months""#;
            "at_least" Decimal, NOTHING, "What it is at least, where it is anything.", r#""50""#;
            "at_most" Phrases, NOTHING, "Caps, in times or in money of the program's currency.", r#""5000 USD per partner per year""#;
            "budget" Phrase, NOTHING, "The budget that it pays out of.", r#""mdf""#;
            "hold" Length, NOTHING, "How long it is accrued before it is payable.", r#""30 days""#;
            "paused" Form::Table("paused"), NOTHING, "The days on which it pays nothing: of deals closed, or invoices paid, on them.", r#"{ from = "2027-01-15", until = "2027-02-01" }"#;
            "why" Text, NOTHING, "Why it is there, shown to partners.", r#""Resellers sell and support.""#;
        },
    },
    Table {
        name: "rate",
        head: "rate = { ... }",
        about: "A rate by a field: bands of the whole, slices of each part, or a table.",
        keys: keys! {
            "by" Phrase, NEEDED, "The field: `acv`, `total_value`, `amount`, or a fact as `partner.type`.", r#""acv""#;
            "bands" Tables("rate_band"), NOTHING, "The rate of the highest band that is reached, of the whole.", r#"[{ from = "25000", rate = "3%" }]"#;
            "slices" Tables("rate_band"), NOTHING, "Each part of the amount at the rate of its own slice, as a tax is.", r#"[{ from = "0", rate = "12%" }, { from = "100000", rate = "8%" }]"#;
            "table" NamedPercents, NOTHING, "By the field's value; none for one that is not there.", r#"{ reseller = "15%", OEM = "8%" }"#;
        },
    },
    Table {
        name: "rate_band",
        head: "{ from = ..., rate = ... }",
        about: "A band or a slice of rates.",
        keys: keys! {
            "from" Decimal, NEEDED, "From this amount on.", r#""25000""#;
            "to" Decimal, "the next `from`", "Below this one; told only where it is to be checked.", r#""50000""#;
            "rate" Percent, NEEDED, "The rate.", r#""3%""#;
        },
    },
    Table {
        name: "needs",
        head: "needs = { ... }",
        about: "What a partner must have.",
        keys: keys! {
            "tier" Phrase, NOTHING, "At least this tier, on a ladder that has it.", r#""gold""#;
            "certification" Phrases, NOTHING, "A valid certificate of some person; of several, each.", r#""sales-101""#;
            "level" Whole(101, 301), "any", "The certificate's least level: 101, 201 or 301.", "301";
            "course" Phrases, NOTHING, "A course that some person has completed; of several, each.", r#"["apex-101", "apex-201"]"#;
            "agreement" Phrases, NOTHING, "The agreement accepted last is one of these versions.", r#"["2026-01", "2026-07"]"#;
        },
    },
    Table {
        name: "budget",
        head: "[budget.<id>]",
        about: "What rules give out of, and never more than was put into it by `budget.funded`.",
        keys: keys! {
            "of" Phrase, NEEDED, "`points`, or a currency.", r#""points""#;
            "per" Words(&["year", "quarter", "month"]), "one for good", "Each of these periods has its own.", r#""quarter""#;
            "when_short" Words(&["give what is left", "give nothing"]), r#""give what is left""#, "What an award gets that it is short of.", r#""give nothing""#;
            "returned" Words(&["to its own period", "to the current period"]), r#""to its own period""#, "Where a reversal gives back to after the books closed.", r#""to the current period""#;
            "low" Percent, r#""10%""#, "Staff are told when less than this part is left.", r#""10%""#;
            "parts" Whole(1, 16), "1", "Sub-balances: as many writers draw on it side by side.", "4";
        },
    },
    Table {
        name: "benefit",
        head: "[benefit.<id>]",
        about: "A benefit of which there are only so many, booked by `benefit.booked`.",
        keys: keys! {
            "name" Text, NEEDED, "Its name for people.", r#""Launch campaign""#;
            "slots" Whole(1, 1_000_000), NEEDED, "How many there are in each period.", "2";
            "per" Words(&["year", "quarter", "month"]), "so many in all", "Its periods.", r#""month""#;
            "needs" Form::Table("needs"), NOTHING, "What a partner must have to book it.", r#"{ tier = "reseller" }"#;
            "at_most" Whole(1, 1_000_000), "1", "How many of them a partner may have in a period.", "1";
        },
    },
    Table {
        name: "campaign",
        head: "[campaign.<id>]",
        about: "A multiplier between two days; a rule names it in `times`.",
        keys: keys! {
            "from" Day, NEEDED, "Its first day.", r#""2026-07-01""#;
            "until" Day, NEEDED, "The first day after it.", r#""2026-09-01""#;
            "by" Decimal, NEEDED, "The factor.", r#""2""#;
        },
    },
    Table {
        name: "challenge",
        head: "[challenge.<id>]",
        about: "A leaderboard.",
        keys: keys! {
            "name" Text, NEEDED, "Its name for people.", r#""Deals of the quarter""#;
            "metric" Phrase, NEEDED, "What is measured, as a ladder names it.", r#""deals""#;
            "per" Words(&["year", "quarter", "month"]), NEEDED, "Over which periods.", r#""quarter""#;
            "motion" Phrase, "the default motion", "In which motion.", r#""sell""#;
            "places" Whole(1, 100), "10", "How many partners are listed.", "10";
        },
    },
    Table {
        name: "ladder",
        head: "[ladder.<motion>.<tier>]",
        about: "A tier of the ladder of a motion.",
        keys: keys! {
            "rank" Whole(1, 1_000), NEEDED, "1 where everybody begins; higher is better.", "2";
            "enter" Form::Table("criteria"), NOTHING, "What leads to it.", r#"{ any = [{ deals = 5, within = "1 year" }, { acv = "250000", within = "1 year" }] }"#;
            "keep" Form::Table("criteria"), "it is never lost", "What keeps it, looked at by each review. Of the lowest tier, with `prune_after`.", r#"{ deals = 4, within = "1 year" }"#;
            "review" REVIEWS, r#""quarterly""#, "How often it is reviewed: as of the first day of each fiscal period, when its books close.", r#""annually""#;
            "first_review" Length, "the window of `keep`", "Reviews begin so long after it was entered.", r#""1 year""#;
            "grace" Length, "it is lost at once", "Between the warning and the loss.", r#""1 quarter""#;
            "pro_rata" Flag, "false", "Who entered within a window is asked for that part of it only.", "true";
            "prune_after" Whole(1, 24), NOTHING, "Of the lowest tier: after so many failed reviews in a row staff are told to part.", "2";
        },
    },
    Table {
        name: "criteria",
        head: "{ any = [...] }, { all = [...] } or one measure",
        about: "What leads to a tier, or keeps it. A measure is counted within a window: `1 year`, `6 months` (whole calendar months, and the one that is not over), `fiscal year`, `fiscal quarter`. A tier below need not be held first.",
        keys: keys! {
            "any" Tables("criteria"), NOTHING, "One of them is enough.", r#"[{ deals = 5, within = "1 year" }, { acv = "250000", within = "1 year" }]"#;
            "all" Tables("criteria"), NOTHING, "All of them are needed.", r#"[{ deals = 5, within = "1 year" }, { certification = "sales", persons = 2 }]"#;
            "deals" Whole(1, 1_000_000_000), NOTHING, "Deals, as `counts_as_deal` says.", "5";
            "acv" Decimal, NOTHING, "What they are worth a year (of what is sold once: its price), in the program's currency.", r#""250000""#;
            "registrations" Whole(1, 1_000_000_000), NOTHING, "Accepted deal registrations.", "12";
            "qualified" Whole(1, 1_000_000_000), NOTHING, "Qualified registrations.", "6";
            "projects" Whole(1, 1_000_000_000), NOTHING, "Successful projects.", "2";
            "certifications" Whole(1, 1_000_000_000), NOTHING, "Certificates held.", "3";
            "points" Whole(1, 1_000_000_000), NOTHING, "Points awarded, less those taken back.", "5000";
            "counts" NamedWholes, NOTHING, "Events of the vendor's own that count to this.", "{ webinars = 6 }";
            "within" Phrase, NOTHING, "The window.", r#""1 year""#;
            "partner" Conditions, NOTHING, "What is stated of the partner.", r#"{ type = "one of ISV, OEM" }"#;
            "attested" Conditions, NOTHING, "What staff attest (`attestation.recorded`).", r#"{ satisfaction = ">= 4" }"#;
            "certification" Phrase, NOTHING, "This certification, held by `persons`.", r#""apex-delivery""#;
            "persons" Whole(1, 10_000), "1", "By how many persons.", "2";
            "level" Whole(101, 301), "any", "At this level or above: 101, 201 or 301.", "301";
        },
    },
    Table {
        name: "exclusivity",
        head: "[exclusivity]",
        about: "A territory or a vertical that is one partner's alone, granted by `exclusivity.granted`.",
        keys: keys! {
            "motion" Phrase, "the default motion", "The motion it is measured in.", r#""sell""#;
            "earn" Form::Table("criteria"), "whatever staff say", "What a partner must have earned by the day it is granted.", r#"{ acv = "1500000", within = "1 year" }"#;
            "keep" Form::Table("criteria"), "it is never lost", "What keeps it.", r#"{ acv = "1500000", within = "1 year" }"#;
            "review" REVIEWS, r#""quarterly""#, "How often it is reviewed.", r#""quarterly""#;
            "first_review" Length, "the window of `keep`", "Reviews begin so long after it was granted.", r#""1 year""#;
            "grace" Length, "it is lost at once", "Between the warning and the loss.", r#""1 quarter""#;
            "lasts" Length, "until it is ended", "How long it lasts where a grant does not say.", r#""3 years""#;
            "needs" Form::Table("needs"), NOTHING, "What a partner must have.", r#"{ tier = "oem" }"#;
        },
    },
    Table {
        name: "onboarding",
        head: "[onboarding]",
        about: "What is asked of a partner that is new.",
        keys: keys! {
            "motion" Phrase, "the default motion", "The motion it is measured in.", r#""sell""#;
            "productive" Form::Table("criteria"), NEEDED, "What makes it productive.", r#"{ deals = 1, within = "1 year" }"#;
            "by" Length, NEEDED, "How long it has for that; then staff are told that it is late.", r#""90 days""#;
            "plan_after" Length, NOTHING, "So much later an improvement plan is due.", r#""6 months""#;
            "trained" Form::Table("needs"), NOTHING, "What a partner has once it is trained; `laurel onboarding` says how long that took.", r#"{ course = "apex-101" }"#;
        },
    },
    Table {
        name: "registration",
        head: "[registration]",
        about: "Registering deals.",
        keys: keys! {
            "required" Flag, "false", "A deal must be registered before it is closed.", "true";
            "exclusive_for" Length, r#""90 days""#, "How long the first registrant has the opportunity to itself.", r#""90 days""#;
            "remind" Phrases, NOTHING, "So long before that ends it is reminded.", r#"["14 days", "3 days"]"#;
            "second_registrant" SECOND, r#""reject""#, "What becomes of whoever comes second.", r#""accept and notify""#;
            "third_registrant" SECOND, "as the second", "And third.", r#""reject""#;
            "further_registrants" SECOND, "as the third", "And later.", r#""reject""#;
            "public_tender" Form::Table("tender"), "any number", "What is asked of a public tender, which takes bidders side by side.", "{ bidders = 3 }";
        },
    },
    Table {
        name: "tender",
        head: "public_tender = { ... }",
        about: "A public tender.",
        keys: keys! {
            "bidders" Whole(1, 16), NEEDED, "How many bidders it asks for.", "3";
        },
    },
    Table {
        name: "influence",
        head: "[influence]",
        about: "How a deal is shared with who influenced it; the three kinds are the whole.",
        keys: keys! {
            "part" Percent, NEEDED, "The part of the deal for all of them.", r#""30%""#;
            "endorsement" Percent, NEEDED, "Of that part, for an endorsement.", r#""20%""#;
            "integration_requirement" Percent, NEEDED, "For an integration that the customer requires.", r#""40%""#;
            "active_in_sale" Percent, NEEDED, "For taking part in the sale.", r#""40%""#;
        },
    },
    Table {
        name: "reward",
        head: "[reward.<id>]",
        about: "A reward of the catalogue.",
        keys: keys! {
            "name" Text, NEEDED, "Its name for partners.", r#""Amazon card, US$50""#;
            "points" Whole(1, 1_000_000_000), NEEDED, "Its price.", "2000";
            "provider" Words(Provider::WORDS), r#""vouchers""#, "Who delivers it.", r#""vouchers""#;
            "at_most" Phrases, NOTHING, "How often a partner may have it.", r#""10 per partner per month""#;
            "needs" Form::Table("needs"), NOTHING, "What a partner must have first.", r#"{ course = "apex-101" }"#;
            "retired" Flag, "false", "No longer to be had.", "true";
        },
    },
    Table {
        name: "policy",
        head: "[policy]",
        about: "What holds of all points.",
        keys: keys! {
            "expiry" Phrase, r#""never""#, "How long points live: `never`, `<n> months|quarters|years after earning, at the end of the month|quarter|year`, or only `at the end of the month|quarter|year` in which they are earned. At most 36 months after; quarter and year are the fiscal ones. What becomes known only after that end has run out when it is awarded; what is held beyond it lives on for as long as `returned_points` says.", r#""24 months after earning, at the end of the month""#;
            "clawback" Words(&["within balance, rest netted from future points", "within balance, rest forgiven"]), "the first of them", "What a reversal takes of points that were spent.", r#""within balance, rest forgiven""#;
            "held_events" Form::Table("for"), r#"{ for = "30 days" }"#, "How long an event waits for what it needs.", r#"{ for = "30 days" }"#;
            "reassigned_deals" Form::Table("within"), r#"{ within = "1 day" }"#, "How long an event about another's deal waits for the deal's reassignment.", r#"{ within = "1 day" }"#;
            "reversed_awards" Words(&["stay counted", "free their caps"]), r#""stay counted""#, "Whether an award that is taken back frees its caps.", r#""free their caps""#;
            "returned_points" Form::Table("for"), r#"{ for = "30 days" }"#, "How long points live at least that an order gives back.", r#"{ for = "30 days" }"#;
            "suspended_partners" Words(&["earn nothing", "earn"]), r#""earn nothing""#, "Whether suspended partners earn; they never redeem.", r#""earn""#;
            "commissions" Form::Table("commissions"), NOTHING, "What holds of all commissions.", r#"{ at_most = "30%" }"#;
        },
    },
    Table {
        name: "for",
        head: "{ for = ... }",
        about: "A time.",
        keys: keys! { "for" Length, NEEDED, "How long.", r#""30 days""#; },
    },
    Table {
        name: "within",
        head: "{ within = ... }",
        about: "A time.",
        keys: keys! { "within" Length, NEEDED, "How long.", r#""1 day""#; },
    },
    Table {
        name: "commissions",
        head: "[policy.commissions]",
        about: "What holds of all commissions.",
        keys: keys! {
            "at_most" Percent, NOTHING, "The highest rate after multipliers; more is cut.", r#""30%""#;
            "gross_margin" Percent, NOTHING, "What the vendor earns of a deal before commissions,", r#""80%""#;
            "margin_floor" Percent, NOTHING, "and what is to be left of it: `check` warns of a rate that leaves less.", r#""50%""#;
            "currency" Words(&["of the program", "of the deal"]), r#""of the program""#, "In which currency they are paid.", r#""of the deal""#;
            "amended_deals" Words(&["rated again", "at the rate that was paid"]), r#""rated again""#, "How a deal is rated whose value changed.", r#""at the rate that was paid""#;
            "reversed_deals" Words(&["rated again", "at the rate that was paid"]), r#""at the rate that was paid""#, "How what is left of a reversed deal is rated.", r#""rated again""#;
            "clawback" Words(&["netted from what becomes payable next", "forgiven"]), "the first of them", "What becomes of what was paid before it was taken back.", r#""forgiven""#;
        },
    },
    Table {
        name: "payouts",
        head: "[payouts]",
        about: "What a payout run pays.",
        keys: keys! {
            "minimum" Decimal, NOTHING, "Less is carried forward to the next run.", r#""50""#;
            "payee" Phrase, "finance knows", "The fact that says whom finance pays; who has none is not paid yet.", r#""partner.vendor""#;
            "withholding" Phrase, NOTHING, "The fact that says how many percent are withheld.", r#""partner.tax""#;
            "answered_within" Length, r#""14 days""#, "How long finance has to settle or return a payout.", r#""14 days""#;
        },
    },
    Table {
        name: "example",
        head: "[[example]]",
        about: "What happens, and the ledger that it makes. `check` plays it, `publish` refuses a file whose examples fail, the guide shows it. Run `check` with `ledger = []`, and it says what the ledger is.",
        keys: keys! {
            "name" Text, NEEDED, "What it shows, for partners.", r#""A course counts once""#;
            "events" Tables("step"), NEEDED, "What happens, in its order. Who is not enrolled by one of them is enrolled the day before.", r#"[{ on = "2026-02-03", type = "course.completed", course_id = "c", level = 101, person_id = "dana" }]"#;
            "until" Day, "the last event's day", "Until when what comes by itself is played, too: releases, reviews, expiries.", r#""2027-03-01""#;
            "ledger" List, NEEDED, "The lines that it makes.", r#"["2026-02-03 +100 points by training"]"#;
        },
    },
    Table {
        name: "step",
        head: "events = [{ ... }]",
        about: "Something that happens. Beside these keys it has the members of its event: money as \"48000\" in the program's currency, or \"48000 EUR\".",
        keys: keys! {
            "on" Day, NEEDED, "The day, at noon.", r#""2026-02-03""#;
            "type" Phrase, NOTHING, "The event type.", r#""deal.closed""#;
            "partner" Phrase, r#""partner""#, "Whose it is.", r#""northwind""#;
            "redeem" Phrase, NOTHING, "Or a reward that the partner orders, with `quantity`.", r#""starbucks-10""#;
        },
    },
];

/// The file's first level: keys to the tables they hold; `named` where each is of an id.
const ROOT: &[(&str, &str, Holds)] = &[
    ("program", "program", Holds::One),
    ("sources", "", Holds::Lists),
    ("facts", "", Holds::Phrases),
    ("event", "event", Holds::Named),
    ("earn", "earn", Holds::Named),
    ("commission", "commission", Holds::Named),
    ("budget", "budget", Holds::Named),
    ("benefit", "benefit", Holds::Named),
    ("campaign", "campaign", Holds::Named),
    ("challenge", "challenge", Holds::Named),
    ("ladder", "ladder", Holds::NamedTwice),
    ("exclusivity", "exclusivity", Holds::One),
    ("onboarding", "onboarding", Holds::One),
    ("registration", "registration", Holds::One),
    ("influence", "influence", Holds::One),
    ("reward", "reward", Holds::Named),
    ("policy", "policy", Holds::One),
    ("payouts", "payouts", Holds::One),
    ("example", "example", Holds::List),
];

#[derive(Clone, Copy)]
enum Holds {
    One,
    Named,
    NamedTwice,
    List,
    Lists,
    Phrases,
}

const LENGTH: &str = "^[0-9]{1,3} (day|week|month|quarter|year)s?$";
const DAY: &str = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$";
const DECIMAL: &str = "^[0-9]+(\\.[0-9]+)?$";
const PERCENT: &str = "^[0-9]+(\\.[0-9]+)? ?%$";

impl Form {
    fn words(self) -> String {
        match self {
            Form::Text => "text".to_owned(),
            Form::Phrase => "text in this form".to_owned(),
            Form::Whole(least, most) => format!("whole number, {least} to {most}"),
            Form::Flag => "`true` or `false`".to_owned(),
            Form::Decimal => "number in quotes".to_owned(),
            Form::Percent => "percentage in quotes".to_owned(),
            Form::Length => "time: `\"30 days\"`, weeks, months, quarters, years".to_owned(),
            Form::Day => "day: `\"2026-03-14\"`".to_owned(),
            Form::Words(words) => words.iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(" or "),
            Form::Phrases => "text, or a list of texts".to_owned(),
            Form::List => "list of texts".to_owned(),
            Form::Named => "texts by name".to_owned(),
            Form::NamedWholes => "whole numbers by name".to_owned(),
            Form::NamedLists => "lists of texts by name".to_owned(),
            Form::NamedDecimals => "numbers in quotes by name".to_owned(),
            Form::NamedPercents => "percentages in quotes by name".to_owned(),
            Form::Conditions => "by field: `\"won\"`, `\"!= lost\"`, `\">= 30\"`, `\"one of a, b\"`, `true`".to_owned(),
            Form::Table(name) => format!("table, see [{name}](#{name})"),
            Form::Tables(name) => format!("list of tables, see [{name}](#{name})"),
            Form::Points => "whole points, or a table, see [points](#points)".to_owned(),
            Form::Rate => "percentage in quotes, or a table, see [rate](#rate)".to_owned(),
        }
    }

    fn schema(self) -> Value {
        let text = || json!({ "type": "string" });
        let of = |pattern: &str| json!({ "type": "string", "pattern": pattern });
        let whole = || json!({ "type": "integer" });
        let named = |value: Value| json!({ "type": "object", "additionalProperties": value });
        let list = |value: Value| json!({ "type": "array", "items": value });
        let table = |name: &str| json!({ "$ref": format!("#/definitions/{name}") });
        match self {
            Form::Text | Form::Phrase => text(),
            Form::Whole(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
            Form::Flag => json!({ "type": "boolean" }),
            Form::Decimal => of(DECIMAL),
            Form::Percent => of(PERCENT),
            Form::Length => of(LENGTH),
            Form::Day => of(DAY),
            Form::Words(words) => json!({ "enum": words }),
            Form::Phrases => json!({ "anyOf": [text(), list(text())] }),
            Form::List => list(text()),
            Form::Named => named(text()),
            Form::NamedWholes => named(whole()),
            Form::NamedLists => named(list(text())),
            Form::NamedDecimals => named(of(DECIMAL)),
            Form::NamedPercents => named(of(PERCENT)),
            // Of a fact of the partner a table below `partner`.
            Form::Conditions => {
                let word = json!({ "type": ["string", "integer", "boolean"] });
                named(json!({ "anyOf": [word, named(word.clone())] }))
            }
            Form::Table(name) => table(name),
            Form::Tables(name) => list(table(name)),
            Form::Points => json!({ "anyOf": [{ "type": "integer", "minimum": 0 }, table("points")] }),
            Form::Rate => json!({ "anyOf": [of(PERCENT), table("rate")] }),
        }
    }
}

/// The JSON Schema (draft-07) of a program file, for editors.
pub fn schema() -> Value {
    let definitions: Map<String, Value> = TABLES.iter().map(|table| (table.name.to_owned(), table.schema())).collect();
    let properties: Map<String, Value> = ROOT
        .iter()
        .map(|(key, name, holds)| {
            let table = || json!({ "$ref": format!("#/definitions/{name}") });
            let named = |value: Value| json!({ "type": "object", "additionalProperties": value });
            let schema = match holds {
                Holds::One => table(),
                Holds::Named => named(table()),
                Holds::NamedTwice => named(named(table())),
                Holds::List => json!({ "type": "array", "items": table() }),
                Holds::Lists => Form::NamedLists.schema(),
                Holds::Phrases => Form::Named.schema(),
            };
            ((*key).to_owned(), schema)
        })
        .collect();
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A partner program",
        "type": "object",
        "required": ["program"],
        "properties": properties,
        "additionalProperties": false,
        "definitions": definitions,
    })
}

impl Table {
    fn schema(&self) -> Value {
        let properties: Map<String, Value> = self
            .keys
            .iter()
            .map(|key| {
                let mut schema = key.form.schema();
                // Beside a reference nothing is looked at in draft-07.
                if schema.get("$ref").is_none() {
                    schema["description"] = key.meaning.into();
                }
                (key.name.to_owned(), schema)
            })
            .collect();
        let required: Vec<&str> = self.keys.iter().filter(|key| key.default == NEEDED).map(|key| key.name).collect();
        json!({
            "type": "object",
            "description": self.about,
            "required": required,
            "properties": properties,
            // A step has the members of its event.
            "additionalProperties": self.name == "step",
        })
    }
}

/// The reference of every key, as Markdown.
pub fn reference() -> String {
    let mut text = String::new();
    for table in TABLES {
        let _ = writeln!(text, "\n### {}\n\n`{}`: {}\n", table.name, table.head, table.about);
        text.push_str("| key | form | left out | meaning | example |\n|---|---|---|---|---|\n");
        for key in table.keys {
            let cell = |text: &str| text.replace('|', "\\|");
            let example = format!("`{} = {}`", key.name, key.example);
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | {} | {} |",
                key.name,
                cell(&key.form.words()),
                cell(key.default),
                cell(key.meaning),
                cell(&example)
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde::de::value::Error;
    use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
    use serde::forward_to_deserialize_any;

    use super::*;
    use crate::file;

    /// The names of the members that a type is read from.
    struct Names<'n>(&'n mut Vec<&'static str>);

    impl<'de> Deserializer<'de> for Names<'_> {
        type Error = Error;
        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
            Err(Error::custom("no table"))
        }
        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            names: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, Error> {
            self.0.extend(names);
            Err(Error::custom("told"))
        }
        fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.deserialize_any(visitor)
        }
        fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.deserialize_any(visitor)
        }
        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 char str string bytes byte_buf option unit unit_struct newtype_struct
            seq tuple tuple_struct map enum identifier ignored_any
        }
    }

    fn read_from<'de, T: Deserialize<'de>>() -> BTreeSet<&'static str> {
        let mut names = Vec::new();
        let _ = T::deserialize(Names(&mut names));
        names.into_iter().collect()
    }

    /// What the reader takes and what the reference tells are one list, table by table.
    #[test]
    fn the_reference_names_what_is_read() {
        let read: Vec<(&str, BTreeSet<&str>)> = vec![
            ("program", read_from::<file::Head>()),
            ("event", read_from::<file::EventTable>()),
            ("earn", read_from::<file::Earn>()),
            ("points", read_from::<file::Scale>()),
            ("band", read_from::<file::Band>()),
            ("times", read_from::<file::TimesTable>()),
            ("factor", read_from::<file::FactorBand>()),
            ("hold_if", read_from::<file::SuspicionTable>()),
            ("paused", read_from::<file::PauseTable>()),
            ("commission", read_from::<file::CommissionTable>()),
            ("rate", read_from::<file::RateScale>()),
            ("rate_band", read_from::<file::RateBand>()),
            ("needs", read_from::<file::NeedsTable>()),
            ("budget", read_from::<file::BudgetTable>()),
            ("benefit", read_from::<file::BenefitTable>()),
            ("campaign", read_from::<file::CampaignTable>()),
            ("challenge", read_from::<file::ChallengeTable>()),
            ("ladder", read_from::<file::TierTable>()),
            ("criteria", read_from::<file::CriteriaTable>()),
            ("exclusivity", read_from::<file::ExclusivityTable>()),
            ("onboarding", read_from::<file::OnboardingTable>()),
            ("registration", read_from::<file::RegistrationTable>()),
            ("tender", read_from::<file::TenderTable>()),
            ("influence", read_from::<file::InfluenceTable>()),
            ("reward", read_from::<file::RewardTable>()),
            ("policy", read_from::<file::PolicyTable>()),
            ("for", read_from::<file::ForTable>()),
            ("within", read_from::<file::WithinTable>()),
            ("commissions", read_from::<file::CommissionsTable>()),
            ("payouts", read_from::<file::PayoutsTable>()),
        ];
        for (name, read) in &read {
            let table = TABLES.iter().find(|table| table.name == *name).unwrap_or_else(|| panic!("no {name}"));
            let told: BTreeSet<&str> = table.keys.iter().map(|key| key.name).collect();
            assert_eq!(told, *read, "{name}");
        }
        // An example's are read where it is played.
        assert_eq!(TABLES.len(), read.len() + 2);
        assert_eq!(ROOT.iter().map(|(key, ..)| *key).collect::<BTreeSet<_>>(), read_from::<file::File>());
        let known: BTreeSet<&str> = TABLES.iter().map(|table| table.name).collect();
        for key in TABLES.iter().flat_map(|table| table.keys) {
            if let Form::Table(name) | Form::Tables(name) = key.form {
                assert!(known.contains(name), "{name}");
            }
        }
    }

    /// Every example is in the form that its key says.
    #[test]
    fn every_example_is_in_its_form() {
        for key in TABLES.iter().flat_map(|table| table.keys) {
            let text = format!("\"{}\" = {}", key.name, key.example);
            let value: toml::Table = toml::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let value = &value[key.name];
            let fits = match key.form {
                Form::Whole(least, most) => value.as_integer().is_some_and(|number| (least..=most).contains(&number)),
                Form::Words(words) => value.as_str().is_some_and(|word| words.contains(&word)),
                Form::Flag => value.is_bool(),
                Form::List | Form::Tables(_) => value.is_array(),
                Form::Named
                | Form::NamedWholes
                | Form::NamedLists
                | Form::NamedDecimals
                | Form::NamedPercents
                | Form::Conditions
                | Form::Table(_) => value.is_table(),
                Form::Points => value.is_integer(),
                Form::Phrases => value.is_str() || value.is_array(),
                Form::Text | Form::Phrase | Form::Decimal | Form::Percent | Form::Length | Form::Day | Form::Rate => {
                    value.is_str()
                }
            };
            assert!(fits, "{text}");
        }
    }
}
