//! The raw client: sends bytes as a case spells them, at the pace that it says, and reads what
//! comes back as HTTP/1.1 meanwhile.

use crate::client::PATIENCE;
use crate::reply::{Outcome, Reply};
use crate::step::{Piece, Raw};
use anyhow::{Context, Result, bail};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{sleep, timeout};

/// How long the client looks whether the host ends the connection.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);
/// The longest head of a reply that is read.
const HEAD_BYTES_MAX: u64 = 1024 * 1024;

/// Sends what `raw` says; a host that answers or ends the connection early is let do so.
pub async fn send(address: SocketAddr, raw: &Raw) -> Outcome {
    let start = Instant::now();
    let stream = match TcpStream::connect(address).await {
        Ok(stream) => stream,
        Err(error) => return Outcome::Nothing(format!("cannot connect: {error}")),
    };
    let (reader, mut writer) = stream.into_split();
    if raw.leave {
        // Not to be able to send all of it is one way of leaving.
        let _ = write(&mut writer, &raw.send).await;
        return Outcome::Left;
    }
    let sending = raw.send.clone();
    let sending = tokio::spawn(async move {
        let sent = write(&mut writer, &sending).await;
        (writer, sent)
    });
    let reply =
        timeout(PATIENCE, read(BufReader::new(reader), start, raw.replies.unwrap_or(1))).await;
    sending.abort();
    match reply {
        Err(_) => Outcome::Nothing(format!("nothing came for {PATIENCE:?}")),
        Ok(Err(error)) => Outcome::Nothing(format!("{error:#}")),
        Ok(Ok(reply)) => Outcome::Reply(reply),
    }
}

async fn write(writer: &mut OwnedWriteHalf, pieces: &[Piece]) -> std::io::Result<()> {
    for piece in pieces {
        let mut bytes = String::new();
        for line in &piece.lines {
            bytes.push_str(line);
            bytes.push_str("\r\n");
        }
        bytes.push_str(piece.text.as_deref().unwrap_or_default());
        bytes.push_str(&"x".repeat(piece.letters.unwrap_or(0)));
        for _ in 0..piece.repeat.unwrap_or(1) {
            if let Some(wait) = piece.every_ms {
                sleep(Duration::from_millis(wait)).await;
            }
            writer.write_all(bytes.as_bytes()).await?;
        }
    }
    writer.flush().await
}

/// Reads the replies and gives the last one.
async fn read(
    mut reader: BufReader<OwnedReadHalf>,
    start: Instant,
    replies: usize,
) -> Result<Reply> {
    let mut reply = Reply::default();
    for _ in 0..replies {
        reply = one(&mut reader, start).await?;
    }
    // A reset ends a connection too.
    let next = timeout(CLOSE_WITHIN, reader.read_u8()).await;
    reply.closed = Some(matches!(next, Ok(Err(_))));
    Ok(reply)
}

async fn one(reader: &mut BufReader<OwnedReadHalf>, start: Instant) -> Result<Reply> {
    let mut reply = head(reader).await?;
    while (100..200).contains(&reply.status) {
        reply = head(reader).await?;
    }
    reply.head_after = start.elapsed();
    if let Err(error) = body(reader, &mut reply).await {
        reply.broken = Some(format!("{error:#}"));
    }
    reply.took = start.elapsed();
    Ok(reply)
}

async fn head(reader: &mut BufReader<OwnedReadHalf>) -> Result<Reply> {
    let mut reader = reader.take(HEAD_BYTES_MAX);
    let status_line = line(&mut reader).await.context("no status line")?;
    let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.with_context(|| format!("{status_line:?} is no status line"))?;
    let mut reply = Reply { status, ..Reply::default() };
    loop {
        let field = line(&mut reader).await?;
        if field.is_empty() {
            return Ok(reply);
        }
        let (name, value) =
            field.split_once(':').with_context(|| format!("{field:?} is no header field"))?;
        reply.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

async fn body(reader: &mut BufReader<OwnedReadHalf>, reply: &mut Reply) -> Result<()> {
    if reply.status == 204 || reply.status == 304 {
        return Ok(());
    }
    if reply.header("transfer-encoding").is_some_and(|value| value.contains("chunked")) {
        return chunks(reader, reply).await;
    }
    match reply.header("content-length") {
        Some(length) => {
            let length: u64 = length.parse().context("content-length")?;
            let read = reader.take(length).read_to_end(&mut reply.body).await?;
            if u64::try_from(read)? < length {
                bail!("{read} bytes of {length} came");
            }
        }
        None => {
            reader.read_to_end(&mut reply.body).await?;
        }
    }
    Ok(())
}

async fn chunks(reader: &mut BufReader<OwnedReadHalf>, reply: &mut Reply) -> Result<()> {
    loop {
        let size = line(reader).await.context("no chunk")?;
        let size = u64::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16)
            .with_context(|| format!("{size:?} is no size of a chunk"))?;
        if size == 0 {
            break;
        }
        let read = reader.take(size).read_to_end(&mut reply.body).await?;
        if u64::try_from(read)? < size || !line(reader).await?.is_empty() {
            bail!("a chunk broke off");
        }
    }
    loop {
        let field = line(reader).await?;
        match field.split_once(':') {
            Some((name, value)) => {
                reply.trailers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
            None => return Ok(()),
        }
    }
}

/// The next line, without its end.
async fn line(reader: &mut (impl AsyncBufReadExt + Unpin)) -> Result<String> {
    let mut bytes = Vec::new();
    reader.read_until(b'\n', &mut bytes).await?;
    match bytes.strip_suffix(b"\n") {
        None => bail!("the connection ended"),
        Some(line) => {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            Ok(String::from_utf8_lossy(line).into_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::send;
    use crate::reply::Outcome;
    use crate::step::Raw;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    async fn reply_to(answer: &'static str) -> Outcome {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut request = [0; 256];
            let _ = connection.read(&mut request).await;
            connection.write_all(answer.as_bytes()).await.unwrap();
        });
        let raw: Raw = toml::from_str("send = [{ lines = [\"GET / HTTP/1.1\", \"\"] }]").unwrap();
        send(address, &raw).await
    }

    #[tokio::test]
    async fn bodies_of_every_framing_are_read() {
        for answer in [
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody",
            "HTTP/1.1 200 OK\r\n\r\nbody",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nbod\r\n1\r\ny\r\n0\r\na: b\r\n\r\n",
        ] {
            let Outcome::Reply(reply) = reply_to(answer).await else { panic!("{answer:?}") };
            assert_eq!((reply.status, reply.text().as_str()), (200, "body"), "{answer:?}");
            assert_eq!((reply.broken, reply.closed), (None, Some(true)), "{answer:?}");
        }
    }

    #[tokio::test]
    async fn body_that_breaks_off_is_told_from_a_whole_one() {
        for answer in [
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nbody",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody\r\n",
        ] {
            let Outcome::Reply(reply) = reply_to(answer).await else { panic!("{answer:?}") };
            assert!(reply.broken.is_some(), "{answer:?}");
        }
        assert!(matches!(reply_to("nonsense\r\n").await, Outcome::Nothing(_)));
    }
}
