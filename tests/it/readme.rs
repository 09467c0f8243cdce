//! The README keeps its word: its commands are run as they stand there, its table is the real one.
//!
//! `cargo run --release`, `cargo test` and `npm ci` are run by `.ci/run`, which needs them anyway.

use std::{ffi::OsString, path::Path, process::Command};

use libtest_mimic::Trial;
use sealdrop::config::TABLE;

use crate::{
    daemon::Daemon,
    tools::{CURL, Tool, trial_with},
    trial,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "readme::the_table_of_settings_is_the_real_one",
            the_table_of_settings_is_the_real_one,
        ),
        trial_with("readme::the_recipes_work", &[CURL, Tool::NodeSjcl], the_recipes_work),
    ]
}

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn readme() -> String {
    std::fs::read_to_string(format!("{ROOT}/README.md")).expect("a README")
}

fn the_table_of_settings_is_the_real_one() {
    let rows = TABLE.iter().map(|setting| {
        let default = match setting.default {
            "" => String::new(),
            default => format!("`{default}`"),
        };
        let row = format!("| `{}` | {} | {default} |", setting.flag(), setting.meaning);
        row.replace("|  |", "| |")
    });
    let rows: Vec<String> = rows.collect();
    assert!(readme().contains(&rows.join("\n")), "the table should be:\n{}", rows.join("\n"));
}

/// A path that begins with the folder where the program was built.
fn with_the_program() -> OsString {
    let program = Path::new(env!("CARGO_BIN_EXE_sealdrop"));
    let mut folders = vec![program.parent().expect("a folder").to_path_buf()];
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    std::env::join_paths(folders).expect("a path")
}

fn the_recipes_work() {
    let readme = readme();
    let blocks = readme.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let recipes: Vec<&str> =
        blocks.flat_map(str::lines).filter(|line| !line.contains("npm ci")).collect();
    let recipes: Vec<&str> =
        recipes.into_iter().filter(|line| !line.starts_with("cargo ")).collect();
    assert!(recipes.len() >= 15, "the recipes are gone: {recipes:?}");

    let dir = tempfile::tempdir().expect("a fresh directory");
    let (daemon, client) =
        Daemon::start_first(&dir.path().join("data"), &["--key-pool", "0", "--rsa-bits", "2048"]);
    let ran = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &recipes.join("\n")])
        .current_dir(ROOT)
        .env("PATH", with_the_program())
        .env("HOME", dir.path())
        .env("SEALDROP", &daemon.base)
        .env("KEY", &client.key)
        .output()
        .expect("a shell");
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{out}{err}");
    assert!(out.starts_with("correct horse battery staple\n"), "{out}");
    assert!(out.contains("hunter2, if you know the other half"), "{out}");
    assert!(out.contains("\"password_part_private\":\"TFNFQ1RBbENZNUNyYVhLSnlo\""), "{out}");
    assert!(out.contains("{\"data\":null,"), "{out}");
    assert!(out.contains("the wifi password\n{\"id\":\""), "{out}");
    assert!(out.contains("\nok: create ") && out.contains("waiting  0/2"), "{out}");
    let listed =
        "true[{\"MessageId\":1,\"EncryptionKey\":null,\"MessageData\":\"the door code is 4711\",";
    assert!(out.contains(listed) && out.contains("\"FileName\":\"README.md\""), "{out}");
    assert!(out.ends_with("]\"Deleted.\""), "{out}");
}
