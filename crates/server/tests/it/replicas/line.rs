//! A line to the database that can be cut, can fall silent without a word, and can be mended.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp},
    sync::watch,
    task::JoinSet,
};

/// How a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It carries.
    Well,
    /// What is sent goes nowhere, and nobody says so. New calls are taken, and nobody answers.
    Silent,
    /// Calls are ended, and new ones too.
    Cut,
}

/// A line; it ends with this value.
pub(super) struct Line {
    port: u16,
    state: watch::Sender<State>,
    _tasks: JoinSet<()>,
}

impl Line {
    /// A line to the server of an address.
    pub(super) async fn to(url: &str) -> Self {
        let there = place_of(url);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (state, seen) = watch::channel(State::Well);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut calls = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                calls.spawn(carry(near, there, seen.clone()));
                while calls.try_join_next().is_some() {}
            }
        });
        Self {
            port,
            state,
            _tasks: tasks,
        }
    }

    /// The same address by way of this line.
    pub(super) fn address(&self, url: &str) -> String {
        url.replace(&place_of(url).to_string(), &format!("127.0.0.1:{}", self.port))
    }

    pub(super) fn be(&self, state: State) {
        self.state.send_replace(state);
    }
}

/// Where an address leads to; the tests' servers all have numbers.
fn place_of(url: &str) -> SocketAddr {
    let rest = url.split_once("://").unwrap().1;
    let authority = rest.split('/').next().unwrap();
    authority.rsplit('@').next().unwrap().parse().unwrap()
}

async fn carry(near: TcpStream, there: SocketAddr, mut state: watch::Receiver<State>) {
    let begun = state.wait_for(|state| *state != State::Silent).await;
    if !begun.is_ok_and(|state| *state == State::Well) {
        return;
    }
    let Ok(far) = TcpStream::connect(there).await else {
        return;
    };
    let ((near_reads, near_writes), (far_reads, far_writes)) = (near.into_split(), far.into_split());
    let cut = async {
        let mut state = state.clone();
        let _ = state.wait_for(|state| *state == State::Cut).await;
    };
    tokio::select! {
        () = pump(near_reads, far_writes, state.clone()) => {}
        () = pump(far_reads, near_writes, state.clone()) => {}
        () = cut => {}
    }
}

async fn pump(mut from: tcp::OwnedReadHalf, mut to: tcp::OwnedWriteHalf, mut state: watch::Receiver<State>) {
    let mut bytes = vec![0; 16 << 10];
    while let Ok(n) = from.read(&mut bytes).await {
        // What comes while the line is silent waits, as a packet that is sent again and again does.
        if n == 0 || state.wait_for(|state| *state != State::Silent).await.is_err() {
            return;
        }
        if to.write_all(&bytes[..n]).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn a_line_carries_falls_silent_and_is_cut() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgres://me@{}/here?x=y", listener.local_addr().unwrap());
    let line = Line::to(&url).await;
    assert!(
        line.address(&url)
            .ends_with(&format!("@127.0.0.1:{}/here?x=y", line.port))
    );
    let mut near = TcpStream::connect(("127.0.0.1", line.port)).await.unwrap();
    let (mut far, _) = listener.accept().await.unwrap();
    let mut bytes = [0; 2];
    near.write_all(b"hi").await.unwrap();
    far.read_exact(&mut bytes).await.unwrap();
    line.be(State::Silent);
    near.write_all(b"ho").await.unwrap();
    let unheard = tokio::time::timeout(Duration::from_millis(50), far.read_exact(&mut bytes)).await;
    assert!(unheard.is_err(), "nothing is heard");
    line.be(State::Well);
    far.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"ho");
    line.be(State::Cut);
    assert_eq!(near.read(&mut bytes).await.unwrap_or_default(), 0, "the call is ended");
}
