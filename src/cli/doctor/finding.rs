//! What `sealdrop doctor` finds.

use std::fmt;

use serde::{Serialize, Serializer};

/// Defines the checks with their names.
macro_rules! checks {
    ($($(#[doc = $text:tt])+ $Name:ident = $name:literal;)+) => {
        /// A check, by the name of its findings.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum DoctorCheck {
            $($(#[doc = $text])+ $Name,)+
        }

        impl DoctorCheck {
            /// All of them.
            pub(crate) const ALL: &[Self] = &[$(Self::$Name),+];

            /// The name.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$Name => $name,)+
                }
            }
        }
    };
}

checks! {
    /// The settings can be read.
    Settings = "settings";
    /// The data directory is private, and belongs to one user.
    DataPermissions = "data-permissions";
    /// Files with keys and passwords are private.
    SecretPermissions = "secret-permissions";
    /// The file system keeps data, and overwrites it in place.
    FileSystem = "file-system";
    /// There is room for new secrets.
    DiskSpace = "disk-space";
    /// The disk writes durably in a short time.
    DiskSpeed = "disk-speed";
    /// The memory suffices.
    Memory = "memory";
    /// The daemon's memory is not written to a disk.
    Swap = "swap";
    /// Plain HTTP is not public.
    OpenPort = "open-port";
    /// The mail server accepts the login.
    MailLogin = "mail-login";
    /// What the running daemon warns about.
    Daemon = "daemon";
    /// The public URL leads here, with the right scheme.
    PublicUrl = "public-url";
    /// The certificate is trusted, and valid for some time.
    Certificate = "certificate";
    /// The clocks agree.
    Clock = "clock";
    /// The proxy tells the address of the client, and only that.
    ProxyAddress = "proxy-address";
    /// The proxy accepts bodies as long as uploads.
    ProxyBody = "proxy-body";
    /// The trusted proxies are those that are there.
    TrustedProxy = "trusted-proxy";
    /// Each domain points here.
    Domain = "domain";
}

impl fmt::Display for DoctorCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for DoctorCheck {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Something to change.
#[derive(Debug, Serialize)]
pub(super) struct DoctorFinding {
    check: DoctorCheck,
    problem: String,
    remedy: String,
}

/// The result of all checks.
#[derive(Debug, Default, Serialize)]
pub(super) struct Diagnosis {
    /// Whether nothing was found.
    ok: bool,
    /// Whether the daemon on this machine was asked.
    pub(super) daemon: bool,
    /// The URL that was tried.
    pub(super) url: Option<String>,
    findings: Vec<DoctorFinding>,
    pub(super) measured: DoctorFigures,
    #[serde(skip)]
    skipped: Vec<DoctorCheck>,
}

/// Figures, for comparison later.
#[derive(Debug, Default, Serialize)]
pub(super) struct DoctorFigures {
    /// The median of a durable write.
    pub(super) sync_p50_ms: Option<f64>,
    /// The slowest of a hundred.
    pub(super) sync_p99_ms: Option<f64>,
    /// The free room for the data directory.
    pub(super) free_bytes: Option<u64>,
    /// The type of its file system.
    pub(super) file_system: Option<String>,
    /// The days until the certificate of the URL ends.
    pub(super) certificate_days: Option<u64>,
}

impl Diagnosis {
    /// Nothing yet; checks in `skipped` find nothing.
    pub(super) fn without(skipped: Vec<DoctorCheck>) -> Self {
        Self { skipped, ok: true, ..Self::default() }
    }

    /// Whether a check is to be made.
    pub(super) fn wants(&self, check: DoctorCheck) -> bool {
        !self.skipped.contains(&check)
    }

    /// Adds a finding: the problem, and what to change.
    pub(super) fn find(
        &mut self,
        check: DoctorCheck,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        if self.wants(check) {
            self.ok = false;
            let (problem, remedy) = (problem.into(), remedy.into());
            self.findings.push(DoctorFinding { check, problem, remedy });
        }
    }

    /// Whether nothing was found.
    pub(super) fn is_healthy(&self) -> bool {
        self.ok
    }

    /// The findings, for people. A server writes a part of the texts, so they may contain anything.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        self.findings.iter().map(|DoctorFinding { check, problem, remedy }| {
            format!("{check}: {problem}\n  to do: {remedy}")
        })
    }
}
