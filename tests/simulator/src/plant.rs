//! Defects that are planted, to see which checker finds them. Those in the deciding code are switches there (`event::planted`, in no
//! function's build); the others stand in the way of requests, as if a function had been written so.

use std::cell::Cell;

use ambient::Random;
use serde_json::{Value, json};

use crate::aws::{LEDGER, STATE};

/// Declares the defects, each with its name.
macro_rules! plants {
    (requests { $($plant:ident = $name:literal,)* } code { $($inner:ident = $inner_name:literal,)* }) => {
        /// A planted defect.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "the name says it")]
        pub enum Plant {
            $($plant,)*
            $($inner,)*
        }

        impl Plant {
            /// Every defect.
            pub const ALL: &[Plant] = &[$(Plant::$plant,)* $(Plant::$inner,)*];

            /// Its name.
            pub fn name(self) -> &'static str {
                match self {
                    $(Plant::$plant => $name,)*
                    $(Plant::$inner => $inner_name,)*
                }
            }

            /// Whether it is a switch in the deciding code.
            pub(crate) fn is_in_code(self) -> bool {
                match self {
                    $(Plant::$plant => false,)*
                    $(Plant::$inner => true,)*
                }
            }
        }
    };
}

plants! {
    requests {
        RecordUnconditioned = "a record without its condition",
        HeadUnconditioned = "a head without its condition",
        DealUnconditioned = "a deal without its condition",
        StockUnconditioned = "stock without its condition",
        CardUnconditioned = "a free card is taken without a condition",
        OrderUnderNewId = "an order under a new id",
        PseudonymUnconditioned = "a pseudonym without its condition",
        HeadNotWritten = "a head is not written",
        PartNotWritten = "a part is not written",
        DealNotWritten = "a deal is not written",
        StockNotMoved = "stock is not moved",
        PartNotRead = "a part is not read",
        HoldDroppedOnSend = "a hold is dropped when it is sent",
        DeadlineAnew = "a deadline begins anew",
        ConflictForgotten = "a conflict is not kept",
        QuarantineForgotten = "a quarantined message is not sent",
        DueNotIndexed = "a due day is not in the index",
        StandingNotIndexed = "a standing redemption is not in the index",
        UnknownProgramsNotSwept = "events of no program are not swept",
        LedgerExpires = "records have a time to live",
        CodeInTheOpen = "the code of a card in the open",
        ItemGrows = "an item grows",
        OfAnotherPartner = "a write of another partner",
        AnswerOfNow = "a replay answers otherwise",
        BalanceBelowZero = "a balance below zero",
        AmountOfZero = "an amount of zero",
        ToItself = "a posting to itself",
        AllIsDone = "a reply that names no failure",
        SentNotWritten = "what a record sends is not written",
        SentNotJudged = "what was sent ends unjudged",
        OutboxNotIndexed = "what was sent is not in the index",
        PoolUnconditioned = "a pool without its condition",
        PoolNotMoved = "a pool is not moved",
    }
    code {
        FactByArrival = "a fact by arrival",
        AmendmentByArrival = "an amendment by arrival",
        SpendsLatest = "spends the lot that lasts longest",
        AwardTwice = "an award is written twice",
        BalanceOfBefore = "the balance of before",
        PositionLeftOut = "a position is left out",
        TakesBackTwice = "takes back twice",
        ReversalOfNothing = "a reversal names nothing",
        VersionOfNow = "earns by the version of now",
        NotLoaded = "an item is not loaded",
        TierFromNowhere = "a tier comes from nowhere",
        PersonInTheHash = "a person in the hash",
        PersonNotBlanked = "a person is not blanked",
        ReleasedInDoubt = "an order in doubt is released",
        DealOfNobody = "a deal goes to nobody",
        OtherUnchecked = "another partner is not checked",
        WithdrawnDecides = "a withdrawn version decides",
        ExpiredTakenAgain = "takes what expired again",
        ShareNotRated = "a share is not rated again",
        BudgetNotDrawn = "a budget is not drawn",
        BudgetKept = "a budget gets nothing back",
        ShortUnchecked = "a short pool is not checked",
        UnlistedShown = "who would not be seen is listed",
    }
}

thread_local! {
    /// How often the planted defect was met in a request.
    static FIRED: Cell<u64> = const { Cell::new(0) };
}

/// Plants a defect, or none, for a run that begins.
pub(crate) fn plant(plant: Option<Plant>) {
    FIRED.set(0);
    event::plant(plant.filter(|plant| plant.is_in_code()).map(Plant::name));
}

/// How often the planted defect was met.
pub(crate) fn fired() -> u64 {
    FIRED.get() + event::fired()
}

fn note() {
    FIRED.set(FIRED.get() + 1);
}

