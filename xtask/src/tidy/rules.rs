//! The rules, one function each.

use super::{Fault, File};

/// Finds its own kind of fault in the files.
type Rule = fn(&[File]) -> Vec<Fault>;

/// All rules, in the order in which their faults are shown.
pub(super) const ALL: [Rule; 12] = [
    length,
    header,
    names,
    markers,
    ignored_tests,
    sleeping_tests,
    test_binaries,
    sql,
    compared_secrets,
    migrations,
    dependencies,
    snapshots,
];

/// Longest Rust file, in lines.
const LINES_MAX: usize = 500;

/// Which of our crates each crate may use. The order is the way of an alert; what is not here may not be used.
const MAY_USE: [(&str, &[&str]); 6] = [
    ("domain", &[]),
    ("sources", &["domain"]),
    ("channels", &["domain"]),
    ("store", &["domain"]),
    ("web", &["domain", "sources", "store"]),
    ("server", &["domain", "sources", "channels", "store", "web"]),
];

/// All that `domain` may use: nothing that waits, reads a clock, or reaches outside.
const DOMAIN_MAY_USE: [&str; 5] = ["jiff", "serde_json", "thiserror", "type-safe-id", "uuid"];

/// Names that say nothing of what is inside.
const EMPTY_NAMES: [&str; 8] = [
    "util", "utils", "helper", "helpers", "misc", "common", "shared", "stuff",
];

/// Words that put off what should be done, spelt so that this file does not hold them.
const MARKERS: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];

/// How a test waits for a time, spelt so that this file does not hold it.
const SLEEPS: [&str; 2] = [concat!("thread::", "sleep("), concat!("time::", "sleep(")];

/// How SQL statements begin.
const SQL: [&str; 4] = ["SELECT ", "INSERT INTO ", "DELETE FROM ", "UPDATE "];

fn length(files: &[File]) -> Vec<Fault> {
    each(files, "length", |file| {
        let lines = file.text.lines().count();
        (is_rust(file) && lines > LINES_MAX).then(|| format!("{lines} lines; {LINES_MAX} are the limit, split it"))
    })
}

fn header(files: &[File]) -> Vec<Fault> {
    each(files, "header", |file| {
        let is_bare = is_rust(file) && !is_test_file(file) && !file.text.starts_with("//!");
        is_bare.then(|| "begin it with a //! header: what the module owns and what it never does".to_owned())
    })
}

fn names(files: &[File]) -> Vec<Fault> {
    each(files, "names", |file| {
        let mut words = file
            .path
            .split('/')
            .map(|part| part.split('.').next().unwrap_or_default());
        let word = words.find(|word| EMPTY_NAMES.contains(word))?;
        Some(format!("the name {word} says nothing; name it after what it holds"))
    })
}

fn markers(files: &[File]) -> Vec<Fault> {
    each(files, "markers", |file| {
        let marker = MARKERS
            .iter()
            .find(|marker| words(&file.text).any(|word| word == **marker))?;
        Some(format!("do it or file it as an issue: {marker}"))
    })
}

fn ignored_tests(files: &[File]) -> Vec<Fault> {
    each(files, "ignored_tests", |file| {
        let is_ignored = is_rust(file) && file.text.lines().any(|line| line.trim().starts_with("#[ignore"));
        is_ignored.then(|| "a test that does not run proves nothing: let it run or take it out".to_owned())
    })
}

fn sleeping_tests(files: &[File]) -> Vec<Fault> {
    each(files, "sleeping_tests", |file| {
        let tests = if is_test_file(file) {
            &file.text
        } else {
            file.text.split_once("#[cfg(test)]")?.1
        };
        let sleeps = is_rust(file) && SLEEPS.iter().any(|call| tests.contains(call));
        sleeps.then(|| "a test waits for a condition, never for a time".to_owned())
    })
}

