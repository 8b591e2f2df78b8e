//! A PostgreSQL server of one test's own, for what is done to a server as a whole: its archive, its copy, its loss.

use std::{net::TcpListener, path::Path, process::Stdio};

use tokio::process::Command;

use crate::{
    environment,
    process::{Ended, run},
};

/// A user that PostgreSQL's programs accept; Debian's packages make it.
const USER: &str = "postgres";

/// The server's folder and port. It ends with this value.
pub(crate) struct OwnPostgres {
    /// Where everything of it lies.
    pub(crate) folder: String,
    pub(crate) port: u16,
}

impl OwnPostgres {
    /// Makes a server with these lines in its settings, and starts it.
    pub(crate) async fn start(settings: &str) -> Self {
        let folder = sh("mktemp -d /tmp/opsknight-own-XXXXXX", &[]).await.well();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let server = Self {
            folder: folder.trim().to_owned(),
            port,
        };
        let folder = &server.folder;
        let settings = settings.replace("FOLDER", folder);
        let script = format!(
            "initdb --username=postgres --auth=trust --no-sync --encoding=UTF8 --locale=C --pgdata={folder}/data > {folder}/initdb.log\n\
             cat >> {folder}/data/postgresql.conf <<'END'\n\
             port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{folder}'\nfsync = off\n{settings}\nEND\n\
             pg_ctl start --wait --silent --pgdata={folder}/data --log={folder}/log"
        );
        sh(&script, &[]).await.well();
        server
    }

    /// The address of a database.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs a script as an administrator of the server would, with these variables.
    pub(crate) async fn sh(&self, script: &str, variables: &[(&str, &str)]) -> Ended {
        sh(&format!("cd {}\n{script}", self.folder), variables).await
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        let folder = &self.folder;
        let script = format!(
            "for data in {folder}/data {folder}/restored; do pg_ctl stop --silent --mode=immediate --pgdata=$data || true; done; rm -rf {folder}"
        );
        let mut stop = shell(&script, &[]);
        let stopped = stop.as_std_mut().stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(
            stopped.is_ok_and(|status| status.success()) || std::thread::panicking(),
            "the server could not be stopped"
        );
    }
}

async fn sh(script: &str, variables: &[(&str, &str)]) -> Ended {
    run(shell(script, variables), "").await
}

/// A shell that stops at the first failure and finds PostgreSQL's programs, as a user that those accept.
fn shell(script: &str, variables: &[(&str, &str)]) -> Command {
    let bin = environment::postgres_bin();
    let bin = bin.to_str().expect("paths of tests are UTF-8");
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    let mut command = if is_root {
        let mut command = Command::new("runuser");
        command.args(["-u", USER, "--", "env"]);
        command
    } else {
        Command::new("env")
    };
    command.args(["-i", &format!("PATH={bin}:/usr/local/bin:/usr/bin:/bin"), "LC_ALL=C"]);
    command.args(variables.iter().map(|(name, value)| format!("{name}={value}")));
    command.args(["sh", "-euc", script]).current_dir(Path::new("/"));
    command
}
