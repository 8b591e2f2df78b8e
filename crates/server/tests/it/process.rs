//! The real binary, started and stopped as an operator or a power cut would. Only here do tests wait for something
//! outside of this process: by looking again and again, with a deadline.

use std::{
    ops::AsyncFnMut,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader},
    process::{Child, Command},
    time,
};

use crate::both::Place;

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long the program may take to be ready or to end, on a machine that does other things as well.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// Looks until there is what was looked for.
pub(crate) async fn wait_until<T>(what: &str, within: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + within;
    let mut every = time::interval(LOOK_EVERY);
    every.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {within:?} in vain until {what}");
    }
}

/// What a process has printed until now.
#[derive(Clone, Default)]
pub(crate) struct Printed(Arc<Mutex<Vec<String>>>);

impl Printed {
    /// Gathers the lines of a stream until it ends.
    pub(crate) fn gather(&self, stream: impl AsyncRead + Unpin + Send + 'static) {
        let lines = self.0.clone();
        tokio::spawn(async move {
            let mut reader = BufReader::new(stream).lines();
            while let Ok(Some(line)) = reader.next_line().await {
                lines.lock().unwrap().push(line);
            }
        });
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// Waits for a line and gives back what `find` makes of it.
    pub(crate) async fn wait_for<T>(&self, what: &str, find: impl Fn(&str) -> Option<T>) -> T {
        let found = wait_until(what, SOON, async || self.lines().iter().find_map(|line| find(line)));
        found.await
    }
}

/// The program with the settings of a test and none of this machine's.
pub(crate) fn opsknight(place: &Place) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_opsknight"));
    command
        .env_clear()
        .env("OPSKNIGHT_DATA_DIR", place.data_dir())
        .env("OPSKNIGHT_LISTEN", "127.0.0.1:0")
        .current_dir(place.dir())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    if let Some(url) = place.postgres_url() {
        command.env("DATABASE_URL", url);
    }
    command
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// What a command printed that ended well.
    #[track_caller]
    pub(crate) fn well(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }

    /// What a command complained of that ended with this code.
    #[track_caller]
    pub(crate) fn with_code(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.stdout, "", "what goes wrong is told on standard error");
        self.stderr
    }
}

/// Runs a command to its end, with `input` on its standard input.
pub(crate) async fn run(mut command: Command, input: &str) -> Ended {
    let child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let mut child = child.unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
    let mut stdin = child.stdin.take().expect("its input is a pipe");
    // A program that does not read its input may have closed it.
    drop(stdin.write_all(input.as_bytes()).await);
    drop(stdin);
    let output = time::timeout(4 * SOON, child.wait_with_output()).await;
    let output = output.unwrap_or_else(|_| panic!("{command:?} does not end")).unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("programs print UTF-8");
    Ended {
        code: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// Runs `opsknight` with these words.
pub(crate) async fn command(place: &Place, words: &[&str], input: &str) -> Ended {
    let mut command = opsknight(place);
    command.args(words);
    run(command, input).await
}

/// A running server. It is killed when this value goes away, and what it printed is shown when the test fails.
pub(crate) struct Server {
    child: Child,
    /// Its address, without a trailing slash.
    pub(crate) url: String,
    printed: Printed,
}

impl Server {
    /// Starts the server and waits until it says where it is.
    pub(crate) async fn start(place: &Place, variables: &[(&str, &str)]) -> Self {
        let mut command = opsknight(place);
        command.envs(variables.iter().copied());
        Self::run(command).await
    }

    /// Starts the server by this command and waits until it says where it is.
    pub(crate) async fn run(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the program starts");
        let printed = Printed::default();
        printed.gather(child.stdout.take().expect("its output is a pipe"));
        printed.gather(child.stderr.take().expect("its errors are a pipe"));
        let mut server = Self {
            child,
            url: String::new(),
            printed: printed.clone(),
        };
        server.url = printed
            .wait_for("the server says where it is", |line| {
                line.strip_prefix("OpsKnight is ready at ").map(str::to_owned)
            })
            .await;
        server
    }

    /// The link with which the first administrator is made.
    pub(crate) async fn setup_link(&self) -> String {
        let find = |line: &str| line.contains("/setup?token=").then(|| line.trim().to_owned());
        self.printed.wait_for("the set-up link is printed", find).await
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.printed.lines()
    }

    /// `kill -9`.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("the program can be killed");
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().expect("its state can be asked").is_none()
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let ended = time::timeout(SOON, self.child.wait()).await;
        ended.expect("the program ends").expect("its state can be asked")
    }

    /// Asks it to end, as a service manager does, and waits until it has.
    pub(crate) async fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM").await;
        self.ended().await
    }

    /// Its number.
    pub(crate) fn id(&self) -> String {
        self.child.id().expect("it runs").to_string()
    }

    /// Sends it a signal.
    pub(crate) async fn signal(&self, name: &str) {
        let told = Command::new("sh")
            .args(["-c", &format!("kill -{name} {}", self.id())])
            .status()
            .await;
        assert!(told.expect("a shell is there").success());
    }

    /// Waits until it stands still, as `SIGSTOP` makes it.
    pub(crate) async fn stopped(&self) {
        let state = format!("/proc/{}/stat", self.id());
        wait_until("the program stands still", SOON, async || {
            let text = std::fs::read_to_string(&state).unwrap_or_default();
            text.rsplit(") ")
                .next()
                .is_some_and(|rest| rest.starts_with('T'))
                .then_some(())
        })
        .await;
    }
}

impl Drop for Server {
    #[expect(clippy::print_stdout, reason = "the test runner shows it when the test fails")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("--- what the server at {} printed", self.url);
            for line in self.lines() {
                println!("{line}");
            }
            println!("---");
        }
    }
}
