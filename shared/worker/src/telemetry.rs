//! Logs and metrics, as lines of JSON on standard output. No body, token or card code ever reaches either (I17).
//!
//! A log line has the keys that the AWS Powertools use (`level`, `message`, `timestamp`, `service`, `cold_start`,
//! `function_request_id`, `xray_trace_id`, and `correlation_id` where one event or redemption is meant), so that one query
//! finds it beside other services' lines. A metric is a line in CloudWatch's embedded metric format.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::OnceLock;

use ambient::Clock;
use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

/// The target of events that are metrics.
const METRICS: &str = "metrics";
/// Names under which the Lambda runtime's span has what the Powertools call otherwise.
const RENAMED: [(&str, &str); 2] = [("requestId", "function_request_id"), ("xrayTraceId", "xray_trace_id")];

/// Starts the logs of a function, at the level of `RUST_LOG` or `info`. Metrics and the runtime's span, which carries the
/// request id, are there at every level.
pub fn start_logs(service: &'static str, clock: Clock) {
    let asked = std::env::var("RUST_LOG").unwrap_or_default();
    let level: Targets = asked.parse().unwrap_or_else(|_| Targets::new().with_default(tracing::Level::INFO));
    let level = if asked.is_empty() { Targets::new().with_default(tracing::Level::INFO) } else { level };
    let level = level.with_target(METRICS, tracing::Level::INFO).with_target("lambda_runtime", tracing::Level::INFO);
    let namespace = std::env::var("METRICS_NAMESPACE").unwrap_or_else(|_| "Laurel".to_owned());
    let lines = tracing_subscriber::fmt::layer().fmt_fields(JsonFields::new()).event_format(Lines {
        service,
        namespace,
        first: OnceLock::new(),
        clock,
    });
    if tracing_subscriber::registry().with(level).with(lines).try_init().is_err() {
        tracing::debug!("logs were started before");
    }
}

/// Counts by name, as one metric each, with the function as the only dimension.
pub fn count(counts: &BTreeMap<&str, u64>) {
    let counts = json!(counts);
    tracing::info!(target: METRICS, %counts);
}

/// Writes events as lines of JSON.
struct Lines {
    service: &'static str,
    namespace: String,
    /// The request of the first invocation, whose lines say that they were a cold start.
    first: OnceLock<String>,
    clock: Clock,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut members = Members::default();
        for span in ctx.event_scope().into_iter().flat_map(|scope| scope.from_root()) {
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<N>>();
            if let Some(Value::Object(fields)) = fields.and_then(|f| serde_json::from_str(&f.fields).ok()) {
                fields.into_iter().for_each(|(name, value)| members.insert(&name, value));
            }
        }
        event.record(&mut members);
        let line = self.line(event.metadata(), members.0, self.clock.now());
        writeln!(writer, "{}", Value::Object(line))
    }
}

impl Lines {
    fn line(
        &self,
        about: &tracing::Metadata<'_>,
        mut line: Map<String, Value>,
        now: jiff::Timestamp,
    ) -> Map<String, Value> {
        line.insert("service".to_owned(), self.service.into());
        if let Some(request) = line.get("function_request_id").and_then(Value::as_str) {
            let cold = self.first.get_or_init(|| request.to_owned()) == request;
            line.insert("cold_start".to_owned(), cold.into());
        }
        if about.target() == METRICS {
            return self.embedded(line, now);
        }
        line.insert("level".to_owned(), about.level().as_str().into());
        line.insert("timestamp".to_owned(), format!("{now:.3}").into());
        line
    }

