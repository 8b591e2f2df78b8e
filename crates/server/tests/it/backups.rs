//! A backup that is made under load holds everything that was answered before it began, and the copy pages; whatever is
//! no backup is refused and changes nothing; what is killed half-way leaves nothing or a whole database.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use opsknight_server::clock::SystemClock;
use opsknight_web::state::Clock as _;
use serde_json::{Value, json};
use tokio::{process::Command, task::JoinSet, time};

use crate::{
    api::{Api, Integration, integration, organisation},
    both::Place,
    oracle::Oracle,
    peers::word,
    post_office::PostOffice,
    process::{SOON, Server, command, opsknight, run, wait_until},
    world::{Around, Turned, World},
};

/// How many tasks send at the same time, and how often each.
const SENDERS: usize = 4;
const EVERY: Duration = Duration::from_millis(25);
/// How many events are answered before the backup begins.
const BEFORE: usize = 60;

/// A stream of alerts at a server; it ends with this value.
struct Stream {
    oracle: Arc<Oracle>,
    is_over: Arc<AtomicBool>,
    senders: JoinSet<()>,
}

impl Stream {
    fn begin(api: &Api, door: &Integration) -> Self {
        let (oracle, is_over, sent): (Arc<Oracle>, _, Arc<AtomicUsize>) = Default::default();
        let is_over: Arc<AtomicBool> = is_over;
        let mut senders = JoinSet::new();
        for _ in 0..SENDERS {
            let (api, door, oracle) = (api.clone(), door.clone(), oracle.clone());
            let (is_over, sent) = (is_over.clone(), sent.clone());
            let mut every = time::interval(EVERY);
            senders.spawn(async move {
                while !is_over.load(Ordering::SeqCst) {
                    every.tick().await;
                    let key = format!("problem-{}", sent.fetch_add(1, Ordering::SeqCst));
                    let payload = json!({ "summary": &key, "source": "load", "severity": "critical" });
                    let event = json!({ "event_action": "trigger", "dedup_key": &key, "payload": payload });
                    let request = api.http.post(format!("{}/api/events", api.base)).json(&event);
                    let request = request.header("authorization", format!("Token token={}", door.key));
                    let answer = request.send().await.unwrap();
                    assert_eq!(answer.status(), 202);
                    let answer: Value = answer.json().await.unwrap();
                    oracle.was_promised(&key, answer["result"]["incident"]["id"].as_str().unwrap());
                }
            });
        }
        Self {
            oracle,
            is_over,
            senders,
        }
    }

    async fn promises(&self, n: usize) {
        let enough = async || (self.oracle.promises() >= n).then_some(());
        wait_until(&format!("{n} events are answered"), SOON, enough).await;
    }

    async fn end(self) -> Arc<Oracle> {
        self.is_over.store(true, Ordering::SeqCst);
        self.senders.join_all().await;
        self.oracle
    }
}

/// A copy of a small installation, and where it was made.
async fn copied(place: &Place, words: &[&str]) -> PathBuf {
    let server = Server::start(place, &[]).await;
    let api = Api::of(place, &server).await;
    let organisation = organisation(&api, 5).await;
    integration(&api, &organisation.service, "EVENTS_API_V2", json!({})).await;
    command(place, &[&["backup", "copy.db"], words].concat(), "")
        .await
        .well();
    place.dir().join("copy.db")
}

