//! The embedded engine and the simulated table answer alike, case by case. What the embedded engine never does, as it writes one
//! transaction after the other, is tried on the simulated table alone, as AWS's documents have it.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::table::{Dynamo, Luck};

/// Indexes follow at once, pages are full.
struct Even;

impl Luck for Even {
    fn lag(&mut self) -> Duration {
        Duration::ZERO
    }

    fn page(&mut self, most: usize) -> usize {
        most
    }
}

fn table() -> Value {
    let key = |hash: &str, range: &str| json!([{ "AttributeName": hash, "KeyType": "HASH" }, { "AttributeName": range, "KeyType": "RANGE" }]);
    let text = |name: &str| json!({ "AttributeName": name, "AttributeType": "S" });
    json!({
        "TableName": "things", "BillingMode": "PAY_PER_REQUEST", "KeySchema": key("pk", "sk"),
        "AttributeDefinitions": [text("pk"), text("sk"), text("w"), { "AttributeName": "n", "AttributeType": "N" }],
        "GlobalSecondaryIndexes": [
            { "IndexName": "all", "KeySchema": key("w", "n"), "Projection": { "ProjectionType": "ALL" } },
            { "IndexName": "keys", "KeySchema": key("w", "n"), "Projection": { "ProjectionType": "KEYS_ONLY" } },
            { "IndexName": "some", "KeySchema": key("w", "n"), "Projection": { "ProjectionType": "INCLUDE", "NonKeyAttributes": ["a"] } },
        ],
    })
}

fn item(pk: &str, sk: &str, more: Value) -> Value {
    let mut item = json!({ "pk": { "S": pk }, "sk": { "S": sk } });
    for (name, value) in more.as_object().into_iter().flatten() {
        item[name] = value.clone();
    }
    item
}

fn put(of: Value) -> Value {
    json!({ "TableName": "things", "Item": of })
}

fn with(mut request: Value, more: Value) -> Value {
    for (name, value) in more.as_object().into_iter().flatten() {
        request[name] = value.clone();
    }
    request
}

fn of_key(pk: &str, sk: &str) -> Value {
    json!({ "TableName": "things", "Key": item(pk, sk, json!({})) })
}

fn query(condition: &str, values: Value) -> Value {
    json!({ "TableName": "things", "KeyConditionExpression": condition, "ExpressionAttributeValues": values })
}

fn transaction(actions: Vec<Value>) -> Value {
    json!({ "TransactItems": actions })
}

