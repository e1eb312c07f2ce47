//! What the tests share: a world in memory that decides without a table, and a stack to test end to end.

mod faults;
pub mod filled;
mod recorder;
mod stack;
pub mod template;
mod wire;

pub use faults::{Fault, faulty_store, interrupted_store};
pub use recorder::{Bus, Call, Permission, noting_store, permissions_needed, recording_clients};
pub use stack::{Api, TestStack, body, envelope_bodies};

/// The text of every Rust source below a folder.
///
/// # Panics
/// If one cannot be read.
pub fn sources(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path.to_string_lossy()));
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push(std::fs::read_to_string(&path).expect("a source"));
        }
    }
    found
}
