//! Connections: so many and no more. Whoever comes beyond that is told so at once, and a client
//! that does not take its answer is not waited for.

use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep, timeout};

use crate::answer::{Answer, Body};
use crate::limits::{HEAD_BYTES_MAX, TURNED_AWAY_MAX, TURNED_AWAY_TIMEOUT};
use crate::metrics::{Metrics, Reason};
use crate::refusals;

/// The door of the server.
pub struct Door {
    room: Arc<Semaphore>,
    turned_away: Arc<Semaphore>,
}

/// A connection's place, free again when this is dropped.
pub struct Admitted {
    metrics: Arc<Metrics>,
    _place: OwnedSemaphorePermit,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.metrics.connection_closed();
    }
}

impl Door {
    pub fn new(places: usize) -> Door {
        let turned_away = Arc::new(Semaphore::new(TURNED_AWAY_MAX));
        Door { room: Arc::new(Semaphore::new(places)), turned_away }
    }

    /// A place for one more connection, if there is one.
    pub fn admit(&self, metrics: &Arc<Metrics>) -> Option<Admitted> {
        let Ok(place) = self.room.clone().try_acquire_owned() else {
            metrics.refused(Reason::Connections);
            return None;
        };
        metrics.connection_opened();
        Some(Admitted { metrics: metrics.clone(), _place: place })
    }

    /// Tells a client that there are too many, in a task of its own.
    pub fn turn_away(&self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
        // With so many being told already, a connection that closes says it too.
        let Ok(permit) = self.turned_away.clone().try_acquire_owned() else { return };
        tokio::spawn(async move {
            // Either way it is over for us.
            let _ = timeout(TURNED_AWAY_TIMEOUT, say_too_many(stream)).await;
            drop(permit);
        });
    }
}

async fn say_too_many(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    static TOO_MANY: LazyLock<Bytes> =
        LazyLock::new(|| bytes_of(Answer::error(&refusals::too_many_connections(), None)));
    stream.write_all(&TOO_MANY).await?;
    stream.shutdown().await?;
    // A socket that is closed with something unread takes the answer back.
    let mut rest = stream.take(HEAD_BYTES_MAX as u64);
    let mut buffer = [0; 4096];
    while rest.read(&mut buffer).await? > 0 {}
    Ok(())
}

/// An answer as it goes over the wire without a request.
fn bytes_of(answer: Answer) -> Bytes {
    let body = match answer.body {
        Body::Json(json) => json.pretty().into(),
        Body::Bytes(bytes) => bytes,
    };
    let status = hyper::StatusCode::from_u16(answer.status).unwrap_or_default();
    let mut out = format!("HTTP/1.1 {status}\r\n").into_bytes();
    for (name, value) in &answer.headers {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    let length = format!("content-length: {}\r\nconnection: close\r\n\r\n", body.len());
    out.extend_from_slice(length.as_bytes());
    out.extend_from_slice(&body);
    out.into()
}

/// A socket on which writing fails when the other side takes nothing for a time.
pub struct Impatient {
    stream: TcpStream,
    patience: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
    metrics: Arc<Metrics>,
}

impl Impatient {
    pub fn new(stream: TcpStream, patience: Duration, metrics: Arc<Metrics>) -> Impatient {
        // Only costs time where it cannot be set.
        let _ = stream.set_nodelay(true);
        Impatient { stream, patience, waiting: None, metrics }
    }

    /// Passes on what a write said, and gives up when it has said "not yet" for too long.
    fn wait<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waiting = None;
            return written;
        }
        let patience = self.patience;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(waiting.as_mut().poll(context));
        // Polled once more, it must not have ended already.
        waiting.as_mut().reset(Instant::now() + patience);
        self.metrics.refused(Reason::Slow);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Impatient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        pin!(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Impatient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = pin!(&mut self.stream).poll_write(context, bytes);
        self.wait(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = pin!(&mut self.stream).poll_write_vectored(context, parts);
        self.wait(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        pin!(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        pin!(&mut self.stream).poll_shutdown(context)
    }
}
