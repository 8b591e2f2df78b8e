//! `cargo xtask fuzz`: gives the sources, what reads answers and addresses, and what writes messages, what nobody should send, millions of
//! times, and says what broke.
//!
//! The targets are in `fuzz/`, laid out as cargo-fuzz has it. That they need no nightly compiler is done here: coverage is
//! counted by a pass of LLVM that the stable compiler can run, and the sanitizers, which it can not, would find little in
//! code without `unsafe`.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;
use clap::Args;
use serde_json::Value;

use crate::{process, root};

/// What cargo-fuzz tells the compiler, but for the sanitizer.
const RUSTFLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions -Coverflow-checks";

/// Longest input for whole requests, in bytes: some times the longest fixture.
const REQUEST_BYTES_MAX: u32 = 8192;
/// Longest list of edits to a fixture, in bytes.
const EDITS_BYTES_MAX: u32 = 400;
/// Longest answer by a medium, in bytes.
const REPLY_BYTES_MAX: u32 = 4096;
/// Longest address, in bytes: longer ones are refused by their length.
const ADDRESS_BYTES_MAX: u32 = 600;

/// Longest description of a message, in bytes: its long texts are repetitions.
const LETTER_BYTES_MAX: u32 = 1500;

/// The targets with the longest input of each.
const TARGETS: [(&str, u32); 5] = [
    ("request", REQUEST_BYTES_MAX),
    ("fixture", EDITS_BYTES_MAX),
    ("reply", REPLY_BYTES_MAX),
    ("address", ADDRESS_BYTES_MAX),
    ("letter", LETTER_BYTES_MAX),
];

/// What comes back, by the number of its medium in `fuzz/src/outside.rs`.
const REPLIES: &[(u8, &str)] = &[
    (0, "ack 4217"),
    (0, "Resolve all"),
    (
        1,
        "From=%2B14155550123&To=%2B14155550100&Body=ack+4217&MessageSid=SM1&OptOutType=STOP&ButtonPayload=ack",
    ),
    (
        1,
        "MessageSid=SM1&MessageStatus=undelivered&ErrorCode=30007&CallSid=CA1&CallStatus=completed&Digits=4&AnsweredBy=human",
    ),
    (
        2,
        "token=x&team_id=T1&channel_id=C1&user_id=U1&command=%2Fopsknight&text=ack+12&response_url=https%3A%2F%2Fhooks.slack.com%2F&trigger_id=1",
    ),
    (
        2,
        "payload=%7B%22type%22%3A%22block_actions%22%2C%22actions%22%3A%5B%7B%22action_id%22%3A%22opsknight_ack%22%2C%22value%22%3A%22inc_1%22%7D%5D%2C%22user%22%3A%7B%22id%22%3A%22U1%22%7D%2C%22team%22%3A%7B%22id%22%3A%22T1%22%7D%7D",
    ),
    (
        2,
        r#"{"team_id":"T1","event":{"type":"tokens_revoked","tokens":{"bot":["U1"]}},"type":"event_callback","event_id":"Ev1"}"#,
    ),
    (
        3,
        r#"{"update_id":1,"callback_query":{"id":"1","from":{"id":1,"first_name":"A"},"message":{"message_id":1,"chat":{"id":-1}},"data":"ack:inc_01jbcf1000f4z9pkvk1c1c1c1c"}}"#,
    ),
    (
        4,
        r#"{"object":"whatsapp_business_account","entry":[{"changes":[{"field":"messages","value":{"messages":[{"from":"1","id":"w","type":"text","text":{"body":"ack"}}],"statuses":[{"id":"w","status":"failed","errors":[{"code":131047}]}]}}]}]}"#,
    ),
    (4, "hub.mode=subscribe&hub.verify_token=It+is+a+secret&hub.challenge=1"),
    (
        5,
        r#"[{"event":"bounce","email":"a@example.com","type":"blocked","sg_event_id":"1","timestamp":1}]"#,
    ),
    (
        5,
        r#"{"type":"email.bounced","data":{"to":["a@example.com"],"email_id":"1"}}"#,
    ),
];