fn test_binaries(files: &[File]) -> Vec<Fault> {
    each(files, "test_binaries", |file| {
        let (_, path) = file.path.strip_prefix("crates/")?.split_once("/tests/")?;
        let is_binary = is_rust(file) && (!path.contains('/') || path.ends_with("/main.rs")) && path != "it/main.rs";
        is_binary.then(|| "every test binary links the whole program: make it a module of tests/it/main.rs".to_owned())
    })
}

fn sql(files: &[File]) -> Vec<Fault> {
    each(files, "sql", |file| {
        let is_elsewhere = is_rust(file) && file.path.starts_with("crates/") && !file.path.starts_with("crates/store/");
        let mut code = file.text.lines().filter(|line| !line.trim().starts_with("//"));
        let line = code
            .find(|line| SQL.iter().any(|start| line.contains(start)))
            .filter(|_| is_elsewhere)?;
        Some(format!("only crates/store speaks SQL: {}", line.trim()))
    })
}

/// A `Secret` is compared in constant time, and what it holds is not taken out to be compared in another way.
fn compared_secrets(files: &[File]) -> Vec<Fault> {
    each(files, "compared_secrets", |file| {
        let is_code = is_rust(file) && file.path.starts_with("crates/") && !is_test_file(file);
        let code = file.text.split("#[cfg(test)]").next().unwrap_or_default();
        let mut lines = code.lines().filter(|line| !line.trim().starts_with("//"));
        let line = lines.find(|line| compares_exposed(line)).filter(|_| is_code)?;
        Some(format!("compare secrets as they are, or by subtle: {}", line.trim()))
    })
}

/// Whether what a secret holds stands on either side of a comparison.
fn compares_exposed(line: &str) -> bool {
    let held = ".expose()";
    ["==", "!="].into_iter().any(|sign| {
        let sides: Vec<&str> = line.split(sign).collect();
        sides.windows(2).any(|pair| {
            let before = pair[0].trim_end().ends_with(held);
            let word = pair[1].trim_start().split([' ', ',', ';', '{']).next();
            before || word.is_some_and(|word| word.contains(held))
        })
    })
}

/// Migrations are numbered from 1 without a gap and applied by `migrate.rs`; a file for one database only has its name
/// before `.sql`, as in `0002_search.postgres.sql`.
fn migrations(files: &[File]) -> Vec<Fault> {
    let applied = files
        .iter()
        .find(|file| file.path == "crates/store/src/migrate.rs")
        .map_or("", |file| &file.text);
    let named = files
        .iter()
        .filter_map(|file| Some((file, file.path.strip_prefix("crates/store/migrations/")?)));
    let mut faults = Vec::new();
    let mut last = (0, String::new());
    for (file, name) in named {
        let mut fault = |why: String| {
            faults.push(Fault {
                rule: "migrations",
                path: file.path.clone(),
                why,
            })
        };
        let Some((number, title)) = migration(name) else {
            fault("call it NNNN_name.sql, or NNNN_name.sqlite.sql and NNNN_name.postgres.sql".into());
            continue;
        };
        if number != last.0 + 1 && (number, title) != (last.0, last.1.as_str()) {
            fault(format!(
                "number {number} follows {}: numbers have no gaps and no doubles",
                last.0
            ));
        }
        if !applied.contains(&format!("/{name}\"")) {
            fault("crates/store/src/migrate.rs does not apply it".into());
        }
        last = (number, title.to_owned());
    }
    faults
}

fn migration(name: &str) -> Option<(u32, &str)> {
    let (number, rest) = name.strip_suffix(".sql")?.split_once('_')?;
    let (title, database) = rest.split_once('.').unwrap_or((rest, "sqlite"));
    let is_known = ["sqlite", "postgres"].contains(&database) && number.len() == 4;
    Some((number.parse().ok().filter(|_| is_known)?, title))
}

