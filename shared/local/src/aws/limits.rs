//! What SQS refuses and the queue engine lets pass: values out of their range, ids of batch entries, characters of a body. In SQS's
//! own words and codes, so that a sender meets here what it would meet there.

use rustack_sqs_model::operations::SqsOperation;
use serde_json::{Value, json};

/// Most bytes of all bodies of a batch together.
const BATCH_BYTES_MAX: usize = 1_048_576;
/// Most entries of a batch.
const ENTRIES_MAX: usize = 10;
/// Most characters of a batch entry's id.
const ENTRY_ID_MAX: usize = 80;

/// A request that SQS refuses.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The code, as in `InvalidParameterValue`.
    pub(super) code: &'static str,
    /// Why.
    pub(super) message: String,
}

impl Refusal {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The answer's body.
    pub(super) fn body(&self) -> Value {
        json!({ "__type": format!("com.amazonaws.sqs#{}", self.code), "message": self.message })
    }

    /// What stands in the header `x-amzn-query-error`, for clients that still go by the older codes.
    pub(super) fn query_error(&self) -> String {
        let older = if self.code.contains("Batch") { "AWS.SimpleQueueService." } else { "" };
        format!("{older}{};Sender", self.code)
    }
}

/// Looks at a request before the engine does. Entries of a batch that are refused alone are taken out of it, and returned as they
/// stand in the answer's `Failed`.
///
/// # Errors
/// A [`Refusal`] of the whole request.
pub(super) fn check(operation: SqsOperation, request: &mut Value) -> Result<Vec<Value>, Refusal> {
    match operation {
        SqsOperation::SendMessage => message(request).map(|()| Vec::new()),
        SqsOperation::ReceiveMessage => {
            let most = "Must be between 1 and 10, if provided.";
            within(request, "MaxNumberOfMessages", 1, 10, most)?;
            within(request, "WaitTimeSeconds", 0, 20, "Must be >= 0 and <= 20, if provided.")?;
            visibility(request).map(|()| Vec::new())
        }
        SqsOperation::ChangeMessageVisibility => visibility(request).map(|()| Vec::new()),
        SqsOperation::SendMessageBatch => {
            entry_ids(request)?;
            let bytes: usize = entries(request).filter_map(|entry| Some(entry["MessageBody"].as_str()?.len())).sum();
            if bytes > BATCH_BYTES_MAX {
                let message = format!(
                    "Batch requests cannot be longer than {BATCH_BYTES_MAX} bytes. You have sent {bytes} bytes."
                );
                return Err(Refusal::new("BatchRequestTooLong", message));
            }
            Ok(take_out(request, message))
        }
        SqsOperation::ChangeMessageVisibilityBatch => {
            entry_ids(request)?;
            Ok(take_out(request, visibility))
        }
        SqsOperation::DeleteMessageBatch => entry_ids(request).map(|()| Vec::new()),
        _ => Ok(Vec::new()),
    }
}

fn entries(request: &Value) -> impl Iterator<Item = &Value> {
    request["Entries"].as_array().into_iter().flatten()
}