/// Every case in turn, on the state that those before it leave.
fn cases() -> Vec<(&'static str, &'static str, Value)> {
    let s = |text: &str| json!({ "S": text });
    let n = |number: i64| json!({ "N": number.to_string() });
    let is = json!({ "ConditionExpression": "attribute_not_exists(pk)" });
    let shows = json!({ "ReturnValuesOnConditionCheckFailure": "ALL_OLD" });
    let version = |at: i64| json!({ "ConditionExpression": "#v = :v", "ExpressionAttributeNames": { "#v": "version" }, "ExpressionAttributeValues": { ":v": { "N": at.to_string() } } });
    let mut all = vec![
        ("a new item", "PutItem", with(put(item("a", "1", json!({ "version": n(1), "a": s("x") }))), is.clone())),
        (
            "an item that is there, on condition that it is not",
            "PutItem",
            with(put(item("a", "1", json!({}))), is.clone()),
        ),
        (
            "the same, and it comes back",
            "PutItem",
            with(with(put(item("a", "1", json!({}))), is.clone()), shows.clone()),
        ),
        ("an item by its key", "GetItem", with(of_key("a", "1"), json!({ "ConsistentRead": true }))),
        ("an item that is not there", "GetItem", of_key("a", "2")),
        ("an empty key", "PutItem", put(item("", "1", json!({})))),
        ("a key of another type", "PutItem", put(json!({ "pk": n(1), "sk": s("1") }))),
        ("no sort key", "PutItem", put(json!({ "pk": s("a") }))),
        ("a sort key of 1,024 bytes", "PutItem", put(item("long", &"x".repeat(1_024), json!({})))),
        ("a sort key of 1,025 bytes", "PutItem", put(item("long", &"x".repeat(1_025), json!({})))),
        ("a partition key of 2,049 bytes", "PutItem", put(item(&"x".repeat(2_049), "1", json!({})))),
        ("an item of more than 400 KB", "PutItem", put(item("a", "big", json!({ "a": s(&"x".repeat(410_000)) })))),
        ("an empty text beside the key", "PutItem", put(item("a", "empty", json!({ "a": s("") })))),
        ("an index key of another type", "PutItem", put(item("a", "9", json!({ "w": n(1), "n": n(1) })))),
        ("an empty index key", "PutItem", put(item("a", "9", json!({ "w": s(""), "n": n(1) })))),
        ("no such table", "GetItem", json!({ "TableName": "other", "Key": item("a", "1", json!({})) })),
        ("a version that holds", "PutItem", with(put(item("a", "1", json!({ "version": n(2) }))), version(1))),
        ("a version that does not", "PutItem", with(put(item("a", "1", json!({ "version": n(3) }))), version(1))),
        ("a version of what is not there", "PutItem", with(put(item("a", "none", json!({}))), version(1))),
        (
            "one of two conditions",
            "PutItem",
            with(
                put(item("a", "1", json!({ "version": n(2), "body": s("b") }))),
                json!({
            "ConditionExpression": "attribute_not_exists(pk) OR version = :v", "ExpressionAttributeValues": { ":v": n(2) } }),
            ),
        ),
        (
            "not",
            "PutItem",
            with(
                put(item("a", "1", json!({ "version": n(2), "body": s("b") }))),
                json!({
            "ConditionExpression": "NOT (attribute_exists(body) AND version >= :v)", "ExpressionAttributeValues": { ":v": n(2) } }),
            ),
        ),
        (
            "numbers compare as numbers",
            "PutItem",
            with(
                put(item("a", "1", json!({ "version": n(10), "body": s("b") }))),
                json!({
            "ConditionExpression": "version < :v", "ExpressionAttributeValues": { ":v": n(10) } }),
            ),
        ),
        (
            "a value that is not defined",
            "PutItem",
            with(put(item("a", "1", json!({}))), json!({ "ConditionExpression": "version < :v" })),
        ),
        (
            "sums begin at nothing",
            "UpdateItem",
            with(
                of_key("r", "stock"),
                json!({
            "UpdateExpression": "ADD loaded :n, #f :n", "ExpressionAttributeNames": { "#f": "free" }, "ExpressionAttributeValues": { ":n": n(5) } }),
            ),
        ),
        (
            "sums go on, on condition",
            "UpdateItem",
            with(
                of_key("r", "stock"),
                json!({
            "UpdateExpression": "ADD #f :d", "ConditionExpression": "#f >= :need", "ExpressionAttributeNames": { "#f": "free" },
            "ExpressionAttributeValues": { ":d": n(-4), ":need": n(4) } }),
            ),
        ),
        (
            "and not below",
            "UpdateItem",
            with(
                of_key("r", "stock"),
                json!({
            "UpdateExpression": "ADD #f :d", "ConditionExpression": "#f >= :need", "ExpressionAttributeNames": { "#f": "free" },
            "ExpressionAttributeValues": { ":d": n(-4), ":need": n(4) } }),
            ),
        ),
        ("what the sums are", "GetItem", of_key("r", "stock")),
        (
            "a value is set, earlier only",
            "UpdateItem",
            with(
                of_key("a", "1"),
                json!({
            "UpdateExpression": "SET due_on = :on", "ConditionExpression": "version = :v", "ExpressionAttributeValues": { ":on": s("2026-03-14"), ":v": n(10) } }),
            ),
        ),
        ("what is set", "GetItem", of_key("a", "1")),
        ("what is not there is deleted", "DeleteItem", of_key("a", "none")),
        (
            "a deletion on condition",
            "DeleteItem",
            with(
                of_key("a", "1"),
                json!({
            "ConditionExpression": "body = :b", "ExpressionAttributeValues": { ":b": s("other") } }),
            ),
        ),
    ];
    for at in 1..=7 {
        let more = json!({ "w": s("p"), "n": n(at), "a": s("shown"), "b": s("hidden") });
        all.push(("items of an index", "PutItem", put(item("h", &format!("record#{at}"), more))));
    }
    all.push(("an item outside the index", "PutItem", put(item("h", "other", json!({ "w": s("p") })))));
    all.extend([
        ("a partition", "Query", query("pk = :p", json!({ ":p": s("h") }))),
        ("a family", "Query", query("pk = :p AND begins_with(sk, :f)", json!({ ":p": s("h"), ":f": s("record#") }))),
        ("below a sort key, backwards", "Query", with(query("pk = :p AND sk < :l", json!({ ":p": s("h"), ":l": s("record#5") })), json!({ "ScanIndexForward": false, "Limit": 2 }))),
        ("the page after", "Query", with(query("pk = :p AND sk < :l", json!({ ":p": s("h"), ":l": s("record#5") })), json!({
            "ScanIndexForward": false, "Limit": 2, "ExclusiveStartKey": item("h", "record#3", json!({})) }))),
        ("a page that is full and the last", "Query", with(query("pk = :p", json!({ ":p": s("h") })), json!({ "Limit": 8 }))),
        ("a partition that is not there", "Query", query("pk = :p", json!({ ":p": s("nobody") }))),
        ("no partition", "Query", query("sk = :p", json!({ ":p": s("nobody") }))),
        ("a history, backwards", "Query", with(query("w = :w AND n < :b", json!({ ":w": s("p"), ":b": n(7) })), json!({ "IndexName": "all", "ScanIndexForward": false, "Limit": 2 }))),
        ("its next page", "Query", with(query("w = :w AND n < :b", json!({ ":w": s("p"), ":b": n(7) })), json!({
            "IndexName": "all", "ScanIndexForward": false, "Limit": 2, "ExclusiveStartKey": item("h", "record#5", json!({ "w": s("p"), "n": n(5) })) }))),
        ("keys only", "Query", with(query("w = :w", json!({ ":w": s("p") })), json!({ "IndexName": "keys", "Limit": 1 }))),
        ("some attributes", "Query", with(query("w = :w", json!({ ":w": s("p") })), json!({ "IndexName": "some", "Limit": 1 }))),
        ("no such index", "Query", with(query("w = :w", json!({ ":w": s("p") })), json!({ "IndexName": "none" }))),
        ("a query of an index, strongly consistent", "Query", with(query("w = :w", json!({ ":w": s("p") })), json!({ "IndexName": "all", "ConsistentRead": true }))),
        ("keys at once", "BatchGetItem", json!({ "RequestItems": { "things": { "Keys": [item("h", "record#1", json!({})), item("h", "none", json!({}))], "ConsistentRead": true } } })),
        ("a key twice", "BatchGetItem", json!({ "RequestItems": { "things": { "Keys": [item("h", "other", json!({})), item("h", "other", json!({}))] } } })),
        ("101 keys", "BatchGetItem", json!({ "RequestItems": { "things": { "Keys": (0..101).map(|at| item("h", &at.to_string(), json!({}))).collect::<Vec<_>>() } } })),
        ("a transaction", "TransactWriteItems", transaction(vec![
            json!({ "Put": with(put(item("x", "1", json!({ "version": n(1) }))), is.clone()) }),
            json!({ "ConditionCheck": with(of_key("h", "other"), json!({ "ConditionExpression": "attribute_exists(pk)" })) }),
            json!({ "Update": with(of_key("r", "stock"), json!({ "UpdateExpression": "ADD loaded :n", "ExpressionAttributeValues": { ":n": n(1) } })) }),
            json!({ "Delete": of_key("a", "empty") }),
        ])),
        ("all or nothing", "TransactWriteItems", transaction(vec![
            json!({ "Put": with(with(put(item("x", "1", json!({}))), is.clone()), shows.clone()) }),
            json!({ "Put": put(item("x", "2", json!({}))) }),
            json!({ "ConditionCheck": with(of_key("x", "3"), json!({ "ConditionExpression": "attribute_exists(pk)" })) }),
        ])),
        ("nothing of it", "GetItem", of_key("x", "2")),
        ("one item twice", "TransactWriteItems", transaction(vec![json!({ "Put": put(item("x", "4", json!({}))) }), json!({ "Delete": of_key("x", "4") })])),
        ("101 actions", "TransactWriteItems", transaction((0..101).map(|at| json!({ "Put": put(item("y", &at.to_string(), json!({}))) })).collect())),
        ("no actions", "TransactWriteItems", transaction(vec![])),
        ("a scan with a filter", "Scan", json!({ "TableName": "things", "FilterExpression": "sk = :h", "ProjectionExpression": "pk", "ExpressionAttributeValues": { ":h": s("other") } })),
    ]);
    all
}