fn sort_key(action: &Value) -> &str {
    action["Item"]["sk"]["S"].as_str().or_else(|| action["Key"]["sk"]["S"].as_str()).unwrap_or_default()
}

fn partition(action: &Value) -> &str {
    action["Item"]["pk"]["S"].as_str().or_else(|| action["Key"]["pk"]["S"].as_str()).unwrap_or_default()
}

fn unconditioned(action: &mut Value) {
    for name in [
        "ConditionExpression",
        "ReturnValuesOnConditionCheckFailure",
        "ExpressionAttributeNames",
        "ExpressionAttributeValues",
    ] {
        if let Some(members) = action.as_object_mut() {
            members.remove(name);
        }
    }
    note();
}

const PARTS: [&str; 8] = ["certified", "counts", "course", "expired", "holder", "lots", "measures", "profile"];

fn is_part(sk: &str) -> bool {
    PARTS.iter().any(|part| sk.starts_with(part))
}

impl Plant {
    /// What the defect makes of a request of this function's. `None`: the request is not sent, and answered as done.
    pub(crate) fn in_request(
        self,
        function: &str,
        operation: &str,
        request: &mut Value,
        random: &Random,
    ) -> Option<()> {
        match (self, operation) {
            (Plant::ConflictForgotten, "PutItem") if request["TableName"] == LEDGER => {
                note();
                return None;
            }
            (Plant::QuarantineForgotten, "SendMessage") if function == "award-points" => {
                note();
                return None;
            }
            (Plant::PseudonymUnconditioned, "PutItem") if sort_key(request).starts_with("person#") => {
                unconditioned(request);
            }
            // Who takes the first card there is meets whoever does so, too.
            (Plant::CardUnconditioned, "Query") if request["ExpressionAttributeValues"][":free"]["S"] == "free#" => {
                request["Limit"] = json!(1);
            }
            (Plant::UnknownProgramsNotSwept, "Query") if request["ExpressionAttributeValues"][":in"]["S"] == "held" => {
                request["ExpressionAttributeValues"][":in"] = json!({ "S": "nothing" });
                note();
            }
            (_, "TransactWriteItems") => self.in_transaction(request, random),
            _ => {}
        }
        Some(())
    }

