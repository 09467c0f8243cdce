//! The commands of the README and of the recipes run as written. The tables of docs/settings.md,
//! docs/api.md and docs/operations.md and the file docs/sealdrop.toml match the code; `UPDATE_DOCS=1` writes them.
//!
//! `cargo run --release`, `cargo test` and `npm ci` are left out here, because `.ci/run` runs them.

use std::{ffi::OsString, path::Path, process::Command};

use libtest_mimic::Trial;
use sealdrop::{api::routes::ROUTES, config::TABLE as SETTINGS, metrics::TABLE as METRICS};

use crate::{
    daemon::{Daemon, sealdrop},
    tools::{CURL, Tool, trial_with},
    trial,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "readme::the_table_of_settings_is_the_real_one",
            the_table_of_settings_is_the_real_one,
        ),
        trial("readme::the_config_file_has_all_settings", the_config_file_has_all_settings),
        trial("readme::the_table_of_metrics_is_the_real_one", the_table_of_metrics_is_the_real_one),
        trial("readme::the_table_of_calls_is_the_real_one", the_table_of_calls_is_the_real_one),
        trial_with("readme::the_recipes_work", &[CURL, Tool::NodeSjcl], the_recipes_work),
    ]
}

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn document(name: &str) -> String {
    std::fs::read_to_string(format!("{ROOT}/{name}"))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Compares a document with what the code makes of it; with `UPDATE_DOCS=1` it writes the document.
fn compare(name: &str, expected: &str) {
    if document(name) == expected {
        return;
    }
    assert!(
        std::env::var_os("UPDATE_DOCS").is_some(),
        "{name} differs from the code: run this test with UPDATE_DOCS=1, which writes\n{expected}"
    );
    std::fs::write(format!("{ROOT}/{name}"), expected).expect("a document that can be written");
}

fn the_table_of_settings_is_the_real_one() {
    let rows = SETTINGS.iter().map(|setting| {
        let default = match setting.default {
            "" => String::new(),
            default => format!("`{default}`"),
        };
        let row = format!("| `{}` | {} | {default} |\n", setting.flag(), setting.help);
        row.replace("|  |", "| |")
    });
    compare_table("docs/settings.md", "| flag | meaning | default |", &rows.collect::<String>());
}

fn the_table_of_metrics_is_the_real_one() {
    let rows = METRICS.iter().map(|metric| {
        let labels = metric.labels.iter().map(|label| format!("`{label}`"));
        let labels = labels.collect::<Vec<_>>().join(", ");
        let row = format!("| `{}` | {labels} | {} |\n", metric.exported_name(), metric.help);
        row.replace("|  |", "| |")
    });
    let head = "| metric | labels | meaning |";
    compare_table("docs/operations.md", head, &rows.collect::<String>());
}

/// Compares the rows of the table below `head` in a document with `rows`.
fn compare_table(name: &str, head: &str, rows: &str) {
    let head = format!("{head}\n|---|---|---|\n");
    let text = document(name);
    let (before, rest) = text.split_once(&head).expect("the head of the table");
    let end = rest.split_inclusive('\n').take_while(|line| line.starts_with('|')).map(str::len);
    let after = rest.get(end.sum()..).expect("the rest of the document");
    compare(name, &[before, &head, rows, after].concat());
}

/// A commented file with all settings and their defaults.
fn config_file() -> String {
    let mut file = String::from(
        "# Settings of sealdrop: sealdrop serve --config sealdrop.toml\n\
         # A line without its # sets a value. The values here are the defaults; a word in capitals, such\n\
         # as URL, stands for a value of your own. A flag or an environment variable has precedence.\n",
    );
    for setting in SETTINGS {
        file.push('\n');
        let mut line = String::from("#");
        for word in setting.help.split(' ') {
            if line.len() + word.len() > 100 {
                file.push_str(&line);
                file.push_str("\n#");
                line.clear();
            }
            line.push(' ');
            line.push_str(word);
        }
        let value = match setting.default {
            "" => setting.value,
            default => default,
        };
        let is_bare = value == "true" || value == "false" || value.parse::<u64>().is_ok();
        let value = if is_bare { value.to_owned() } else { format!("{value:?}") };
        file.push_str(&format!("{line}\n#{} = {value}\n", setting.key));
    }
    file
}

fn the_config_file_has_all_settings() {
    compare("docs/sealdrop.toml", &config_file());
    // Its defaults are valid without the #.
    let defaults: String = SETTINGS
        .iter()
        .filter(|setting| !setting.default.is_empty())
        .map(|setting| format!("#{} = ", setting.key))
        .filter_map(|start| {
            config_file().lines().find(|line| line.starts_with(&start)).map(str::to_owned)
        })
        .map(|line| format!("{}\n", line.trim_start_matches('#')))
        .collect();
    assert!(defaults.lines().count() > 30, "{defaults}");
    let dir = tempfile::tempdir().expect("a fresh directory");
    let path = dir.path().join("sealdrop.toml");
    std::fs::write(&path, defaults).expect("a file");
    let mut check = sealdrop();
    check.current_dir(dir.path()).args(["serve", "--check", "--config"]).arg(path);
    let checked = check.output().expect("the program");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

fn the_table_of_calls_is_the_real_one() {
    let rows = ROUTES.iter().map(|route| {
        let call = route.path.replace('{', "<").replace('}', ">");
        let call = format!("{} {call}", route.methods[0]);
        format!("| `{call}` | {} | {} |\n", route.access.right(), route.summary)
    });
    compare_table("docs/api.md", "| call | needs | what it does |", &rows.collect::<String>());
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

/// Runs commands against a fresh daemon, as a reader does; returns their output.
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
