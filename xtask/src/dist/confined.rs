//! The program in the place that `deploy/Containerfile` makes for it: its libraries, the certificates, nothing else, all of it
//! read-only but for its data, and as a user without any right. Made by hand, for machines that have no container runtime.
//!
//! It needs root, to make that place.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::{PermissionsExt as _, chown},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};

use crate::process;

/// The user of the image.
const USER: u32 = 10_001;
/// How long the program may take until it is ready.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// Files that some program might want, and that are not there.
const ABSENT: [&str; 6] = ["bin/sh", "etc/passwd", "tmp", "proc", "sys", "dev"];

/// Shuts a folder off: nothing in it can be written but its data, and whoever runs in it has no right to get out.
const SCRIPT: &str = "set -e
mount --bind \"$1\" \"$1\"
mount --bind \"$1/data\" \"$1/data\"
mount -o remount,bind,ro \"$1\"
exec setpriv --no-new-privs chroot --userspec=10001:10001 \"$1\" /usr/local/bin/opsknight serve";

/// Runs the program there, asks whether it is ready, and ends it.
pub(super) fn run(program: &Path, folder: &Path) -> anyhow::Result<()> {
    let image = folder.join("image");
    make(program, &image)?;
    let mut child = Command::new("unshare")
        .args(["--mount", "sh", "-c", SCRIPT, "sh"])
        .arg(&image)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("OPSKNIGHT_LISTEN", "127.0.0.1:0")
        .env("OPSKNIGHT_DATA_DIR", "/data")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("unshare cannot be run")?;
    let seen = look(&mut child, &image);
    let ended = child.kill().and_then(|()| child.wait());
    seen?;
    ended?;
    Ok(())
}

/// The same files as the Containerfile copies.
fn make(program: &Path, image: &Path) -> anyhow::Result<()> {
    if image.exists() {
        fs::remove_dir_all(image)?;
    }
    for folder in ["usr/local/bin", "etc/ssl/certs", "data"] {
        fs::create_dir_all(image.join(folder))?;
    }
    fs::copy(program, image.join("usr/local/bin/opsknight"))?;
    fs::write(image.join("etc/nsswitch.conf"), "hosts: files dns\n")?;
    let certificates = "/etc/ssl/certs/ca-certificates.crt";
    fs::copy(certificates, image.join(&certificates[1..])).context("there are no certificates of authorities")?;
    let needed = process::quiet(Command::new("ldd").arg(program))?;
    for library in needed.split_whitespace().filter(|word| word.starts_with('/')) {
        let place = image.join(&library[1..]);
        fs::create_dir_all(place.parent().context("a library lies in a folder")?)?;
        fs::copy(library, place).with_context(|| format!("{library} cannot be copied"))?;
    }
    let data = image.join("data");
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700))?;
    chown(&data, Some(USER), Some(USER)).context("only root can make this place")?;
    for path in ABSENT {
        ensure!(!image.join(path).exists(), "{path} is there");
    }
    Ok(())
}

/// Waits until the program is ready, and looks at what it is allowed.
fn look(child: &mut Child, image: &Path) -> anyhow::Result<()> {
    let mut lines = BufReader::new(child.stdout.take().context("its output is a pipe")?).lines();
    let begins = "OpsKnight is ready at http://";
    let address = lines.find_map(|line| line.ok()?.strip_prefix(begins).map(str::to_owned));
    let address = address.context("the program has ended before it was ready")?;
    let deadline = Instant::now() + READY_WITHIN;
    let answer = loop {
        let answer = ask(&address, "/readyz")?;
        if answer.starts_with("HTTP/1.1 200") {
            break answer;
        }
        if Instant::now() > deadline {
            bail!("it is not ready: {answer}");
        }
        thread::sleep(Duration::from_millis(100));
    };
    ensure!(answer.contains("\"database\":\"answers\""), "{answer}");
    let status = fs::read_to_string(format!("/proc/{}/status", child.id()))?;
    let field = |name: &str| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap_or_default()
            .trim()
    };
    ensure!(
        field("Uid:").split_whitespace().all(|id| id == USER.to_string()),
        "it runs as {}",
        field("Uid:")
    );
    for name in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
        ensure!(
            field(name).bytes().all(|digit| digit == b'0'),
            "it has {name} {}",
            field(name)
        );
    }
    ensure!(field("NoNewPrivs:") == "1", "it can gain privileges");
    let key = fs::metadata(image.join("data/secret.key"))?;
    ensure!(key.permissions().mode() & 0o077 == 0, "others can read its secret key");
    process::say(&format!(
        "ready as user {USER} without capabilities, in a read-only place of {} files without a shell",
        count(image)?
    ));
    Ok(())
}

fn ask(address: &str, path: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// How many files there are, but for the data.
fn count(folder: &Path) -> anyhow::Result<usize> {
    let mut files = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        files += match (entry.file_type()?.is_dir(), entry.file_name() == "data") {
            (true, true) => 0,
            (true, false) => count(&entry.path())?,
            (false, _) => 1,
        };
    }
    Ok(files)
}