/// What of an answer is compared.
fn told(status: u16, mut body: Value) -> Value {
    if status == 200 {
        for name in ["ConsumedCapacity", "ItemCollectionMetrics", "Attributes"] {
            body.as_object_mut().map(|members| members.remove(name));
        }
        // A full last page may or may not say so; ours does, as a page that is full says where the next one starts.
        return body;
    }
    let code = body["__type"].as_str().unwrap_or_default().rsplit('#').next().unwrap_or_default().to_owned();
    let reasons = body["CancellationReasons"].as_array().cloned().unwrap_or_default();
    let reasons: Vec<Value> = reasons.iter().map(|reason| json!([reason["Code"], reason["Item"]])).collect();
    json!({ "code": code, "item": body["Item"], "reasons": reasons })
}

fn simulated(table: &mut Dynamo, operation: &str, request: &Value) -> Value {
    let now = ambient::Clock::system().instant();
    let done = match operation {
        "TransactWriteItems" => match table.take_up(request) {
            Ok(Some(held)) => table.finish(request, &held, now, &mut Even),
            Ok(None) => Ok((json!({}), vec![])),
            Err(refusal) => Err(refusal),
        },
        _ => table.answer(operation, request, now, &mut Even),
    };
    match done {
        Ok((body, _)) => told(200, body),
        Err(refusal) => told(refusal.status, with(refusal.more, json!({ "__type": refusal.code }))),
    }
}