    fn in_transaction(self, request: &mut Value, random: &Random) {
        let Some(actions) = request["TransactItems"].as_array_mut() else { return };
        let before = actions.len();
        let drops = |kind: &str, action: &Value| match self {
            Plant::HeadNotWritten => kind == "Put" && sort_key(action) == "head" && random.below(8) == 0,
            Plant::PartNotWritten => {
                kind == "Put" && action["TableName"] == STATE && is_part(sort_key(action)) && random.below(3) == 0
            }
            Plant::DealNotWritten => kind == "Put" && partition(action).starts_with("deal#") && random.below(6) == 0,
            Plant::SentNotWritten => kind == "Put" && partition(action).starts_with("out#"),
            Plant::PoolNotMoved => kind == "Update" && partition(action).starts_with("pool#") && random.below(4) == 0,
            Plant::StockNotMoved => {
                kind == "Update"
                    && sort_key(action) == "stock"
                    && action["UpdateExpression"].as_str().is_some_and(|text| !text.contains("loaded"))
            }
            _ => false,
        };
        let ends = |action: &Value| partition(&action["Delete"]).starts_with("out#");
        if self == Plant::SentNotJudged && actions.iter().any(ends) {
            actions.retain(ends);
        }
        if actions.len() > 1 {
            actions
                .retain(|action| !action.as_object().into_iter().flatten().any(|(kind, action)| drops(kind, action)));
        }
        if actions.len() < before {
            note();
        }
        let heads: Vec<String> = actions.iter().map(|action| partition(&action["Put"]).to_owned()).collect();
        for (kind, action) in actions.iter_mut().filter_map(|action| action.as_object_mut()).flatten() {
            let (of_table, sk) =
                (action["TableName"].as_str().unwrap_or_default().to_owned(), sort_key(action).to_owned());
            let pk = partition(action).to_owned();
            let is_record = kind == "Put" && of_table == LEDGER && !action["Item"]["f"].is_null();
            match self {
                Plant::RecordUnconditioned if is_record => unconditioned(action),
                Plant::HeadUnconditioned if sk == "head" && kind == "Put" => unconditioned(action),
                Plant::PseudonymUnconditioned if sk.starts_with("person#") && kind == "Put" => unconditioned(action),
                Plant::DealUnconditioned if pk.starts_with("deal#") && kind == "Put" => unconditioned(action),
                Plant::CardUnconditioned if sk.starts_with("free#") && kind == "Delete" => unconditioned(action),
                Plant::OrderUnderNewId if sk.starts_with("issued#") && random.below(3) == 0 => {
                    action["Item"]["sk"] = json!({ "S": format!("{sk}{}", random.below(1_000)) });
                    note();
                }
                // What was compared with is no longer named.
                Plant::PoolUnconditioned if pk.starts_with("pool#") && !action["ConditionExpression"].is_null() => {
                    if let Some(members) = action.as_object_mut().filter(|_| kind == "Update") {
                        members.remove("ConditionExpression");
                        for name in [":taken", ":back", ":seen", ":was"] {
                            members["ExpressionAttributeValues"].as_object_mut().map(|values| values.remove(name));
                        }
                        note();
                    }
                }
                Plant::StockUnconditioned if sk == "stock" && !action["ConditionExpression"].is_null() => {
                    if let Some(members) = action.as_object_mut() {
                        members.remove("ConditionExpression");
                    }
                    note();
                }
                Plant::DeadlineAnew if pk.starts_with("held#") && kind == "Put" && heads.len() > 1 => {
                    action["Item"]["until"] = json!({ "S": format!("2027-01-01T00:00:{:02}Z", random.below(60)) });
                    note();
                }
                Plant::OutboxNotIndexed if pk.starts_with("out#") && kind == "Put" => {
                    if let Some(item) = action["Item"].as_object_mut() {
                        item.remove("waits_in");
                    }
                    note();
                }
                Plant::DueNotIndexed if sk == "head" && kind == "Put" => drop_attributes(action),
                Plant::StandingNotIndexed if sk.starts_with("redemption#") && kind == "Put" => drop_attributes(action),
                Plant::LedgerExpires if is_record => {
                    action["Item"]["expires_at"] = json!({ "N": "1" });
                    note();
                }
                Plant::CodeInTheOpen if sk.starts_with("issued#") => {
                    action["Item"]["note"] = json!({ "S": format!("{}1", crate::check::CODE) });
                    note();
                }
                Plant::ItemGrows if sk == "head" && kind == "Put" && random.below(20) == 0 => {
                    action["Item"]["more"] = json!({ "S": "x".repeat(9_000) });
                    note();
                }
                Plant::OfAnotherPartner if is_part(&sk) && kind == "Put" => {
                    action["Item"]["pk"] = json!({ "S": format!("{pk}x") });
                    note();
                }
                Plant::BalanceBelowZero if is_record && action["Item"]["b"]["L"][0]["N"] == "0" => {
                    action["Item"]["b"]["L"][0] = json!({ "N": "-1" });
                    note();
                }
                Plant::AmountOfZero | Plant::ToItself if is_record && action["Item"]["p"]["L"].is_array() => {
                    let posting = if self == Plant::AmountOfZero {
                        "accrual 0 points program owed -"
                    } else {
                        "accrual 5 points program program -"
                    };
                    action["Item"]["p"]["L"]
                        .as_array_mut()
                        .into_iter()
                        .for_each(|all| all.push(json!({ "S": posting })));
                    note();
                }
                _ => {}
            }
        }
    }

    /// What the defect makes of an answer.
    pub(crate) fn in_answer(self, function: &str, operation: &str, answer: &mut Value, random: &Random) {
        match (self, operation) {
            (Plant::PartNotRead, "BatchGetItem") => {
                let items = answer["Responses"][STATE].as_array_mut();
                for items in items.into_iter().filter(|_| random.below(3) == 0) {
                    let before = items.len();
                    items.retain(|item| !is_part(item["sk"]["S"].as_str().unwrap_or_default()));
                    if items.len() < before {
                        note();
                    }
                }
            }
            (Plant::AnswerOfNow, "GetItem") if function == "redeem-rewards" && !answer["Item"]["f"].is_null() => {
                let data =
                    answer["Item"]["d"]["S"].as_str().unwrap_or_default().replace("\"quantity\":1", "\"quantity\":2");
                answer["Item"]["d"] = json!({ "S": data.replace("\"quantity\":3", "\"quantity\":1") });
                if let Some(reason) = answer["Item"]["r"]["M"].as_object_mut() {
                    reason.insert("available".to_owned(), json!({ "N": "1234567" }));
                }
                note();
            }
            _ => {}
        }
    }

    /// Whether a hold goes when its event is sent again.
    pub(crate) fn drops_holds(self) -> bool {
        self == Plant::HoldDroppedOnSend && {
            note();
            true
        }
    }

    /// Whether a batch of which something failed is acknowledged.
    pub(crate) fn acknowledges(self) -> bool {
        self == Plant::AllIsDone && {
            note();
            true
        }
    }
}

fn drop_attributes(action: &mut Value) {
    if let Some(item) = action["Item"].as_object_mut() {
        item.remove("due_shard");
        item.remove("due_on");
        note();
    }
}
