//! A PostgreSQL server for one test run, or for a developer until it is stopped.
//!
//! It owns the server's life and its folder, and never touches a server that the machine runs for itself. It is made
//! so that it shows our mistakes: its default collation is a language's, as on most people's servers, not `C`.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::{needs, process};

/// `initdb` and `postgres` refuse to run as root; Debian's packages make this user for them.
const SERVER_USER: &str = "postgres";
/// Another program may take the free port before the server does.
const START_TRIES: u32 = 3;
/// How long a running server may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// What a power cut may cost.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Durability {
    /// Everything: commits do not wait for the disk. The tests kill our processes, never the machine.
    None,
    /// Nothing: the server's own defaults. For measurements.
    Full,
}

/// A server of our own.
#[derive(Debug)]
pub(crate) struct Server {
    /// The folder of the server's programs.
    bin: PathBuf,
    /// The folder of its data, socket and log.
    folder: PathBuf,
    /// Where it listens, on 127.0.0.1; 0 before it is started.
    port: u16,
}

/// Stops a server when it is dropped, and also when this process dies, however it dies.
pub(crate) struct Guard {
    stdin: Option<ChildStdin>,
    watcher: Child,
}

impl Server {
    /// Makes the folder of a new server, which is still to be started.
    pub(crate) fn new(bin: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            bin: bin.to_owned(),
            folder: make_folder()?,
            port: 0,
        })
    }

    /// Fills the folder and starts the server; leaves nothing behind when it does not start.
    pub(crate) fn start(&mut self, durability: Durability) -> anyhow::Result<()> {
        let started = self.initialise().and_then(|()| self.launch(durability));
        if started.is_err() {
            self.stop()?;
        }
        started
    }

    /// Where tests reach it, as its superuser.
    pub(crate) fn url(&self) -> String {
        format!("postgres://{SERVER_USER}@127.0.0.1:{}/postgres", self.port)
    }

    /// Whether somebody answers at its port.
    pub(crate) fn answers(&self) -> bool {
        TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)), CONNECT_TIMEOUT).is_ok()
    }

    /// Stops it when this process ends; best taken before it is started.
    pub(crate) fn guard(&self) -> anyhow::Result<Guard> {
        // The watcher's stdin ends when we drop our end of it or die; a group of its own keeps Ctrl-C from it.
        let mut watcher = self
            .stopper("cat > /dev/null; ")
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()?;
        Ok(Guard {
            stdin: watcher.stdin.take(),
            watcher,
        })
    }

    /// Stops it and removes its folder.
    pub(crate) fn stop(&self) -> anyhow::Result<()> {
        process::quiet(&mut self.stopper("")).map(drop)
    }

    /// How to find it again, for [`Server::from_json`].
    pub(crate) fn to_json(&self) -> Value {
        json!({ "bin": self.bin, "folder": self.folder, "port": self.port })
    }

    /// Reads what [`Server::to_json`] wrote.
    pub(crate) fn from_json(value: &Value) -> anyhow::Result<Self> {
        let text = |name: &str| value[name].as_str().with_context(|| format!("{name} is missing"));
        let port = value["port"]
            .as_u64()
            .and_then(|port| port.try_into().ok())
            .context("port is missing")?;
        Ok(Self {
            bin: text("bin")?.into(),
            folder: text("folder")?.into(),
            port,
        })
    }

    fn initialise(&self) -> anyhow::Result<()> {
        let mut command = as_server_user(&self.bin.join("initdb"));
        command
            .args(initdb_words(&self.bin)?)
            .arg("--pgdata")
            .arg(self.folder.join("data"));
        process::quiet(&mut command).map(drop)
    }

    fn launch(&mut self, durability: Durability) -> anyhow::Result<()> {
        let mut result = Ok(());
        for _ in 0..START_TRIES {
            self.port = free_port()?;
            result = process::show(&mut self.launcher(durability));
            if result.is_ok() {
                return result;
            }
        }
        let log = process::quiet(as_server_user(Path::new("tail")).arg(self.folder.join("log"))).unwrap_or_default();
        result.with_context(|| format!("PostgreSQL does not start; its log ends with:\n{log}"))
    }

    fn launcher(&self, durability: Durability) -> Command {
        let settings = match durability {
            Durability::None => "-c fsync=off -c synchronous_commit=off -c full_page_writes=off",
            Durability::Full => "",
        };
        let Self { port, folder, .. } = self;
        let socket = folder.display();
        let options = format!("-p {port} -k {socket} -c listen_addresses=127.0.0.1 -c max_connections=300 {settings}");
        let mut command = as_server_user(&self.bin.join("pg_ctl"));
        command.args(["start", "--wait", "--silent", "--timeout=60", "--options", &options]);
        command
            .arg("--pgdata")
            .arg(folder.join("data"))
            .arg("--log")
            .arg(folder.join("log"));
        // The server keeps what it inherits: a pipe of ours would never end.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// A server that is just starting when it is stopped still makes files: hence more than one try. One that finds its
    /// lock file gone stops itself within a minute.
    fn stopper(&self, first: &str) -> Command {
        let stop = r#""$1" stop --silent --mode=immediate --pgdata "$2/data" 2> /dev/null; rm -rf "$2" 2> /dev/null"#;
        let script = format!("{first}for try in 1 2 3 4 5; do {stop} && exit 0; sleep 1; done; exit 1");
        let mut command = as_server_user(Path::new("sh"));
        command
            .args(["-c", &script, "sh"])
            .arg(self.bin.join("pg_ctl"))
            .arg(&self.folder);
        command
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.stdin.take());
        match self.watcher.wait() {
            Ok(status) if status.success() => {}
            other => process::say(&format!("PostgreSQL may still run: its watcher ended with {other:?}")),
        }
    }
}

