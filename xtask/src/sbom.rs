//! `cargo xtask sbom`: what the program is made of, as a CycloneDX document: every crate that is linked, every one that only
//! runs while it is built, and the C library inside, with version, licence, address and checksum.
//!
//! It asks cargo and reads its lock file; nothing is fetched. The same tree gives the same document.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use clap::Args;
use serde_json::{Value, json};

use crate::{process, root};

/// The package whose program is shipped.
const SHIPPED: &str = "opsknight-server";
/// The version of the specification that the document follows.
const SPECIFICATION: &str = "1.5";

/// What `cargo xtask sbom` is asked to do.
#[derive(Args)]
pub(crate) struct Options {
    /// The file to write; standard output where none is named.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Writes the document.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let document = document()?;
    let text = format!("{}\n", serde_json::to_string_pretty(&document)?);
    let count = |scope: &str| {
        list(&document, "components")
            .filter(|one| one["scope"] == scope)
            .count()
    };
    process::say(&format!(
        "{} components are in the program, {} more build it",
        count("required"),
        count("excluded")
    ));
    match &options.out {
        Some(file) => fs::write(file, text).with_context(|| format!("cannot write {}", file.display())),
        None => {
            print!("{text}");
            Ok(())
        }
    }
}

/// The checked document.
pub(crate) fn document() -> anyhow::Result<Value> {
    let host = process::host()?;
    let linked = tree(&host, "normal,no-proc-macro")?;
    let all = tree(&host, "normal,build")?;
    let words = [
        "metadata",
        "--format-version",
        "1",
        "--locked",
        "--filter-platform",
        &host,
    ];
    let metadata: Value = serde_json::from_str(&process::quiet(process::cargo().args(words))?)?;
    let checksums = checksums(&fs::read_to_string(root().join("Cargo.lock"))?);
    let packages: Vec<&Value> = list(&metadata, "packages")
        .filter(|package| all.contains(&name(package)))
        .collect();
    let ours = packages.iter().find(|package| package["name"] == SHIPPED);
    let ours = ours.context("cargo does not know the package of the program")?;
    let others = packages.iter().filter(|package| package["name"] != SHIPPED);
    let mut components: Vec<Value> = others.map(|package| component(package, &linked, &checksums)).collect();
    components.extend(packages.iter().find_map(|package| sqlite(package)));
    components.sort_by_key(|one| one["bom-ref"].to_string());
    let document = json!({
        "$schema": format!("http://cyclonedx.org/schema/bom-{SPECIFICATION}.schema.json"),
        "bomFormat": "CycloneDX",
        "specVersion": SPECIFICATION,
        "version": 1,
        "metadata": { "component": {
            "type": "application", "bom-ref": reference(ours), "name": "opsknight", "version": ours["version"],
            "purl": reference(ours), "licenses": licences(ours),
        } },
        "components": components,
        "dependencies": dependencies(&metadata, &packages),
    });
    check(&document)?;
    Ok(document)
}

/// The names with versions of what a build takes in, with exactly the features that it has then.
fn tree(host: &str, edges: &str) -> anyhow::Result<BTreeSet<String>> {
    let words = [
        "tree",
        "--locked",
        "--package",
        SHIPPED,
        "--target",
        host,
        "--edges",
        edges,
        "--prefix",
        "none",
        "--format",
        "{p}",
    ];
    let text = process::quiet(process::cargo().args(words))?;
    let named = text.lines().filter_map(|line| {
        let mut words = line.split(' ');
        Some(format!("{} {}", words.next()?, words.next()?.strip_prefix('v')?))
    });
    Ok(named.collect())
}

fn name(package: &Value) -> String {
    let text = |field: &str| package[field].as_str().unwrap_or_default();
    format!("{} {}", text("name"), text("version"))
}

/// A package URL (purl), which names a crate for all the world.
fn reference(package: &Value) -> String {
    let text = |field: &str| package[field].as_str().unwrap_or_default();
    // Of what a version may hold, a plus sign alone has another meaning in an address.
    format!("pkg:cargo/{}@{}", text("name"), text("version").replace('+', "%2B"))
}

/// The licence as an expression. Older crates write a slash where they mean that one may choose.
fn licences(package: &Value) -> Value {
    let text = package["license"].as_str().unwrap_or_default().replace('/', " OR ");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    json!([{ "expression": text }])
}

