//! The program that is measured, as a process of its own: the very binary that people run, with its own settings.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use tokio::{net::TcpListener, time::sleep};

use crate::{
    database::{Database, SECRET_KEY},
    http::{self, Line},
};

/// How long a start may take.
const START_WITHIN: Duration = Duration::from_secs(30);
/// How often it is asked whether it is ready.
const ASK_EVERY: Duration = Duration::from_micros(500);
/// How long stopping may take.
const STOP_WITHIN: Duration = Duration::from_secs(40);
/// Ticks of a second in which Linux counts processor time (`USER_HZ`, which is 100 on every architecture we run on).
const TICKS_PER_SECOND: f64 = 100.0;

/// A running program.
pub(crate) struct Program {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// From the start of the process to the first 200 of `/readyz`.
    pub(crate) ready_after: Duration,
}

impl Program {
    /// Starts this binary on this database, with mail going there, and waits until it is ready.
    pub(crate) async fn start(binary: &Path, database: &Database, mail: SocketAddr) -> anyhow::Result<Self> {
        fs::create_dir_all(&database.folder)?;
        let address = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
        let log = fs::File::create(database.folder.join("log.txt"))?;
        let mut command = Command::new(binary);
        command
            .arg("serve")
            .current_dir(&database.folder)
            .env("OPSKNIGHT_LISTEN", address.to_string())
            .env("OPSKNIGHT_DATA_DIR", &database.folder)
            .env("OPSKNIGHT_SECRET_KEY", SECRET_KEY)
            .env("OPSKNIGHT_ALLOW_PRIVATE_TARGETS", "true")
            .env("SMTP_HOST", mail.ip().to_string())
            .env("SMTP_PORT", mail.port().to_string())
            .env("SMTP_TLS", "none")
            .env("SMTP_FROM", "opsknight@example.com")
            .env_remove("DATABASE_URL")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        if let Some(url) = &database.url {
            command.env("DATABASE_URL", url);
        }
        let started = Instant::now();
        let child = command.spawn().context("the program cannot be started")?;
        let mut program = Self {
            child,
            address,
            ready_after: Duration::ZERO,
        };
        let request = http::get("/readyz", "");
        while !program.is_ready(&request).await {
            if let Some(status) = program.child.try_wait()? {
                bail!(
                    "the program ended with {status}: see {}/log.txt",
                    database.folder.display()
                );
            }
            if started.elapsed() > START_WITHIN {
                bail!("the program is not ready after {START_WITHIN:?}");
            }
            sleep(ASK_EVERY).await;
        }
        program.ready_after = started.elapsed();
        Ok(program)
    }

    async fn is_ready(&self, request: &[u8]) -> bool {
        let Ok(mut line) = Line::open(self.address).await else {
            return false;
        };
        matches!(line.call(request).await, Ok(answer) if answer.status() == 200)
    }

    /// Memory that it holds now, and the most that it ever held, in MB.
    pub(crate) fn memory_mb(&self) -> anyhow::Result<(f64, f64)> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let kib = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().split(' ').next()?.parse::<f64>().ok()
        };
        let mb = |name: &str| {
            kib(name)
                .map(|kib| kib * 1024.0 / 1e6)
                .context("no such line in status")
        };
        Ok((mb("VmRSS:")?, mb("VmHWM:")?))
    }

    /// Processor time that it has used, in seconds.
    pub(crate) fn cpu_s(&self) -> anyhow::Result<f64> {
        cpu_s(&self.child.id().to_string())
    }

    /// Asks it to stop, and waits.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let told = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()?;
        if !told.success() {
            bail!("the program cannot be told to stop");
        }
        let since = Instant::now();
        while self.child.try_wait()?.is_none() {
            if since.elapsed() > STOP_WITHIN {
                bail!("the program does not stop");
            }
            sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended when all went well.
        let _ended = self.child.kill();
        let _waited = self.child.wait();
    }
}

/// Processor time of a process, in seconds: fields 14 and 15 of `/proc/PID/stat`.
/// Source: <https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>
pub(crate) fn cpu_s(process: &str) -> anyhow::Result<f64> {
    let text = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, rest) = text.rsplit_once(')').context("stat has another form")?;
    let ticks = rest.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / TICKS_PER_SECOND)
}
