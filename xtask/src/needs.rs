//! The programs that the tests talk to: where they are, and how they get onto a Debian machine.
//!
//! It never builds or downloads a program itself: Debian's packages do, and elsewhere a person does.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::bail;

use crate::{process, python};

/// One program that the tests need.
#[derive(Debug)]
pub(crate) struct Need {
    /// What it is, for a person.
    pub(crate) what: &'static str,
    /// The variable that names its path: set by the user it is believed, otherwise it is set for the tests.
    pub(crate) variable: &'static str,
    /// The Debian packages that bring it.
    packages: &'static [&'static str],
    /// Where it is, when the variable does not say.
    find: fn() -> Option<PathBuf>,
}

/// The folder with `initdb`, `pg_ctl` and `postgres`.
pub(crate) const POSTGRES_BIN: Need = Need {
    what: "PostgreSQL 13 or newer (initdb, pg_ctl, postgres)",
    variable: "OPSKNIGHT_TEST_POSTGRES_BIN",
    packages: &["postgresql"],
    find: postgres_bin,
};

/// The Python that the virtual environment is made from.
pub(crate) const BASE_PYTHON: Need = Need {
    what: "Python 3.10 or newer with its venv and ensurepip modules",
    variable: "OPSKNIGHT_TEST_BASE_PYTHON",
    packages: &["python3", "python3-venv"],
    find: python::base,
};

/// What installs the JavaScript packages. Debian has it in a package of its own, other packages of Node.js bring it.
pub(crate) const NPM: Need = Need {
    what: "npm, which comes with Node.js",
    variable: "OPSKNIGHT_TEST_NPM",
    packages: &["npm"],
    find: || on_path(&["npm"]),
};

/// What sets the clock of a program, for pictures that are the same every time.
pub(crate) const FAKETIME: Need = Need {
    what: "the library of faketime, libfaketime.so.1",
    variable: "OPSKNIGHT_TEST_FAKETIME",
    packages: &["libfaketime"],
    find: faketime,
};

/// The programs that tests start by themselves.
pub(crate) const PROGRAMS: [Need; 7] = [
    Need {
        what: "Alertmanager",
        variable: "OPSKNIGHT_TEST_ALERTMANAGER",
        packages: &["prometheus-alertmanager"],
        find: || on_path(&["prometheus-alertmanager", "alertmanager"]),
    },
    Need {
        what: "amtool, which comes with Alertmanager",
        variable: "OPSKNIGHT_TEST_AMTOOL",
        packages: &["prometheus-alertmanager"],
        find: || on_path(&["amtool"]),
    },
    Need {
        what: "Chromium",
        variable: "OPSKNIGHT_TEST_CHROMIUM",
        packages: &["chromium", "fonts-liberation"],
        find: || on_path(&["chromium", "chromium-browser", "google-chrome"]),
    },
    Need {
        what: "ChromeDriver of the same version as Chromium",
        variable: "OPSKNIGHT_TEST_CHROMEDRIVER",
        packages: &["chromium-driver"],
        find: || on_path(&["chromedriver"]),
    },
    Need {
        what: "Monit",
        variable: "OPSKNIGHT_TEST_MONIT",
        packages: &["monit"],
        find: || on_path(&["monit"]),
    },
    Need {
        what: "Node.js 18 or newer",
        variable: "OPSKNIGHT_TEST_NODE",
        packages: &["nodejs"],
        find: || on_path(&["node", "nodejs"]),
    },
    Need {
        what: "promtool, which comes with Prometheus",
        variable: "OPSKNIGHT_TEST_PROMTOOL",
        packages: &["prometheus"],
        find: || on_path(&["promtool"]),
    },
];

impl Need {
    /// Where it is, if it is there at all.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        match env::var_os(self.variable) {
            Some(path) => Some(path.into()),
            None => (self.find)(),
        }
    }
}

