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
use futures_util::{StreamExt as _, stream};
use opsknight_domain::id::UserId;
use opsknight_store::db::Wake;
use tokio::{
    sync::{
        OwnedSemaphorePermit, Semaphore,
        broadcast::{
            self,
            error::{RecvError, TryRecvError},
        },
        watch,
    },
    time::sleep,
};
use tokio_stream::wrappers::BroadcastStream;

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

/// The rest between two rounds in which the streams are told: what changes meanwhile is told once, and a storm of alerts
/// costs no more for a thousand pages than four words a second to each.
const ROUND: Duration = Duration::from_millis(250);
/// So many incidents are named in a round; more than that are `*`.
const NAMED_MAX: usize = 16;
/// More than one incident may have changed.
const ANY: &str = "*";
/// How many words a stream may be behind before it misses some and is told [`ANY`].
const WORDS_KEPT: usize = 4 * NAMED_MAX;

/// How many streams each person has open.
type Held = Arc<Mutex<HashMap<UserId, usize>>>;

/// The open streams, of which there is a bounded number, in all and for each person, and the word that ends them all.
pub(crate) struct Listeners {
    places: Arc<Semaphore>,
    each_max: usize,
    held: Held,
    told: broadcast::Sender<Arc<str>>,
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
    /// Begins to tell of `wakes`, until their sender is gone.
    pub(crate) fn new(limits: &Limits, wakes: broadcast::Receiver<Wake>) -> Self {
        let told = broadcast::Sender::new(WORDS_KEPT);
        tokio::spawn(tell(wakes, told.clone()));
        Self {
            places: Arc::new(Semaphore::new(limits.live_streams)),
            each_max: limits.live_streams_each,
            held: Held::default(),
            told,
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
    let hello = stream::once(std::future::ready(Ok::<_, Infallible>(
        Event::default().retry(RECONNECT).comment("live"),
    )));
    // From here on nothing is missed; what was rung in between is told twice.
    let told = state.listeners.told.subscribe();
    let missed = since.age.map_or_else(Vec::new, |age| {
        let by = Duration::from_millis(age).saturating_add(LATE_BY);
        state.store.db.rung_within(by)
    });
    let mut round = Round::default();
    missed.into_iter().for_each(|wake| round.add(wake));
    let events = hello
        .chain(stream::iter(round.words()).map(|word| Ok(event(&word))))
        .chain(BroadcastStream::new(told).map(|word| Ok(event(word.as_deref().unwrap_or(ANY)))))
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

fn event(word: &str) -> Event {
    Event::default().event("change").data(word)
}

/// Tells all streams of wake-ups: of the first one after a rest at once, of those that follow it together.
async fn tell(mut wakes: broadcast::Receiver<Wake>, told: broadcast::Sender<Arc<str>>) {
    loop {
        let mut round = Round::default();
        match wakes.recv().await {
            Ok(wake) => round.add(wake),
            Err(RecvError::Lagged(_)) => round.add(Wake::All),
            Err(RecvError::Closed) => return,
        }
        loop {
            match wakes.try_recv() {
                Ok(wake) => round.add(wake),
                Err(TryRecvError::Lagged(_)) => round.add(Wake::All),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        let words = round.words();
        if words.is_empty() {
            continue;
        }
        for word in words {
            // An error means that nobody listens.
            let _ = told.send(word);
        }
        sleep(ROUND).await;
    }
}

/// What is told at once: each incident a single time.
#[derive(Default)]
struct Round {
    named: Vec<Arc<str>>,
    any: bool,
}

impl Round {
    fn add(&mut self, wake: Wake) {
        match wake {
            Wake::Incident(id) if self.named.iter().any(|named| **named == id) => {}
            Wake::Incident(id) if self.named.len() < NAMED_MAX => self.named.push(id.into()),
            Wake::Incident(_) | Wake::Incidents | Wake::All => self.any = true,
            Wake::Deliveries | Wake::Config => {}
        }
    }

    fn words(self) -> Vec<Arc<str>> {
        let mut words = self.named;
        words.extend(self.any.then(|| ANY.into()));
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the streams are told of these wake-ups, which were all rung before anybody looked.
    async fn words(rung: impl IntoIterator<Item = Wake>) -> Vec<Arc<str>> {
        let (ring, wakes) = broadcast::channel(1024);
        let told = broadcast::Sender::new(WORDS_KEPT);
        let mut stream = told.subscribe();
        for wake in rung {
            ring.send(wake).unwrap();
        }
        drop(ring);
        tell(wakes, told).await;
        let mut words = Vec::new();
        while let Ok(word) = stream.recv().await {
            words.push(word);
        }
        words
    }

    fn incident(n: usize) -> Wake {
        Wake::Incident(format!("inc_{n}"))
    }

    #[tokio::test]
    async fn a_storm_is_told_in_a_few_words() {
        let few = words((0..1_000).map(|n| incident(n % 3))).await;
        assert_eq!(few, ["inc_0", "inc_1", "inc_2"].map(Arc::from));
        let many = words((0..1_000).map(incident)).await;
        assert_eq!(many.len(), NAMED_MAX + 1, "there are too many to name: {many:?}");
        assert_eq!(many.last().map(|word| &**word), Some(ANY));
        let missed = words(std::iter::repeat_n(incident(1), 2_000)).await;
        assert_eq!(missed, ["inc_1", ANY].map(Arc::from), "others may have been among them");
        assert_eq!(words([Wake::Deliveries, Wake::Config]).await, [] as [Arc<str>; 0]);
        assert_eq!(words([Wake::Deliveries, Wake::Incidents]).await, [ANY.into()]);
    }
}
