//! What one movement of points means, in words that a partner understands.

use event::Kind;
use program::Program;

use crate::ledger::{Bucket, Posting, PostingKind, Record, never};

/// What a record is about, as `deal D-17`, `course sales-101`: what a partner knows it by. `None` where its type says it all.
pub fn about(record: &Record) -> Option<String> {
    let kind = record.happened()?;
    let of_redemption = |kind: &Kind| kind.redemption_id().map(|id| format!("redemption {id}"));
    let of_deal = |kind: &Kind| kind.deal_id().map(|id| format!("deal {id}"));
    match &kind {
        Kind::CourseCompleted { course_id, .. } => Some(format!("course {course_id}")),
        Kind::ContentViewed { content_id, .. } => Some(format!("content {content_id}")),
        Kind::CertificationGranted { certification_id, .. } | Kind::CertificationExpired { certification_id, .. } => {
            Some(format!("certification {certification_id}"))
        }
        kind => of_deal(kind).or_else(|| of_redemption(kind)),
    }
}

/// What a movement is, in a sentence without its amount's sign: `500 points for deal D-17 by "closed" (every sale counts), until the
/// end of 2028-03`. The rule is told with the vendor's own reason, where the program is known and gives one.
pub fn movement(record: &Record, posting: &Posting, program: Option<&Program>) -> String {
    let about = about(record).map(|about| format!(" for {about}")).unwrap_or_default();
    let why = |id| program.and_then(|program| program.rules.get(id)).and_then(|rule| rule.why.as_deref());
    let rule = posting.rule.as_ref().map_or_else(String::new, |id| match why(id) {
        Some(why) => format!(" by \"{id}\" ({why})"),
        None => format!(" by \"{id}\""),
    });
    let amount = format!("{} {}", posting.amount, posting.asset);
    match (posting.kind, posting.from, posting.to) {
        (PostingKind::Accrual, _, Bucket::Expired(_)) => format!("{amount}{about}{rule}, in a lot that has run out"),
        (PostingKind::Accrual, _, Bucket::Pending { release, .. }) => {
            format!("{amount}{about}{rule}, yours from {release} on")
        }
        (PostingKind::Accrual, _, to) => format!("{amount}{about}{rule}{}", lives(to)),
        (PostingKind::Netting, Bucket::Program, _) => format!("{amount}{about}{rule}, against what was owed"),
        (PostingKind::Netting, ..) => format!("{amount} against what was owed"),
        (PostingKind::Release, _, to) => format!("{amount} are yours now{}", lives(to)),
        (PostingKind::Expiry, ..) => format!("{amount} ran out unspent"),
        (PostingKind::Reversal, Bucket::Owed, _) => {
            format!("{amount} taken back{about}{rule}: spent before, and owed now")
        }
        (PostingKind::Reversal, Bucket::Expired(_), _) => {
            format!("{amount} taken back{about}{rule}, of what had run out")
        }
        (PostingKind::Reversal, ..) => format!("{amount} taken back{about}{rule}"),
        (PostingKind::Reservation, ..) => format!("{amount} set aside{about}"),
        (PostingKind::Redemption, ..) => format!("{amount} spent{about}"),
        (PostingKind::Cancellation, _, to) => format!("{amount} given back{about}{}", lives(to)),
    }
}

/// Until when what is in a lot may be spent.
fn lives(bucket: Bucket) -> String {
    match bucket {
        Bucket::Available(lot) if lot < never() => format!(", until the end of {lot}"),
        Bucket::Available(_)
        | Bucket::Program
        | Bucket::Pending { .. }
        | Bucket::Reserved(_)
        | Bucket::Owed
        | Bucket::Expired(_) => String::new(),
    }
}