/// Finds all that is needed, in the order of `needs`, and installs what is missing where it can.
pub(crate) fn find_or_install(needs: &[Need]) -> anyhow::Result<Vec<PathBuf>> {
    let missing: Vec<&Need> = needs.iter().filter(|need| need.path().is_none()).collect();
    if !missing.is_empty() && is_debian() {
        install(&missing)?;
    }
    let missing: Vec<&Need> = needs.iter().filter(|need| need.path().is_none()).collect();
    if !missing.is_empty() {
        bail!("{}", complaint(&missing));
    }
    Ok(needs.iter().filter_map(Need::path).collect())
}

/// Looks for the first of several names along `PATH`.
pub(crate) fn on_path(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    names
        .iter()
        .flat_map(|name| env::split_paths(&path).map(move |folder| folder.join(name)))
        .find(|file| file.is_file())
}

/// Whether this process may do everything.
pub(crate) fn is_root() -> bool {
    process::quiet(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

fn is_debian() -> bool {
    Path::new("/etc/debian_version").exists() && on_path(&["apt-get"]).is_some()
}

fn install(missing: &[&Need]) -> anyhow::Result<()> {
    let mut packages: Vec<&str> = missing.iter().flat_map(|need| need.packages).copied().collect();
    packages.sort_unstable();
    packages.dedup();
    process::step(&format!("apt-get install {}", packages.join(" ")), || {
        apt(&["update"])?;
        let mut words = vec!["install", "--yes", "--no-install-recommends"];
        words.extend(packages);
        apt(&words)
    })
}

fn apt(words: &[&str]) -> anyhow::Result<()> {
    let mut command = if is_root() {
        Command::new("env")
    } else {
        Command::new("sudo")
    };
    command.args([
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "--quiet",
        "-o",
        "DPkg::Lock::Timeout=300",
    ]);
    process::quiet(command.args(words)).map(drop)
}

/// Debian keeps the server's programs off `PATH`, in a folder for each version; the newest is taken.
fn postgres_bin() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok().into_iter().flatten().flatten();
    newest(versions.map(|entry| entry.file_name()))
        .map(|version| Path::new("/usr/lib/postgresql").join(version).join("bin"))
        .filter(|bin| bin.join("initdb").is_file())
        .or_else(|| on_path(&["initdb"])?.canonicalize().ok()?.parent().map(Path::to_owned))
}

/// Debian keeps libraries in a folder for each kind of machine.
fn faketime() -> Option<PathBuf> {
    let folders = ["/usr/lib", "/usr/local/lib"].into_iter().flat_map(|base| {
        let inner = fs::read_dir(base).ok().into_iter().flatten().flatten();
        inner.map(|entry| entry.path()).chain([PathBuf::from(base)])
    });
    let files = folders.map(|folder| folder.join("faketime/libfaketime.so.1"));
    files.into_iter().find(|file| file.is_file())
}

fn newest(versions: impl Iterator<Item = OsString>) -> Option<OsString> {
    versions
        .filter_map(|name| Some((name.to_str()?.parse::<u32>().ok()?, name)))
        .max()
        .map(|(_, name)| name)
}

fn complaint(missing: &[&Need]) -> String {
    let mut text = String::from("the tests need programs that are not on this machine:");
    for need in missing {
        let Need {
            what,
            variable,
            packages,
            ..
        } = need;
        let packages = packages.join(", ");
        text += &format!("\n  {what} (Debian: {packages}); if it lies off PATH, set {variable} to its path");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_is_taken_by_number() {
        let names = ["9.6", "15", "9", "common", "17"].map(OsString::from);
        assert_eq!(newest(names.into_iter()), Some("17".into()));
        assert_eq!(newest(["common"].map(OsString::from).into_iter()), None);
    }

    #[test]
    fn what_is_missing_is_named_with_its_remedy() {
        let text = complaint(&[&PROGRAMS[0]]);
        assert!(
            text.contains("Alertmanager (Debian: prometheus-alertmanager)"),
            "{text}"
        );
        assert!(text.contains("OPSKNIGHT_TEST_ALERTMANAGER"), "{text}");
    }
}