fn dependencies(files: &[File]) -> Vec<Fault> {
    each(files, "dependencies", |file| {
        let name = file.path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")?;
        let Some((_, ours)) = MAY_USE.iter().find(|(known, _)| *known == name) else {
            return Some("a seventh crate needs a written reason in ARCHITECTURE.md and its place in this rule".into());
        };
        let stranger = dependency_names(&file.text).find(|dependency| match dependency.strip_prefix("opsknight-") {
            Some(our) => !ours.contains(&our),
            None => name == "domain" && !DOMAIN_MAY_USE.contains(dependency),
        })?;
        Some(format!("{name} may not depend on {stranger}"))
    })
}

/// The names in the `[dependencies]` table of a manifest.
fn dependency_names(manifest: &str) -> impl Iterator<Item = &str> {
    let lines = manifest
        .lines()
        .skip_while(|line| line.trim() != "[dependencies]")
        .skip(1);
    lines
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split(['.', '=', ' ']).next())
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
}

fn snapshots(files: &[File]) -> Vec<Fault> {
    each(files, "snapshots", |file| {
        let is_pending = file.path.ends_with(".snap.new") || file.path.ends_with(".pending-snap");
        is_pending.then(|| "look at it, then accept it as the .snap file or delete it".to_owned())
    })
}

/// The faults of a rule that looks at one file at a time.
fn each(files: &[File], rule: &'static str, check: impl Fn(&File) -> Option<String>) -> Vec<Fault> {
    let faults = files.iter().filter_map(|file| {
        Some(Fault {
            rule,
            path: file.path.clone(),
            why: check(file)?,
        })
    });
    faults.collect()
}

fn is_rust(file: &File) -> bool {
    file.path.ends_with(".rs")
}