#[tokio::test]
async fn the_embedded_engine_and_the_simulated_table_agree() {
    let db = dynoxide::Database::memory().expect("an engine");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        dynoxide::server::serve_with_shutdown(listener, db, std::future::pending()).await.expect("served");
    });
    let http = reqwest::Client::new();
    let embedded = async |operation: &str, request: &Value| {
        let ask = http.post(&address).header("x-amz-target", format!("DynamoDB_20120810.{operation}"));
        let ask = ask.header("content-type", "application/x-amz-json-1.0").header("authorization", "AWS4-HMAC-SHA256 Credential=local/20260314/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0").header("x-amz-date", "20260314T000000Z");
        let reply = ask.body(request.to_string()).send().await.expect("an answer");
        let status = reply.status().as_u16();
        told(status, reply.json().await.expect("JSON"))
    };
    let mut table = Dynamo::default();
    assert_eq!(simulated(&mut table, "CreateTable", &self::table())["TableDescription"]["TableStatus"], "ACTIVE");
    let made = embedded("CreateTable", &self::table()).await;
    assert_eq!(made["TableDescription"]["TableName"], "things", "{made}");
    let mut apart = Vec::new();
    for (case, operation, request) in cases() {
        let (ours, theirs) = (simulated(&mut table, operation, &request), embedded(operation, &request).await);
        if ours != theirs {
            apart.push(format!("{case}:\n  simulated {ours}\n  embedded  {theirs}"));
        }
    }
    assert!(apart.is_empty(), "{}", apart.join("\n"));
}

/// "Multiple TransactWriteItems calls with the same client token have the same effect as one" (as above, idempotency).
#[test]
fn a_transaction_is_written_once_under_its_token() {
    let mut table = Dynamo::default();
    simulated(&mut table, "CreateTable", &self::table());
    let add = |n: &str| {
        with(
            transaction(vec![
                json!({ "Update": with(of_key("r", "stock"), json!({ "UpdateExpression": "ADD loaded :n", "ExpressionAttributeValues": { ":n": { "N": n } } })) }),
            ]),
            json!({ "ClientRequestToken": "one" }),
        )
    };
    assert_eq!(simulated(&mut table, "TransactWriteItems", &add("5")), json!({}));
    assert_eq!(simulated(&mut table, "TransactWriteItems", &add("5")), json!({}));
    assert_eq!(simulated(&mut table, "TransactWriteItems", &add("6"))["code"], "IdempotentParameterMismatchException");
    assert_eq!(simulated(&mut table, "GetItem", &of_key("r", "stock"))["Item"]["loaded"], json!({ "N": "5" }));
}

/// "A transactional request is rejected if ... there is an ongoing `TransactWriteItems` operation that conflicts with a concurrent
/// `TransactWriteItems` request" (Amazon DynamoDB Transactions: How it works, transaction conflict handling).
#[test]
fn whoever_writes_what_a_transaction_holds_is_in_conflict() {
    let mut table = Dynamo::default();
    simulated(&mut table, "CreateTable", &self::table());
    let first = transaction(vec![
        json!({ "Put": put(item("x", "1", json!({}))) }),
        json!({ "Put": put(item("x", "2", json!({}))) }),
    ]);
    let held = table.take_up(&first).expect("sound").expect("new");
    let other = transaction(vec![
        json!({ "Put": put(item("x", "2", json!({}))) }),
        json!({ "Put": put(item("x", "3", json!({}))) }),
    ]);
    let conflict = simulated(&mut table, "TransactWriteItems", &other);
    assert_eq!(conflict["reasons"], json!([["TransactionConflict", null], ["None", null]]));
    assert_eq!(
        simulated(&mut table, "PutItem", &put(item("x", "1", json!({}))))["code"],
        "TransactionConflictException"
    );
    assert_eq!(simulated(&mut table, "GetItem", &of_key("x", "1")), json!({}));
    table.finish(&first, &held, ambient::Clock::system().instant(), &mut Even).expect("written");
    assert_eq!(simulated(&mut table, "TransactWriteItems", &other), json!({}));
}