/// What lies in a folder; nothing where there is none.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_it_holds_what_was_answered_before_and_the_copy_pages() {
    let place = Place::sqlite();
    let server = Server::start(&place, &PostOffice::variables("1")).await;
    let api = Api::of(&place, &server).await;
    let organisation = organisation(&api, 5).await;
    let allowance = json!({ "rateLimitPerMinute": 100_000 });
    let door = integration(&api, &organisation.service, "EVENTS_API_V2", allowance).await;
    let stream = Stream::begin(&api, &door);
    stream.promises(BEFORE).await;
    let before = stream.oracle.all();
    let (one, two) = (["backup", "one.db", "--with-key"], ["backup", "two.db"]);
    let (one, two) = tokio::join!(command(&place, &one, ""), command(&place, &two, ""));
    assert!(
        one.well().contains("The secret key is in it"),
        "and two at once are two"
    );
    assert!(two.well().contains("secret.key with it, in another place"));
    stream.promises(before.len() + SENDERS).await;
    let after = stream.end().await;
    server.kill().await;
    assert!(after.promises() > before.len(), "it went on meanwhile");

    let other = Place::sqlite();
    let copy = place.dir().join("one.db");
    let said = command(&other, &["restore", word(&copy)], "").await.well();
    assert!(said.contains("encrypted with the key in"), "{said}");
    let around = Around::at(Turned::at(SystemClock.now())).await;
    let mut world = World::on(&other, around).await;
    let there = world.api.all("/api/incidents").await;
    let there: BTreeSet<&str> = there.iter().map(|incident| incident["id"].as_str().unwrap()).collect();
    for (key, incident) in &before {
        assert!(
            there.contains(incident.as_str()),
            "{key} was answered before the backup began"
        );
    }
    // Nobody could be paged while the mail server was away: what was due goes on where it stood, up to the second step.
    world.minutes(8).await;
    let messages = world.api.all("/api/notifications").await;
    for name in ["Ann", "Bob"] {
        let paged = messages.iter().filter(|message| {
            message["purpose"] == "PAGE" && message["status"] == "SENT" && message["user"]["name"] == name
        });
        let paged: BTreeSet<&str> = paged
            .map(|message| message["incident"]["id"].as_str().unwrap())
            .collect();
        for (key, incident) in &before {
            assert!(
                paged.contains(incident.as_str()),
                "{name} is paged to {key} by the copy"
            );
        }
    }
    let door = Integration {
        url: String::new(),
        ..door
    };
    world.trigger(&door, "one-more", "critical").await;
}

#[tokio::test]
async fn the_key_comes_along_or_is_asked_for() {
    let place = Place::sqlite();
    let copy = copied(&place, &["--with-key"]).await;
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    let key = fs::read_to_string(place.data_dir().join("secret.key")).unwrap();
    let other = Place::sqlite();
    command(&other, &["restore", word(&copy)], "").await.well();
    let restored = other.data_dir().join("secret.key");
    assert_eq!(fs::read_to_string(&restored).unwrap().trim(), key.trim());
    assert_eq!(fs::metadata(&restored).unwrap().permissions().mode() & 0o777, 0o600);

    let bare = place.dir().join("bare.db");
    let said = command(&place, &["backup", word(&bare)], "").await.well();
    assert!(said.contains("secret.key with it, in another place"), "{said}");
    let bytes = fs::read(&bare).unwrap();
    let holds = |bytes: &[u8]| bytes.windows(64).any(|piece| piece == key.trim().as_bytes());
    assert!(
        holds(&fs::read(&copy).unwrap()) && !holds(&bytes),
        "a key stands where it was asked for only"
    );
    let third = Place::sqlite();
    let said = command(&third, &["restore", word(&bare)], "").await.well();
    assert!(
        said.contains("ATTENTION") && said.contains("there is no key here"),
        "{said}"
    );
    assert!(!third.data_dir().join("secret.key").exists(), "and none is made");
    let fourth = Place::sqlite();
    let mut restore = opsknight(&fourth);
    restore
        .args(["restore", word(&bare)])
        .env("OPSKNIGHT_SECRET_KEY", "another key than that");
    let said = run(restore, "").await.well();
    assert!(
        said.contains("ATTENTION") && said.contains("OPSKNIGHT_SECRET_KEY"),
        "{said}"
    );
    let mut doctor = opsknight(&fourth);
    doctor
        .arg("doctor")
        .env("OPSKNIGHT_SECRET_KEY", "another key than that");
    let said = run(doctor, "").await;
    assert!(
        said.stdout.contains("PROBLEM 1 of the integrations cannot be opened"),
        "{said:?}"
    );

    // A server that has its key from its own environment: whoever makes the copy need not have it.
    fs::remove_file(place.data_dir().join("secret.key")).unwrap();
    let said = command(&place, &["backup", "unknown.db"], "").await.well();
    assert!(said.contains("which is not known here"), "{said}");
    assert!(!place.data_dir().join("secret.key").exists(), "a backup makes no key");
    let refused = command(&place, &["backup", "keyless.db", "--with-key"], "")
        .await
        .with_code(1);
    assert!(refused.contains("no secret key"), "{refused}");
    let mut wrong = opsknight(&place);
    wrong
        .args(["backup", "wrong.db", "--with-key"])
        .env("OPSKNIGHT_SECRET_KEY", "another key than that");
    let refused = run(wrong, "").await.with_code(1);
    assert!(refused.contains("is not the one"), "{refused}");
    assert!(!names(&place.dir()).iter().any(|name| name.starts_with("wrong")));
}

