//! Our scripts in `tests/peers`, run by the Python that has the third-party libraries.

use std::{path::Path, process::Stdio};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

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
        let mut child = Command::new(interpreter())
            .env_clear()
            .env("PYTHONUNBUFFERED", "1")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .arg(file)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
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

#[expect(
    clippy::disallowed_methods,
    reason = "the test command tells its tests where the peers are"
)]
fn interpreter() -> String {
    std::env::var("OPSKNIGHT_TEST_PYTHON").expect("OPSKNIGHT_TEST_PYTHON is set by `cargo xtask test`")
}
