//! Work in the writer's thread between two commits, for what reads or changes the disk as a whole.

use std::sync::mpsc;

use super::{
    Store, StoreError,
    group::Group,
    writer::{Job, WriterMessage},
};

impl Store {
    /// Calls `work` in the writer's thread, between two commits. What it does with the group is committed.
    pub(super) fn between_commits<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Group<'_>) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let job = OnceJob { work: Some(work), outcome: None, sender };
        self.shared.figures.change_sent();
        if self.shared.changes.send(WriterMessage::Change(Box::new(job))).is_err() {
            self.shared.figures.change_taken();
        }
        receiver.recv().map_err(|_| StoreError::Closed)
    }
}

/// Works once. Only an exclusive engine has such work, so no group is run again.
struct OnceJob<F, T> {
    work: Option<F>,
    outcome: Option<T>,
    sender: mpsc::SyncSender<T>,
}

impl<F, T> Job for OnceJob<F, T>
where
    F: FnOnce(&mut Group<'_>) -> T + Send,
    T: Send,
{
    fn run(&mut self, group: &mut Group<'_>) {
        if let Some(work) = self.work.take() {
            self.outcome = Some(work(group));
        }
    }

    fn answer(self: Box<Self>, is_committed: bool) {
        if let Some(outcome) = self.outcome.filter(|_| is_committed) {
            // The receiver waits for it.
            let _ = self.sender.send(outcome);
        }
    }
}
