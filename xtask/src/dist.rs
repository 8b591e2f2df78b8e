//! `cargo xtask dist`: the program as it is handed out, built without the paths of whoever builds it, checked for what makes
//! a fault in it hard to use, with its checksum and what it is made of beside it.

mod confined;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};
use clap::Args;

use crate::{process, root, sbom};

/// Libraries that the program may ask for: the C library, and what unwinds the stack after a fault.
const LIBRARIES: [&str; 5] = [
    "libc.so.6",
    "libm.so.6",
    "libgcc_s.so.1",
    "ld-linux-x86-64.so.2",
    "ld-linux-aarch64.so.1",
];

/// How what is written in C inside is compiled: SQLite, the allocator, and parts of the cryptography.
const C_FLAGS: &str = "-fstack-protector-strong -fstack-clash-protection -D_FORTIFY_SOURCE=2";

/// What `cargo xtask dist` is asked to do.
#[derive(Args)]
pub(crate) struct Options {
    /// Builds nothing, and checks this program.
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
    /// Also runs it as the container does, read-only and without any right. Needs root.
    #[arg(long)]
    confined: bool,
}

/// Builds and checks, or checks.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let folder = root().join("target").join("dist");
    let program = match &options.check {
        Some(program) => program.clone(),
        None => {
            process::step("cargo build --release, without the paths of this machine", || {
                build(&folder)
            })?;
            let program = folder.join("opsknight");
            fs::copy(folder.join("release").join("opsknight"), &program).context("the program cannot be copied")?;
            program
        }
    };
    process::step("check the program", || check(&program))?;
    if options.confined {
        process::step("run it without any right", || confined::run(&program, &folder))?;
    }
    if options.check.is_some() {
        return Ok(());
    }
    let document = serde_json::to_string_pretty(&sbom::document()?)?;
    fs::write(folder.join("opsknight.cdx.json"), format!("{document}\n"))?;
    let words = ["opsknight", "opsknight.cdx.json"];
    let sums = process::quiet(Command::new("sha256sum").current_dir(&folder).args(words))?;
    fs::write(folder.join("SHA256SUMS"), &sums)?;
    process::say(&format!("{} holds\n{sums}", folder.display()));
    Ok(())
}

/// Paths of this machine, with what stands in their place in messages of the program.
fn paths() -> anyhow::Result<Vec<(String, &'static str)>> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")));
    let home = home.context("neither CARGO_HOME nor HOME is set")?;
    let sysroot = process::quiet(Command::new("rustc").args(["--print", "sysroot"]))?;
    let mut paths = vec![
        (sysroot.trim().to_owned(), "/rust"),
        (root().display().to_string(), "/opsknight"),
    ];
    for source in fs::read_dir(home.join("registry").join("src")).into_iter().flatten() {
        paths.push((source?.path().display().to_string(), "/crates"));
    }
    paths.push((home.display().to_string(), "/cargo"));
    Ok(paths)
}

fn build(folder: &Path) -> anyhow::Result<()> {
    let (mut rust, mut c) = (String::new(), C_FLAGS.to_owned());
    // The last one that fits is taken: the longer ones stand at the end.
    for (path, place) in paths()?.iter().rev() {
        rust += &format!("--remap-path-prefix={path}={place} ");
        c += &format!(" -ffile-prefix-map={path}={place}");
    }
    rust += "-Clink-arg=-Wl,-z,noexecstack";
    let committed = process::quiet(
        Command::new("git")
            .current_dir(root())
            .args(["log", "-1", "--format=%ct"]),
    );
    let mut cargo = process::cargo();
    cargo
        .args([
            "build",
            "--release",
            "--locked",
            "--package",
            "opsknight-server",
            "--target-dir",
        ])
        .arg(folder)
        .env("RUSTFLAGS", rust)
        .env("CFLAGS", c);
    if let Ok(seconds) = committed {
        cargo.env("SOURCE_DATE_EPOCH", seconds.trim());
    }
    process::show(&mut cargo)
}

/// Checks a program.
pub(crate) fn check(program: &Path) -> anyhow::Result<()> {
    let text = process::quiet(
        Command::new("readelf")
            .env("LC_ALL", "C")
            .args(["-W", "-h", "-l", "-d", "--dyn-syms"])
            .arg(program),
    )?;
    let mut faults = faults(&text);
    let bytes = fs::read(program)?;
    for (path, _) in paths()? {
        let found = bytes.windows(path.len()).any(|window| window == path.as_bytes());
        faults.extend(found.then(|| format!("it holds the path {path} of this machine")));
    }
    for fault in &faults {
        process::say(fault);
    }
    ensure!(
        faults.is_empty(),
        "{} is not as it should be handed out",
        program.display()
    );
    let size = bytes.len() as f64 / f64::from(1 << 20);
    process::say(&format!(
        "{size:.1} MiB: position independent, read-only after relocation, no executable stack, guarded stacks in C, no paths of \
         this machine, no libraries but the C library's"
    ));
    Ok(())
}

