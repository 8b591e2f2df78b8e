//! The files that people install the program with: they ask for no privilege, and the guide shows them as they are.

use std::{collections::BTreeMap, fs, path::PathBuf};

fn read(path: &str) -> String {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_guide_shows_the_files_as_they_are() {
    let guide = read("docs/guide/installing.md");
    for (language, path) in [
        ("ini", "deploy/systemd/opsknight.service"),
        ("dockerfile", "deploy/Containerfile"),
    ] {
        let block = format!("```{language}\n{}```\n", read(path));
        assert!(guide.contains(&block), "docs/guide/installing.md shows another {path}");
        assert!(guide.contains(path), "docs/guide/installing.md names {path}");
    }
}

/// The settings of the unit, each with the last value that it was given.
fn unit() -> BTreeMap<String, String> {
    let text = read("deploy/systemd/opsknight.service");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn the_service_has_no_privilege_and_comes_back() {
    let unit = unit();
    for (name, value) in [
        ("DynamicUser", "yes"),
        ("NoNewPrivileges", "yes"),
        ("CapabilityBoundingSet", ""),
        ("AmbientCapabilities", ""),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
        ("PrivateDevices", "yes"),
        ("PrivateUsers", "yes"),
        ("ProtectKernelTunables", "yes"),
        ("ProtectKernelModules", "yes"),
        ("ProtectControlGroups", "yes"),
        ("RestrictNamespaces", "yes"),
        ("RestrictSUIDSGID", "yes"),
        ("MemoryDenyWriteExecute", "yes"),
        ("SystemCallArchitectures", "native"),
        ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX"),
        ("StateDirectory", "opsknight"),
        ("StateDirectoryMode", "0700"),
        ("UMask", "0077"),
        ("LimitCORE", "0"),
        ("Restart", "always"),
        ("StartLimitIntervalSec", "0"),
        ("Environment", "OPSKNIGHT_DATA_DIR=/var/lib/opsknight"),
    ] {
        assert_eq!(unit.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(
        unit["SystemCallFilter"].starts_with('~'),
        "what is let in at first is narrowed"
    );
    let stop: u64 = unit["TimeoutStopSec"].parse().unwrap();
    assert!(stop > 25, "the program finishes within 25 seconds what it holds");
}

#[test]
fn the_image_has_no_shell_and_no_root() {
    let text = read("deploy/Containerfile");
    let last = text.rsplit("\nFROM ").next().unwrap();
    assert!(last.starts_with("scratch\n"), "{last}");
    assert!(
        !last.contains("RUN"),
        "nothing runs in an image without a shell: {last}"
    );
    let user = last.lines().find_map(|line| line.strip_prefix("USER ")).unwrap();
    let (user, group) = user.split_once(':').unwrap();
    for id in [user, group] {
        assert!(
            id.parse::<u32>().is_ok_and(|id| id > 0),
            "a number, for hosts that refuse root by it: {id}"
        );
    }
    assert!(
        text.contains(&format!("-m 700 -o {user} -g {group} /image/data")),
        "the data is its user's alone"
    );
    let wanted = [
        r#"ENTRYPOINT ["/usr/local/bin/opsknight"]"#,
        "STOPSIGNAL SIGTERM",
        "VOLUME /data",
    ];
    assert!(wanted.iter().all(|line| last.contains(line)), "{last}");
    let ignored = read(".dockerignore");
    for folder in ["/target", "/data", "/.git"] {
        assert!(
            ignored.lines().any(|line| line == folder),
            "{folder} is not carried into the build"
        );
    }
}
