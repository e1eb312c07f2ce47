//! What was answered survives a loss of power: the engine's log is synced before the answer, once for all that are answered together.

use std::fs::OpenOptions;
use std::path::PathBuf;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::{EngineError, failed};

/// Syncs the engine's write-ahead log.
pub(super) struct Durable {
    asks: mpsc::UnboundedSender<oneshot::Sender<Result<(), String>>>,
}

impl Durable {
    /// Of the log at `path`, which is there from the first commit on.
    pub(super) fn start(tasks: &mut JoinSet<()>, path: PathBuf) -> Self {
        let (asks, asked) = mpsc::unbounded_channel();
        tasks.spawn(sync_all(asked, path));
        Self { asks }
    }

    /// Waits until everything that is committed now survives.
    ///
    /// # Errors
    /// [`EngineError`]: nobody knows whether it does.
    pub(super) async fn synced(&self) -> Result<(), EngineError> {
        let (tell, told) = oneshot::channel();
        self.asks.send(tell).map_err(failed)?;
        told.await.map_err(failed)?.map_err(failed)
    }
}

async fn sync_all(mut asked: mpsc::UnboundedReceiver<oneshot::Sender<Result<(), String>>>, path: PathBuf) {
    while let Some(first) = asked.recv().await {
        let mut waiting = vec![first];
        while let Ok(next) = asked.try_recv() {
            waiting.push(next);
        }
        let path = path.clone();
        // Opened anew: the engine may have begun another log. To write, since some systems sync nothing that is open to read.
        let sync = move || OpenOptions::new().write(true).open(path)?.sync_data();
        let synced = tokio::task::spawn_blocking(sync).await;
        let synced = synced.map_err(|e| e.to_string()).and_then(|done| done.map_err(|e| e.to_string()));
        for told in waiting {
            // Whoever asked may have gone.
            let _ = told.send(synced.clone());
        }
    }
}
