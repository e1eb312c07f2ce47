//! Chance: which fault meets which call, how late things are, when a process dies. All of it from the seed.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;

use crate::table::Luck;

/// Declares the faults, each with the word that reports and flags use.
macro_rules! faults {
    ($($(#[$doc:meta])* $fault:ident = $word:literal,)*) => {
        /// What may go wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fault {
            $($(#[$doc])* $fault,)*
        }

        impl Fault {
            /// Every fault.
            pub const ALL: &[Fault] = &[$(Fault::$fault,)*];

            /// Its word.
            pub fn word(self) -> &'static str {
                match self {
                    $(Fault::$fault => $word,)*
                }
            }
        }
    };
}

faults! {
    /// The service refuses for now.
    Throttled = "throttled",
    /// The service fails inside; nothing was written.
    Internal = "internal error",
    /// No connection is made.
    Unreachable = "unreachable",
    /// A transaction of somebody else's holds an item.
    Conflict = "transaction conflict",
    /// The answer takes half a minute.
    Slow = "30 s latency",
    /// Done, and the reply is lost.
    LostReply = "lost reply",
    /// Done, and half the reply comes.
    TruncatedReply = "truncated reply",
    /// The request arrives a while after its sender has given up.
    LateRequest = "late request",
    /// A page, or a batch of keys, ends early.
    ShortPage = "short page",
    /// An index lags.
    LateIndex = "late index",
    /// A batch of messages is taken in part.
    PartialBatch = "partial batch",
    /// A message is delivered twice.
    Redelivered = "redelivered message",
    /// A message comes before one that was sent earlier.
    Reordered = "reordered message",
    /// A message is moved from the dead letters back, under a new id.
    Redriven = "redriven message",
    /// Changes are delivered a second time.
    RepeatedChanges = "repeated changes",
    /// A change comes late.
    LateChange = "late change",
    /// A change never comes.
    SkippedChange = "skipped change",
    /// A process dies.
    Killed = "killed process",
    /// A function is out of time.
    OutOfTime = "function out of time",
    /// The clock jumps ahead.
    ClockAhead = "clock jumps ahead",
    /// The clock of one process goes back.
    ClockBack = "clock goes back",
    /// Items are dropped at the end of their time to live.
    Expired = "time to live",
}

/// How often what happens, for one seed.
#[derive(Debug)]
pub(crate) struct Fate {
    rng: Rng,
    rates: BTreeMap<Fault, f64>,
    /// How often each fault met each operation.
    pub met: BTreeMap<(Fault, String), u64>,
    calm: bool,
    /// Is told of each fault as it happens.
    pub tells: Option<Tell>,
}

/// Is told of a fault, and what it met.
pub type Tell = fn(Fault, &str);

/// Likelihoods among which each seed draws one for each fault: a seed with all faults at once finds other things than one with
/// few.
const RATES: [f64; 5] = [0.0, 0.004, 0.01, 0.02, 0.05];

impl Fate {
    /// The fate of a seed, calm at first; `without` never happens.
    pub(crate) fn new(seed: u64, without: &[Fault]) -> Self {
        let mut rng = Rng::with_seed(seed ^ 0x5eed_fa7e);
        let rate = |fault: &Fault, rng: &mut Rng| {
            let rate = RATES[rng.usize(..RATES.len())];
            // What costs a whole message's life must not be the rule, or nothing ever comes through.
            match fault {
                Fault::Slow | Fault::Killed | Fault::LateRequest => rate / 4.0,
                Fault::LateIndex | Fault::Reordered => rate * 6.0,
                Fault::ShortPage | Fault::Redelivered | Fault::RepeatedChanges | Fault::LateChange => rate * 3.0,
                _ => rate,
            }
        };
        let mut rates: BTreeMap<Fault, f64> = Fault::ALL.iter().map(|fault| (*fault, rate(fault, &mut rng))).collect();
        for fault in without {
            rates.insert(*fault, 0.0);
        }
        Self { rng, rates, met: BTreeMap::new(), calm: true, tells: None }
    }

    /// From now on things go wrong.
    pub(crate) fn unleash(&mut self) {
        self.calm = false;
    }

    /// From now on nothing goes wrong.
    pub(crate) fn calm_down(&mut self) {
        self.calm = true;
    }

    /// Whether the fault happens, here and now, to this operation.
    pub(crate) fn happens(&mut self, fault: Fault, to: &str) -> bool {
        let rate = self.rates.get(&fault).copied().unwrap_or_default();
        // Drawn in any case: what is left out changes nothing else.
        let drawn = self.rng.f64() < rate && !self.calm;
        if drawn {
            self.note(fault, to);
        }
        drawn
    }

    /// Counts a fault that was decided elsewhere.
    pub(crate) fn note(&mut self, fault: Fault, to: &str) {
        *self.met.entry((fault, to.to_owned())).or_default() += 1;
        if let Some(tell) = self.tells {
            tell(fault, to);
        }
    }

    /// One of several faults that can meet a call, at most.
    pub(crate) fn one_of(&mut self, faults: &[Fault], to: &str) -> Option<Fault> {
        let mut chosen = None;
        for fault in faults {
            if chosen.is_none() && self.happens(*fault, to) {
                chosen = Some(*fault);
            }
        }
        chosen
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        if limit == 0 { 0 } else { self.rng.usize(..limit) }
    }

    /// So many milliseconds, or up to.
    pub(crate) fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(self.rng.u64(from..=to))
    }
}

impl Luck for Fate {
    fn lag(&mut self) -> Duration {
        if self.happens(Fault::LateIndex, "index") { self.millis(5, 4_000) } else { Duration::ZERO }
    }

    fn page(&mut self, most: usize) -> usize {
        if most > 1 && self.happens(Fault::ShortPage, "page") { 1 + self.below(most.min(8) - 1) } else { most }
    }
}