fn entry_ids(request: &Value) -> Result<(), Refusal> {
    let is_id = |id: &str| {
        (1..=ENTRY_ID_MAX).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    if entries(request).all(|entry| entry["Id"].as_str().is_some_and(is_id)) {
        return Ok(());
    }
    let message = "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.";
    Err(Refusal::new("InvalidBatchEntryId", message))
}

/// Takes out the entries that `check` refuses.
fn take_out(request: &mut Value, check: impl Fn(&Value) -> Result<(), Refusal>) -> Vec<Value> {
    let Some(entries) = request["Entries"].as_array_mut() else { return Vec::new() };
    // Too many, or two of one id: the engine refuses it whole.
    let ids: std::collections::BTreeSet<&str> = entries.iter().filter_map(|entry| entry["Id"].as_str()).collect();
    if entries.len() > ENTRIES_MAX || ids.len() < entries.len() {
        return Vec::new();
    }
    let mut failed = Vec::new();
    entries.retain(|entry| match check(entry) {
        Ok(()) => true,
        Err(Refusal { code, message }) => {
            failed.push(json!({ "Id": entry["Id"], "SenderFault": true, "Code": code, "Message": message }));
            false
        }
    });
    failed
}

fn message(message: &Value) -> Result<(), Refusal> {
    within(message, "DelaySeconds", 0, 900, "DelaySeconds must be >= 0 and <= 900.")?;
    let body = message["MessageBody"].as_str().unwrap_or_default();
    let may_be = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
    match body.chars().find(|c| !may_be(*c)) {
        None => Ok(()),
        Some(c) => {
            let message = format!(
                "Invalid binary character '#x{:X}' was found in the message body, the set of allowed characters is \
                 #x9 | #xA | #xD | [#x20 to #xD7FF] | [#xE000 to #xFFFD] | [#x10000 to #x10FFFF]",
                u32::from(c)
            );
            Err(Refusal::new("InvalidMessageContents", message))
        }
    }
}

fn visibility(request: &Value) -> Result<(), Refusal> {
    within(request, "VisibilityTimeout", 0, 43_200, "Must be between 0 and 43200, if provided.")
}

fn within(request: &Value, name: &str, least: i64, most: i64, reason: &str) -> Result<(), Refusal> {
    match request.get(name).and_then(Value::as_i64) {
        Some(value) if !(least..=most).contains(&value) => {
            let message = format!("Value {value} for parameter {name} is invalid. Reason: {reason}");
            Err(Refusal::new("InvalidParameterValue", message))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(operation: SqsOperation, mut request: Value) -> &'static str {
        check(operation, &mut request).map_or_else(|refusal| refusal.code, |_| "taken")
    }

    #[test]
    fn e6_what_sqs_refuses_is_refused() {
        use SqsOperation::{
            ChangeMessageVisibility, DeleteMessageBatch, ReceiveMessage, SendMessage, SendMessageBatch,
        };
        let of = |id: &str| json!({ "Entries": [{ "Id": id, "MessageBody": "x" }] });
        let rows = [
            (SendMessage, json!({ "MessageBody": "x", "DelaySeconds": 900 }), "taken"),
            (SendMessage, json!({ "MessageBody": "x", "DelaySeconds": 901 }), "InvalidParameterValue"),
            (SendMessage, json!({ "MessageBody": "x", "DelaySeconds": -1 }), "InvalidParameterValue"),
            (SendMessage, json!({ "MessageBody": "a\t\n\r \u{e000}\u{1f600}" }), "taken"),
            (SendMessage, json!({ "MessageBody": "a\u{1}" }), "InvalidMessageContents"),
            (SendMessage, json!({ "MessageBody": "\u{ffff}" }), "InvalidMessageContents"),
            (ReceiveMessage, json!({ "MaxNumberOfMessages": 10, "WaitTimeSeconds": 20 }), "taken"),
            (ReceiveMessage, json!({ "MaxNumberOfMessages": 11 }), "InvalidParameterValue"),
            (ReceiveMessage, json!({ "MaxNumberOfMessages": 0 }), "InvalidParameterValue"),
            (ReceiveMessage, json!({ "WaitTimeSeconds": 21 }), "InvalidParameterValue"),
            (ReceiveMessage, json!({ "VisibilityTimeout": 43_201 }), "InvalidParameterValue"),
            (ChangeMessageVisibility, json!({ "VisibilityTimeout": 43_200 }), "taken"),
            (ChangeMessageVisibility, json!({ "VisibilityTimeout": -1 }), "InvalidParameterValue"),
            (SendMessageBatch, of("a-B_9"), "taken"),
            (SendMessageBatch, of("a b"), "InvalidBatchEntryId"),
            (SendMessageBatch, of(&"a".repeat(81)), "InvalidBatchEntryId"),
            (SendMessageBatch, of(""), "InvalidBatchEntryId"),
            (DeleteMessageBatch, of("a/b"), "InvalidBatchEntryId"),
        ];
        for (operation, request, expected) in rows {
            assert_eq!(code(operation, request.clone()), expected, "{operation:?} {request}");
        }
        let large = json!({ "Entries": [{ "Id": "a", "MessageBody": "x".repeat(BATCH_BYTES_MAX + 1) }] });
        assert_eq!(code(SendMessageBatch, large), "BatchRequestTooLong");
    }

    #[test]
    fn e6_an_entry_out_of_range_fails_alone() {
        let mut request = json!({ "Entries": [
            { "Id": "late", "MessageBody": "x", "DelaySeconds": 901 }, { "Id": "good", "MessageBody": "y" },
        ] });
        let failed = check(SqsOperation::SendMessageBatch, &mut request).expect("taken");
        assert_eq!((failed[0]["Id"].as_str(), failed[0]["SenderFault"].as_bool()), (Some("late"), Some(true)));
        assert_eq!(request["Entries"], json!([{ "Id": "good", "MessageBody": "y" }]));
    }

    /// SQS counts entries before it looks at one of them: eleven are too many, also where one of them is refused by itself.
    #[test]
    fn a_batch_of_eleven_is_taken_because_one_of_them_is_refused() {
        let entries: Vec<Value> = (0..11)
            .map(|n| json!({ "Id": format!("e{n}"), "MessageBody": "x", "DelaySeconds": if n == 0 { 901 } else { 0 } }))
            .collect();
        let mut request = json!({ "Entries": entries });
        let _ = check(SqsOperation::SendMessageBatch, &mut request);
        // What is left of it goes on to the engine, which counts ten and takes them.
        assert_ne!(request["Entries"].as_array().map(Vec::len), Some(10));
    }
}
