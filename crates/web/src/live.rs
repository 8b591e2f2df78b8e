//! Live pages: one stream of server-sent events that says which incidents have changed, never what they hold.
//!
//! A page that hears of a change asks for itself again, with the rights of whoever looks at it.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    extract::State,
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures_util::{Stream, StreamExt as _, stream};
use opsknight_domain::id::UserId;
use opsknight_store::db::Wake;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, watch};
use tokio_stream::wrappers::{BroadcastStream, errors::BroadcastStreamRecvError};

use crate::{
    api::{
        access::Caller,
        error::{ApiError, Problems},
        extract::{FromParams, Params, Query},
    },
    pages::PageError,
    state::{AppState, Limits},
};

/// How often a silent stream gives a sign of life: under the 60 s after which common proxies cut a silent connection.
const KEEP_ALIVE: Duration = Duration::from_secs(25);
/// After how long a browser connects again.
const RECONNECT: Duration = Duration::from_secs(3);

/// How much longer ago than a browser says its page may have been drawn: it counts from when it asked for the page, and
/// what it says is on its way for a while.
const LATE_BY: Duration = Duration::from_secs(1);

/// How many streams each person has open.
type Held = Arc<Mutex<HashMap<UserId, usize>>>;

/// The open streams, of which there is a bounded number, in all and for each person, and the word that ends them all.
pub(crate) struct Listeners {
    places: Arc<Semaphore>,
    each_max: usize,
    held: Held,
    stop: watch::Sender<bool>,
}

/// A place that is given back when its stream ends.
struct Place {
    _one_of_all: OwnedSemaphorePermit,
    user: UserId,
    held: Held,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.user);
            }
        }
    }
}

impl Listeners {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            places: Arc::new(Semaphore::new(limits.live_streams)),
            each_max: limits.live_streams_each,
            held: Held::default(),
            stop: watch::Sender::new(false),
        }
    }

    /// A place for one more stream of a person, who leaves some to the others.
    fn enter(&self, user: UserId) -> Option<Place> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.get(&user).is_some_and(|count| *count >= self.each_max) {
            return None;
        }
        let one_of_all = self.places.clone().try_acquire_owned().ok()?;
        *held.entry(user).or_default() += 1;
        Some(Place {
            _one_of_all: one_of_all,
            user,
            held: self.held.clone(),
        })
    }

    /// Ends all streams, so that a server that stops need not wait for them.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }
}

/// What a stream is asked for.
pub(crate) struct Since {
    /// How long ago, in milliseconds, what is shown was read. What has changed since comes first.
    age: Option<u64>,
}

impl FromParams for Since {
    fn from_params(params: &mut Params, problems: &mut Problems) -> Self {
        let age = params.text("age");
        let age = age.and_then(|age| problems.take("age", age.parse().map_err(|_| "must be a whole number")));
        Self { age }
    }
}

/// `GET /live`: the event `change`, with the id of the incident that has changed as its data, or `*` when more than one
/// may have.
pub(crate) async fn live(State(state): State<AppState>, caller: Caller, Query(since): Query<Since>) -> Response {
    let person = caller.person();
    let Some(place) = person.and_then(|person| state.listeners.enter(person.id)) else {
        return PageError::from(ApiError::unavailable()).into_response();
    };
    let mut stop = state.listeners.stop.subscribe();
    let stopped = async move {
        // An error means that the sender is gone, which ends the stream as well.
        let _ = stop.wait_for(|stop| *stop).await;
    };
    let hello = stream::once(std::future::ready(Ok(Event::default()
        .retry(RECONNECT)
        .comment("live"))));
    let (missed, wakes) = match since.age {
        Some(age) => state
            .store
            .db
            .subscribe_late(Duration::from_millis(age).saturating_add(LATE_BY)),
        None => (Vec::new(), state.store.db.subscribe()),
    };
    let missed = missed.into_iter().filter_map(|wake| event(Ok(wake)).map(Ok));
    let events = hello
        .chain(stream::iter(missed))
        .chain(events(wakes))
        .take_until(stopped)
        .map(move |event| {
            // The place is kept for as long as the stream is.
            let _ = &place;
            event
        });
    Sse::new(events)
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response()
}

fn events(wakes: broadcast::Receiver<Wake>) -> impl Stream<Item = Result<Event, Infallible>> {
    BroadcastStream::new(wakes).filter_map(|wake| std::future::ready(event(wake).map(Ok)))
}

fn event(wake: Result<Wake, BroadcastStreamRecvError>) -> Option<Event> {
    let what = match wake.unwrap_or(Wake::All) {
        Wake::Incident(id) => id.to_string(),
        Wake::Incidents | Wake::All => "*".to_owned(),
        Wake::Deliveries | Wake::Config => return None,
    };
    Some(Event::default().event("change").data(what))
}
