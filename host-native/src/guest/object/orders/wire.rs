//! How a command and the host speak: one line of JSON each, and the bytes of a file behind a line
//! that says how many they are. Over a socket in the folder of the objects, open to its owner alone.

use super::ask::{Answer, Ask, OrderError, Part, PerformError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{BufRead, BufReader, Error, Read, Write};
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// The socket's name in the folder of the objects.
const SOCKET: &str = "host.sock";
/// Its name before others may use it.
const SOCKET_UNFINISHED: &str = "host.sock.new";
/// Longest path of a socket, in bytes. Source: unix(7), read 2026-11-21: 108 with the zero byte.
const SOCKET_PATH_BYTES_MAX: usize = 107;
/// What this version speaks; the other side must speak the same.
const VERSION: u32 = 1;
/// Longest line that asks, in bytes: a name of 512 bytes, each spelled with 6, and the rest.
const ASK_BYTES_MAX: u64 = 16 * 1024;
/// Longest line that answers, in bytes: a thousand keys of 2 048 bytes, each spelled with 6.
const ANSWER_BYTES_MAX: u64 = 16 * 1024 * 1024;

#[derive(Serialize, Deserialize)]
struct Opening {
    version: u32,
    ask: Option<Ask>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    Answer(Answer),
    /// So many bytes follow.
    File(u64),
}

/// The socket in the folder of the objects.
pub(crate) struct Socket {
    folder: PathBuf,
    /// Keeps the way through `/proc` open, where the folder's path is too long.
    _open: Option<fs::File>,
}

impl Socket {
    /// The socket in `folder`.
    ///
    /// # Errors
    /// Where the folder cannot be opened.
    pub(crate) fn of(folder: &Path) -> std::io::Result<Self> {
        let longest = folder.join(SOCKET_UNFINISHED);
        if longest.as_os_str().as_bytes().len() <= SOCKET_PATH_BYTES_MAX {
            return Ok(Self { folder: folder.to_owned(), _open: None });
        }
        let open = fs::File::open(folder)?;
        let folder = PathBuf::from(format!("/proc/self/fd/{}", open.as_raw_fd()));
        Ok(Self { folder, _open: Some(open) })
    }

    /// Listens. One that a process left is replaced; the folder's lock says that it is dead.
    ///
    /// # Errors
    /// Where the socket cannot be made.
    pub(super) fn listen(&self) -> std::io::Result<UnixListener> {
        use std::os::unix::fs::PermissionsExt as _;
        self.remove();
        let unfinished = self.folder.join(SOCKET_UNFINISHED);
        let listener = UnixListener::bind(&unfinished)?;
        // Nobody else looks for it before it has its name.
        fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o600))?;
        fs::rename(&unfinished, self.folder.join(SOCKET))?;
        Ok(listener)
    }

    /// Removes it, so that nobody asks in vain.
    pub(super) fn remove(&self) {
        for name in [SOCKET, SOCKET_UNFINISHED] {
            // Where it cannot be removed, making it anew says why.
            let _ = fs::remove_file(self.folder.join(name));
        }
    }

    /// Connects.
    ///
    /// # Errors
    /// Where nobody listens.
    pub(crate) fn connect(&self) -> std::io::Result<UnixStream> {
        UnixStream::connect(self.folder.join(SOCKET))
    }
}

/// Asks the host, and tells what it answers. `file` is what is imported.
///
/// # Errors
/// [`PerformError`].
pub(crate) fn ask(
    stream: &UnixStream,
    ask: &Ask,
    file: &mut dyn Read,
    tell: &mut dyn FnMut(Part<'_>) -> std::io::Result<()>,
) -> Result<(), PerformError> {
    let lost = |error: Error| OrderError::Lost { cause: error.to_string() };
    let mut answers = BufReader::new(stream);
    write_line(stream, &Opening { version: VERSION, ask: Some(ask.clone()) }).map_err(lost)?;
    if let Ask::Import { bytes, .. } = ask {
        // Where the host does not want it all, it says why.
        let mut writer = stream;
        let _ = std::io::copy(&mut file.take(*bytes), &mut writer);
    }
    let _ = stream.shutdown(std::net::Shutdown::Write);
    loop {
        match read_line(&mut answers, ANSWER_BYTES_MAX).map_err(lost)? {
            Some(Line::Answer(Answer::Failed(error))) => return Err(error.into()),
            Some(Line::Answer(answer)) => {
                let is_last = !matches!(answer, Answer::Listed(_));
                tell(Part::Answer(answer)).map_err(PerformError::Told)?;
                if is_last {
                    return Ok(());
                }
            }
            Some(Line::File(bytes)) => {
                let mut file = Whole { from: (&mut answers).take(bytes) };
                tell(Part::File(&mut file, bytes)).map_err(PerformError::Told)?;
            }
            None => return Err(lost(Error::other("it closed the connection")).into()),
        }
    }
}

/// Reads what is asked; the bytes of a file may follow. None where nothing is, or another version.
pub(super) fn read_ask(from: &mut impl BufRead) -> std::io::Result<Option<Ask>> {
    let opening: Option<Opening> = read_line(from, ASK_BYTES_MAX)?;
    Ok(opening.filter(|opening| opening.version == VERSION).and_then(|opening| opening.ask))
}

/// Writes a part of what is answered.
pub(super) fn write_part(mut to: &UnixStream, part: Part<'_>) -> std::io::Result<()> {
    match part {
        Part::Answer(answer) => write_line(to, &Line::Answer(answer)),
        Part::File(file, bytes) => {
            write_line(to, &Line::File(bytes))?;
            let copied = std::io::copy(&mut file.take(bytes), &mut to)?;
            if copied == bytes { Ok(()) } else { Err(Error::other("the file became shorter")) }
        }
    }
}

fn write_line(mut to: &UnixStream, line: &impl Serialize) -> std::io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    to.write_all(&text)
}

/// The next line; none at the end.
fn read_line<T: DeserializeOwned>(
    from: &mut impl BufRead,
    bytes_max: u64,
) -> std::io::Result<Option<T>> {
    let mut line = Vec::new();
    from.take(bytes_max).read_until(b'\n', &mut line)?;
    match line.last() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(serde_json::from_slice(&line)?)),
        Some(_) => Err(Error::other("a line was cut off")),
    }
}

/// A file on its way: its end before its time is an error.
struct Whole<R> {
    from: std::io::Take<R>,
}

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.from.read(buffer)?;
        if read == 0 && !buffer.is_empty() && self.from.limit() > 0 {
            return Err(Error::other("the host stopped in the middle; try again"));
        }
        Ok(read)
    }
}
