//! `opsknight serve`: opens everything, serves until it is told to stop, and then finishes what it holds.

use std::{
    fs::{DirBuilder, File, TryLockError},
    net::SocketAddr,
    os::unix::fs::DirBuilderExt as _,
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, bail};
use jiff::SignedDuration;
use opsknight_channels::Timeouts;
use opsknight_store::{
    Store, db,
    seal::Sealer,
    sessions::{self, LinkPurpose},
    settings, users,
};
use opsknight_web::state::Clock;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{
    app::{App, Make},
    clock::SystemClock,
    config::Settings,
    listen::{self, Patience},
    receive::Bounds,
    secret_key, telemetry,
};

/// How long a set-up link works, from the start of the program.
const SETUP_LINK_LASTS: SignedDuration = SignedDuration::from_hours(24);
/// How long requests and messages that are under way may take at the end.
const FINISH_WITHIN: Duration = Duration::from_secs(25);

/// The file in the data directory that the one serving program holds.
const LOCK_FILE: &str = "serve.lock";

/// Opens the database and brings it to this version.
///
/// # Errors
/// When it cannot be reached, or belongs to a newer version.
pub async fn open(settings: &Settings, clock: &dyn Clock) -> anyhow::Result<Store> {
    let store = connect(settings).await?;
    let applied = store
        .db
        .migrate(clock.now())
        .await
        .context("the database cannot be brought to this version")?;
    for name in applied {
        tracing::info!("applied migration {name}");
    }
    if let Some(what) = store.db.schema().await?.remark() {
        tracing::warn!("{what}");
    }
    if settings.database_url.is_some() {
        same_key(&store, clock).await?;
    }
    Ok(store)
}

/// Replicas have one secret key: with another, each would seal what the others cannot open, and sign people out.
async fn same_key(store: &Store, clock: &dyn Clock) -> anyhow::Result<()> {
    let (sealer, now) = (store.sealer.clone(), clock.now());
    let unit = async move |tx: &mut db::Tx<'_>| settings::is_our_key(tx, &sealer, now).await;
    if store.db.write(unit).await.context("the secret key cannot be checked")? {
        return Ok(());
    }
    bail!(
        "this database is used with another secret key: set OPSKNIGHT_SECRET_KEY to the one that the other replicas have. \
         Where that is lost, take the row 'secret-key' out of the table 'setting': then this one holds, and providers' \
         credentials are to be entered anew"
    )
}

/// Opens the database as it is.
///
/// # Errors
/// When it cannot be reached.
pub async fn connect(settings: &Settings) -> anyhow::Result<Store> {
    let key = secret_key::load(settings)?;
    let place = place(settings);
    Store::open(&place, Sealer::new(&key), settings.providers.ways())
        .await
        .context("the database cannot be opened")
}

/// Which database it is, and where.
pub(crate) fn place(settings: &Settings) -> db::Settings {
    db::Settings {
        postgres_url: settings.database_url.as_ref().map(|url| url.expose().to_owned()),
        data_dir: settings.data_dir.clone(),
    }
}

/// Serves until the program is told to stop.
///
/// # Errors
/// When it cannot begin.
pub async fn serve(settings: Settings) -> anyhow::Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let alone = only_one(&settings)?;
    let store = open(&settings, &*clock).await?;
    let listener = TcpListener::bind(settings.listen)
        .await
        .with_context(|| format!("cannot listen on {}", settings.listen))?;
    let address = listener.local_addr().context("the listening socket has no address")?;
    let public_url = settings.public_url.clone().map_or_else(|| reachable(address), Ok)?;
    let app = App::new(Make {
        store: store.clone(),
        clock: clock.clone(),
        public_url: public_url.clone(),
        providers: settings.providers.clone(),
        clouds: settings.clouds.clone(),
        allow_private_targets: settings.allow_private_targets,
        timeouts: Timeouts::default(),
        bounds: Bounds {
            events_body: settings.events_body_bytes,
            hook_body: settings.hook_body_bytes,
        },
        trusted_proxies: settings.trusted_proxies.clone(),
        figures: telemetry::figures(),
    })?;
    if alone.is_some() {
        app.deliverer
            .take_back_all()
            .await
            .context("messages that were on their way cannot be taken back")?;
    }
    let stop = CancellationToken::new();
    let (router, mut workers) = app.work(&stop);
    announce(&store, &*clock, &public_url).await?;
    serve_until_told(listener, router, &stop).await;
    stop.cancel();
    let finished = async { while workers.join_next().await.is_some() {} };
    if tokio::time::timeout(FINISH_WITHIN, finished).await.is_err() {
        tracing::warn!("some work did not end in time; its leases end by themselves");
    }
    store.db.clone().close().await;
    tracing::info!("stopped");
    Ok(())
}

