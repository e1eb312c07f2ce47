//! DynamoDB as its documents describe it, as far as Laurel uses it; written from them, not from the embedded engine.
//!
//! - A transaction holds its items from when it is taken up until it is written; whoever else writes one of them meanwhile
//!   gets `TransactionConflict` ("Amazon DynamoDB transactions: how it works", transaction conflict handling).
//! - A transaction with a client token that was seen within ten minutes changes nothing and answers as the first time; with
//!   other parameters it is an `IdempotentParameterMismatch`.
//! - An index follows its table late, each item's changes in order.
//! - Reads of a table are strongly consistent where they ask for it; ours always do but for pages of an index.

mod expression;
mod index;
pub mod item;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use ambient::Instant;
use serde_json::{Map, Value, json};

use expression::{Terms, condition, update};
use index::{Index, Projection};
use item::{Item, Kept, Key, KeyPart, size};

/// Largest item, in bytes.
const ITEM_BYTES_MAX: usize = 400 * 1024;
/// Most actions of one transaction, and most bytes.
const ACTIONS_MAX: usize = 100;
const TRANSACTION_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Longest partition and sort key, in bytes.
const HASH_BYTES_MAX: usize = 2_048;
const RANGE_BYTES_MAX: usize = 1_024;
/// Most keys of one BatchGetItem.
const BATCH_KEYS_MAX: usize = 100;
/// How long a client token is remembered.
const TOKEN_LIVES: Duration = Duration::from_mins(10);
/// Items that a page holds at most, where nothing smaller is asked for: a megabyte of small items.
const PAGE_MAX: usize = 1_000;

/// What one write changed.
#[derive(Clone, Debug)]
pub struct Change {
    /// The table.
    pub table: String,
    /// The item's key.
    pub key: Key,
    /// The item before.
    pub old: Option<Item>,
    /// The item after.
    pub new: Option<Item>,
}

/// What is answered.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Done.
    Done(Value),
    /// Refused.
    Refused(Refusal),
}

/// An error of the service's.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// 400 or 500.
    pub status: u16,
    /// Its code.
    pub code: &'static str,
    /// Members beside the code.
    pub more: Value,
}

impl Refusal {
    /// A refusal with a message.
    pub fn new(status: u16, code: &'static str, message: &str) -> Self {
        Self { status, code, more: json!({ "message": message }) }
    }

    fn invalid(message: impl AsRef<str>) -> Self {
        Self::new(400, "ValidationException", message.as_ref())
    }

    fn cancelled(reasons: Vec<Value>) -> Self {
        let more = json!({ "Message": "Transaction cancelled", "CancellationReasons": reasons });
        Self { status: 400, code: "TransactionCanceledException", more }
    }
}

/// Chances that the service takes within what its documents allow.
pub trait Luck {
    /// How long an index lags behind this write.
    fn lag(&mut self) -> Duration;
    /// How many of so many items a page or a batch holds; at least one.
    fn page(&mut self, most: usize) -> usize;
}

/// The tables of one account.
#[derive(Debug, Default)]
pub struct Dynamo {
    tables: BTreeMap<String, Table>,
    /// Items that a transaction holds just now.
    locked: HashSet<(String, Key)>,
    /// Client tokens, with the request that each came with, and whether that one was written.
    tokens: HashMap<String, (String, bool)>,
    /// When each was seen first, in that order.
    seen: VecDeque<(Instant, String)>,
}

/// A table.
#[derive(Debug)]
struct Table {
    hash: String,
    range: Option<String>,
    /// Key attributes that are numbers; the others are texts.
    numbers: HashSet<String>,
    items: BTreeMap<Key, Kept>,
    indexes: Vec<Index>,
}

type Done = Result<(Value, Vec<Change>), Refusal>;

