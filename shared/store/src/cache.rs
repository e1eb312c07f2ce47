//! Program versions that this process has read and parsed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use program::{Program, Programs};

/// What this process has read.
#[derive(Default)]
pub(crate) struct Cache {
    pub(crate) read: Mutex<HashMap<String, (Timestamp, Programs)>>,
    pub(crate) parsed: Mutex<HashMap<String, Arc<Program>>>,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
