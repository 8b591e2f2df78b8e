//! The program put together: the store, the way in, the pages, and the workers behind them.

use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use metrics_exporter_prometheus::PrometheusHandle;
use opsknight_channels::Timeouts;
use opsknight_store::Store;
use opsknight_web::{
    ack::ACK_LINK_PURPOSE,
    state::{AppState, Clock, Limits, Parts},
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{
    config::{Clouds, Providers},
    engine::{
        audit::Auditor,
        deliver::{Deliverer, Links},
        escalate::Escalator,
        ingest::{self, Ingester},
        outbox::{Calls, Outbox},
        worker::{Pulse, Shift},
    },
    figures::Figures,
    front,
    receive::{Bounds, Door},
    reply::Desk,
    telemetry,
};

/// What the program is made of.
pub struct Make {
    /// The database, migrated.
    pub store: Store,
    /// Time and randomness.
    pub clock: Arc<dyn Clock>,
    /// Where people reach this server.
    pub public_url: Url,
    /// The providers that the environment sets up.
    pub providers: Providers,
    /// What proofs of clouds' senders are held against.
    pub clouds: Clouds,
    /// Whether webhooks may reach private addresses.
    pub allow_private_targets: bool,
    /// How long providers may take to answer.
    pub timeouts: Timeouts,
    /// How long bodies may be.
    pub bounds: Bounds,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// The figures of `/metrics`.
    pub figures: PrometheusHandle,
}

/// The program, ready to be served and worked.
pub struct App {
    /// The routes.
    pub router: Router,
    /// Takes events in.
    pub ingester: Ingester,
    /// Sends messages.
    pub deliverer: Deliverer,
    /// Escalates.
    pub escalator: Escalator,
    /// Audits.
    pub auditor: Auditor,
    /// Where workers show that they move.
    pub pulse: Pulse,
    store: Store,
    clock: Arc<dyn Clock>,
    web: AppState,
    desk: Arc<Desk>,
    figures: PrometheusHandle,
}

impl App {
    /// Puts the program together.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(make: Make) -> anyhow::Result<Self> {
        let Make {
            store,
            clock,
            public_url,
            ..
        } = &make;
        let (way_in, ingester) = ingest::pair(store.clone(), clock.clone());
        let outbox = Outbox::new(
            store.clone(),
            clock.clone(),
            make.providers.clone(),
            public_url.clone(),
            Calls {
                allow_private: make.allow_private_targets,
                timeouts: make.timeouts,
            },
        )
        .context("no HTTP client can be made")?;
        let outbox = Arc::new(outbox);
        let door = Door::new(
            store.clone(),
            clock.clone(),
            way_in.clone(),
            make.bounds,
            make.clouds.clone(),
        );
        let door = Arc::new(door.context("no HTTP client can be made")?);
        let ack_key = store.sealer.signing_key(ACK_LINK_PURPOSE);
        let pulse = Pulse::new(clock.now());
        let state = AppState::new(Parts {
            store: store.clone(),
            clock: clock.clone(),
            public_url: public_url.clone(),
            receive: door.clone(),
            providers: outbox.clone(),
            environment: make.providers.names.clone(),
            vitals: Arc::new(pulse.clone()),
            limits: Limits::default(),
        });
        let desk = Arc::new(Desk::new(state.clone(), outbox.clone(), door.clone()));
        let links = Links {
            public_url: public_url.clone(),
            ack_key,
        };
        let (handle, of) = (make.figures.clone(), store.clone());
        let figures = Figures::new(of, clock.clone(), pulse.clone(), way_in, handle);
        let router = front::router(front::Front {
            web: opsknight_web::router(state.clone()),
            door,
            desk: desk.clone(),
            store: store.clone(),
            clock: clock.clone(),
            pulse: pulse.clone(),
            figures,
            trusted_proxies: make.trusted_proxies.clone(),
            https: public_url.scheme() == "https",
        });
        Ok(Self {
            router,
            ingester,
            deliverer: Deliverer::new(store.clone(), clock.clone(), outbox, links),
            escalator: Escalator::new(store.clone(), clock.clone()),
            auditor: Auditor::new(store.clone(), clock.clone()),
            pulse,
            store: store.clone(),
            clock: clock.clone(),
            web: state,
            desk,
            figures: make.figures,
        })
    }

    /// Starts the workers. They end when `stop` is cancelled; the one that takes events in ends when the routes are
    /// gone.
    pub fn work(self, stop: &CancellationToken) -> (Router, JoinSet<()>) {
        let Self {
            router,
            ingester,
            deliverer,
            escalator,
            auditor,
            pulse,
            store,
            clock,
            web,
            desk,
            figures,
        } = self;
        let shift = Shift {
            store,
            clock,
            pulse,
            stop: stop.clone(),
        };
        let mut workers = JoinSet::new();
        let stopped = stop.clone();
        workers.spawn(async move {
            stopped.cancelled().await;
            // Browsers that watch would hold the server open for as long as they are.
            web.stop_live();
            desk.finish().await;
        });
        workers.spawn(telemetry::add_up(figures, stop.clone()));
        workers.spawn(ingester.run());
        workers.spawn(shift.clone().deliver(deliverer));
        workers.spawn(shift.clone().escalate(escalator));
        workers.spawn(shift.audit(auditor));
        (router, workers)
    }
}
