//! Reads: batches, queries of a table or an index, scans.

use std::collections::HashSet;

use ambient::Instant;
use serde_json::{Map, Value, json};

use super::expression::{Terms, condition};
use super::item::{Item, Key, KeyPart};
use super::{Dynamo, Luck, Refusal};

/// Most keys of one BatchGetItem.
const BATCH_KEYS_MAX: usize = 100;
/// Items that a page holds at most, where nothing smaller is asked for: a megabyte of small items.
const PAGE_MAX: usize = 1_000;

impl Dynamo {
    pub(super) fn batch_get(&self, request: &Value, luck: &mut dyn Luck) -> Result<Value, Refusal> {
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

    pub(super) fn query(&mut self, request: &Value, now: Instant, luck: &mut dyn Luck) -> Result<Value, Refusal> {
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

    pub(super) fn scan(&self, request: &Value, luck: &mut dyn Luck) -> Result<Value, Refusal> {
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
