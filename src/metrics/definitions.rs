//! All metrics, each defined once: name, kind, labels and meaning.
//!
//! No label has a secret, an id, an address or any other text of a client.

/// A metric.
#[derive(Debug)]
pub struct Metric {
    /// The name, for a counter without the `_total` that the output adds.
    pub name: &'static str,
    /// The kind.
    pub kind: MetricKind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it measures, in a sentence without its full stop.
    pub help: &'static str,
}

/// The kind of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// A number of events since the start.
    Counter,
    /// A number that goes up and down.
    Gauge,
    /// The number of values, by size.
    Histogram,
}

impl Metric {
    /// The name in the output.
    #[must_use]
    pub fn exported_name(&self) -> String {
        match self.kind {
            MetricKind::Counter => format!("{}_total", self.name),
            MetricKind::Gauge | MetricKind::Histogram => self.name.to_owned(),
        }
    }
}

macro_rules! metrics {
    ($($name:ident: $kind:ident $exported:literal [$($label:literal),*] $help:literal;)+) => {
        $(
            #[doc = $help]
            pub static $name: Metric = Metric {
                name: $exported,
                kind: MetricKind::$kind,
                labels: &[$($label),*],
                help: $help,
            };
        )+

        /// All metrics, in the order of the documentation.
        pub static TABLE: &[&Metric] = &[$(&$name),+];
    };
}

metrics! {
    HTTP_REQUESTS: Counter "sealdrop_http_requests" ["route", "method", "status"]
        "Answered requests, by the template of the path";
    HTTP_REQUEST_DURATION_SECONDS: Histogram "sealdrop_http_request_duration_seconds"
        ["route", "method"]
        "Time from the head of a request to the head of its answer";
    REFUSALS: Counter "sealdrop_refusals" ["limit"]
        "Requests and connections that a limit refused, by the name of its setting";
    CONNECTIONS: Gauge "sealdrop_connections" ["protocol", "peer"]
        "Open connections, from clients and from trusted proxies";
    CONNECTIONS_ACCEPTED: Counter "sealdrop_connections_accepted" ["protocol", "peer"]
        "Accepted connections";

    SECRETS_CREATED: Counter "sealdrop_secrets_created" []
        "Created secrets, including drafts";
    SECRET_VIEWS: Counter "sealdrop_secret_views" []
        "Spent views of secrets";
    SECRETS_BURNED: Counter "sealdrop_secrets_burned" []
        "Secrets whose content was destroyed: viewed, expired or deleted";
    LATE_TRIES: Counter "sealdrop_late_tries" []
        "Attempts to open a secret that does not exist any more, or never did";
    LIVE_SECRETS: Gauge "sealdrop_live_secrets" []
        "Secrets whose content is stored";
    LIVE_BOXES: Gauge "sealdrop_live_boxes" []
        "Boxes that are not deleted";
    LIVE_MESSAGES: Gauge "sealdrop_live_messages" []
        "Messages and files in boxes";
    MESSAGES_CREATED: Counter "sealdrop_messages_created" []
        "Messages and files put into boxes";

    SLOW_WORK_RUNNING: Gauge "sealdrop_slow_work_running" ["queue"]
        "Jobs of slow work that run now";
    SLOW_WORK_WAITING: Gauge "sealdrop_slow_work_waiting" ["queue"]
        "Jobs of slow work that wait for a core";
    UPLOADS: Gauge "sealdrop_uploads" ["target", "state"]
        "Uploads of attachments and of files to boxes: running, and waiting for a place";
    KEY_POOL_READY: Gauge "sealdrop_key_pool_ready" []
        "Prepared key pairs for new boxes";
    BODY_MEMORY_BYTES: Gauge "sealdrop_body_memory_bytes" []
        "Memory in use for large bodies";

    STORE_QUEUE_LENGTH: Gauge "sealdrop_store_queue_length" []
        "Changes that wait for the writer of the store";
    STORE_COMMIT_CHANGES: Histogram "sealdrop_store_commit_changes" []
        "Changes that were committed together";
    STORE_COMMIT_DURATION_SECONDS: Histogram "sealdrop_store_commit_duration_seconds" []
        "Time of a commit, including its syncs";
    STORE_SYNC_DURATION_SECONDS: Histogram "sealdrop_store_sync_duration_seconds" ["file"]
        "Time of a sync of the database or of the key slots";
    STORE_RECORDS: Gauge "sealdrop_store_records" []
        "Records in the database";
    STORE_SIZE_BYTES: Gauge "sealdrop_store_size_bytes" ["part"]
        "Size of the data directory: the database, the key slots, and the files of payloads";
    RING_TURNED_TIMESTAMP_SECONDS: Gauge "sealdrop_ring_turned_timestamp_seconds" []
        "Time of the last turn of the ring: older copies of store/ open nothing that was burned before it";
    KEY_TABLE_TIMESTAMP_SECONDS: Gauge "sealdrop_key_table_timestamp_seconds" []
        "Time of the key table in the directory of --keys-out; absent without one";
    RING_TURN_FAILURES: Counter "sealdrop_ring_turn_failures" []
        "Turns of the ring that have failed";
    DISK_FREE_BYTES: Gauge "sealdrop_disk_free_bytes" []
        "Free space on the disk of the data directory";
    DISK_SIZE_BYTES: Gauge "sealdrop_disk_size_bytes" []
        "Size of the disk of the data directory";
    DISK_RESERVE_BYTES: Gauge "sealdrop_disk_reserve_bytes" []
        "Free space below which no secret can be created";

    OUTBOX_ITEMS: Gauge "sealdrop_outbox_items" ["lane"]
        "Mails and calls of webhooks that wait, and those that were given up; at most 100,000 are counted";
    DELIVERIES: Counter "sealdrop_deliveries" ["lane", "outcome"]
        "Attempts to deliver a mail or a call of a webhook";

    CERTIFICATE_EXPIRY_TIMESTAMP_SECONDS: Gauge "sealdrop_certificate_expiry_timestamp_seconds" []
        "Time at which the certificate of HTTPS ends; absent without HTTPS";
    CLOCK_TIMESTAMP_SECONDS: Gauge "sealdrop_clock_timestamp_seconds" []
        "Time of the daemon, which decides what has expired";
    CLOCK_TRUSTED: Gauge "sealdrop_clock_trusted" []
        "1 if no fault of the clock is known";
    START_TIMESTAMP_SECONDS: Gauge "sealdrop_start_timestamp_seconds" []
        "Time at which the daemon started";
    BUILD_INFO: Gauge "sealdrop_build_info" ["version"]
        "Always 1; the label has the version";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_and_texts_follow_the_conventions() {
        let names: BTreeSet<&str> = TABLE.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), TABLE.len());
        for Metric { name, help, .. } in TABLE {
            assert!(name.starts_with("sealdrop_") && !name.ends_with("_total"), "{name}");
            assert!(!help.ends_with('.') && !help.contains('|'), "{name}: {help}");
        }
    }
}
