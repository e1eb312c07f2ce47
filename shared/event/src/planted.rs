//! Defects that a simulation plants into the deciding code, to see that its checkers find them. Only a build with the feature
//! `planted` can: in a function's build each question is a constant `false`, and nothing of it is there.

/// Whether the defect of this name is planted just now, on this thread.
#[cfg(not(feature = "planted"))]
#[inline]
pub const fn planted(_: &str) -> bool {
    false
}

#[cfg(feature = "planted")]
pub use there::{fired, plant, planted};

#[cfg(feature = "planted")]
mod there {
    use std::cell::Cell;

    thread_local! {
        static PLANTED: Cell<Option<&'static str>> = const { Cell::new(None) };
        static FIRED: Cell<u64> = const { Cell::new(0) };
    }

    /// Whether the defect of this name is planted just now, on this thread. Counts that it was asked for and is.
    pub fn planted(name: &str) -> bool {
        let is = PLANTED.get() == Some(name);
        if is {
            FIRED.set(FIRED.get() + 1);
        }
        is
    }

    /// Plants the defect of this name on this thread, or none.
    pub fn plant(name: Option<&'static str>) {
        PLANTED.set(name);
        FIRED.set(0);
    }

    /// How often the planted defect was met.
    pub fn fired() -> u64 {
        FIRED.get()
    }
}