/// Sees to it that one program serves an embedded database: two would send everything twice. The lock goes with the
/// process, however it ends. Several replicas share a PostgreSQL.
fn only_one(settings: &Settings) -> anyhow::Result<Option<File>> {
    if settings.database_url.is_some() {
        return Ok(None);
    }
    lock(&settings.data_dir).map(Some)
}

/// Holds a data directory against others that serve it or put a database into it, for as long as the file is open.
///
/// # Errors
/// When another one holds it, or it cannot be made.
pub(crate) fn lock(dir: &Path) -> anyhow::Result<File> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.with_context(|| format!("the data directory {} cannot be made", dir.display()))?;
    let path = dir.join(LOCK_FILE);
    let file = File::create(&path).with_context(|| format!("{} cannot be opened", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!("another opsknight serves {} already", dir.display()),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("{} cannot be locked", path.display())),
    }
}

async fn serve_until_told(listener: TcpListener, router: axum::Router, stop: &CancellationToken) {
    let told = told_to_stop(stop.clone());
    let graceful = listen::serve(listener, router, Patience::default(), stop.clone());
    let late = async {
        stop.cancelled().await;
        tokio::time::sleep(FINISH_WITHIN).await;
    };
    tokio::select! {
        ((), ()) = async { tokio::join!(graceful, told) } => {}
        () = late => {}
    }
}

/// Ends when the program is asked to end, and tells the workers.
pub(crate) async fn told_to_stop(stop: CancellationToken) {
    let interrupted = tokio::signal::ctrl_c();
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .expect("a process may listen for SIGTERM");
    tokio::select! {
        _ = interrupted => {}
        _ = terminated.recv() => {}
    }
    tracing::info!("stopping: no new requests, finishing what is under way");
    stop.cancel();
}

/// Where a listening socket is reached from the same machine.
fn reachable(address: SocketAddr) -> anyhow::Result<Url> {
    let host = if address.ip().is_unspecified() {
        "127.0.0.1".to_owned()
    } else {
        address.ip().to_string()
    };
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    Url::parse(&format!("http://{host}:{}", address.port())).context("the listen address makes no URL")
}

/// Prints where the server is, and the one-time link while nobody has an account.
async fn announce(store: &Store, clock: &dyn Clock, public_url: &Url) -> anyhow::Result<()> {
    let base = public_url.as_str().trim_end_matches('/');
    say(&format!("OpsKnight is ready at {base}"));
    let anybody = store
        .db
        .read(async |tx| users::any(tx).await)
        .await
        .context("people cannot be counted")?;
    if anybody {
        return Ok(());
    }
    let mut bytes = [0; 32];
    clock.fill(&mut bytes);
    let token = hex::encode(bytes);
    let hash = opsknight_store::secret::token_hash(&token);
    let now = clock.now();
    let expires = now.checked_add(SETUP_LINK_LASTS).context("the clock is out of range")?;
    let unit =
        async move |tx: &mut db::Tx<'_>| sessions::insert_link(tx, &hash, LinkPurpose::Setup, None, now, expires).await;
    store.db.write(unit).await.context("the set-up link cannot be kept")?;
    say("Nobody has an account yet. Create the first administrator here (works once, for 24 hours):");
    say(&format!("  {base}/setup?token={token}"));
    Ok(())
}

/// What the person who started the program is to read stands on standard output.
#[expect(clippy::print_stdout, reason = "the command's own output")]
fn say(line: &str) {
    println!("{line}");
}
