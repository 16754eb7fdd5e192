//! When the server looks at itself, and what becomes of what it finds.

use std::time::{Duration, Instant};

use super::{Loop, Task};
use crate::control::audit::{Audit, Auditor};

/// The server looks at itself for the first time so long after its start,
const FIRST_AUDIT: Duration = Duration::from_secs(1);
/// and so much later for each zone: who has much to look at has other work after a start.
const FIRST_AUDIT_PER_ZONE: Duration = Duration::from_millis(3);
/// And again so long after it last did.
const AUDIT: Duration = Duration::from_secs(600);
/// And so long after what it looked at was replaced meanwhile.
const AUDIT_AGAIN: Duration = Duration::from_secs(30);

/// How long after its start a server with so many zones first looks at itself.
pub(super) fn first_after(zones: usize) -> Duration {
    let zones = u32::try_from(zones).unwrap_or(u32::MAX);
    FIRST_AUDIT + FIRST_AUDIT_PER_ZONE.saturating_mul(zones).min(AUDIT)
}

impl Loop {
    /// Lets a thread of its own look at what is served.
    pub(super) fn audit(&mut self) {
        self.audit_at = None;
        let auditor = Auditor {
            sources: self.sources.clone(),
            state: self.engine.store.state.folder().to_path_buf(),
            rules: self.engine.rules,
            served: self.engine.snapshot(),
            settings: self.settings.clone(),
            addresses: self.addresses.clone(),
        };
        let tasks = self.tasks.clone();
        let run = move || {
            let audit = auditor.run();
            // Where nobody hears it the server is ending.
            let _ = tasks.send(Task::Audited(audit));
        };
        if let Err(error) = std::thread::Builder::new().name("audit".to_owned()).spawn(run) {
            tracing::warn!(%error, "no audit: its thread cannot be started");
            self.audit_at = Some(Instant::now() + AUDIT);
        }
    }

    /// What an audit found.
    pub(super) fn audited(&mut self, audit: Option<Audit>) {
        let Some(mut audit) = audit else {
            self.audit_at = Some(Instant::now() + AUDIT_AGAIN);
            return;
        };
        self.audit_at = Some(Instant::now() + AUDIT);
        audit.at = self.engine.clock.now();
        audit.log(self.engine.audit.as_ref());
        self.changes.audited(audit.ok, audit.at);
        self.engine.audit = Some(audit);
    }
}
