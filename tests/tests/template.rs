//! The template agrees with the code and with the runbook: tables, variables, queues, metrics, alarms.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::{KeySchemaElement, TableDescription};
use domain::ledger::Outcome;
use laurel_tests::TestStack;
use laurel_tests::template::{Template, kebab, key_schema, names};
use yaml_rust2::Yaml;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn file(path: &str) -> String {
    std::fs::read_to_string(format!("{ROOT}/{path}")).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn schema(keys: &[KeySchemaElement]) -> BTreeMap<String, String> {
    keys.iter().map(|k| (k.attribute_name().to_owned(), k.key_type().as_str().to_owned())).collect()
}

fn text(value: &Yaml) -> String {
    value.as_str().map(str::to_owned).or_else(|| Some(value.as_i64()?.to_string())).unwrap_or_default()
}

/// The indexes of a table in the template: keys and projection by name.
fn indexes(table: &Yaml) -> BTreeMap<String, (BTreeMap<String, String>, String)> {
    let all = table["GlobalSecondaryIndexes"].as_vec().into_iter().flatten();
    let projection = |i: &Yaml| {
        let beside = i["Projection"]["NonKeyAttributes"].as_vec().into_iter().flatten().map(text);
        projected(text(&i["Projection"]["ProjectionType"]), beside.collect())
    };
    all.map(|i| (text(&i["IndexName"]), (key_schema(i), projection(i)))).collect()
}

/// A projection in one text: its type, and the attributes beside the keys.
fn projected(kind: String, beside: BTreeSet<String>) -> String {
    std::iter::once(kind).chain(beside).collect::<Vec<_>>().join(" ")
}

fn described_indexes(table: &TableDescription) -> BTreeMap<String, (BTreeMap<String, String>, String)> {
    let projection = |i: &aws_sdk_dynamodb::types::GlobalSecondaryIndexDescription| {
        let projection = i.projection().expect("a projection");
        let kind = projection.projection_type().map(|k| k.as_str().to_owned()).unwrap_or_default();
        projected(kind, projection.non_key_attributes().iter().cloned().collect())
    };
    let all = table.global_secondary_indexes().iter();
    all.map(|i| (i.index_name().unwrap_or_default().to_owned(), (schema(i.key_schema()), projection(i)))).collect()
}

#[tokio::test]
async fn the_tables_have_the_shape_of_the_embedded_ones() {
    let test = TestStack::start().await;
    let template = Template::read();
    for (resource, name) in [
        ("LedgerTable", local::LEDGER_TABLE),
        ("StateTable", local::STATE_TABLE),
        ("WaitingTable", local::WAITING_TABLE),
    ] {
        let table = template.resource(resource);
        let described = test.stack.clients.dynamodb().describe_table().table_name(name).send().await.expect("a table");
        let described = described.table.expect("a description");
        assert_eq!(key_schema(table), schema(described.key_schema()), "{resource}");
        assert_eq!(indexes(table), described_indexes(&described), "{resource}");
        let attributes = table["AttributeDefinitions"].as_vec().expect("attributes").iter();
        let attributes: BTreeSet<_> =
            attributes.map(|a| (text(&a["AttributeName"]), text(&a["AttributeType"]))).collect();
        let expected = described.attribute_definitions().iter();
        let expected: BTreeSet<_> =
            expected.map(|a| (a.attribute_name().to_owned(), a.attribute_type().as_str().to_owned())).collect();
        assert_eq!(attributes, expected, "{resource}");
        let stream = described.stream_specification().and_then(|s| s.stream_view_type().cloned());
        let stream = stream.map(|view| view.as_str().to_owned()).unwrap_or_default();
        assert_eq!(text(&table["StreamSpecification"]["StreamViewType"]), stream, "{resource}");
    }
    let expiry = &template.resource("StateTable")["TimeToLiveSpecification"];
    assert_eq!(text(&expiry["AttributeName"]), store::tables::keys::EXPIRES_AT);
    assert!(template.resource("LedgerTable")["TimeToLiveSpecification"].is_badvalue(), "nothing expires in the ledger");
}

/// Who takes events from senders reads the versions of programs, and nobody's account (I16).
#[test]
fn what_receives_events_reads_programs_only() {
    let template = Template::read();
    let policies = template.resource("ReceiveEventsRole")["Policies"].as_vec().expect("policies");
    let statements = policies.iter().flat_map(|p| p["PolicyDocument"]["Statement"].as_vec().into_iter().flatten());
    let reads: Vec<&Yaml> = statements.filter(|s| text(&s["Resource"]).contains(".state")).collect();
    let [read] = reads[..] else { panic!("one statement: {reads:?}") };
    let keys = read["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"].as_vec().expect("leading keys");
    let pattern = text(&keys[0]);
    assert_eq!(keys.len(), 1);
    let prefix = pattern.strip_suffix('*').expect("a prefix");
    let (program, partner) = ("p".try_into().expect("an id"), "q".try_into().expect("an id"));
    assert!(store::tables::keys::program("p").starts_with(prefix));
    assert!(!store::tables::keys::partner(&program, &partner).starts_with(prefix));
}

/// I9: whatever a role may do, nothing is taken out of the ledger or changed in it; and nothing is deleted but what waits.
#[test]
fn only_what_waits_is_deleted() {
    let template = Template::read();
    let statements = &template.resource("LedgerTable")["ResourcePolicy"]["PolicyDocument"]["Statement"];
    assert_eq!(statements.as_vec().map(Vec::len), Some(1));
    let statement = &statements[0];
    assert_eq!((text(&statement["Effect"]), text(&statement["Principal"])), ("Deny".to_owned(), "*".to_owned()));
    let actions: BTreeSet<String> = statement["Action"].as_vec().expect("actions").iter().map(text).collect();
    let all = ["UpdateItem", "DeleteItem", "BatchWriteItem", "PartiQLUpdate", "PartiQLDelete"];
    assert_eq!(actions, all.map(|action| format!("dynamodb:{action}")).into());
    let functions: Vec<&str> = template.resources("AWS::Serverless::Function").map(|(name, _)| name).collect();
    assert!(functions.len() >= 5, "{functions:?}");
    for name in functions.into_iter().map(|name| format!("{name}Role")) {
        let deletes = template.allowed(&name, "Code").into_iter().filter(|(action, _)| action == "dynamodb:DeleteItem");
        assert_eq!(deletes.map(|(_, on)| on).filter(|on| on != "waiting").collect::<Vec<_>>(), Vec::<String>::new());
    }
}

#[test]
fn every_variable_is_one_that_the_code_reads() {
    let template = Template::read();
    let settings = file("shared/worker/src/settings.rs")
        + &file("shared/worker/src/telemetry.rs")
        + &file("shared/web/src/auth.rs");
    let mut variables = template.global_variables();
    for (_, function) in template.resources("AWS::Serverless::Function") {
        variables.extend(names(&function["Environment"]["Variables"]));
    }
    for variable in variables {
        assert!(settings.contains(&format!("\"{variable}\"")), "no code reads {variable}");
    }
}

#[test]
fn every_queue_is_visible_long_enough_and_tried_five_times() {
    let template = Template::read();
    let timeouts: BTreeMap<String, (i64, i64)> = template
        .resources("AWS::Serverless::Function")
        .flat_map(|(_, f)| {
            let timeout = f["Timeout"].as_i64().expect("a time-out");
            let events: Vec<_> = f["Events"].as_hash().into_iter().flatten().map(|(_, e)| e.clone()).collect();
            events.into_iter().filter(|e| text(&e["Type"]) == "SQS").map(move |e| {
                assert_eq!(text(&e["Properties"]["FunctionResponseTypes"][0]), "ReportBatchItemFailures");
                (text(&e["Properties"]["Queue"]).replace(".Arn", ""), (timeout, 60))
            })
        })
        .collect();
    assert_eq!(timeouts.len(), 3);
    for (queue, (timeout, window_max)) in timeouts {
        let queue = template.resource(&queue);
        assert!(queue["VisibilityTimeout"].as_i64() >= Some(6 * timeout + window_max), "{queue:?}");
        assert!(queue["RedrivePolicy"]["maxReceiveCount"].as_i64() >= Some(5), "{queue:?}");
        let dead = text(&queue["RedrivePolicy"]["deadLetterTargetArn"]).replace(".Arn", "");
        let kept = |q: &Yaml| q["MessageRetentionPeriod"].as_i64();
        assert!(kept(template.resource(&dead)) > kept(queue), "dead letters are kept longer");
    }
}

/// Where metrics are counted, and by what: Laurel's own as the functions write them, the platform's as AWS documents them.
const METRICS: [(&str, &[&str]); 6] = [
    ("Laurel/${AWS::StackName}", &["service"]),
    ("AWS/SQS", &["QueueName"]),
    ("AWS/Lambda", &["FunctionName"]),
    ("AWS/ApiGateway", &["ApiId"]),
    ("AWS/DynamoDB", &["TableName"]),
    ("AWS/DynamoDB", &["TableName", "GlobalSecondaryIndexName"]),
];

#[test]
fn every_alarm_is_on_a_metric_that_is_counted_and_has_its_section() {
    let template = Template::read();
    let sections: BTreeSet<String> = file("infra/OPERATIONS.md")
        .lines()
        .filter_map(|l| l.trim_start_matches('#').strip_prefix(' ').filter(|_| l.starts_with('#')))
        .map(|title| title.to_lowercase().replace(' ', "-"))
        .collect();
    let mut alarms = 0;
    for (name, alarm) in template.resources("AWS::CloudWatch::Alarm") {
        let anchor = text(&alarm["AlarmDescription"]);
        let (_, anchor) = anchor.split_once('#').expect("a section");
        assert!(sections.contains(anchor), "{name}: OPERATIONS.md has no section {anchor}");
        let namespace = text(&alarm["Namespace"]);
        let dimensions: Vec<String> =
            alarm["Dimensions"].as_vec().into_iter().flatten().map(|dimension| text(&dimension["Name"])).collect();
        // A metric is nobody's under other dimensions than those that it is counted with, and its alarm is silent for ever.
        let known = METRICS.iter().any(|(of, by)| *of == namespace && dimensions == *by);
        assert!(known, "{name}: nothing is counted in {namespace} by {dimensions:?}");
        if namespace.starts_with("Laurel/") {
            let (metric, service) = (text(&alarm["MetricName"]), text(&alarm["Dimensions"][0]["Value"]));
            assert!(counts(&service, &metric), "{name}: {service} counts no {metric}");
        }
        for tells in ["AlarmActions", "OKActions"] {
            let whom: Vec<String> = alarm[tells].as_vec().into_iter().flatten().map(text).collect();
            assert_eq!(whom, ["AlarmTopic"], "{name}: {tells}");
        }
        alarms += 1;
    }
    assert!(alarms > 20, "{alarms}");
}

#[test]
fn the_dashboard_shows_what_is_counted() {
    let template = Template::read();
    let body = text(&template.resource("Dashboard")["DashboardBody"]);
    let dashboard: serde_json::Value = serde_json::from_str(&body).expect("the dashboard is JSON");
    let mut shown = 0;
    for widget in dashboard["widgets"].as_array().expect("widgets") {
        // In a dashboard `.` stands for what the line before says in that place.
        let (mut before, empty) = (Vec::new(), Vec::new());
        for metric in widget["properties"]["metrics"].as_array().unwrap_or(&empty) {
            let said = metric.as_array().expect("a metric").iter().filter_map(|v| v.as_str());
            let line: Vec<String> = said
                .enumerate()
                .map(|(at, v)| if v == "." { before.get(at).cloned().unwrap_or_default() } else { v.to_owned() })
                .collect();
            if line[0].starts_with("Laurel/") {
                assert!(counts(&line[3], &line[1]), "{} counts no {}", line[3], line[1]);
                shown += 1;
            }
            before = line;
        }
    }
    assert_eq!(shown, 15, "ten outcomes of events and five of redemptions");
}

/// Whether a function counts a metric: an outcome of events, or a name in its source.
fn counts(service: &str, metric: &str) -> bool {
    if service == "award-points" && Outcome::ALL.iter().any(|outcome| outcome.word() == metric) {
        return true;
    }
    let folder = std::fs::read_dir(format!("{ROOT}/functions/{service}/src")).expect("the function's folder");
    let sources = folder.flatten().map(|f| std::fs::read_to_string(f.path()).expect("a source"));
    let named = format!("\"{metric}\"");
    // A redemption's step counts under the name of its event.
    let steps = ["redemption.ordering", "redemption.fulfilled", "redemption.released"];
    let step = service == "fulfil-redemptions" && steps.contains(&metric);
    step || sources.into_iter().any(|source| source.contains(&named))
}

#[test]
fn every_function_is_in_the_template_and_in_no_other_way() {
    let template = Template::read();
    let deployed: BTreeSet<String> =
        template.resources("AWS::Serverless::Function").map(|(name, _)| kebab(name)).collect();
    let folders = std::fs::read_dir(format!("{ROOT}/functions")).expect("functions");
    let there: BTreeSet<String> = folders.flatten().map(|f| f.file_name().to_string_lossy().into_owned()).collect();
    assert_eq!(deployed, there);
    for (name, function) in template.resources("AWS::Serverless::Function") {
        assert_eq!(text(&function["CodeUri"]), format!("../target/lambda/{}/", kebab(name)));
    }
}

/// Method and path of every route, the scope that it asks for, and the function that takes it.
#[test]
fn the_gateway_has_the_routes_of_the_functions() {
    let template = Template::read();
    let mut routes = BTreeSet::new();
    for (name, route) in template.resources("AWS::ApiGatewayV2::Route") {
        assert_eq!(text(&route["AuthorizationType"]), "JWT", "{name}");
        let target = text(&route["Target"]);
        let integration = target.trim_start_matches("integrations/${").trim_end_matches('}');
        let function = text(&template.resource(integration)["IntegrationUri"]).replace(".Arn", "");
        let scopes: Vec<String> = route["AuthorizationScopes"].as_vec().into_iter().flatten().map(text).collect();
        let [scope] = &scopes[..] else { panic!("{name}: one scope, and not {scopes:?}") };
        let scope = scope.strip_prefix("${ScopePrefix}").unwrap_or(scope);
        routes.insert(format!("{} {} {scope}", text(&route["RouteKey"]), kebab(&function)));
    }
    let mut own = BTreeSet::new();
    for (function, _) in template.resources("AWS::Serverless::Function").map(|(name, f)| (kebab(name), f)) {
        let source = file(&format!("functions/{function}/src/lib.rs"));
        for line in source.split(".route(\"").skip(1) {
            let (path, methods) = line.split_once("\", ").expect("a path and its methods");
            let (method, handler) = methods.split_once('(').expect("a method");
            let handler = handler.split(')').next().expect("a handler");
            own.insert(format!("{} {path} {function} {}", method.to_uppercase(), scope_of(&function, handler)));
        }
    }
    assert!(own.len() > 10, "{own:?}");
    assert_eq!(routes, own, "left: the template; right: what the functions take and ask for");
    let readme = file("README.md");
    for route in own {
        let path = route.split(' ').nth(1).unwrap_or_default();
        let last = path.split('/').rfind(|part| !part.starts_with('{')).unwrap_or_default();
        assert!(readme.contains(&format!("/{last}")), "the README does not tell of {route}");
    }
}

/// The scope that a handler, as `events::list`, asks its caller for.
fn scope_of(function: &str, handler: &str) -> String {
    let (module, name) = handler.split_once("::").expect("a handler in a module");
    let source = file(&format!("functions/{function}/src/{module}.rs"));
    let start = source.find(&format!("async fn {name}(")).unwrap_or_else(|| panic!("{function}: no {handler}"));
    let body = &source[start..];
    let body = &body[..body.find("\n}\n").expect("its end")];
    let scopes: BTreeSet<String> = body
        .split("Scope::")
        .skip(1)
        .map(|rest| rest.chars().take_while(char::is_ascii_alphanumeric).collect::<String>().to_lowercase())
        .collect();
    assert_eq!(scopes.len(), 1, "{function}: {handler} asks for one scope, and not {scopes:?}");
    scopes.into_iter().next().unwrap_or_default()
}
