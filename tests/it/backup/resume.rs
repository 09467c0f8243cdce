//! Backups that are interrupted, and continued with the same command.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use super::{badly, create, names, said, since::Chain, since::payloads, well};
use crate::{
    api::attachments::{Draft, sealed_file},
    daemon::Daemon,
    mail::until,
};

const FILES: usize = 6;

/// `backup create FILE --resume`, with a disk that is full after so many MiB.
fn resumable(chain: &Chain, full_after: Option<u32>) -> Command {
    let whole = create(&chain.path("made"), &chain.data(), &chain.keys);
    let mut command = match full_after {
        None => Command::new(whole.get_program()),
        Some(mib) => {
            let mut limited = Command::new("sh");
            // In units of 512 bytes.
            limited.arg("-c").arg(format!("ulimit -f {}; exec \"$@\"", mib * 2048)).arg("sh");
            limited.arg(whole.get_program());
            limited
        }
    };
    command.args(whole.get_args()).args(["--resume", "--json"]);
    command
}

pub(super) fn goes_on() {
    let chain = Chain::new();
    let (daemon, client) = Daemon::start_first(&chain.data(), &["--key-pool", "0"]);
    let put = || {
        let draft = Draft::create(&client, 1, json!({}));
        assert_eq!(draft.put(&client, 1, &sealed_file(15 << 20)).status, 200);
        draft
    };
    let drafts: Vec<Draft> = (0..FILES).map(|_| put()).collect();
    let before = names(chain.dir.path());

    // The first attempt has no complete file, and leaves nothing.
    badly(resumable(&chain, Some(10)), 1, "File too large");
    assert_eq!(names(chain.dir.path()), before);
    // The second one leaves a part, and so does the third one, which is killed.
    badly(resumable(&chain, Some(64)), 1, "the same command continues with what is in");
    let left = [&before[..], &["made.part1".into(), "made.part1.index".into()]].concat();
    assert_eq!(names(chain.dir.path()), left);
    // What was deleted meanwhile is in the part, and not in the backup.
    assert_eq!(client.delete(&format!("/api/secrets/{}", drafts[0].id)).status, 200);
    for _ in 0..3 {
        put();
    }
    let mut child = resumable(&chain, None).stdout(Stdio::null()).spawn().expect("the program");
    until("there is a second part", || Path::new(&chain.path("made.part2")).exists());
    child.kill().expect("a process to kill");
    child.wait().expect("its end");
    let mut made = None;
    until("the daemon has noticed", || {
        let output = resumable(&chain, None).output().expect("the program");
        assert!(output.status.success() || said(&output).contains("another backup"), "{output:?}");
        made = Some(output.stdout).filter(|_| output.status.success());
        made.is_some()
    });
    let made: Value = serde_json::from_slice(&made.expect("a backup")).expect("JSON");
    assert!(made["left_out"].as_u64().is_some_and(|left_out| left_out >= 2), "{made}");
    let left = ["data", "data.log", "made", "made.part1", "made.part2"];
    assert_eq!(names(chain.dir.path()), left, "the parts are needed, and their indexes are not");
    assert!(daemon.stop().0.success());

    // The same as a backup of everything.
    well(create(&chain.path("whole"), &chain.data(), &chain.keys));
    well(chain.on("verify", "made", &[]));
    well(chain.restore("made", &[], "copy"));
    well(chain.restore("whole", &[], "other"));
    let [copy, other] = ["copy", "other"].map(|name| payloads(&chain.dir.path().join(name)));
    assert!(copy == other, "the same files");
    assert_eq!(copy.len(), FILES + 2);

    // A part that lost some of it, or was changed.
    let part = fs::read(chain.path("made.part1")).expect("a part");
    let refused = |bytes: &[u8], says: &str| {
        fs::write(chain.path("made.part1"), bytes).expect("a file");
        badly(chain.restore("made", &[], "third"), 65, says);
        assert!(!Path::new(&chain.path("third")).exists(), "nothing is left");
    };
    refused(&part[..4 << 20], "are in none of the earlier backups");
    let mut flipped = part.clone();
    flipped[2 << 20] ^= 1;
    refused(&flipped, "are in none of the earlier backups");
    fs::remove_file(chain.path("made.part1")).expect("a file");
    badly(chain.restore("made", &[], "third"), 1, "(made.part1), which is needed too");

    // The next backup of this name does not overwrite the parts of the one that was moved away.
    fs::write(chain.path("made.part1"), part).expect("a file");
    fs::rename(chain.path("made"), chain.path("moved")).expect("a new name");
    well(resumable(&chain, None));
    let made: Vec<String> =
        names(chain.dir.path()).into_iter().filter(|name| name.starts_with('m')).collect();
    assert_eq!(made, ["made", "made.part1", "made.part2", "moved"]);
    well(chain.on("verify", "moved", &[]));
    let to_directory = create(&chain.dir.path().display().to_string(), &chain.data(), &chain.keys);
    let mut command = Command::new(to_directory.get_program());
    command.args(to_directory.get_args()).arg("--resume");
    badly(command, 64, "--resume needs the name of a file");
}
