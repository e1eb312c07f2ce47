//! Writes: transactions, which hold their items, and writes for themselves.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use ambient::Instant;
use serde_json::{Map, Value, json};

use super::expression::{Terms, condition, update};
use super::item::{Item, Key, size};
use super::{Change, Done, Dynamo, Luck, Refusal, Table};

/// Most actions of one transaction, and most bytes.
const ACTIONS_MAX: usize = 100;
const TRANSACTION_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long a client token is remembered.
const TOKEN_LIVES: Duration = Duration::from_mins(10);

/// Client tokens that were seen lately.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    /// With the request that each came with, and whether that one was written.
    seen: HashMap<String, (String, bool)>,
    /// When each was written, in that order.
    written: VecDeque<(Instant, String)>,
}

impl Tokens {
    /// Whether a request may be taken up under its token; it may not where it was written before.
    fn take_up(&self, token: &str, asked: &str) -> Result<bool, Refusal> {
        let other = "another request had this token";
        match self.seen.get(token) {
            Some((first, _)) if *first != asked => {
                Err(Refusal::new(400, "IdempotentParameterMismatchException", other))
            }
            Some((_, true)) => Ok(false),
            Some((_, false)) => Err(Refusal::new(400, "TransactionInProgressException", "the first is not done yet")),
            None => Ok(true),
        }
    }

    fn taken_up(&mut self, token: &str, asked: String) {
        self.seen.insert(token.to_owned(), (asked, false));
    }

    fn written(&mut self, token: &str, now: Instant) {
        if let Some((_, written)) = self.seen.get_mut(token) {
            *written = true;
        }
        self.written.push_back((now, token.to_owned()));
        while self.written.front().is_some_and(|(since, _)| now.duration_since(*since) > TOKEN_LIVES) {
            if let Some((_, token)) = self.written.pop_front() {
                self.seen.remove(&token);
            }
        }
    }

    /// What was cancelled left nothing, so it may be sent again under its token.
    fn cancelled(&mut self, token: &str) {
        self.seen.remove(token);
    }
}

/// One action of a transaction, or one write for itself.
struct Write<'a> {
    kind: &'a str,
    request: &'a Value,
    table: String,
    key: Key,
}

/// What an action comes to: its change, or why it must not be.
enum Tried {
    Change(Option<Item>),
    Untouched,
    Fails(Option<Item>),
}

impl Dynamo {
    fn write_of<'a>(&self, kind: &'a str, request: &'a Value) -> Result<Write<'a>, Refusal> {
        let (table, found) = self.table(request)?;
        let names = if kind == "Put" { "Item" } else { "Key" };
        let item = request[names].as_object().ok_or_else(|| Refusal::invalid(format!("{names} is missing")))?;
        let key = found.key(item)?;
        if kind != "Put" && item.len() != 1 + usize::from(found.range.is_some()) {
            return Err(Refusal::invalid("the key has other attributes than the table's"));
        }
        Ok(Write { kind, request, table, key })
    }

