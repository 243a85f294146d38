//! Where an export goes: to standard output, or into a file that is there only when it is whole.

use anyhow::Context as _;
use std::fs;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};

/// Where an export goes.
pub(super) enum Output {
    /// To standard output.
    Standard,
    /// Into a file, under another name at first.
    File { file: fs::File, part: PathBuf, path: PathBuf },
    /// Into what is there and is no file: a pipe or a device.
    Device(fs::File),
}

impl Output {
    /// Opens the file at `path`, or standard output.
    pub(super) fn open(path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = path else { return Ok(Self::Standard) };
        if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            let device = fs::OpenOptions::new().write(true).open(path);
            let device = device.with_context(|| format!("cannot write {}", path.display()))?;
            return Ok(Self::Device(device));
        }
        let mut part = path.as_os_str().to_owned();
        // Nobody's name but ours, so that nothing of others is written over.
        part.push(format!(".part-{}", std::process::id()));
        let part = PathBuf::from(part);
        let file = fs::File::create_new(&part);
        let file = file.with_context(|| format!("cannot write {}", part.display()))?;
        Ok(Self::File { file, part, path: path.to_owned() })
    }

    /// Writes what is exported.
    pub(super) fn fill(&mut self, from: &mut dyn Read) -> std::io::Result<()> {
        match self {
            Self::Standard => {
                let mut out = std::io::stdout().lock();
                std::io::copy(from, &mut out)?;
                out.flush()
            }
            Self::Device(device) => std::io::copy(from, device).map(drop),
            Self::File { file, .. } => {
                std::io::copy(from, file)?;
                file.sync_all()
            }
        }
    }

    /// Gives the file its name. What had it before is replaced.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        let Self::File { part, path, .. } = &self else { return Ok(()) };
        fs::rename(part, path).with_context(|| format!("cannot write {}", path.display()))
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Self::File { part, .. } = self {
            // It has its name, or is not whole.
            let _ = fs::remove_file(part);
        }
    }
}
