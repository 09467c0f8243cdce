//! Programs that a test needs and a machine may lack. Without its tool a test reports itself as ignored
//! and says why; with `SEALDROP_TEST_ALL=1`, as in CI, that is a failure.

#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::{
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use libtest_mimic::{Completion, Failed};

/// What a test may need.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tool {
    /// `node` with SJCL 1.0.8: runs `tests/node/sjcl_batch.js`, which explains its input and output.
    Sjcl,
    /// `openssl`, version 3 or later.
    Openssl,
    /// `python3`.
    Python,
    /// `curl`.
    Curl,
    /// `mkfs.ext4`, on a machine where it may be mounted: root, with loop devices.
    Ext4OnLoop,
}

/// A command that starts the tool, arguments still to be added; or why there is none.
pub(crate) fn need(tool: Tool) -> Result<Command, String> {
    match tool {
        Tool::Sjcl => {
            let mut command = program("node")?;
            command.arg(tests_folder().join("node/sjcl_batch.js")).arg(sjcl_folder()?);
            Ok(command)
        }
        Tool::Openssl => {
            let version = output_of(program("openssl")?.arg("version"))?;
            let major = version.strip_prefix("OpenSSL ").and_then(|rest| rest.split('.').next());
            match major.and_then(|major| major.parse::<u32>().ok()) {
                Some(3..) => program("openssl"),
                _ => Err(format!("openssl is not OpenSSL 3 or later but {version}")),
            }
        }
        Tool::Python => program("python3"),
        Tool::Curl => program("curl"),
        Tool::Ext4OnLoop => {
            if !rustix::process::geteuid().is_root() {
                return Err("mounting takes root".to_owned());
            }
            // Asks for a free device: fails in a container that has none.
            output_of(program("losetup")?.arg("--find"))?;
            program("mkfs.ext4")
        }
    }
}

/// Runs a test with its tool, if it is there.
pub(crate) fn with_tool(
    tool: Tool,
    test: impl FnOnce(Command) -> Result<(), Failed>,
) -> Result<Completion, Failed> {
    match need(tool) {
        Ok(command) => test(command).map(|()| Completion::Completed),
        Err(reason) if env::var_os("SEALDROP_TEST_ALL").is_some_and(|all| all == "1") => {
            Err(format!("SEALDROP_TEST_ALL=1, but {reason}").into())
        }
        Err(reason) => Ok(Completion::ignored_with(reason)),
    }
}

fn tests_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// The program's file, searched for as a shell would.
fn program(name: &str) -> Result<Command, String> {
    let path = env::var_os("PATH").unwrap_or_default();
    // Where an ordinary user's PATH may lack the administrator's programs.
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .map(Command::new)
        .ok_or_else(|| format!("{name} is not installed"))
}

/// The `node_modules` folder that holds SJCL 1.0.8: the one that `SEALDROP_NODE_MODULES` names, or else
/// the one that `npm ci` makes in `tests/node`.
fn sjcl_folder() -> Result<PathBuf, String> {
    let folder = env::var_os("SEALDROP_NODE_MODULES")
        .map_or_else(|| tests_folder().join("node/node_modules"), PathBuf::from);
    let manifest = folder.join("sjcl/package.json");
    let manifest = fs::read(&manifest).map_err(|error| {
        format!(
            "{}: {error} (run npm ci in tests/node, or set SEALDROP_NODE_MODULES)",
            manifest.display()
        )
    })?;
    let version = serde_json::from_slice::<serde_json::Value>(&manifest)
        .ok()
        .and_then(|manifest| manifest.get("version")?.as_str().map(str::to_owned));
    match version.as_deref() {
        Some("1.0.8") => Ok(folder),
        other => Err(format!("sjcl in {} is not 1.0.8 but {other:?}", folder.display())),
    }
}

/// What a command prints; or why it fails.
fn output_of(command: &mut Command) -> Result<String, String> {
    let name =
        Path::new(command.get_program()).file_name().map(OsStr::to_owned).unwrap_or_default();
    let name = name.display();
    let output =
        command.stdin(Stdio::null()).output().map_err(|error| format!("{name}: {error}"))?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{name} does not work here: {}", error.trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
