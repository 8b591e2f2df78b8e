//! The connection that hears wake-ups, for as long as the process runs.

use std::{convert::Infallible, sync::Arc, time::Duration};

use futures_util::StreamExt as _;
use tokio::time::{sleep, timeout};
use tokio_postgres::AsyncMessage;

use super::{
    super::{DbError, Wake, bell::Bell, wake::CHANNEL},
    RETRY_WAIT,
    hosts::{Hosts, refused},
    jittered,
};

/// Silence after which the listening connection is tried, and how long it then has to answer.
const LISTEN_CHECK: Duration = Duration::from_secs(5);
/// The longest wait before the listening connection is made again.
const LISTEN_RETRY_MAX: Duration = Duration::from_secs(5);

/// Hears wake-ups. After a connection was lost and made again, all are woken.
pub(super) async fn listen(hosts: Arc<Hosts>, bell: Arc<Bell>) {
    let mut wait = RETRY_WAIT;
    loop {
        let mut listening = false;
        let Err(error) = listen_once(&hosts, &bell, &mut listening).await;
        if listening {
            wait = RETRY_WAIT;
        }
        tracing::warn!("wake-ups are not heard for a moment, polling goes on: {error}");
        sleep(jittered(wait)).await;
        wait = (wait * 2).min(LISTEN_RETRY_MAX);
    }
}

async fn listen_once(hosts: &Hosts, bell: &Bell, listening: &mut bool) -> Result<Infallible, DbError> {
    let (client, mut connection) = hosts.connect().await.map_err(refused)?;
    let home = hosts.good();
    let mut messages = futures_util::stream::poll_fn(move |cx| connection.poll_message(cx));
    let hear = async {
        while let Some(message) = messages.next().await {
            if let AsyncMessage::Notification(note) = message? {
                Wake::from_payload(note.payload()).for_each(|wake| bell.ring(wake));
            }
        }
        Err(DbError::unavailable("the listening connection was closed"))
    };
    let answered = async |sql: &str| {
        let silent = |_| DbError::unavailable("the listening connection does not answer");
        timeout(LISTEN_CHECK, client.batch_execute(sql))
            .await
            .map_err(silent)??;
        Ok::<_, DbError>(())
    };
    let ask = async {
        answered(&format!("LISTEN {CHANNEL}")).await?;
        *listening = true;
        // What was committed before this moment was not heard.
        bell.ring(Wake::All);
        loop {
            sleep(LISTEN_CHECK).await;
            if hosts.good() != home {
                return Err(DbError::unavailable(
                    "another of the database's hosts is worked with now",
                ));
            }
            answered("").await?;
        }
    };
    tokio::select! {
        outcome = hear => outcome,
        outcome = ask => outcome,
    }
}