/// Files that are no backup, and a word of why.
fn no_backups(folder: &Path, good: &[u8]) -> Vec<(PathBuf, &'static str)> {
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let flipped = |at: usize| {
        let mut bytes = good.to_vec();
        bytes[at] ^= 0x20;
        bytes
    };
    let database = |name: &str, sql: &str| {
        let path = folder.join(name);
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.execute_batch(sql).unwrap();
        path
    };
    let end = good.len() - 200;
    let newer = "INSERT INTO schema_migration (version, name, checksum, applied_at) VALUES (99, '0099_later', 'x', 0)";
    // Without its last line it is a database like any other.
    let bare = file(
        "newer.db",
        &good[..good
            .windows(19)
            .position(|piece| piece == b"opsknight-backup 1 ")
            .unwrap()],
    );
    rusqlite::Connection::open(&bare).unwrap().execute(newer, []).unwrap();
    vec![
        (file("nothing.db", b""), "it is empty"),
        (file("text.db", b"Dear operator,\n"), "does not begin like a database"),
        (file("half.db", &good[..good.len() / 2]), "cut short"),
        (file("nearly.db", &good[..good.len() - 1]), "cut short"),
        (file("head.db", &flipped(3)), "does not begin like a database"),
        (file("version.db", &flipped(45)), "damaged"),
        (file("middle.db", &flipped(good.len() / 2)), "damaged"),
        (file("end.db", &flipped(end)), "damaged"),
        (
            database("other.db", "CREATE TABLE song (title TEXT)"),
            "those of another program",
        ),
        (bare, "newer than this program"),
        (file("custom.dump", b"PGDMP\x01\x0e\x00"), "dump of PostgreSQL"),
        (
            file("plain.sql", b"--\n-- PostgreSQL database dump\n--\n"),
            "dump of PostgreSQL",
        ),
        (file("packed.db.gz", b"\x1f\x8b\x08\x00"), "compressed"),
        (folder.to_owned(), "a folder"),
        (folder.join("missing.db"), "cannot be read"),
    ]
}

#[tokio::test]
async fn whatever_is_no_backup_is_refused_and_changes_nothing() {
    let place = Place::sqlite();
    let copy = copied(&place, &[]).await;
    let good = fs::read(&copy).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let empty = Place::sqlite();
    let full_before = fs::read(place.data_dir().join("opsknight.db")).unwrap();
    for (file, why) in no_backups(folder.path(), &good) {
        let refused = command(&empty, &["restore", word(&file)], "").await.with_code(1);
        assert!(refused.contains(why), "{}: {refused}", file.display());
        assert!(!empty.data_dir().exists(), "{}: nothing is left behind", file.display());
    }
    let refused = command(&place, &["restore", word(&copy)], "").await.with_code(1);
    assert!(refused.contains("is not empty"), "{refused}");
    assert!(fs::read(place.data_dir().join("opsknight.db")).unwrap() == full_before);
    // A database that was made and never used is no obstacle, unless somebody serves it.
    let mut server = Server::start(&empty, &[]).await;
    let refused = command(&empty, &["restore", word(&copy)], "").await.with_code(1);
    assert!(refused.contains("another opsknight serves"), "{refused}");
    assert!(server.terminate().await.success());
    let said = command(&empty, &["restore", word(&copy)], "").await.well();
    assert!(
        said.contains("ATTENTION"),
        "that server had made a key of its own: {said}"
    );
}

