//! Programs in Python that judge what was sent, or make what is to be taken.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use crate::environment::variable;

/// Runs a program with arguments and a standard input, and returns what it printed. One that fails, fails the test.
pub(crate) fn python(program: &str, arguments: &[&str], input: &[u8]) -> String {
    let mut child = Command::new(variable("OPSKNIGHT_TEST_PYTHON"))
        .args(["-c", program])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