fn is_test_file(file: &File) -> bool {
    file.path.contains("/tests/") || file.path.ends_with("/tests.rs")
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: Rule, files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<File> = files
            .iter()
            .map(|(path, text)| File {
                path: (*path).into(),
                text: (*text).into(),
            })
            .collect();
        rule(&files).into_iter().map(|fault| fault.path).collect()
    }

    #[test]
    fn long_rust_files_are_found() {
        let (fits, long) = ("\n".repeat(LINES_MAX), "\n".repeat(LINES_MAX + 1));
        assert_eq!(
            check(length, &[("a.rs", &fits), ("b.rs", &long), ("c.css", &long)]),
            ["b.rs"]
        );
    }

    #[test]
    fn modules_say_what_they_own() {
        let files = [
            ("a/src/x.rs", "use y;"),
            ("a/src/z.rs", "//! Owns z."),
            ("a/tests/it/main.rs", "mod x;"),
        ];
        assert_eq!(check(header, &files), ["a/src/x.rs"]);
    }

    #[test]
    fn empty_names_are_found_in_folders_and_files() {
        let files = [
            ("crates/web/utils/x.rs", ""),
            ("crates/web/misc.rs", ""),
            ("crates/web/commonly.rs", ""),
        ];
        assert_eq!(check(names, &files), ["crates/web/utils/x.rs", "crates/web/misc.rs"]);
    }

    #[test]
    fn markers_are_whole_words() {
        let files = [
            ("a.rs", concat!("// TO", "DO: x")),
            ("b.rs", concat!("x_TO", "DO")),
            ("c.rs", "todo"),
        ];
        assert_eq!(check(markers, &files), ["a.rs"]);
    }

    #[test]
    fn ignored_tests_are_found() {
        assert_eq!(
            check(
                ignored_tests,
                &[("a.rs", "  #[ignore = \"slow\"]"), ("b.rs", "// #[ignore]")]
            ),
            ["a.rs"]
        );
    }

    #[test]
    fn only_tests_may_not_sleep() {
        let call = SLEEPS[0];
        let inline = format!("#[cfg(test)]\nmod tests {{ {call} }}");
        let product = format!("{call}\n#[cfg(test)]\nmod tests {{}}");
        let files = [
            ("a/src/x.rs", call),
            ("a/src/y.rs", &inline),
            ("a/src/z.rs", &product),
            ("a/tests/it/t.rs", call),
        ];
        assert_eq!(check(sleeping_tests, &files), ["a/src/y.rs", "a/tests/it/t.rs"]);
    }

    #[test]
    fn a_crate_has_one_test_binary() {
        let files = [
            ("crates/web/tests/it/main.rs", ""),
            ("crates/web/tests/it/login.rs", ""),
        ];
        assert!(check(test_binaries, &files).is_empty());
        let files = [("crates/web/tests/login.rs", ""), ("crates/web/tests/more/main.rs", "")];
        assert_eq!(check(test_binaries, &files).len(), 2);
    }

    #[test]
    fn secrets_are_compared_as_they_are() {
        let files = [
            ("crates/a/src/x.rs", "if kept.expose() == given {}"),
            ("crates/a/src/y.rs", "if given != kept.expose() {}"),
            (
                "crates/a/src/good.rs",
                "if kept == given { send(kept.expose()) }\n// a.expose() == b",
            ),
            ("crates/a/src/z.rs", "x\n#[cfg(test)]\nassert!(a.expose() == b)"),
            ("crates/a/tests/it/x.rs", "assert!(a.expose() == b)"),
        ];
        assert_eq!(
            check(compared_secrets, &files),
            ["crates/a/src/x.rs", "crates/a/src/y.rs"]
        );
    }

    #[test]
    fn sql_is_found_outside_the_store() {
        let select = r#"tx.query("SELECT id FROM incident")"#;
        let files = [
            ("crates/web/src/a.rs", select),
            ("crates/store/src/a.rs", select),
            ("docs/a.md", select),
        ];
        assert_eq!(check(sql, &files), ["crates/web/src/a.rs"]);
        assert!(check(sql, &[("crates/web/src/a.rs", "// UPDATE takes no lock")]).is_empty());
    }

    #[test]
    fn migrations_have_no_gaps_and_no_doubles_and_are_applied() {
        let faults = |names: &[&str], applied: &str| {
            let at = |name: &&str| (format!("crates/store/migrations/{name}"), "");
            let mut files: Vec<(String, &str)> = names.iter().map(at).collect();
            files.push(("crates/store/src/migrate.rs".into(), applied));
            let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
            check(migrations, &files).len()
        };
        let applied =
            r#""m/1_a.sql" "m/0001_a.sql" "m/0001_b.sql" "m/0002_c.sqlite.sql" "m/0002_c.postgres.sql" "m/0003_d.sql""#;
        assert_eq!(
            faults(
                &["0001_a.sql", "0002_c.postgres.sql", "0002_c.sqlite.sql", "0003_d.sql"],
                applied
            ),
            0
        );
        assert_eq!(faults(&["0001_a.sql", "0003_d.sql"], applied), 1);
        assert_eq!(faults(&["0001_a.sql", "0001_b.sql"], applied), 1);
        assert_eq!(faults(&["0001_a.mysql.sql", "1_a.sql"], applied), 2);
        assert_eq!(faults(&["0001_a.sql"], ""), 1);
    }

    #[test]
    fn dependencies_point_one_way() {
        let manifest =
            |name: &str| format!("[dependencies]\n# why\n{name}.workspace = true\n\n[dev-dependencies]\nx = \"1\"");
        let with = |krate: &str, name: &str| {
            check(
                dependencies,
                &[(&format!("crates/{krate}/Cargo.toml"), &manifest(name))],
            )
            .len()
        };
        assert_eq!((with("domain", "jiff"), with("domain", "tokio")), (0, 1));
        assert_eq!((with("web", "opsknight-store"), with("store", "opsknight-web")), (0, 1));
        assert_eq!((with("store", "tokio"), with("reports", "jiff")), (0, 1));
    }

    #[test]
    fn pending_snapshots_are_found() {
        assert_eq!(check(snapshots, &[("a.snap", ""), ("b.snap.new", "")]), ["b.snap.new"]);
    }
}