/// What is missing, by what `readelf` tells of a program.
fn faults(readelf: &str) -> Vec<String> {
    let has = |words: &[&str]| readelf.lines().any(|line| words.iter().all(|word| line.contains(word)));
    let segments = readelf.lines().map(str::trim).filter(|line| line.contains(" 0x"));
    let writable_code = segments.clone().any(|line| line.contains(" RWE "));
    let executable_stack = segments
        .clone()
        .any(|line| line.starts_with("GNU_STACK") && line.contains('E'));
    let needed = readelf.lines().filter(|line| line.contains("(NEEDED)"));
    let foreign: Vec<&str> = needed
        .filter_map(|line| line.split(['[', ']']).nth(1))
        .filter(|library| !LIBRARIES.contains(library))
        .collect();
    let wanted = [
        (
            has(&["Type:", "DYN"]) && has(&["FLAGS_1", "PIE"]),
            "it has to be loaded at one address",
        ),
        (has(&["GNU_RELRO"]), "its tables can be written to"),
        (
            has(&["BIND_NOW"]) || has(&["FLAGS_1", "NOW"]),
            "its tables are bound late, and so can be written to",
        ),
        (has(&["GNU_STACK"]) && !executable_stack, "its stack can be executed"),
        (!writable_code, "it has memory that can be written to and executed"),
        (!has(&["(TEXTREL)"]), "its code is changed when it is loaded"),
        (
            !has(&["(RPATH)"]) && !has(&["(RUNPATH)"]),
            "it looks for libraries where the builder had them",
        ),
        (
            has(&["__stack_chk_fail"]),
            "what is written in C inside does not guard its stacks",
        ),
    ];
    let mut faults: Vec<String> = wanted
        .iter()
        .filter(|(good, _)| !good)
        .map(|(_, why)| (*why).to_owned())
        .collect();
    faults.extend(
        foreign
            .iter()
            .map(|library| format!("it asks for the library {library}")),
    );
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "  Type:                              DYN (Position-Independent Executable file)
  LOAD           0x003f70 0x00004f70 0x00004f70 0x0014e8 0x0014e8 R E 0x1000
  LOAD           0x005460 0x00007460 0x00007460 0x000bb0 0x000bb0 RW  0x1000
  GNU_RELRO      0x005460 0x00007460 0x00007460 0x000ba0 0x000ba0 R   0x1
  GNU_STACK      0x000000 0x00000000 0x00000000 0x000000 0x000000 RW  0x0
 0x0000000000000001 (NEEDED)             Shared library: [libc.so.6]
 0x000000000000001e (FLAGS)              BIND_NOW
 0x000000006ffffffb (FLAGS_1)            Flags: NOW PIE
     5: 0000000000000000     0 FUNC    GLOBAL DEFAULT  UND __stack_chk_fail@GLIBC_2.4 (3)
";

    #[test]
    fn each_weakness_is_named() {
        assert_eq!(faults(GOOD), Vec::<String>::new());
        for (from, to) in [
            ("DYN (", "EXEC ("),
            ("GNU_RELRO ", "NOTE "),
            ("NOW PIE", "PIE"),
            ("0x000000 RW  0x0", "0x000000 RWE 0x0"),
            ("0x000bb0 RW  0x1000", "0x000bb0 RWE 0x1000"),
            ("GNU_STACK ", "NOTE "),
            ("__stack_chk_fail", "memcpy"),
            ("libc.so.6", "libssl.so.3"),
        ] {
            assert!(GOOD.contains(from), "{from}");
            // Either of two words says that tables are bound at once.
            let text = GOOD
                .replace(from, to)
                .replace("(FLAGS)              BIND_NOW", "(FLAGS)");
            assert!(!faults(&text).is_empty(), "{from}");
        }
        for line in [
            " 0x000000000000001d (RUNPATH)  Library runpath: [/home/me]",
            " 0x16 (TEXTREL)            0x0",
        ] {
            assert_eq!(faults(&format!("{GOOD}{line}\n")).len(), 1, "{line}");
        }
    }
}
