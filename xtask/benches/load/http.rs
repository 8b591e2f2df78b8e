//! As much of HTTP/1.1 as measuring needs, both ways: one open line, one message after the other, bodies of a stated
//! length. It is written by hand so that it takes as little of the processor as it can, which the server shares.

use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Longest head of a message.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// How much is read at once.
const READ_BYTES: usize = 16 << 10;

/// One open line.
pub(crate) struct Line {
    stream: TcpStream,
    /// What has been read: the message in hand, and what came after it.
    buffer: Vec<u8>,
    /// Where the message in hand ends in `buffer`.
    taken: usize,
}

/// A message: its first line and its body.
pub(crate) struct Message<'a> {
    /// `POST /hook HTTP/1.1` or `HTTP/1.1 202 Accepted`.
    pub(crate) first: &'a str,
    /// The body.
    pub(crate) body: &'a [u8],
}

impl Message<'_> {
    /// The status of an answer, 0 for anything else.
    pub(crate) fn status(&self) -> u16 {
        let word = self.first.split(' ').nth(1);
        word.and_then(|word| word.parse().ok()).unwrap_or_default()
    }
}

impl Line {
    /// A line that somebody opened.
    pub(crate) fn new(stream: TcpStream) -> std::io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(READ_BYTES),
            taken: 0,
        })
    }

    /// Opens a line.
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.context("no line can be opened")?;
        Ok(Self::new(stream)?)
    }

    /// Sends bytes.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn call(&mut self, request: &[u8]) -> anyhow::Result<Message<'_>> {
        self.send(request).await?;
        self.read().await?.context("the line was closed in place of an answer")
    }

    /// Reads the next message; none when the other side has closed the line.
    pub(crate) async fn read(&mut self) -> anyhow::Result<Option<Message<'_>>> {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        let head = loop {
            if let Some(place) = find(&self.buffer, b"\r\n\r\n") {
                break place + 4;
            }
            if self.buffer.len() > HEAD_BYTES_MAX {
                bail!("a head has no end");
            }
            if !self.more().await? {
                return Ok(None);
            }
        };
        let end = head + content_length(&self.buffer[..head])?;
        while self.buffer.len() < end {
            if !self.more().await? {
                bail!("a body was cut short");
            }
        }
        self.taken = end;
        let first = find(&self.buffer, b"\r\n").unwrap_or_default();
        Ok(Some(Message {
            first: std::str::from_utf8(&self.buffer[..first])?,
            body: &self.buffer[head..end],
        }))
    }

    /// Reads the next line of text, without its end; none when the other side has closed the line. For protocols that
    /// talk in lines.
    pub(crate) async fn text(&mut self) -> anyhow::Result<Option<String>> {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        loop {
            if let Some(place) = find(&self.buffer, b"\r\n") {
                self.taken = place + 2;
                return Ok(Some(String::from_utf8_lossy(&self.buffer[..place]).into_owned()));
            }
            if !self.more().await? {
                return Ok(None);
            }
        }
    }

    async fn more(&mut self) -> std::io::Result<bool> {
        self.buffer.reserve(READ_BYTES);
        Ok(self.stream.read_buf(&mut self.buffer).await? > 0)
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

fn content_length(head: &[u8]) -> anyhow::Result<usize> {
    let head = std::str::from_utf8(head)?;
    let fields = head.split("\r\n").filter_map(|line| line.split_once(':'));
    let mut lengths = fields.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    lengths
        .next()
        .map_or(Ok(0), |(_, value)| value.trim().parse())
        .context("a content-length is no number")
}

/// A request with a JSON body; `fields` are further lines of its head, each with its end.
pub(crate) fn post(path: &str, fields: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n{fields}content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A request without a body.
pub(crate) fn get(path: &str, fields: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{fields}\r\n").into_bytes()
}
