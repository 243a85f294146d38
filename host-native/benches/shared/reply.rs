//! Reads just enough of an HTTP/1.1 response to know its status and where it ends.

use anyhow::{Context as _, bail, ensure};

/// What a response is, once all of it has arrived.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    /// Its status.
    pub(crate) status: u16,
    /// Bytes of its head.
    pub(crate) head_bytes: usize,
    /// Bytes of all of it.
    pub(crate) bytes: usize,
}

/// How a body ends.
enum End {
    After(usize),
    WithLastChunk,
}

/// Looks at what has arrived; none where more has to come.
///
/// # Errors
/// Where it is no response that this can read. A body must say where it ends.
pub(crate) fn read(received: &[u8]) -> anyhow::Result<Option<Reply>> {
    let Some((status, mut rest)) = line(received) else { return Ok(None) };
    let status = status_of(status)?;
    let mut end = None;
    loop {
        let Some((field, after)) = line(rest) else { return Ok(None) };
        rest = after;
        if field.is_empty() {
            break;
        }
        if let Some(length) = value(field, b"content-length:") {
            end = Some(End::After(decimal(length).context("a content-length is no number")?));
        } else if value(field, b"transfer-encoding:").is_some_and(|coding| coding == b"chunked") {
            end = Some(End::WithLastChunk);
        }
    }
    let head_bytes = received.len() - rest.len();
    let body_bytes = match end {
        Some(End::After(bytes)) => bytes,
        Some(End::WithLastChunk) => match chunked_bytes(rest)? {
            Some(bytes) => bytes,
            None => return Ok(None),
        },
        None if status == 204 || status == 304 => 0,
        None => bail!("a response of status {status} does not say where its body ends"),
    };
    let bytes = head_bytes + body_bytes;
    Ok((received.len() >= bytes).then_some(Reply { status, head_bytes, bytes }))
}

/// Bytes that a chunked body takes; none where more has to come.
fn chunked_bytes(body: &[u8]) -> anyhow::Result<Option<usize>> {
    let mut rest = body;
    loop {
        let Some((size, after)) = line(rest) else { return Ok(None) };
        let size = size.split(|byte| *byte == b';').next().unwrap_or_default();
        let size =
            std::str::from_utf8(size).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        let size = size.context("the size of a chunk is no number")?;
        rest = after;
        if size == 0 {
            break;
        }
        if rest.len() < size + 2 {
            return Ok(None);
        }
        ensure!(&rest[size..size + 2] == b"\r\n", "a chunk is longer than it says");
        rest = &rest[size + 2..];
    }
    loop {
        let Some((trailer, after)) = line(rest) else { return Ok(None) };
        rest = after;
        if trailer.is_empty() {
            return Ok(Some(body.len() - rest.len()));
        }
    }
}

/// The first line without its end, and what comes after it.
fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let line = &bytes[..end];
    Some((line.strip_suffix(b"\r").unwrap_or(line), &bytes[end + 1..]))
}

fn status_of(line: &[u8]) -> anyhow::Result<u16> {
    let status = line.strip_prefix(b"HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(decimal);
    let status = status.and_then(|status| u16::try_from(status).ok());
    status.with_context(|| format!("{:?} is no status line", String::from_utf8_lossy(line)))
}

/// The value of a field, where it is the one of this name; `name` is in lower case.
fn value<'a>(field: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, value) = field.split_at_checked(name.len())?;
    start.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}

fn decimal(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Reply, read};

    /// Every part of a response but the whole is not enough, and what follows is not counted.
    fn ends_at(response: &str, head_bytes: usize) {
        let bytes = response.as_bytes();
        for length in 0..bytes.len() {
            assert_eq!(read(&bytes[..length]).unwrap(), None, "{length} bytes are not all");
        }
        let reply = Reply { status: 200, head_bytes, bytes: bytes.len() };
        assert_eq!(read(bytes).unwrap(), Some(reply));
        let followed = [bytes, b"HTTP/1.1 "].concat();
        assert_eq!(read(&followed).unwrap().unwrap().bytes, bytes.len());
    }

    #[test]
    fn a_length_ends_a_body() {
        ends_at("HTTP/1.1 200 OK\r\nContent-Length: 5\r\ndate: now\r\n\r\nhello", 49);
        ends_at("HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n", 37);
    }

    #[test]
    fn the_last_chunk_ends_a_body() {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        ends_at(&format!("{head}5\r\nhello\r\n0\r\n\r\n"), head.len());
        ends_at(
            &format!("{head}A;x=y\r\n0123456789\r\n1\r\n!\r\n0\r\nname: value\r\n\r\n"),
            head.len(),
        );
        ends_at(&format!("{head}0\r\n\r\n"), head.len());
    }

    #[test]
    fn nonsense_is_refused() {
        for response in [
            "SSH-2.0\r\n",
            "HTTP/1.1 abc\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nlonger\r\n",
        ] {
            assert!(read(response.as_bytes()).is_err(), "{response:?}");
        }
    }
}