impl Table {
    fn key(&self, item: &Item) -> Result<Key, Refusal> {
        let part = |name: &str, max: usize| {
            let part = item.get(name).and_then(KeyPart::of);
            let part = part.ok_or_else(|| Refusal::invalid(format!("the key attribute {name} is missing or empty")))?;
            if self.numbers.contains(name) != matches!(part, KeyPart::N(_)) {
                return Err(Refusal::invalid(format!("the key attribute {name} is of another type")));
            }
            if part.bytes() > max {
                return Err(Refusal::invalid(format!("the key attribute {name} is longer than {max} bytes")));
            }
            Ok(part)
        };
        let range = self.range.as_deref().map(|name| part(name, RANGE_BYTES_MAX)).transpose()?;
        Ok((part(&self.hash, HASH_BYTES_MAX)?, range))
    }

    fn key_item(&self, (hash, range): &Key) -> Item {
        let mut item = Map::from_iter([(self.hash.clone(), hash.value())]);
        if let (Some(name), Some(range)) = (&self.range, range) {
            item.insert(name.clone(), range.value());
        }
        item
    }

    fn put(&mut self, key: &Key, new: Option<Item>, now: Instant, luck: &mut dyn Luck) -> Option<Item> {
        for index in &mut self.indexes {
            index.follow(key, new.as_ref(), now, luck.lag());
        }
        let old = match new {
            Some(item) => self.items.insert(key.clone(), Kept::of(&item)),
            None => self.items.remove(key),
        };
        old.map(|old| old.item())
    }

    fn item(&self, key: &Key) -> Option<Item> {
        self.items.get(key).map(Kept::item)
    }