/// How many media write messages, as `fuzz/src/letter.rs` numbers them, and how many kinds of messages there are.
const LETTER_MEDIA: u8 = 12;
const LETTER_KINDS: u8 = 4;
/// Longest seed of a message, in bytes.
const LETTER_SEED_BYTES: u8 = 250;

/// Addresses, by the number of their kind in `fuzz/src/outside.rs`.
const ADDRESSES: &[(u8, &str)] = &[
    (0, "https://example.com:8443/a?b=c"),
    (0, "http://0x7f.1/"),
    (0, "http://[::ffff:127.0.0.1]/"),
    (1, "Ann <ann@example.com>"),
    (1, "ann@xn--bcher-kva.example"),
    (2, "C0123456789"),
    (
        3,
        r#"{"endpoint":"https://push.example/x","keys":{"p256dh":"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4","auth":"BTBZMqHH6r4Tts7J_aSIgg"}}"#,
    ),
];

/// Longest word of the dictionary, in bytes: longer ones are never compared as a whole.
const WORD_BYTES_MAX: usize = 40;

/// Words that no fixture holds: headers, forms, and the secret of `fuzz/src/lib.rs`.
const WORDS: &[&str] = &[
    "It is a secret",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=b",
    "--b\r\nContent-Disposition: form-data; name=\"data\"\r\n\r\n",
    "payload=%7B",
    "text/plain; charset=UTF-8",
    "event_alert",
    "metric_alert",
    "installation",
    "workflow_run",
    "check_suite",
    "dependabot_alert",
    "secret_scanning_alert",
    "code_scanning_alert",
    "deployment_status",
    "repo:commit_status_updated",
    "sha256=",
    "v1,",
    "<!channel>",
    "<@U0HOSTILE>",
    "\r\nBcc: x@example.org\r\n",
    "=?utf-8?q?=0D=0A?=",
    "</Say><Dial>",
    "&#60;",
    "{{",
    "\\ud800",
    "\\u0000",
];

/// What `cargo xtask fuzz` is asked to do.
#[derive(Args)]
pub(crate) struct Options {
    /// How many inputs each target is given.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000)]
    runs: u64,
    /// Only this target: request, fixture, reply, address or letter.
    #[arg(long)]
    target: Option<String>,
    /// Further words for libFuzzer, such as an input that broke something, to see it again.
    #[arg(last = true)]
    words: Vec<String>,
}

/// Builds the targets and runs them, one after the other, until the first finding.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let folder = root().join("fuzz");
    let programs = process::step("cargo build of the fuzz targets", || build(&folder))?;
    seed(&folder)?;
    for (target, bytes_max) in TARGETS {
        if options.target.as_ref().is_some_and(|only| only != target) {
            continue;
        }
        let artifacts = folder.join("artifacts").join(target);
        fs::create_dir_all(&artifacts)?;
        let mut command = Command::new(programs.join(target));
        command
            .current_dir(&folder)
            .arg(format!("-artifact_prefix={}/", artifacts.display()))
            .arg(format!("-dict={}", folder.join("dictionary").display()))
            .args([format!("-runs={}", options.runs), format!("-max_len={bytes_max}")])
            .args(["-timeout=10", "-report_slow_units=2", "-print_final_stats=1"]);
        if options.words.is_empty() {
            command.arg(folder.join("corpus").join(target));
        }
        process::step(target, || process::show(command.args(&options.words)))?;
    }
    Ok(())
}

/// The folder with the built targets. They lie apart from the product, which is built without coverage.
fn build(folder: &Path) -> anyhow::Result<PathBuf> {
    let host = process::host()?;
    let target = root().join("target").join("fuzz");
    // With a target named, the flags are not given to build scripts and macros.
    process::show(
        process::cargo()
            .current_dir(folder)
            .env("RUSTFLAGS", RUSTFLAGS)
            .args([
                "build",
                "--release",
                "--locked",
                "--bins",
                "--target",
                &host,
                "--target-dir",
            ])
            .arg(&target),
    )?;
    Ok(target.join(host).join("release"))
}

