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
mod read;
mod write;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use ambient::Instant;
use serde_json::{Map, Value, json};

use index::{Index, Projection};
use item::{Item, Kept, Key, KeyPart, size};
use write::Tokens;

/// Largest item, in bytes.
const ITEM_BYTES_MAX: usize = 400 * 1024;
/// Longest partition and sort key, in bytes.
const HASH_BYTES_MAX: usize = 2_048;
const RANGE_BYTES_MAX: usize = 1_024;

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
    tokens: Tokens,
}

/// A table.
#[derive(Debug)]
struct Table {
    hash: String,
    range: Option<String>,
    /// Key attributes that are numbers; the others are texts.
    numbers: HashSet<String>,
    items: BTreeMap<Key, Kept>,
    /// Items whose time to live ends, by when it does.
    ends: BTreeSet<(i64, Key)>,
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
        let new = new.map(|item| (Kept::of(&item), item));
        for index in &mut self.indexes {
            index.follow(key, new.as_ref().map(|(kept, item)| (item, kept)), now, luck.lag());
        }
        let ends = |item: &Item| item::number(item, "expires_at");
        let ends_new = new.as_ref().and_then(|(_, item)| ends(item));
        let old = match new {
            Some((kept, _)) => self.items.insert(key.clone(), kept),
            None => self.items.remove(key),
        };
        let old = old.map(|old| old.item());
        if let Some(at) = old.as_ref().and_then(ends) {
            self.ends.remove(&(at, key.clone()));
        }
        self.ends.extend(ends_new.map(|at| (at, key.clone())));
        old
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
            // In the order of their keys, as they stand.
            let over = table.ends.iter().take_while(|(at, _)| *at <= epoch);
            let keys: BTreeSet<Key> = over.map(|(_, key)| key.clone()).collect();
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
        self.tables
            .insert(name, Table { hash, range, numbers, items: BTreeMap::new(), ends: BTreeSet::new(), indexes });
        Ok(json!({ "TableDescription": { "TableStatus": "ACTIVE" } }))
    }
}

/// Whether every member of a value has a name.
fn names(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.iter().all(|(name, value)| !name.is_empty() && names(value)),
        Value::Array(list) => list.iter().all(names),
        _ => true,
    }
}
