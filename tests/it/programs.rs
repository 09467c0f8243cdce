//! Other programs, run to their end.

use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
};

/// Runs a program to its end, with input.
pub(crate) fn run(command: &mut Command, input: &[u8]) -> Output {
    let name = command.get_program().to_string_lossy().into_owned();
    let started =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = started.unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    // It may write before it has read all, and wait for a reader; and it may end without reading.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("its end");
    writer.join().expect("a writer");
    output
}

/// The output of a program that must not fail.
pub(crate) fn printed(command: &mut Command, input: &[u8]) -> Vec<u8> {
    let output = run(command, input);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {error}");
    output.stdout
}
