//! What the queue `partner-reviews` holds.

use event::ids::{EventId, PartnerId, ProgramId};
use serde::{Deserialize, Serialize};
use store::tables::keys;

use crate::boards::Count;

/// What a message asks for.
#[derive(Debug)]
pub(crate) enum Task {
    /// Look at a partner on whom something is due.
    Review { program: ProgramId, partner: PartnerId },
    /// Judge an event that a record sent.
    Judge { program: ProgramId, id: EventId },
    /// Go on with a sweep.
    Walk(Walk),
}

/// A part of a sweep, from where it has come to.
#[derive(Debug)]
pub(crate) struct Walk {
    pub(crate) over: Over,
    pub(crate) from: Option<String>,
}

/// What a part of a sweep looks at.
#[derive(Clone, Debug)]
pub(crate) enum Over {
    /// Accounts on which something is due, of one shard of the index.
    Due { program: ProgramId, shard: u32 },
    /// Events of a program that wait.
    Holds { program: ProgramId },
    /// Events that wait for their program, whichever that is.
    HoldsForPrograms,
    /// Redemptions that stand still.
    Standing { program: ProgramId },
    /// Events of a program that its records sent, and that are due.
    Outbox { program: ProgramId },
    /// Partners of one shard of the index, for a leaderboard.
    Board { program: ProgramId, count: Count },
}

/// A message as it is written: a partner of a program, or a part of a sweep.
#[derive(Default, Serialize, Deserialize)]
struct Written {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    program: Option<ProgramId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    partner: Option<PartnerId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outbox: Option<EventId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sweep: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shard: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    board: Option<Count>,
}

impl Over {
    pub(crate) fn program(&self) -> Option<&ProgramId> {
        match self {
            Over::Due { program, .. }
            | Over::Holds { program }
            | Over::Standing { program }
            | Over::Outbox { program }
            | Over::Board { program, .. } => Some(program),
            Over::HoldsForPrograms => None,
        }
    }

    /// Every part of a program's.
    pub(crate) fn all(program: &ProgramId) -> Vec<Self> {
        let due = (0..keys::DUE_SHARDS).map(|shard| Over::Due { program: program.clone(), shard });
        let program = || program.clone();
        let rest = [
            Over::Outbox { program: program() },
            Over::Holds { program: program() },
            Over::Standing { program: program() },
        ];
        due.chain(rest).collect()
    }

    fn word(&self) -> &'static str {
        match self {
            Over::Due { .. } => "due",
            Over::Holds { .. } => "holds",
            Over::HoldsForPrograms => "holds_for_programs",
            Over::Standing { .. } => "standing",
            Over::Outbox { .. } => "outbox",
            Over::Board { .. } => "board",
        }
    }
}

impl Task {
    /// Reads a message; `None` where it is none.
    pub(crate) fn read(body: &str) -> Option<Self> {
        let Written { program, partner, outbox, sweep, shard, from, board } = serde_json::from_str(body).ok()?;
        let over = match (sweep.as_deref(), program) {
            (None, Some(program)) if outbox.is_some() => return Some(Task::Judge { program, id: outbox? }),
            (None, Some(program)) => return Some(Task::Review { program, partner: partner? }),
            (Some("due"), Some(program)) => Over::Due { program, shard: shard? },
            (Some("holds"), Some(program)) => Over::Holds { program },
            (Some("holds_for_programs"), None) => Over::HoldsForPrograms,
            (Some("standing"), Some(program)) => Over::Standing { program },
            (Some("outbox"), Some(program)) => Over::Outbox { program },
            (Some("board"), Some(program)) => Over::Board { program, count: board? },
            _ => return None,
        };
        Some(Task::Walk(Walk { over, from }))
    }

    /// The message.
    pub(crate) fn body(self) -> String {
        let written = match self {
            Task::Review { program, partner } => {
                Written { program: Some(program), partner: Some(partner), ..Written::default() }
            }
            Task::Judge { program, id } => Written { program: Some(program), outbox: Some(id), ..Written::default() },
            Task::Walk(Walk { over, from }) => {
                let (sweep, program) = (Some(over.word().to_owned()), over.program().cloned());
                let (shard, board) = match over {
                    Over::Due { shard, .. } => (Some(shard), None),
                    Over::Board { count, .. } => (None, Some(count)),
                    _ => (None, None),
                };
                Written { program, sweep, shard, from, board, ..Written::default() }
            }
        };
        // Texts and a number: writing them does not fail.
        serde_json::to_string(&written).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_reads_as_it_was_written() {
        let program: ProgramId = "hr-software".try_into().expect("a program");
        let walks = Over::all(&program).into_iter().chain([Over::HoldsForPrograms]);
        let walks = walks.map(|over| Task::Walk(Walk { over, from: Some("{\"k\":\"s\"}".to_owned()) }));
        let review = Task::Review { program: program.clone(), partner: "p".try_into().expect("a partner") };
        let judge = Task::Judge { program: program.clone(), id: "%2Fcrm%2Ft/e1/0".try_into().expect("an id") };
        let count = serde_json::json!({ "of": { "metric": "deals", "motion": "sell", "period": "2026-Q2" }, "places": 10, "shard": 3,
            "so_far": { "t": [{ "v": "2", "p": "q" }], "v": { "2": 1 }, "o": 1 }, "seen": "AAECAwQF", "passes": [1, true] });
        let count = serde_json::from_value(count).expect("a count");
        let board =
            Task::Walk(Walk { over: Over::Board { program: program.clone(), count }, from: Some("q".to_owned()) });
        for task in walks.chain([review, judge, board]) {
            let told = format!("{task:?}");
            assert_eq!(Task::read(&task.body()).map(|task| format!("{task:?}")), Some(told));
        }
        for body in ["", "{}", r#"{"program":"p"}"#, r#"{"program":"p","sweep":"due"}"#, r#"{"sweep":"everything"}"#] {
            assert!(Task::read(body).is_none(), "{body}");
        }
    }
}