    /// A line of CloudWatch's embedded metric format.
    fn embedded(&self, mut line: Map<String, Value>, now: jiff::Timestamp) -> Map<String, Value> {
        let counts = line.remove("counts").and_then(|c| serde_json::from_str::<Map<String, Value>>(c.as_str()?).ok());
        let counts = counts.unwrap_or_default();
        let metrics: Vec<Value> = counts.keys().map(|name| json!({ "Name": name, "Unit": "Count" })).collect();
        let directive = json!({ "Namespace": self.namespace, "Dimensions": [["service"]], "Metrics": metrics });
        line.insert("_aws".to_owned(), json!({ "Timestamp": now.as_millisecond(), "CloudWatchMetrics": [directive] }));
        line.extend(counts);
        line
    }
}

/// The members of a line.
#[derive(Default)]
struct Members(Map<String, Value>);

impl Members {
    fn insert(&mut self, name: &str, value: Value) {
        let name = RENAMED.iter().find(|(from, _)| *from == name).map_or(name, |(_, to)| to);
        let value = match (name, value.as_str()) {
            ("xray_trace_id", Some(header)) => trace_root(header).into(),
            _ => value,
        };
        self.0.insert(name.to_owned(), value);
    }
}

/// The trace's own id: the `Root` of the header `Root=...;Parent=...;Sampled=...`.
fn trace_root(header: &str) -> &str {
    header.split(';').find_map(|part| part.strip_prefix("Root=")).unwrap_or(header)
}

impl Visit for Members {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.insert(field.name(), format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field.name(), value.into());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Out(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Out {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("lock").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// The lines that `what` logs.
    fn lines(what: impl FnOnce()) -> Vec<Value> {
        let out = Out::default();
        let sink = out.clone();
        let format = Lines {
            service: "award-points",
            namespace: "Laurel/test".to_owned(),
            first: OnceLock::new(),
            clock: Clock::system(),
        };
        let layer = tracing_subscriber::fmt::layer()
            .fmt_fields(JsonFields::new())
            .event_format(format)
            .with_writer(move || sink.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), what);
        let bytes = out.0.lock().expect("lock").clone();
        String::from_utf8(bytes).expect("text").lines().map(|l| serde_json::from_str(l).expect("JSON")).collect()
    }

    fn invocation(request: &str) -> tracing::Span {
        let trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
        tracing::info_span!("Lambda runtime invoke", requestId = request, xrayTraceId = trace)
    }

    #[test]
    fn a_line_has_the_keys_of_the_powertools() {
        let lines = lines(|| {
            invocation("first").in_scope(|| tracing::warn!(correlation_id = "p:/crm:1", points = 5, "judged"));
            invocation("second").in_scope(|| tracing::info!("again"));
        });
        let mut line = lines[0].clone();
        let stamp = line.as_object_mut().and_then(|l| l.remove("timestamp")).expect("timestamp");
        assert!(stamp.as_str().is_some_and(|t| t.parse::<jiff::Timestamp>().is_ok() && t.len() == 24), "{stamp}");
        let expected = json!({
            "level": "WARN", "message": "judged", "service": "award-points", "cold_start": true,
            "function_request_id": "first", "xray_trace_id": "1-5759e988-bd862e3fe1be46a994272793",
            "correlation_id": "p:/crm:1", "points": 5,
        });
        assert_eq!(line, expected);
        assert_eq!(lines[1]["cold_start"], false);
    }

    #[test]
    fn a_metric_is_in_the_embedded_format() {
        let lines = lines(|| count(&BTreeMap::from([("awarded", 3), ("conflict", 0)])));
        let metrics = json!([{ "Name": "awarded", "Unit": "Count" }, { "Name": "conflict", "Unit": "Count" }]);
        let directive = json!([{ "Namespace": "Laurel/test", "Dimensions": [["service"]], "Metrics": metrics }]);
        assert_eq!(lines[0]["_aws"]["CloudWatchMetrics"], directive);
        assert!(lines[0]["_aws"]["Timestamp"].as_i64() > Some(1_700_000_000_000));
        let values = [&lines[0]["service"], &lines[0]["awarded"], &lines[0]["conflict"]];
        assert_eq!(values, [&json!("award-points"), &json!(3), &json!(0)]);
    }
}