    fn sound(item: &Item) -> Result<(), Refusal> {
        if size(item) > ITEM_BYTES_MAX {
            return Err(Refusal::invalid("Item size has exceeded the maximum allowed size"));
        }
        if item.iter().all(|(name, value)| !name.is_empty() && names(value)) {
            Ok(())
        } else {
            Err(Refusal::invalid("an attribute has no name"))
        }
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
    /// Every item of a table, by key, as it is at this moment.
    pub fn items(&self, table: &str) -> impl Iterator<Item = (&Key, Item)> {
        self.tables.get(table).into_iter().flat_map(|table| table.items.iter()).map(|(key, kept)| (key, kept.item()))
    }

    /// Every key of a table.
    pub fn keys(&self, table: &str) -> impl Iterator<Item = &Key> {
        self.tables.get(table).into_iter().flat_map(|table| table.items.keys())
    }

    /// One item as it is at this moment.
    pub fn item(&self, table: &str, key: &Key) -> Option<Item> {
        self.tables.get(table)?.item(key)
    }

    /// Whether every index has caught up by `now`.
    pub fn is_settled(&mut self, now: Instant) -> bool {
        self.tables.values_mut().flat_map(|table| &mut table.indexes).all(|index| index.is_settled(now))
    }

    /// Drops items whose time to live is over, each if `chooses`: the service does so within days.
    pub fn expire(
        &mut self,
        epoch: i64,
        now: Instant,
        luck: &mut dyn Luck,
        mut chooses: impl FnMut() -> bool,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        for (name, table) in &mut self.tables {
            let over = |item: &Item| item::number(item, "expires_at").is_some_and(|at| at <= epoch);
            let keys: Vec<Key> =
                table.items.iter().filter(|(_, kept)| over(&kept.item())).map(|(key, _)| key.clone()).collect();
            for key in keys {
                if chooses() {
                    let old = table.put(&key, None, now, luck);
                    changes.push(Change { table: name.clone(), key, old, new: None });
                }
            }
        }
        changes
    }

    fn table(&self, request: &Value) -> Result<(String, &Table), Refusal> {
        let name = request["TableName"].as_str().unwrap_or_default();
        let missing = || Refusal::new(400, "ResourceNotFoundException", "there is no such table");
        Ok((name.to_owned(), self.tables.get(name).ok_or_else(missing)?))
    }

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
        if let Some(token) = request["ClientRequestToken"].as_str() {
            let asked = request["TransactItems"].to_string();
            match self.tokens.get(token) {
                Some((first, _)) if *first != asked => {
                    return Err(Refusal::new(
                        400,
                        "IdempotentParameterMismatchException",
                        "another request had this token",
                    ));
                }
                Some((_, true)) => return Ok(None),
                Some((_, false)) => {
                    return Err(Refusal::new(400, "TransactionInProgressException", "the first is not done yet"));
                }
                None => {}
            }
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
        if let Some(token) = request["ClientRequestToken"].as_str() {
            self.tokens.insert(token.to_owned(), (request["TransactItems"].to_string(), false));
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
                Ok(_) => {
                    if let Some((_, is_done)) = self.tokens.get_mut(token) {
                        *is_done = true;
                    }
                    self.seen.push_back((now, token.to_owned()));
                    while self.seen.front().is_some_and(|(since, _)| now.duration_since(*since) > TOKEN_LIVES) {
                        if let Some((_, token)) = self.seen.pop_front() {
                            self.tokens.remove(&token);
                        }
                    }
                }
                // What was cancelled left nothing, so it may be sent again under its token.
                Err(_) => {
                    self.tokens.remove(token);
                }
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

    /// Answers any operation but a transaction.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn answer(&mut self, operation: &str, request: &Value, now: Instant, luck: &mut dyn Luck) -> Done {
        let read = |value: Value| Ok((value, Vec::new()));
        match operation {
            "GetItem" => {
                let (_, table) = self.table(request)?;
                let key = table.key(request["Key"].as_object().unwrap_or(&Map::new()))?;
                read(table.item(&key).map_or(json!({}), |item| json!({ "Item": item })))
            }
            "BatchGetItem" => read(self.batch_get(request, luck)?),
            "Query" => read(self.query(request, now, luck)?),
            "Scan" => read(self.scan(request, luck)?),
            "PutItem" => self.alone("Put", request, now, luck),
            "UpdateItem" => self.alone("Update", request, now, luck),
            "DeleteItem" => self.alone("Delete", request, now, luck),
            "ListTables" => read(json!({ "TableNames": self.tables.keys().collect::<Vec<_>>() })),
            "CreateTable" => read(self.create(request)?),
            other => Err(Refusal::new(400, "UnknownOperationException", other)),
        }
    }

    fn alone(&mut self, kind: &str, request: &Value, now: Instant, luck: &mut dyn Luck) -> Done {
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

    fn batch_get(&self, request: &Value, luck: &mut dyn Luck) -> Result<Value, Refusal> {
        let (mut found, mut left) = (Map::new(), Map::new());
        for (name, asked) in request["RequestItems"].as_object().into_iter().flatten() {
            let (_, table) = self.table(&json!({ "TableName": name }))?;
            let keys = asked["Keys"].as_array().map(Vec::as_slice).unwrap_or_default();
            if keys.is_empty() || keys.len() > BATCH_KEYS_MAX {
                return Err(Refusal::invalid("a batch has 1 to 100 keys"));
            }
            let (mut items, mut seen) = (Vec::new(), HashSet::new());
            let done = luck.page(keys.len());
            for (at, key_item) in keys.iter().enumerate() {
                let key = table.key(key_item.as_object().unwrap_or(&Map::new()))?;
                if !seen.insert(key.clone()) {
                    return Err(Refusal::invalid("Provided list of item keys contains duplicates"));
                }
                if at < done {
                    items.extend(table.item(&key).map(Value::Object));
                }
            }
            found.insert(name.clone(), Value::Array(items));
            if done < keys.len() {
                let mut rest = asked.clone();
                rest["Keys"] = json!(keys[done..]);
                left.insert(name.clone(), rest);
            }
        }
        Ok(json!({ "Responses": found, "UnprocessedKeys": left }))
    }

    fn query(&mut self, request: &Value, now: Instant, luck: &mut dyn Luck) -> Result<Value, Refusal> {
        let (name, _) = self.table(request)?;
        let table = self.tables.get_mut(&name).ok_or_else(|| Refusal::invalid("there is no such table"))?;
        let terms = Terms::of(request);
        let text = request["KeyConditionExpression"].as_str().unwrap_or_default();
        let keyed = condition(text, &terms).map_err(Refusal::invalid)?;
        if !request["FilterExpression"].is_null() {
            return Err(Refusal::invalid("a filter of a query is not known here"));
        }
        let forward = request["ScanIndexForward"] != json!(false);
        let start = request["ExclusiveStartKey"].as_object();
        let most = request["Limit"]
            .as_u64()
            .map_or(PAGE_MAX, |limit| usize::try_from(limit).unwrap_or(PAGE_MAX).min(PAGE_MAX));
        if most == 0 {
            return Err(Refusal::invalid("a limit is at least 1"));
        }
        let wanted = luck.page(most);
        let partition = |hash: &str| {
            let part = keyed.equal_to(hash).and_then(KeyPart::of);
            part.ok_or_else(|| Refusal::invalid("Query condition missed key schema element"))
        };
        let (mut items, more): (Vec<Item>, bool) = match request["IndexName"].as_str() {
            None => {
                let hash = partition(&table.hash)?;
                let after = start.map(|start| table.key(start)).transpose()?;
                // Nothing stands between a text and the same text with the least character behind it.
                let end = KeyPart::S(format!("{}\0", hash.text()));
                let all = table.items.range((hash, None)..(end, None)).map(|(key, kept)| (key, kept.item()));
                let fits =
                    |key: &Key| after.as_ref().is_none_or(|after| if forward { key > after } else { key < after });
                let all = all.filter(|(key, item)| fits(key) && keyed.holds(item)).map(|(_, item)| item);
                page(all, forward, wanted)
            }
            Some(index) => {
                if request["ConsistentRead"] == json!(true) {
                    return Err(Refusal::invalid("Consistent reads are not supported on global secondary indexes"));
                }
                let found = table.indexes.iter_mut().find(|found| found.name == index);
                let found = found.ok_or_else(|| Refusal::invalid("The table does not have the specified index"))?;
                found.catch_up(now);
                let hash = partition(&found.hash)?;
                let after = match start {
                    None => None,
                    Some(start) => {
                        let bad = || Refusal::invalid("The provided starting key is invalid");
                        let range = start.get(&found.range).and_then(KeyPart::of).ok_or_else(bad)?;
                        let of = |name: &str| start.get(name).and_then(KeyPart::of);
                        let key = (of(&table.hash).ok_or_else(bad)?, table.range.as_deref().and_then(of));
                        Some((range, key))
                    }
                };
                let all = found.partition(&hash);
                let fits = |place: &(KeyPart, Key)| {
                    after.as_ref().is_none_or(|after| if forward { place > after } else { place < after })
                };
                let all = all.filter(|(place, item)| fits(place) && keyed.holds(item)).map(|(_, item)| item);
                page(all, forward, wanted)
            }
        };
        let mut answer = json!({ "Count": items.len(), "ScannedCount": items.len() });
        if more && let Some(last) = items.last() {
            let index =
                request["IndexName"].as_str().and_then(|name| table.indexes.iter().find(|index| index.name == name));
            let names = [Some(&table.hash), table.range.as_ref(), index.map(|i| &i.hash), index.map(|i| &i.range)];
            let key: Item =
                names.into_iter().flatten().filter_map(|name| Some((name.clone(), last.get(name)?.clone()))).collect();
            answer["LastEvaluatedKey"] = Value::Object(key);
        }
        project(request, &terms, &mut items).map_err(Refusal::invalid)?;
        answer["Items"] = json!(items);
        Ok(answer)
    }

    fn scan(&self, request: &Value, luck: &mut dyn Luck) -> Result<Value, Refusal> {
        let (_, table) = self.table(request)?;
        let terms = Terms::of(request);
        let filter = request["FilterExpression"].as_str().map(|text| condition(text, &terms)).transpose();
        let filter = filter.map_err(Refusal::invalid)?;
        let after = request["ExclusiveStartKey"].as_object().map(|start| table.key(start)).transpose()?;
        let all = table.items.iter().filter(|(key, _)| after.as_ref().is_none_or(|after| *key > after));
        let (scanned, more) = page(all, true, luck.page(PAGE_MAX));
        let mut answer = json!({ "ScannedCount": scanned.len() });
        if more && let Some((key, _)) = scanned.last() {
            answer["LastEvaluatedKey"] = Value::Object(table.key_item(key));
        }
        let items = scanned.into_iter().map(|(_, kept)| kept.item());
        let mut items: Vec<Item> =
            items.filter(|item| filter.as_ref().is_none_or(|filter| filter.holds(item))).collect();
        project(request, &terms, &mut items).map_err(Refusal::invalid)?;
        answer["Count"] = json!(items.len());
        answer["Items"] = json!(items);
        Ok(answer)
    }

    fn create(&mut self, request: &Value) -> Result<Value, Refusal> {
        let name = request["TableName"].as_str().unwrap_or_default().to_owned();
        if self.tables.contains_key(&name) {
            return Err(Refusal::new(400, "ResourceInUseException", "the table is there already"));
        }
        let key = |of: &Value, kind: &str| {
            let schema = of["KeySchema"].as_array().into_iter().flatten();
            let mut of_kind = schema.filter(|key| key["KeyType"] == kind);
            of_kind.next().and_then(|key| key["AttributeName"].as_str()).map(str::to_owned)
        };
        let hash = key(request, "HASH").ok_or_else(|| Refusal::invalid("a table has a partition key"))?;
        let mut indexes = Vec::new();
        for index in request["GlobalSecondaryIndexes"].as_array().into_iter().flatten() {
            let keys = key(index, "HASH").zip(key(index, "RANGE"));
            let (hash, range) =
                keys.ok_or_else(|| Refusal::invalid("an index without a sort key is not known here"))?;
            let projection = match index["Projection"]["ProjectionType"].as_str() {
                Some("ALL") => Projection::All,
                Some("KEYS_ONLY") => Projection::These(Vec::new()),
                _ => Projection::These(
                    index["Projection"]["NonKeyAttributes"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .filter_map(Value::as_str)
                        .map(str::to_owned)
                        .collect(),
                ),
            };
            indexes.push(Index::new(index["IndexName"].as_str().unwrap_or_default(), hash, range, projection));
        }
        let range = key(request, "RANGE");
        for index in &mut indexes {
            index.table_keys = std::iter::once(hash.clone()).chain(range.clone()).collect();
        }
        let defined = request["AttributeDefinitions"].as_array().into_iter().flatten();
        let number =
            |of: &Value| of["AttributeName"].as_str().filter(|_| of["AttributeType"] == "N").map(str::to_owned);
        let numbers = defined.filter_map(number).collect();
        self.tables.insert(name, Table { hash, range, numbers, items: BTreeMap::new(), indexes });
        Ok(json!({ "TableDescription": { "TableStatus": "ACTIVE" } }))
    }
}

/// The first `wanted`, and whether the page ends before its end is known.
fn page<T>(all: impl DoubleEndedIterator<Item = T>, forward: bool, wanted: usize) -> (Vec<T>, bool) {
    let items: Vec<T> = if forward { all.take(wanted).collect() } else { all.rev().take(wanted).collect() };
    // A page that is full says where the next one starts, even where that one is empty.
    let more = items.len() == wanted;
    (items, more)
}

fn project(request: &Value, terms: &Terms<'_>, items: &mut [Item]) -> Result<(), String> {
    let Some(text) = request["ProjectionExpression"].as_str() else { return Ok(()) };
    let names = text.split(',').map(|word| terms.name(word.trim())).collect::<Result<Vec<_>, _>>()?;
    for item in items {
        item.retain(|name, _| names.contains(name));
    }
    Ok(())
}

/// Whether every member of a value has a name.
fn names(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.iter().all(|(name, value)| !name.is_empty() && names(value)),
        Value::Array(list) => list.iter().all(names),
        _ => true,
    }
}
