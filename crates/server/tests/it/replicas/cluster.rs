//! A PostgreSQL server of a test's own, which it may stop, fill and replace. It goes away with its value, and also when the
//! test dies.

use std::{
    fs,
    io::Write as _,
    net::{Ipv4Addr, TcpListener},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::environment;

/// `initdb` and `postgres` refuse to run as root; Debian's packages make this user for them.
const USER: &str = "postgres";

/// A running server.
pub(super) struct Cluster {
    folder: PathBuf,
    port: u16,
    watcher: Child,
}

impl Cluster {
    /// Makes a server with these words for `initdb` and this line of settings, and starts it. What the operating system was
    /// given survives whatever the tests do, so that nothing waits for the disk.
    pub(super) fn start(words: &[&str], settings: &str) -> Self {
        let cluster = Self::folder();
        let mut init = cluster.program("initdb");
        init.args([
            "--username",
            USER,
            "--auth=trust",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C",
        ])
        .args(words)
        .arg("--pgdata")
        .arg(cluster.data());
        quiet(&mut init);
        cluster.set(settings);
        cluster.ctl("start");
        cluster
    }

    /// A standby of a server, which streams from it and has this line of settings besides.
    pub(super) fn standby_of(primary: &Self, settings: &str) -> Self {
        let standby = Self::folder();
        let mut copy = standby.program("pg_basebackup");
        copy.args([
            "--host",
            "127.0.0.1",
            "--port",
            &primary.port.to_string(),
            "--username",
            USER,
        ])
        .args([
            "--write-recovery-conf",
            "--wal-method=stream",
            "--checkpoint=fast",
            "--no-sync",
            "--pgdata",
        ])
        .arg(standby.data());
        quiet(&mut copy);
        standby.set(settings);
        standby.ctl("start");
        standby
    }

    fn folder() -> Self {
        let made = quiet(as_user("mktemp".as_ref()).args(["-d", "/tmp/opsknight-cluster-XXXXXX"]));
        let folder = PathBuf::from(made.trim());
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        // Its input ends when we let go of our end of it, or die; a group of its own keeps Ctrl-C from it.
        let script = r#"cat > /dev/null; for try in 1 2 3; do "$1" stop --silent --mode=immediate --pgdata "$2/data"
            rm -rf "$2" && exit 0; sleep 1; done"#;
        let watcher = as_user("sh".as_ref())
            .args(["-c", script, "sh"])
            .arg(environment::postgres_bin().join("pg_ctl"))
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        Self { folder, port, watcher }
    }

    fn set(&self, line: &str) {
        let file = fs::OpenOptions::new()
            .append(true)
            .open(self.data().join("postgresql.conf"));
        writeln!(file.unwrap(), "{line}").unwrap();
    }

    /// Its address, with the database `postgres`, which every server has.
    pub(super) fn url(&self) -> String {
        format!("postgres://{USER}@{}/postgres", self.place())
    }

    pub(super) fn place(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Stops it as a crash would, with nothing said to those who are connected.
    pub(super) fn crash(&self) {
        self.ctl("stop");
    }

    pub(super) fn start_again(&self) {
        self.ctl("start");
    }

    /// Makes a standby the one that takes writes.
    pub(super) fn promote(&self) {
        self.ctl("promote");
    }

    fn ctl(&self, what: &str) {
        let socket = self.folder.display();
        let options = format!(
            "-p {} -k {socket} -c listen_addresses=127.0.0.1 -c max_connections=200 -c fsync=off \
             -c full_page_writes=off -c wal_retrieve_retry_interval=200ms",
            self.port
        );
        let mut command = self.program("pg_ctl");
        command
            .args([what, "--wait", "--silent", "--timeout=60", "--pgdata"])
            .arg(self.data());
        match what {
            "start" => command
                .args(["--options", &options])
                .arg("--log")
                .arg(self.folder.join("log")),
            "stop" => command.arg("--mode=immediate"),
            _ => &mut command,
        };
        // The server keeps what it inherits: a pipe of ours would never end.
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        let log = || fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        assert!(status.unwrap().success(), "pg_ctl {what}: {}", log());
    }

    /// Lets none of its files grow beyond so many bytes, as a full disk would; none: there is room again. What is written
    /// across the limit is cut short, which is what a disk without room does.
    pub(super) fn grow_no_file_beyond(&self, bytes: Option<u64>) {
        let pid = fs::read_to_string(self.data().join("postmaster.pid")).unwrap();
        let postmaster = pid.lines().next().unwrap().to_owned();
        let children = fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children")).unwrap();
        for pid in children.split_whitespace().chain([postmaster.as_str()]) {
            limit_files(as_user("prlimit".as_ref()), pid, bytes);
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn program(&self, name: &str) -> Command {
        as_user(&environment::postgres_bin().join(name))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.watcher.stdin.take());
        let _ended = self.watcher.wait();
    }
}

/// Limits by this `prlimit` how long files may become that a process writes: only its own user may.
pub(super) fn limit_files(mut prlimit: Command, pid: &str, bytes: Option<u64>) {
    let limit = bytes.map_or_else(|| "unlimited".to_owned(), |bytes| bytes.to_string());
    prlimit.args(["--pid", pid, &format!("--fsize={limit}:unlimited")]);
    let output = prlimit.env("LC_ALL", "C").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    // One that has ended meanwhile writes nothing.
    assert!(
        output.status.success() || said.contains("No such process"),
        "{pid} cannot be limited: {said}"
    );
}

/// A command that runs as somebody whom PostgreSQL's programs accept, from a folder that this somebody can read.
fn as_user(program: &Path) -> Command {
    let is_root = quiet(Command::new("id").arg("-u")).trim() == "0";
    let mut command = match is_root {
        true => Command::new("runuser"),
        false => Command::new(program),
    };
    if is_root {
        command.args(["-u", USER, "--"]).arg(program);
    }
    command.current_dir("/");
    command
}

/// Runs a command that must end well, and gives back what it printed.
fn quiet(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}
