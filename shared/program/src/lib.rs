//! The program: what the vendor wrote in one TOML file, checked and ready to decide by.
//!
//! Beside what a file says: its form and grammar (`file`), what is wrong with it (`findings`, `check`), what would surprise
//! (`lint`), and its published versions. No async, no AWS type, no clock, no randomness, no float.

mod cap;
mod challenge;
mod check;
mod commission;
mod condition;
mod fact;
mod file;
mod findings;
mod ladder;
mod lint;
mod own;
mod policy;
mod pool;
mod possible;
mod program;
pub mod reference;
mod reward;
mod rule;
mod sharing;
mod suspicion;
mod versions;
mod window;

pub use cap::{Cap, CapBy, CapUnit};
pub use challenge::{CHALLENGES_MAX, Challenge, PLACES_MAX};
pub use check::{FILE_BYTES_MAX, check, too_large};
pub use commission::{Base, Commission, CommissionPolicy, Payable, Rate};
pub use condition::{Comparison, Condition, Test};
pub use fact::{ATTESTED, FactForm, Facts, PARTNER, TERRITORY, fact, percent, refused};
pub use findings::{Code, Diagnostic, Severity};
pub use ladder::{Criteria, Criterion, Measure, OwnMeasure, Review, Tier};
pub use lint::{Figure, Leap, breaks, leaps, out_of_line};
pub use own::{OWN_MEASURES_MAX, OWN_TYPES_MAX, OwnEvent, OwnEvents};
pub use policy::{Ends, Exclusivity, Expiry, Onboarding, Payouts, Policy, REGISTRANTS_MAX, Registration};
pub use pool::{Benefit, Budget, PARTS_MAX};
pub use program::Program;
pub use reward::{Gate, Provider, Reward};
pub use rule::{Attainment, COMMISSION, COMMISSION_STORED, Campaign, Gives, Pause, Points, Rule, Times};
pub use sharing::{INFLUENCERS_MAX, Sharing, WHOLE};
pub use suspicion::{Suspicion, SuspicionTest};
pub use versions::{Programs, Version};
pub use window::Within;
