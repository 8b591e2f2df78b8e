//! Programs in Python that judge what was sent, or make what is to be taken: short ones in a test itself, longer ones in
//! `tests/peers`. They are run by the Python that has the third-party libraries.

use std::{io::Write as _, path::Path, process};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::environment::variable;

/// Which interpreter that is.
const INTERPRETER: &str = "OPSKNIGHT_TEST_PYTHON";

/// Runs a program with arguments and a standard input, and returns what it printed. One that fails, fails the test.
pub(crate) fn python(program: &str, arguments: &[&str], input: &[u8]) -> String {
    let mut child = process::Command::new(variable(INTERPRETER))
        .args(["-c", program])
        .args(arguments)
        .stdin(process::Stdio::piped())
        .stdout(process::Stdio::piped())
        .stderr(process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A script that answers every line of JSON with one.
pub(crate) struct Script {
    asked: ChildStdin,
    said: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

impl Script {
    /// Starts it with these words; nothing of this process's environment reaches it.
    pub(crate) fn start(script: &str, words: &[&str]) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(script);
        let mut child = Command::new(variable(INTERPRETER))
            .env_clear()
            .env("PYTHONUNBUFFERED", "1")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .arg(file)
            .args(words)
            .stdin(process::Stdio::piped())
            .stdout(process::Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self {
            asked: child.stdin.take().unwrap(),
            said: BufReader::new(child.stdout.take().unwrap()).lines(),
            _child: child,
        }
    }

    /// What it says next.
    pub(crate) async fn says(&mut self) -> Value {
        let line = self.said.next_line().await.unwrap();
        serde_json::from_str(&line.expect("the script goes on")).unwrap()
    }

    /// What it answers.
    pub(crate) async fn ask(&mut self, question: &Value) -> Value {
        self.asked.write_all(format!("{question}\n").as_bytes()).await.unwrap();
        self.says().await
    }
}