/// Writes the seeds and the dictionary, made of the fixtures. What earlier runs found stays in the corpus.
fn seed(folder: &Path) -> anyhow::Result<()> {
    let corpus = folder.join("corpus");
    for (target, _) in TARGETS {
        fs::create_dir_all(corpus.join(target))?;
    }
    for (number, (medium, body)) in REPLIES.iter().enumerate() {
        fs::write(
            corpus.join("reply").join(format!("seed-{number}")),
            [&[*medium, 0], body.as_bytes()].concat(),
        )?;
    }
    for (number, (kind, text)) in ADDRESSES.iter().enumerate() {
        fs::write(
            corpus.join("address").join(format!("seed-{number}")),
            [&[*kind], text.as_bytes()].concat(),
        )?;
    }
    letters(&corpus.join("letter"))?;
    let mut words: BTreeSet<String> = WORDS.iter().map(|word| (*word).to_owned()).collect();
    let sources = entries(&root().join("crates/sources/fixtures"))?;
    for (source, fixtures) in (0_u8..).zip(sources) {
        let slug = name(&fixtures);
        let fixtures = entries(&fixtures)?.into_iter();
        let fixtures = fixtures.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
        for (number, path) in (0_u8..).zip(fixtures) {
            let body = fs::read(&path)?;
            let file = format!("{slug}-{}", name(&path));
            // Both begin with numbers, and zeros stand for what is not there, as `fuzz/src` decodes them.
            fs::write(
                corpus.join("request").join(&file),
                [&[source, 0, 0, 0, 0], &body[..]].concat(),
            )?;
            fs::write(corpus.join("fixture").join(&file), [source, number, 0, 0])?;
            if let Ok(body) = serde_json::from_slice(&body) {
                collect(&body, &mut words);
            }
        }
    }
    let words = words.iter().filter(|word| (2..=WORD_BYTES_MAX).contains(&word.len()));
    let lines: String = words.map(|word| dictionary_line(word)).collect();
    fs::write(folder.join("dictionary"), lines)?;
    Ok(())
}

/// Writes a message of each kind for each medium; their texts are whatever the numbers choose.
fn letters(folder: &Path) -> anyhow::Result<()> {
    for medium in 0..LETTER_MEDIA {
        for kind in 0..LETTER_KINDS {
            let chosen =
                (0..LETTER_SEED_BYTES).map(|at| at.wrapping_mul(37).wrapping_add(medium * LETTER_KINDS + kind));
            let seed: Vec<u8> = [medium, kind].into_iter().chain(chosen).collect();
            fs::write(folder.join(format!("seed-{medium}-{kind}")), seed)?;
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<anyhow::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Every name and text in a value.
fn collect(value: &Value, words: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            words.insert(text.clone());
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, words)),
        Value::Object(fields) => fields.iter().for_each(|(name, field)| {
            words.insert(format!("\"{name}\":"));
            collect(field, words);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A word as libFuzzer's dictionaries have it: in quotes, and what is not plain as hexadecimal digits.
fn dictionary_line(word: &str) -> String {
    let escaped: String = word
        .bytes()
        .map(|byte| match byte {
            b'"' | b'\\' => format!("\\x{byte:02x}"),
            b' '..=b'~' => char::from(byte).to_string(),
            _ => format!("\\x{byte:02x}"),
        })
        .collect();
    format!("\"{escaped}\"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_written_as_the_fuzzer_reads_them() {
        assert_eq!(dictionary_line("a b"), "\"a b\"\n");
        assert_eq!(dictionary_line("\"x\\\r"), "\"\\x22x\\x5c\\x0d\"\n");
    }

    #[test]
    fn names_and_texts_are_words() {
        let mut words = BTreeSet::new();
        collect(&serde_json::json!({"a": ["b", 1, {"c": null}]}), &mut words);
        assert_eq!(Vec::from_iter(words), ["\"a\":", "\"c\":", "b"]);
    }
}
