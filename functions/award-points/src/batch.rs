//! Grouping a batch: what cannot be read, what is there twice, and what belongs to one partner.

use std::collections::{BTreeMap, BTreeSet};

use engine::events::Arrival;
use event::ids::{Identity, PartnerId, ProgramId};
use event::{Event, Rejection, Unreadable};
use worker::Message;

/// An event with the message that brought it.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) message: Message,
    pub(crate) arrival: Arrival,
}

/// A message that holds no acceptable event.
#[derive(Debug)]
pub(crate) enum Bad {
    Quarantined { reason: String, offset: Option<usize> },
    Rejected { identity: [String; 3], partner: Option<String>, rejection: Box<Rejection> },
}

/// The events of one partner in one program.
pub(crate) type Groups = BTreeMap<(ProgramId, PartnerId), Vec<Received>>;

/// A batch in groups.
#[derive(Debug, Default)]
pub(crate) struct Grouped {
    pub(crate) bad: Vec<(Message, Bad)>,
    /// Events whose identity an earlier delivery of this batch has.
    pub(crate) repeated: Vec<Received>,
    pub(crate) groups: Groups,
}

/// Groups a batch. Of two messages with one identity the first sent stands, and of two sent at once the lower message id.
pub(crate) fn group(mut messages: Vec<(Message, Result<Event, Unreadable>)>) -> Grouped {
    messages.sort_by(|(a, _), (b, _)| (a.sent_ms, &a.id).cmp(&(b.sent_ms, &b.id)));
    let mut grouped = Grouped::default();
    let mut seen: BTreeSet<Identity> = BTreeSet::new();
    for (message, read) in messages {
        match read {
            Err(Unreadable::Quarantined { reason, offset }) => {
                grouped.bad.push((message, Bad::Quarantined { reason, offset }));
            }
            Err(Unreadable::Rejected { identity, partner, rejection }) => {
                grouped.bad.push((message, Bad::Rejected { identity, partner, rejection }));
            }
            Ok(event) => {
                let held_until = message.held_until.as_deref().and_then(|text| text.parse().ok());
                let is_first = seen.insert(event.identity.clone());
                let key = (event.identity.program.clone(), event.partner.clone());
                let received = Received { message, arrival: Arrival { event, held_until } };
                if is_first {
                    grouped.groups.entry(key).or_default().push(received);
                } else {
                    grouped.repeated.push(received);
                }
            }
        }
    }
    grouped
}
