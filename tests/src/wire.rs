//! One HTTP/1.1 exchange over a plain socket.
//!
//! The scenarios send odd things on purpose (doubled headers, literal brackets, bytes that are
//! no text), which ordinary clients refuse to send. One connection serves one exchange, so the
//! end of the stream is the end of the answer.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How long a scenario waits for an answer before it calls the server stuck.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What came back: the status, the headers in order, and the body's bytes.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Sends one request and reads its answer. `Host`, `Connection` and `Content-Length` are added.
pub fn exchange(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> io::Result<Reply> {
    let mut request = format!("{method} {path} HTTP/1.1\r\n");
    let has = |name: &str| headers.iter().any(|(key, _)| key.eq_ignore_ascii_case(name));
    if !has("Host") {
        request.push_str(&format!("Host: {address}\r\n"));
    }
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    if !has("Content-Length") && (!body.is_empty() || method == "POST") {
        request.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    request.push_str("Connection: close\r\n\r\n");
    let mut bytes = request.into_bytes();
    bytes.extend_from_slice(body);
    exchange_raw(address, &bytes)
}

/// Sends exactly these bytes and reads the answer.
pub fn exchange_raw(address: &str, request: &[u8]) -> io::Result<Reply> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.set_nodelay(true)?;
    // A server may answer and close before it has read an oversized body, so a failed write
    // is not yet a failed exchange: the answer may be waiting.
    let written = stream.write_all(request);
    let mut bytes = Vec::new();
    let read = read_until_whole(&mut stream, &mut bytes);
    match parse(&bytes) {
        Some(reply) => Ok(reply),
        None => {
            written?;
            read?;
            let text = String::from_utf8_lossy(&bytes).into_owned();
            Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("no whole answer: {text:?}")))
        }
    }
}

/// Reads to the end of the stream, or until the announced length is there: a server that keeps
/// the connection open in spite of `Connection: close` must not stall a test.
fn read_until_whole(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut chunk = [0_u8; 16 * 1024];
    loop {
        let count = stream.read(&mut chunk)?;
        bytes.extend_from_slice(&chunk[..count]);
        if count == 0 || parse(bytes).is_some() {
            return Ok(());
        }
    }
}

/// The answer, or `None` while something is missing.
fn parse(bytes: &[u8]) -> Option<Reply> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status: u16 = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect();
    let rest = &bytes[end + 4..];
    if status == 100 {
        return parse(rest);
    }
    let find = |name: &str| {
        headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    };
    let body = if find("Transfer-Encoding").is_some_and(|value| value.contains("chunked")) {
        dechunk(rest)?
    } else if status == 204 || status == 304 {
        Vec::new()
    } else {
        let length: usize = find("Content-Length")?.parse().ok()?;
        rest.get(..length)?.to_vec()
    };
    Some(Reply { status, headers, body })
}

fn dechunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let line = std::str::from_utf8(&rest[..end]).ok()?;
        let size = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
        let chunk = rest.get(end + 2..end + 2 + size)?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(chunk);
        rest = rest.get(end + 2 + size + 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn an_answer_is_whole_when_its_length_is_there() {
        let head = b"HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 2\r\n\r\n";
        assert!(parse(&head[..20]).is_none());
        assert!(parse(&[head, &b"{"[..]].concat()).is_none());
        let reply = parse(&[head, &b"{}"[..]].concat()).expect("a whole answer");
        assert_eq!((reply.status, reply.body), (200, b"{}".to_vec()));
        assert_eq!(reply.headers[0], ("X-A".to_owned(), "b".to_owned()));
    }

    #[test]
    fn chunks_are_put_together() {
        let bytes =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n";
        assert_eq!(parse(bytes).expect("a whole answer").body, b"{}");
    }
}