#[tokio::test]
async fn what_cannot_be_written_leaves_nothing_half_behind() {
    let place = Place::sqlite();
    let copy = copied(&place, &[]).await;
    let before = fs::read(&copy).unwrap();
    let over = command(&place, &["backup", word(&copy)], "").await.with_code(1);
    assert!(over.contains("exists already"), "{over}");
    assert!(fs::read(&copy).unwrap() == before);
    for nowhere in ["no/such/folder/copy.db", "copy.db/copy.db"] {
        let refused = command(&place, &["backup", nowhere], "").await.with_code(1);
        assert!(refused.contains("cannot be written"), "{refused}");
    }
    // A file that may not grow is what a full disk is to a program.
    let program = env!("CARGO_BIN_EXE_opsknight");
    let limited = |words: &str, data_dir: &Path| {
        let mut shell = Command::new("sh");
        let script = format!("trap '' XFSZ; ulimit -f 64; exec '{program}' {words}");
        shell
            .env_clear()
            .env("OPSKNIGHT_DATA_DIR", data_dir)
            .current_dir(place.dir());
        shell.args(["-c", &script]);
        run(shell, "")
    };
    let refused = limited("backup small.db", &place.data_dir()).await.with_code(1);
    assert!(refused.contains("the backup was not made"), "{refused}");
    let half: Vec<String> = names(&place.dir())
        .into_iter()
        .filter(|name| name.starts_with("small"))
        .collect();
    assert!(half.is_empty(), "{half:?}");
    let other = Place::sqlite();
    let refused = limited("restore copy.db", &other.data_dir()).await.with_code(1);
    assert!(refused.contains("cannot be written"), "{refused}");
    assert_eq!(names(&other.data_dir()), BTreeSet::from(["serve.lock".to_owned()]));
    command(&other, &["restore", word(&copy)], "").await.well();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_at_once_to_one_file_are_one_backup() {
    let place = Place::sqlite();
    let copy = copied(&place, &[]).await;
    fs::remove_file(&copy).unwrap();
    let mut tries = JoinSet::new();
    for _ in 0..4 {
        let mut backup = opsknight(&place);
        backup.args(["backup", "copy.db"]);
        tries.spawn(run(backup, ""));
    }
    let ended = tries.join_all().await;
    let well = ended.iter().filter(|one| one.code == Some(0)).count();
    assert_eq!(well, 1, "{ended:?}");
    for one in ended.into_iter().filter(|one| one.code != Some(0)) {
        let why = one.with_code(1);
        assert!(why.contains("exists already") || why.contains("being written"), "{why}");
    }
    assert!(!place.dir().join("copy.db.partial").exists());
    command(&Place::sqlite(), &["restore", word(&copy)], "").await.well();
}

#[tokio::test]
async fn killed_half_way_a_restore_leaves_nothing_or_all_of_it() {
    let place = Place::sqlite();
    let copy = copied(&place, &["--with-key"]).await;
    for (failpoint, is_there) in [
        ("restore.copied:1", false),
        ("restore.keyed:1", false),
        ("restore.named:1", true),
    ] {
        let other = Place::sqlite();
        let mut restore = opsknight(&other);
        restore
            .args(["restore", word(&copy)])
            .env("OPSKNIGHT_FAILPOINT", failpoint);
        assert_eq!(run(restore, "").await.code, None, "{failpoint}: it dies there");
        let database = other.data_dir().join("opsknight.db");
        assert_eq!(database.exists(), is_there, "{failpoint}");
        if !is_there {
            command(&other, &["restore", word(&copy)], "").await.well();
            assert!(
                !names(&other.data_dir()).contains("opsknight.db.partial"),
                "{failpoint}"
            );
        }
        let server = Server::start(&other, &[]).await;
        let api = Api::of(&other, &server).await;
        assert_eq!(api.all("/api/users").await.len(), 2, "{failpoint}");
    }
}

#[tokio::test]
async fn a_backup_that_was_killed_is_in_nobodys_way() {
    let place = Place::sqlite();
    let copy = copied(&place, &[]).await;
    fs::remove_file(&copy).unwrap();
    fs::write(place.dir().join("copy.db.partial"), vec![1; 5_000_000]).unwrap();
    command(&place, &["backup", "copy.db"], "").await.well();
    assert!(!place.dir().join("copy.db.partial").exists());
    command(&Place::sqlite(), &["restore", word(&copy)], "").await.well();
}
