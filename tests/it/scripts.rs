//! Scripts as text files, `tests/scripts/*.txt`: commands, and their expected results. Each runs in a
//! fresh directory, against a real daemon if it starts one, and is a test, `scripts::NAME`.
//!
//! ```text
//! # A comment. A line is split into words as by a shell: 'quotes' (across lines, too), "quotes", \.
//! needs curl                      # tools besides sealdrop and sh; without them the test is ignored
//! serve --allowance 3             # starts the daemon, with these flags
//! env SEALDROP_LOG=debug          # for all commands below
//!
//! sealdrop account create alice --json
//! stdout json /account alice
//! stderr empty
//! stdout capture ALICE json /private_key
//!
//! curl -sS -H "Authorization: ApiKey $ALICE" $SERVER/api/secrets
//! stdout json /data []
//!
//! sealdrop account create "a b" < nothing
//! exit 64
//! stderr matches 'letters, digits'
//! -- nothing --
//! The text below such a line is the content of that file.
//! ```
//!
//! **Commands**: `sealdrop`, `sh`, and the tools that `needs` names. A command must end with 0, or `exit N`
//! is the very next line. `NAME=VALUE` before it applies to it alone. Its input is empty, or comes from a
//! file, `< FILE`, or is one line, `<<< TEXT`, both at the end of the line.
//!
//! **Expectations** of the last command or of a file:
//!
//! | | |
//! | --- | --- |
//! | `exit N` | its exit code |
//! | `stdout …`, `stderr …`, `file NAME …` | one of: |
//! | `… empty` | no output |
//! | `… line TEXT` | exactly this and a line's end |
//! | `… is TEXT` | exactly this |
//! | `… same FILE` | exactly the content of that file |
//! | `… matches REGEX`, `… lacks REGEX` | a match anywhere, or none; `^` and `$` are the ends of a line |
//! | `… json POINTER VALUE` | a field (`/data/0/id`); VALUE is JSON, or else a string |
//! | `file NAME mode 0600`, `exists`, `absent` | its permissions; that it exists; that it does not exist |
//!
//! **Variables**: `$NAME` or `${NAME}`, in capitals, is replaced in every word, within quotes, too; in
//! REGEX its value matches itself, letter by letter. A value stays one word. For a variable of the shell,
//! write `'\$NAME'`. The variables are
//!
//! - `$SERVER`, the address of the daemon, the same in the whole script, also before the daemon runs;
//! - `$KEY`, `$PUBLIC_KEY`, the keys of the first account, once the daemon runs; `key` is a file with the
//!   private one;
//! - `$DIR`, the directory of the script, `$PROJECT`, the checkout;
//! - `stdout capture NAME line 1`, `… json POINTER`, `… match REGEX` (its first group, or all of it); from
//!   `stderr`, too.
//!
//! **The daemon**: `serve FLAGS` starts it on `sealdrop-data` in the script's directory, which
//! `sealdrop account` and the like use, too; `stop` ends it, and it must exit with 0; `serve` starts it again
//! on the same data. Its log is `sealdrop-data.log`, which is complete when it has ended.
//!
//! **Files**: `expand FILE` replaces the variables in a file of the script. `home` is the home, so
//! `home/.config/sealdrop/config.toml` is the user's settings file.
//!
//! **Tools** that `needs` knows: `curl`, `node`, `openssl`, `python3`, `npm:sjcl`, `python:cryptography`.
//!
//! A script without an expectation fails, as does one with an unknown word.

mod expectation;
mod run;
mod script;
mod trials;

use std::path::{Path, PathBuf};

use libtest_mimic::{Completion, Failed, Trial};

use self::script::Script;
use crate::{limit::limited, tools};

pub(crate) fn trials() -> Vec<Trial> {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let entries = std::fs::read_dir(scripts).expect("the scripts");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    paths.sort();
    let scripts = paths.into_iter().map(|path| {
        let name = path.file_stem().expect("a name").to_string_lossy();
        let name = format!("scripts::{name}");
        Trial::ignorable_test(name.clone(), move || limited(&name, || run_file(&path)))
    });
    scripts.chain(trials::trials()).collect()
}

fn run_file(path: &Path) -> Result<Completion, Failed> {
    let script = Script::read(path)?;
    if let Some(missing) = tools::missing(&script.tools)? {
        return Ok(missing);
    }
    run::run(&script)?;
    Ok(Completion::Completed)
}
