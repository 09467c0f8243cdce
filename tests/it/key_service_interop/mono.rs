//! A program for .NET, run by Mono: `XmlSerializer` and `JavaScriptSerializer` read every answer.

use std::{fs, path::Path, process::Command};

use libtest_mimic::Trial;

use crate::{
    key_service::shared_key,
    programs::printed,
    server::TestServer,
    tools::{MCS, MONO, trial_with},
};

pub(super) fn trials() -> Vec<Trial> {
    vec![trial_with("boxes::dot_net_reads_every_answer", &[MCS, MONO], dot_net_reads_every_answer)]
}

fn dot_net_reads_every_answer() {
    let (server, dir) = (TestServer::start(), tempfile::tempdir().expect("a folder"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mono/KeyService.cs");
    let program = dir.path().join("KeyService.exe");
    let mut compile = Command::new("mcs");
    compile.arg("-r:System.Web.Extensions.dll").arg(format!("-out:{}", program.display()));
    printed(compile.arg(&source), b"");
    let (_, [public, ..]) = shared_key();
    let key = dir.path().join("key.pem");
    fs::write(&key, public).expect("a file");
    let mut visit = Command::new("mono");
    let out = printed(visit.arg(&program).arg(&server.client.base).arg(&key), b"");
    let out = String::from_utf8_lossy(&out);
    let checks: u32 =
        out.strip_suffix(" checks\n").and_then(|count| count.parse().ok()).expect("a number");
    assert!(checks > 80, "{out}");
}
