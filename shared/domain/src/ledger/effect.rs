//! A change that is no points.

use event::ids::{CertificationId, CourseId, Motion, PersonId, TierId};
use event::time::Month;
use jiff::Timestamp;
use jiff::civil::Date;
use program::Measure;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::balance::Status;

/// A change that is no points.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The partner's facts, as enrolled.
    Enrolled {
        /// The motions it takes part in.
        motions: Vec<Motion>,
        /// Its territory.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        territory: Option<String>,
        /// Its time zone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timezone: Option<String>,
    },
    /// The partner's standing in the program.
    Status(Status),
    /// An agreement version was accepted (M43).
    Agreement(String),
    /// Somebody completed a course.
    Course {
        /// The course.
        id: CourseId,
        /// The day it was booked on.
        on: Date,
    },
    /// Somebody holds a certificate (M27).
    Certified {
        /// The certification.
        id: CertificationId,
        /// The person's pseudonym.
        person: PersonId,
        /// Until when.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// Somebody no longer holds one.
    Decertified {
        /// The certification.
        id: CertificationId,
        /// The person's pseudonym.
        person: PersonId,
    },
    /// A measure of the tier ladders moved.
    Measure {
        /// The motion.
        motion: Motion,
        /// The month it is booked in.
        month: Month,
        /// Which measure.
        measure: Measure,
        /// By how much; may be negative.
        by: Decimal,
    },
    /// A cap of the partner was used.
    Count {
        /// `<rule>|<cap>|<period>`.
        key: String,
        /// By how much.
        by: i64,
    },
    /// A cap of a person, a team or a field's value was used.
    Frequency {
        /// The item it is counted in.
        item: FrequencyKey,
        /// `<rule>|<cap>|<value>`.
        key: String,
        /// By how much.
        by: i64,
    },
    /// A deal was registered beside others on its opportunity: somebody should know (M30).
    Registrant {
        /// 2 for the second, 3 for the third ...
        place: u32,
    },
    /// The partner holds another tier.
    Tier {
        /// The ladder.
        motion: Motion,
        /// The tier before; none at enrolment.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<TierId>,
        /// The tier from now on.
        to: TierId,
        /// From this day.
        on: Date,
        /// The day of its first review; none if it is never lost.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next_review: Option<Date>,
    },
    /// A review that changed no tier.
    Reviewed {
        /// The ladder.
        motion: Motion,
        /// The day of the next one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next_review: Option<Date>,
        /// If the tier is not kept by then, it is lost.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        demotes_on: Option<Date>,
    },
}

/// Which frequency item a count stands in: one per person (or none) and period, so that items stay small.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FrequencyKey {
    /// The person's pseudonym or the team; empty for the partner's own.
    pub who: String,
    /// The period's name, `ever` for caps that never start anew.
    pub period: String,
}