fn component(package: &Value, linked: &BTreeSet<String>, checksums: &BTreeMap<String, String>) -> Value {
    let scope = if linked.contains(&name(package)) {
        "required"
    } else {
        "excluded"
    };
    let mut one = json!({
        "type": "library", "bom-ref": reference(package), "name": package["name"], "version": package["version"],
        "scope": scope, "licenses": licences(package), "purl": reference(package),
    });
    if let Some(checksum) = checksums.get(&name(package)) {
        one["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
    }
    if let Some(repository) = package["repository"].as_str() {
        one["externalReferences"] = json!([{ "type": "vcs", "url": repository }]);
    }
    one
}

/// The database inside: a scanner that knows crates alone does not see it.
fn sqlite(package: &Value) -> Option<Value> {
    if package["name"] != "libsqlite3-sys" {
        return None;
    }
    let folder = Path::new(package["manifest_path"].as_str()?).parent()?;
    let header = fs::read_to_string(folder.join("sqlite3/sqlite3.h")).ok()?;
    let line = header
        .lines()
        .find(|line| line.starts_with("#define SQLITE_VERSION "))?;
    let version = line.split('"').nth(1)?;
    let purl = format!("pkg:generic/sqlite@{version}");
    Some(json!({
        "type": "library", "bom-ref": purl, "name": "sqlite", "version": version, "scope": "required",
        "licenses": [{ "license": { "id": "blessing" } }], "purl": purl,
    }))
}

/// Which component needs which.
fn dependencies(metadata: &Value, packages: &[&Value]) -> Vec<Value> {
    let known: BTreeMap<&str, String> = packages
        .iter()
        .filter_map(|package| Some((package["id"].as_str()?, reference(package))))
        .collect();
    let nodes = metadata["resolve"]["nodes"].as_array().into_iter().flatten();
    let mut found: Vec<Value> = nodes
        .filter_map(|node| {
            let from = known.get(node["id"].as_str()?)?;
            let needed =
                list(node, "deps").filter(|dependency| list(dependency, "dep_kinds").any(|kind| kind["kind"] != "dev"));
            let to: BTreeSet<&String> = needed
                .filter_map(|dependency| known.get(dependency["pkg"].as_str()?))
                .collect();
            Some(json!({ "ref": from, "dependsOn": to }))
        })
        .collect();
    found.sort_by_key(|one| one["ref"].to_string());
    found
}

/// The checksums of a lock file, by name and version.
fn checksums(lock: &str) -> BTreeMap<String, String> {
    let packages = lock.split("[[package]]").skip(1);
    let field = |package: &str, name: &str| {
        let line = package
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name} = \"")));
        line.and_then(|rest| rest.strip_suffix('"')).map(str::to_owned)
    };
    packages
        .filter_map(|package| {
            let key = format!("{} {}", field(package, "name")?, field(package, "version")?);
            Some((key, field(package, "checksum")?))
        })
        .collect()
}

/// What the specification asks for, and what we ask for besides: each component has a licence and a package URL, each that
/// comes from a registry a checksum, and every reference leads to one.
fn check(document: &Value) -> anyhow::Result<()> {
    ensure!(document["bomFormat"] == "CycloneDX" && document["specVersion"] == SPECIFICATION);
    let mut references = BTreeSet::from([document["metadata"]["component"]["bom-ref"].to_string()]);
    for one in list(document, "components") {
        for field in ["type", "name", "version", "purl", "bom-ref", "scope"] {
            ensure!(
                one[field].as_str().is_some_and(|text| !text.is_empty()),
                "no {field} in {one}"
            );
        }
        let licence = &one["licenses"][0];
        let licence = licence["expression"]
            .as_str()
            .or_else(|| licence["license"]["id"].as_str());
        ensure!(licence.is_some_and(|text| !text.is_empty()), "no licence in {one}");
        let ours = one["name"]
            .as_str()
            .is_some_and(|name| name.starts_with("opsknight-") || name == "sqlite");
        ensure!(
            ours || one["hashes"][0]["content"]
                .as_str()
                .is_some_and(|hash| hash.len() == 64),
            "no checksum in {one}"
        );
        ensure!(
            references.insert(one["bom-ref"].to_string()),
            "{one} stands there twice"
        );
    }
    for one in list(document, "dependencies") {
        for reference in std::iter::once(&one["ref"]).chain(list(one, "dependsOn")) {
            ensure!(
                references.contains(&reference.to_string()),
                "{reference} is no component"
            );
        }
    }
    Ok(())
}

fn list<'v>(value: &'v Value, field: &str) -> impl Iterator<Item = &'v Value> {
    value[field].as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_of_this_tree_names_what_is_inside() {
        let document = document().unwrap();
        let named = |scope: &str| -> BTreeSet<&str> {
            let all = list(&document, "components").filter(|one| one["scope"] == scope);
            all.filter_map(|one| one["name"].as_str()).collect()
        };
        let (linked, building) = (named("required"), named("excluded"));
        for name in [
            "axum",
            "rustls",
            "ring",
            "rusqlite",
            "libsqlite3-sys",
            "sqlite",
            "opsknight-domain",
        ] {
            assert!(linked.contains(name), "{name}");
        }
        for name in ["cc", "serde_derive", "askama_derive"] {
            assert!(building.contains(name) && !linked.contains(name), "{name}");
        }
        for name in ["insta", "tempfile", "thirtyfour", "proptest", "xtask"] {
            assert!(
                !linked.contains(name) && !building.contains(name),
                "{name} is for tests alone"
            );
        }
        let break_it = |change: &dyn Fn(&mut Value)| {
            let mut document = document.clone();
            change(&mut document);
            check(&document).is_err()
        };
        assert!(break_it(&|document| document["components"][3]["licenses"] = json!([])));
        assert!(break_it(&|document| document["components"][3]["purl"] = json!("")));
        assert!(break_it(
            &|document| document["components"][3] = document["components"][4].clone()
        ));
        assert!(break_it(
            &|document| document["dependencies"][0]["dependsOn"] = json!(["pkg:cargo/nothing@1"])
        ));
    }

    #[test]
    fn checksums_are_read_by_name_and_version() {
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nchecksum = \"00ff\"\n\n[[package]]\nname = \"ours\"\nversion = \"0.1.0\"\n";
        assert_eq!(
            checksums(lock),
            BTreeMap::from([("a 1.0.0".to_owned(), "00ff".to_owned())])
        );
    }
}
