//! The commands of the README and of the recipes run as written, and the tables of docs/settings.md and
//! docs/api.md match the code. `UPDATE_DOCS=1` writes the table of calls.
//!
//! `cargo run --release`, `cargo test` and `npm ci` are left out here, because `.ci/run` runs them.

use std::{ffi::OsString, path::Path, process::Command};

use libtest_mimic::Trial;
use sealdrop::{api::routes::ROUTES, config::TABLE};

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
        trial("readme::the_table_of_calls_is_the_real_one", the_table_of_calls_is_the_real_one),
        trial_with("readme::the_recipes_work", &[CURL, Tool::NodeSjcl], the_recipes_work),
    ]
}

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn document(name: &str) -> String {
    std::fs::read_to_string(format!("{ROOT}/{name}"))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
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
    let documented = document("docs/settings.md").contains(&rows.join("\n"));
    assert!(documented, "the table should be:\n{}", rows.join("\n"));
}

fn the_table_of_calls_is_the_real_one() {
    const HEAD: &str = "| call | needs | what it does |\n|---|---|---|\n";
    let rows = ROUTES.iter().map(|route| {
        let call = route.path.replace('{', "<").replace('}', ">");
        let call = format!("{} {call}", route.methods[0]);
        format!("| `{call}` | {} | {} |\n", route.access.right(), route.summary)
    });
    let rows: String = rows.collect();
    let name = "docs/api.md";
    let document = document(name);
    let (before, rest) = document.split_once(HEAD).expect("the head of the table");
    let end = rest.split_inclusive('\n').take_while(|line| line.starts_with('|')).map(str::len);
    let (table, after) = rest.split_at(end.sum());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(format!("{ROOT}/{name}"), [before, HEAD, &rows, after].concat())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    } else {
        assert_eq!(table, rows, "UPDATE_DOCS=1 writes it");
    }
}

/// A path that begins with the folder where the program was built.
fn with_the_program() -> OsString {
    let program = Path::new(env!("CARGO_BIN_EXE_sealdrop"));
    let mut folders = vec![program.parent().expect("a folder").to_path_buf()];
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    std::env::join_paths(folders).expect("a path")
}

/// The commands in the `sh` blocks of a document.
fn recipes(name: &str) -> Vec<String> {
    let text = document(name);
    let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let lines = blocks.flat_map(str::lines);
    lines
        .filter(|line| !line.contains("npm ci") && !line.starts_with("cargo "))
        .map(str::to_owned)
        .collect()
}

/// Runs commands against a fresh daemon, as a reader does; returns what they print.
fn run(recipes: &[String]) -> String {
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
        .env("SEALDROP_SERVER", &daemon.base)
        .env("SEALDROP_KEY", &client.key)
        .output()
        .expect("a shell");
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{out}{err}");
    out.into_owned()
}

fn the_recipes_work() {
    let by_call = recipes("docs/recipes/README.md");
    let by_program = recipes("README.md");
    let count = by_call.len() + by_program.len();
    assert!(count >= 15, "the recipes are gone: {by_call:?} {by_program:?}");

    let out = run(&by_call);
    assert!(out.starts_with("correct horse battery staple\n"), "{out}");
    assert!(out.contains("hunter2, if you know the other half"), "{out}");
    assert!(out.contains("\"password_part_private\":\"TFNFQ1RBbENZNUNyYVhLSnlo\""), "{out}");
    assert!(out.contains("{\"data\":null,"), "{out}");
    let listed =
        "true[{\"MessageId\":1,\"EncryptionKey\":null,\"MessageData\":\"the door code is 4711\",";
    assert!(out.contains(listed) && out.contains("\"FileName\":\"README.md\""), "{out}");
    assert!(out.ends_with("]\"Deleted.\""), "{out}");

    let out = run(&by_program);
    assert!(out.starts_with("the wifi password\n{\"id\":\""), "{out}");
    assert!(out.contains("\nok: create ") && out.contains("waiting  0/2"), "{out}");
}
