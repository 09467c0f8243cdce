//! The binary: arguments, one function, an exit code.

fn main() {}
