//! Connections: taken, served and ended, within bounds that axum's own loop does not have. A client that never says what
//! it wants, or says it a byte a minute, holds a place for a while and not for ever; there are so many places, and so much
//! memory for what is still being said.
//!
//! It owns nothing of what is answered.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{ConnectInfo, Request},
    response::Response,
};
use http_body::{Body as _, Frame, SizeHint};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{Sleep, sleep},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// Most bytes that the head of a request may have: its line and its headers. Beyond it the answer is 431.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// How long nothing is taken after the machine had no room for another connection.
const NO_ROOM_WAIT: Duration = Duration::from_secs(1);

/// How much a client may ask of us.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// How long the head of a request may take, and how long a connection may lie idle between two.
    pub(crate) head: Duration,
    /// How long its body may take, from its head on. Five megabytes come through within it at one megabit a second.
    pub(crate) body: Duration,
    /// How many connections there are at most. Those beyond it wait until another ends.
    pub(crate) connections: usize,
    /// How many bytes of bodies there are at most that have not come to their end. Strangers may begin some: a sender
    /// whose key stands in the body is known only after it.
    pub(crate) bodies_bytes: usize,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(30),
            body: Duration::from_secs(60),
            connections: 4_096,
            bodies_bytes: 256 << 20,
        }
    }
}

/// There is no room for a body now; it may come again.
#[derive(Debug, thiserror::Error)]
#[error("there is no room for more bodies now")]
pub(crate) struct NoRoom;

/// The room that is left for bodies, in bytes.
#[derive(Debug)]
struct Room(AtomicUsize);

impl Room {
    fn take(&self, bytes: usize) -> Result<(), NoRoom> {
        let left = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        left.map(drop).map_err(|_| NoRoom)
    }

    fn give_back(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Serves until `stop`, and then until what was begun is answered.
pub(crate) async fn serve(listener: TcpListener, router: Router, patience: Patience, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(patience.connections));
    let host = Host {
        router,
        patience,
        room: Arc::new(Room(AtomicUsize::new(patience.bodies_bytes))),
        stop: stop.clone(),
    };
    let mut connections = JoinSet::new();
    while let Some((place, stream, peer)) = next(&listener, &places, &stop).await {
        while connections.try_join_next().is_some() {}
        connections.spawn(host.clone().connection(place, stream, peer));
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// The next connection, once there is a place for it. None when no more are taken.
async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    stop: &CancellationToken,
) -> Option<(OwnedSemaphorePermit, TcpStream, SocketAddr)> {
    let found = async {
        let place = places.clone().acquire_owned().await.ok()?;
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => return Some((place, stream, peer)),
                // Its client has gone again.
                Err(error) if is_the_clients(&error) => {}
                Err(error) => {
                    tracing::error!(%error, "no connection can be taken now");
                    sleep(NO_ROOM_WAIT).await;
                }
            }
        }
    };
    tokio::select! {
        found = found => found,
        () = stop.cancelled() => None,
    }
}

fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// What every connection is served with.
#[derive(Clone)]
struct Host {
    router: Router,
    patience: Patience,
    room: Arc<Room>,
    stop: CancellationToken,
}

impl Host {
    async fn connection(self, _place: OwnedSemaphorePermit, stream: TcpStream, peer: SocketAddr) {
        let (patience, stop) = (self.patience, self.stop.clone());
        let service = service_fn(move |request| self.clone().answer(request, peer));
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(patience.head)
            .max_buf_size(HEAD_BYTES_MAX);
        let mut served = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let ended = tokio::select! {
            ended = served.as_mut() => ended,
            () = stop.cancelled() => {
                served.as_mut().graceful_shutdown();
                served.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, %peer, "a connection was cut");
        }
    }

    async fn answer(self, request: Request<Incoming>, peer: SocketAddr) -> Result<Response, Infallible> {
        let mut request = request.map(|body| match body.is_end_stream() {
            true => Body::empty(),
            false => Body::new(Bounded {
                body,
                within: self.patience.body,
                late: None,
                held: 0,
                room: self.room,
            }),
        });
        request.extensions_mut().insert(ConnectInfo(peer));
        self.router.oneshot(request).await
    }
}

/// A body that has to have come by a certain time, and for which there has to be room.
struct Bounded {
    body: Incoming,
    within: Duration,
    late: Option<Pin<Box<Sleep>>>,
    held: usize,
    room: Arc<Room>,
}

impl Drop for Bounded {
    fn drop(&mut self) {
        self.room.give_back(self.held);
    }
}

impl http_body::Body for Bounded {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            // Bytes that trickle in are still late when the time is over.
            let over = self.late.as_ref().is_some_and(|late| late.is_elapsed());
            if !over {
                let bytes = match &frame {
                    Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len),
                    Some(Err(_)) | None => 0,
                };
                if let Err(error) = self.room.take(bytes) {
                    return Poll::Ready(Some(Err(error.into())));
                }
                self.held += bytes;
                return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
            }
        }
        let within = self.within;
        let late = self.late.get_or_insert_with(|| Box::pin(sleep(within)));
        ready!(late.as_mut().poll(context));
        Poll::Ready(Some(Err(io::Error::from(io::ErrorKind::TimedOut).into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