/// A command that runs as somebody whom PostgreSQL's programs accept, from a folder that this somebody can read.
fn as_server_user(program: &Path) -> Command {
    let mut command = Command::new("runuser");
    command.args(["-u", SERVER_USER, "--"]).arg(program);
    if !needs::is_root() {
        command = Command::new(program);
    }
    command.current_dir("/");
    command
}

/// Makes the server's folder. Its path is short, because the socket's may have no more than 107 bytes.
fn make_folder() -> anyhow::Result<PathBuf> {
    let bases = [std::env::temp_dir(), "/tmp".into(), "/var/tmp".into()];
    for base in &bases {
        let pattern = base.join("opsknight-postgres-XXXXXX");
        if let Ok(path) = process::quiet(as_server_user(Path::new("mktemp")).arg("-d").arg(pattern)) {
            return Ok(path.trim().into());
        }
    }
    if needs::is_root() && !process::succeeds(Command::new("id").arg(SERVER_USER)) {
        bail!("PostgreSQL refuses to run as root and there is no user {SERVER_USER} to run it as");
    }
    bail!("no folder for PostgreSQL's data can be made in any of {bases:?}");
}

/// Trust on loopback, and the collation of a language where this version can have it on any machine (ICU, from 15).
fn initdb_words(bin: &Path) -> anyhow::Result<Vec<&'static str>> {
    let version = process::quiet(Command::new(bin.join("initdb")).arg("--version"))?;
    let mut words = vec![
        "--username",
        SERVER_USER,
        "--auth=trust",
        "--no-sync",
        "--encoding=UTF8",
        "--locale=C",
    ];
    if major(&version).with_context(|| format!("cannot tell the version from {version:?}"))? >= 15 {
        words.extend(["--locale-provider=icu", "--icu-locale=en-US"]);
    }
    Ok(words)
}

/// Reads the 15 in `initdb (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`.
fn major(version: &str) -> Option<u32> {
    let number = version.split_once("(PostgreSQL)")?.1.trim_start();
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Writes down a server that outlives this process.
pub(crate) fn remember(file: &Path, server: &Server) -> anyhow::Result<()> {
    fs::write(file, server.to_json().to_string()).with_context(|| format!("cannot write {}", file.display()))
}

/// The server that was written down, if there is one.
pub(crate) fn recall(file: &Path) -> Option<Server> {
    let text = fs::read_to_string(file).ok()?;
    Server::from_json(&serde_json::from_str(&text).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_initdb_says() {
        assert_eq!(major("initdb (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n"), Some(15));
        assert_eq!(major("initdb (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major("initdb"), None);
    }

    #[test]
    fn a_server_is_found_again() {
        let server = Server {
            bin: "/usr/bin".into(),
            folder: "/tmp/x".into(),
            port: 5,
        };
        let again = Server::from_json(&server.to_json()).unwrap();
        assert_eq!(
            (again.bin, again.folder, again.port),
            (server.bin, server.folder, server.port)
        );
        assert!(Server::from_json(&json!({ "bin": "/usr/bin" })).is_err());
    }
}
