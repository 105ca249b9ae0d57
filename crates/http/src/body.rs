//! From a request's query and body to a bag of parameters.

use std::time::Duration;

use api::ApiError;
use api::form::Bag;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::header::HeaderValue;

use crate::limits::BODY_BYTES_MAX;
use crate::load::Share;
use crate::metrics::{Metrics, Reason};
use crate::refusals;

/// Reads the body, up to the limits of one and of all together; what is held counts until `share`
/// is dropped.
pub async fn read(
    body: Incoming,
    share: &mut Share,
    within: Duration,
    metrics: &Metrics,
) -> Result<Bytes, ApiError> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let all = tokio::time::timeout(within, all(body, share)).await;
    all.unwrap_or(Err(Unread::Slow)).map_err(|why| match why {
        Unread::Broken => ApiError::invalid("Invalid request: the body could not be read."),
        Unread::Slow => ApiError::invalid("Invalid request: the body took too long.").status(408),
        Unread::TooLong => {
            let limit = format!("the body can have up to {BODY_BYTES_MAX} bytes.");
            ApiError::invalid(format!("Invalid request: {limit}")).status(413)
        }
        Unread::NoRoom => {
            metrics.refused(Reason::Memory);
            refusals::too_many_bodies()
        }
    })
}

enum Unread {
    Broken,
    Slow,
    TooLong,
    NoRoom,
}

async fn all(mut body: Incoming, share: &mut Share) -> Result<Bytes, Unread> {
    let (mut first, mut rest) = (Bytes::new(), BytesMut::new());
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Unread::Broken)?.into_data() else { continue };
        if share.bytes() + data.len() > BODY_BYTES_MAX {
            return Err(Unread::TooLong);
        }
        if !share.grow(data.len()) {
            return Err(Unread::NoRoom);
        }
        // Nearly every body is one frame, which is then not copied.
        if first.is_empty() && rest.is_empty() {
            first = data;
        } else {
            rest.extend_from_slice(&std::mem::take(&mut first));
            rest.extend_from_slice(&data);
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

/// The parameters of a request of the API.
pub async fn bag(
    query: &str,
    content_type: Option<&HeaderValue>,
    body: Bytes,
) -> Result<Bag, ApiError> {
    let given = content_type.and_then(|value| value.to_str().ok()).unwrap_or("").trim();
    let kind = given.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/x-www-form-urlencoded" => Bag::parse(query, &body),
        // Without a body the type says nothing: some clients send one with every request.
        _ if body.is_empty() => Bag::parse(query, &[]),
        "" => Bag::parse(query, &body),
        "multipart/form-data" => multipart(query, given, body).await,
        "application/json" => Err(ApiError::invalid(
            "Invalid request (check that your POST content type is \
             application/x-www-form-urlencoded). If you have any questions, we can help at \
             https://support.stripe.com/.",
        )),
        other => Err(ApiError::invalid(format!(
            "Invalid request: unsupported Content-Type {other}. If error persists and you need \
             assistance, please contact support@stripe.com."
        ))),
    }
}

async fn multipart(query: &str, content_type: &str, body: Bytes) -> Result<Bag, ApiError> {
    let broken = |_| ApiError::invalid("Invalid request: the multipart body is malformed.");
    let boundary = multer::parse_boundary(content_type).map_err(broken)?;
    let once = Once(Some(body));
    let mut parts = multer::Multipart::with_reader(once, boundary);
    let mut pairs = Vec::new();
    while let Some(field) = parts.next_field().await.map_err(broken)? {
        let name = field.name().unwrap_or("").to_owned();
        let value = field.bytes().await.map_err(broken)?;
        let value = String::from_utf8(value.to_vec())
            .map_err(|_| ApiError::invalid("Invalid request: a part is not valid UTF-8."))?;
        pairs.push((name, value));
    }
    let mut bag = Bag::parse(query, &[])?;
    for (name, node) in Bag::from_pairs(pairs)?.root {
        bag.take(&name);
        bag.root.push((name, node));
    }
    Ok(bag)
}

/// A body that is all there, as the stream that the multipart reader wants.
struct Once(Option<Bytes>);

impl tokio::io::AsyncRead for Once {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        if let Some(bytes) = &mut self.0 {
            let some = bytes.split_to(bytes.len().min(buffer.remaining()));
            buffer.put_slice(&some);
        }
        std::task::Poll::Ready(Ok(()))
    }
}