    fn writes<'a>(&self, request: &'a Value) -> Result<Vec<Write<'a>>, Refusal> {
        let actions = request["TransactItems"].as_array().map(Vec::as_slice).unwrap_or_default();
        if actions.is_empty() || actions.len() > ACTIONS_MAX {
            return Err(Refusal::invalid(format!(
                "a transaction has 1 to {ACTIONS_MAX} actions, not {}",
                actions.len()
            )));
        }
        let bytes: usize = actions.iter().map(|action| action.to_string().len()).sum();
        if bytes > TRANSACTION_BYTES_MAX {
            return Err(Refusal::invalid("the transaction is larger than 4 MB"));
        }
        let one = |action: &'a Value| {
            let (kind, request) =
                action.as_object().and_then(|map| map.iter().next()).ok_or(Refusal::invalid("no action"))?;
            self.write_of(kind, request)
        };
        let writes = actions.iter().map(one).collect::<Result<Vec<_>, _>>()?;
        let mut seen = HashSet::new();
        if writes.iter().any(|write| !seen.insert((&write.table, &write.key))) {
            return Err(Refusal::invalid("Transaction request cannot include multiple operations on one item"));
        }
        Ok(writes)
    }

    /// Takes a transaction up: from now on it holds its items. `None`: it was written before, and this is its answer.
    ///
    /// # Errors
    /// What is wrong with it, or that another holds one of its items.
    pub fn take_up(&mut self, request: &Value) -> Result<Option<Vec<(String, Key)>>, Refusal> {
        let token = request["ClientRequestToken"].as_str().map(|token| (token, request["TransactItems"].to_string()));
        if let Some((token, asked)) = &token
            && !self.tokens.take_up(token, asked)?
        {
            return Ok(None);
        }
        let keys: Vec<(String, Key)> =
            self.writes(request)?.into_iter().map(|write| (write.table, write.key)).collect();
        if keys.iter().any(|key| self.locked.contains(key)) {
            let reason = |key| {
                let code = if self.locked.contains(key) { "TransactionConflict" } else { "None" };
                json!({ "Code": code, "Message": "Transaction is ongoing for the item" })
            };
            return Err(Refusal::cancelled(keys.iter().map(reason).collect()));
        }
        if let Some((token, asked)) = token {
            self.tokens.taken_up(token, asked);
        }
        self.locked.extend(keys.iter().cloned());
        Ok(Some(keys))
    }

    /// Writes a transaction that was taken up, all of it or nothing, and lets its items go.
    pub fn finish(&mut self, request: &Value, held: &[(String, Key)], now: Instant, luck: &mut dyn Luck) -> Done {
        for key in held {
            self.locked.remove(key);
        }
        let done = self.transact(request, now, luck);
        if let Some(token) = request["ClientRequestToken"].as_str() {
            match &done {
                Ok(_) => self.tokens.written(token, now),
                Err(_) => self.tokens.cancelled(token),
            }
        }
        done
    }

    fn transact(&mut self, request: &Value, now: Instant, luck: &mut dyn Luck) -> Done {
        let writes = self.writes(request)?;
        let tried = writes.iter().map(|write| self.tried(write)).collect::<Result<Vec<_>, _>>()?;
        if tried.iter().any(|one| matches!(one, Tried::Fails(_))) {
            let reason = |one: &Tried| match one {
                Tried::Fails(shown) => {
                    let mut reason =
                        json!({ "Code": "ConditionalCheckFailed", "Message": "The conditional request failed" });
                    if let Some(item) = shown {
                        reason["Item"] = Value::Object(item.clone());
                    }
                    reason
                }
                Tried::Change(_) | Tried::Untouched => json!({ "Code": "None" }),
            };
            return Err(Refusal::cancelled(tried.iter().map(reason).collect()));
        }
        let mut units = 0;
        let mut changes = Vec::new();
        let places: Vec<(String, Key)> = writes.into_iter().map(|write| (write.table, write.key)).collect();
        for ((table, key), one) in places.into_iter().zip(tried) {
            if let Tried::Change(new) = one {
                units += 2 * new.as_ref().map_or(0, size).div_ceil(1_024).max(1);
                changes.push(self.put(table, key, new, now, luck));
            }
        }
        let capacity = json!([{ "TableName": "all", "CapacityUnits": units }]);
        Ok((
            if request["ReturnConsumedCapacity"] == "TOTAL" {
                json!({ "ConsumedCapacity": capacity })
            } else {
                json!({})
            },
            changes,
        ))
    }

    fn put(&mut self, table: String, key: Key, new: Option<Item>, now: Instant, luck: &mut dyn Luck) -> Change {
        let old = self.tables.get_mut(&table).and_then(|found| found.put(&key, new.clone(), now, luck));
        Change { table, key, old, new }
    }

    /// What an action comes to; it changes nothing yet.
    fn tried(&self, write: &Write<'_>) -> Result<Tried, Refusal> {
        let request = write.request;
        let terms = Terms::of(request);
        let (_, table) = self.table(request)?;
        let old = table.item(&write.key);
        if let Some(text) = request["ConditionExpression"].as_str() {
            let condition = condition(text, &terms).map_err(Refusal::invalid)?;
            if !condition.holds(old.as_ref().unwrap_or(&Map::new())) {
                let shows = request["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD";
                return Ok(Tried::Fails(old.filter(|_| shows)));
            }
        } else if write.kind == "ConditionCheck" {
            return Err(Refusal::invalid("a check has no condition"));
        }
        Ok(match write.kind {
            "ConditionCheck" => Tried::Untouched,
            "Delete" => Tried::Change(None),
            "Put" => {
                let new = request["Item"].as_object().cloned().unwrap_or_default();
                Table::sound(&new)?;
                for index in &table.indexes {
                    index.sound(&new, &table.numbers).map_err(Refusal::invalid)?;
                }
                Tried::Change(Some(new))
            }
            "Update" => {
                let mut new = old.unwrap_or_else(|| table.key_item(&write.key));
                let text = request["UpdateExpression"].as_str().unwrap_or_default();
                update(text, &terms, &mut new).map_err(Refusal::invalid)?;
                Table::sound(&new)?;
                Tried::Change(Some(new))
            }
            other => return Err(Refusal::invalid(format!("there is no action {other}"))),
        })
    }

    /// One write for itself.
    pub(super) fn alone(&mut self, kind: &str, request: &Value, now: Instant, luck: &mut dyn Luck) -> Done {
        let write = self.write_of(kind, request)?;
        if self.locked.contains(&(write.table.clone(), write.key.clone())) {
            return Err(Refusal::new(400, "TransactionConflictException", "Transaction is ongoing for the item"));
        }
        match self.tried(&write)? {
            Tried::Fails(shown) => {
                let mut refusal =
                    Refusal::new(400, "ConditionalCheckFailedException", "The conditional request failed");
                if let Some(item) = shown {
                    refusal.more["Item"] = Value::Object(item);
                }
                Err(refusal)
            }
            Tried::Untouched => Ok((json!({}), Vec::new())),
            Tried::Change(new) => {
                let (table, key) = (write.table, write.key);
                Ok((json!({}), vec![self.put(table, key, new, now, luck)]))
            }
        }
    }
}
