//! The servers that an address names, and how a connection to the one that takes writes is made. It runs no unit.
//!
//! The client library tries hosts in order too, but gives each no end: one that accepts and then says nothing would keep
//! the next from ever being asked.

use std::{
    future::{Future, pending},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use deadpool_postgres::Connect;
use tokio::{task::JoinHandle, time::timeout};
use tokio_postgres::{
    Client, Config, Connection, Error, Socket,
    config::{Host, TargetSessionAttrs},
    tls::MakeTlsConnect,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::super::{DbError, tls::Target};

/// How long one host has until a connection stands: the line, encryption, who we are, and that it takes writes.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// What the server is told for each connection: how long we wait at most, and how soon it notices that we are gone. A
/// transaction of ours waits for nothing between two statements, so one that stands still is of a process that was
/// stopped, and its locks are not to hold up the other replicas.
const OPTIONS: &str = "-c statement_timeout=30s -c lock_timeout=10s -c idle_in_transaction_session_timeout=5s \
                       -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 \
                       -c tcp_user_timeout=20s";
/// A line that went dead is noticed by the system within this time, whatever is on it.
const DEAD_AFTER: Duration = Duration::from_secs(10);

/// A commit that is answered must be on the disk, also where the server or the role is set up otherwise.
const DURABLE: &str = "SELECT set_config('synchronous_commit', 'on', false) \
                       WHERE current_setting('synchronous_commit') = 'off'";

/// What carries the messages of a connection.
pub(super) type Wire = Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

/// The servers of an address, each as an address of its own.
pub(super) struct Hosts {
    each: Vec<Config>,
    tls: MakeRustlsConnect,
    /// Which one took the last connection.
    good: AtomicUsize,
}

impl Hosts {
    pub(super) fn new(target: Target) -> Self {
        let Target { config, tls } = target;
        Self {
            each: apart(&prepared(config)),
            tls,
            good: AtomicUsize::new(0),
        }
    }

    /// Which host is worked with: it took the last connection.
    pub(super) fn good(&self) -> usize {
        self.good.load(Ordering::Relaxed)
    }

    /// How long it may take until all have been asked.
    pub(super) fn patience(&self) -> Duration {
        CONNECT_TIMEOUT * u32::try_from(self.each.len() + 1).unwrap_or(u32::MAX)
    }

    /// Connects to the first host that takes writes, beginning with the one that is worked with.
    ///
    /// # Errors
    /// What one of them said; nothing when none of them said anything.
    pub(super) async fn connect(&self) -> Result<(Client, Wire), Option<Error>> {
        let from = self.good();
        let mut refusal = None;
        for step in 0..self.each.len() {
            let place = (from + step) % self.each.len();
            match timeout(CONNECT_TIMEOUT, self.each[place].connect(self.tls.clone())).await {
                Ok(Ok(connected)) => {
                    if place != from {
                        tracing::warn!("PostgreSQL is now worked with at host {} of its address", place + 1);
                    }
                    self.good.store(place, Ordering::Relaxed);
                    return Ok(connected);
                }
                Ok(Err(error)) => refusal = Some(error),
                Err(_) => {}
            }
        }
        Err(refusal)
    }

    /// Whether this host takes new connections. One that answers that it has too many is there as well.
    pub(super) async fn answers(&self, place: usize) -> bool {
        let Some(config) = self.each.get(place) else {
            return false;
        };
        match timeout(CONNECT_TIMEOUT, config.connect(self.tls.clone())).await {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => error.as_db_error().is_some(),
            Err(_) => false,
        }
    }
}

/// What the pool calls.
pub(super) struct Dialler(pub(super) Arc<Hosts>);

type Dialled = Result<(Client, JoinHandle<()>), Error>;

impl Connect for Dialler {
    fn connect(&self, _: &Config) -> Pin<Box<dyn Future<Output = Dialled> + Send + '_>> {
        Box::pin(async move {
            let (client, wire) = match self.0.connect().await {
                Ok(connected) => connected,
                Err(Some(error)) => return Err(error),
                // The pool has a limit of its own, and words for it.
                Err(None) => pending().await,
            };
            // Its end is told by whatever is asked of the client.
            let carrying = tokio::spawn(async move { drop(wire.await) });
            match timeout(CONNECT_TIMEOUT, client.batch_execute(DURABLE)).await {
                Ok(done) => done.map(|()| (client, carrying)),
                Err(_) => pending().await,
            }
        })
    }
}

/// The words for when no host has said anything.
pub(super) fn refused(refusal: Option<Error>) -> DbError {
    refusal.map_or_else(|| DbError::unavailable("connecting took too long"), DbError::from)
}

/// The address with our limits. Somebody who names several hosts means the one that takes writes, and a single one that
/// takes none is of no use either.
fn prepared(mut config: Config) -> Config {
    let options = config
        .get_options()
        .map_or_else(|| OPTIONS.to_owned(), |own| format!("{OPTIONS} {own}"));
    config
        .options(options)
        .connect_timeout(CONNECT_TIMEOUT)
        .keepalives_idle(DEAD_AFTER / 2)
        .keepalives_interval(DEAD_AFTER / 4)
        .keepalives_retries(2)
        .tcp_user_timeout(DEAD_AFTER)
        .target_session_attrs(TargetSessionAttrs::ReadWrite);
    if config.get_application_name().is_none() {
        config.application_name("opsknight");
    }
    config
}

/// One address for each host.
fn apart(all: &Config) -> Vec<Config> {
    let (hosts, addresses, ports) = (all.get_hosts(), all.get_hostaddrs(), all.get_ports());
    let alone = |place: usize| {
        let mut one = without_hosts(all);
        match hosts.get(place) {
            Some(Host::Tcp(name)) => drop(one.host(name)),
            #[cfg(unix)]
            Some(Host::Unix(folder)) => drop(one.host_path(folder)),
            None => {}
        }
        if let Some(address) = addresses.get(place) {
            one.hostaddr(*address);
        }
        if let Some(port) = ports.get(place).or(ports.first()) {
            one.port(*port);
        }
        one
    };
    (0..hosts.len().max(addresses.len()).max(1)).map(alone).collect()
}

/// Everything that an address says but where.
fn without_hosts(all: &Config) -> Config {
    let mut one = Config::new();
    one.ssl_mode(all.get_ssl_mode())
        .ssl_negotiation(all.get_ssl_negotiation())
        .channel_binding(all.get_channel_binding())
        .target_session_attrs(all.get_target_session_attrs())
        .load_balance_hosts(all.get_load_balance_hosts())
        .keepalives(all.get_keepalives())
        .keepalives_idle(all.get_keepalives_idle());
    if let Some(user) = all.get_user() {
        one.user(user);
    }
    if let Some(password) = all.get_password() {
        one.password(password);
    }
    if let Some(name) = all.get_dbname() {
        one.dbname(name);
    }
    if let Some(options) = all.get_options() {
        one.options(options);
    }
    if let Some(name) = all.get_application_name() {
        one.application_name(name);
    }
    if let Some(limit) = all.get_connect_timeout() {
        one.connect_timeout(*limit);
    }
    if let Some(limit) = all.get_tcp_user_timeout() {
        one.tcp_user_timeout(*limit);
    }
    if let Some(wait) = all.get_keepalives_interval() {
        one.keepalives_interval(wait);
    }
    if let Some(tries) = all.get_keepalives_retries() {
        one.keepalives_retries(tries);
    }
    one
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_host_has_its_port_and_all_else_is_the_same() {
        let url = "postgres://me:word@a:1,b:2/d?application_name=x&connect_timeout=99&keepalives_retries=9";
        let each = apart(&prepared(url.parse().unwrap()));
        let places: Vec<_> = each
            .iter()
            .map(|one| (one.get_hosts().to_vec(), one.get_ports().to_vec()))
            .collect();
        assert_eq!(
            places,
            [
                (vec![Host::Tcp("a".into())], vec![1]),
                (vec![Host::Tcp("b".into())], vec![2])
            ]
        );
        for one in &each {
            assert_eq!((one.get_user(), one.get_password()), (Some("me"), Some(&b"word"[..])));
            assert_eq!((one.get_dbname(), one.get_application_name()), (Some("d"), Some("x")));
            assert_eq!(one.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
            assert_eq!(one.get_connect_timeout(), Some(&CONNECT_TIMEOUT), "our limits hold");
            assert!(one.get_options().unwrap().contains("statement_timeout=30s"));
        }
        let one_port = apart(&"postgres://a,b:7/d".parse().unwrap());
        assert_eq!(one_port.len(), 2);
        let socket = apart(&"postgres://%2Ftmp/d".parse().unwrap());
        assert_eq!(socket[0].get_hosts(), [Host::Unix("/tmp".into())]);
    }
}
