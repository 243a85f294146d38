//! When to build: waits until something that the app is made of differs from what was built last.
//!
//! The system's word only wakes; whether anything differs is found by looking, as `selvedge build`
//! looks. So what an editor or a build leaves beside the sources starts nothing, and what is saved
//! while nobody listens is not missed.

use super::watch::Watch;
use crate::app::App;
use crate::built::{Inputs, Record};
use crate::commands::build::inputs::{self, Files};
use crate::commands::build::sources;
use selvedge_contract::manifest::{SecretSource, Source};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long nothing must have happened before a change is taken as complete.
///
/// Ours: editors write a file in two or three steps, within a few milliseconds.
const QUIET: Duration = Duration::from_millis(30);
/// How long a change may go on before it is built all the same.
const CHANGE_MAX: Duration = Duration::from_millis(500);

/// The rounds of building, one for each change.
pub(super) struct Rounds {
    folder: PathBuf,
    /// The app as it was when its manifest was in order last.
    known: Option<App>,
    /// What there was before the round that is under way.
    before: Files,
    /// What there was when the build of that round had ended.
    built: Files,
    /// What there was after the last round; none before the first.
    after: Option<Files>,
    /// Files that changed while the last build failed: saved meanwhile, or written by it.
    suspects: BTreeSet<PathBuf>,
    /// The last round was for something that changed during the one before.
    was_again: bool,
    /// Something changed during the last round.
    is_due: bool,
}

impl Rounds {
    /// The rounds of the app in a folder. The first is due at once.
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_path_buf(),
            known: None,
            before: Files::new(),
            built: Files::new(),
            after: None,
            suspects: BTreeSet::new(),
            was_again: false,
            is_due: false,
        }
    }

    /// Waits until the next round is due; says since when.
    pub(super) async fn next(&mut self) -> Instant {
        let mut since = None;
        loop {
            let mut watch = Watch::of(&self.folders());
            // Looked at after listening, or what comes between the two would be missed.
            let now = self.look();
            let differs = self.after.as_ref() != Some(&now);
            if differs || self.is_due {
                self.was_again = !differs;
                self.before = now;
                return since.unwrap_or_else(Instant::now);
            }
            watch.changed().await;
            let begun = Instant::now();
            while begun.elapsed() < CHANGE_MAX
                && tokio::time::timeout(QUIET, watch.changed()).await.is_ok()
            {}
            since = Some(begun);
        }
    }

    /// The build of a round has ended: what changes from here on, it has not written.
    pub(super) fn built(&mut self) {
        self.built = self.look();
    }

    /// Ends a round, which went well or not.
    pub(super) fn end(&mut self, went_well: bool) {
        let now = self.look();
        if went_well {
            // Of what changed during the build, it knows what it writes itself. What it takes for changed
            // again and again is built once more, and what was saved behind it in any case.
            self.is_due = now != self.built || (!self.was_again && !self.is_built());
            self.suspects.clear();
        } else {
            let changed = now.iter().filter(|(path, stamp)| {
                self.before.get(*path).is_some_and(|before| before != *stamp)
            });
            let changed: BTreeSet<_> = changed.map(|(path, _)| path.clone()).collect();
            self.is_due = !changed.is_subset(&self.suspects);
            self.suspects = changed;
        }
        self.after = Some(now);
    }

    /// Whether every component is as its sources are.
    fn is_built(&self) -> bool {
        let Some(app) = &self.known else { return false };
        let record = Record::read(&app.folders);
        app.manifest.components.keys().all(|name| {
            let known = record.components.get(name);
            known.is_some_and(|known| sources::is_fresh(app, name, known))
        })
    }

    /// The states of all that the app is made of.
    fn look(&mut self) -> Files {
        if let Ok(app) = App::open(&self.folder) {
            self.known = Some(app);
        }
        let mut files = Files::new();
        inputs::add(
            &mut files,
            std::iter::once(&crate::app::Folders::new(&self.folder).manifest()),
        );
        let Some(app) = &self.known else { return files };
        let record = Record::read(&app.folders);
        for (name, component) in &app.manifest.components {
            let known = record.components.get(name).map(|known| &known.inputs);
            let folders = sources::folders(app, &component.source);
            files.extend(inputs::look(&folders, known.unwrap_or(&Inputs::default())));
            if let Source::Ready { wasm } = &component.source {
                inputs::add(&mut files, std::iter::once(&app.folders.app.join(wasm)));
            }
        }
        files.extend(inputs::look(&[app.folders.app.join("wit")], &Inputs::default()));
        for source in app.manifest.secrets.values() {
            if let SecretSource::File(path) = source {
                inputs::add(&mut files, std::iter::once(&app.folders.app.join(path)));
            }
        }
        files
    }

    /// The folders in which something may change.
    fn folders(&mut self) -> BTreeSet<PathBuf> {
        let files = self.look();
        let mut folders: BTreeSet<PathBuf> =
            files.keys().filter_map(|file| file.parent()).map(Path::to_path_buf).collect();
        folders.insert(self.folder.clone());
        if let Some(app) = &self.known {
            let sources = app.manifest.components.values();
            let sources = sources.flat_map(|component| sources::folders(app, &component.source));
            for folder in sources.chain([app.folders.app.join("wit")]) {
                folders.extend(inputs::folders(&folder));
            }
        }
        folders
    }
}

#[cfg(test)]
mod tests {
    use super::Rounds;
    use std::fs;
    use std::path::Path;
    use std::time::Duration;
    use tempfile::TempDir;
    use tokio::time::timeout;

    const MANIFEST: &str = r#"
name = "app"
[components.one]
source = "one"
build = "true"
wasm = "one/out.wasm"
[services.one]
component = "one"
routes = ["/*"]
"#;

    fn app() -> TempDir {
        let folder = TempDir::new().unwrap();
        fs::create_dir_all(folder.path().join("one/src")).unwrap();
        fs::write(folder.path().join("selvedge.toml"), MANIFEST).unwrap();
        fs::write(folder.path().join("one/src/a.c"), "a").unwrap();
        folder
    }

    async fn is_due(rounds: &mut Rounds) -> bool {
        timeout(Duration::from_millis(400), rounds.next()).await.is_ok()
    }

    async fn is_due_after(rounds: &mut Rounds, change: impl FnOnce(&Path), folder: &Path) -> bool {
        let wait = timeout(Duration::from_secs(5), rounds.next());
        let (due, ()) = tokio::join!(wait, async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            change(folder);
        });
        due.is_ok()
    }

    #[tokio::test]
    async fn a_round_is_due_for_each_change_of_what_the_app_is_made_of() {
        let folder = app();
        let mut rounds = Rounds::new(folder.path());
        assert!(is_due(&mut rounds).await, "the first");
        rounds.end(false);
        assert!(!is_due(&mut rounds).await);
        let saved = |folder: &Path| fs::write(folder.join("one/src/a.c"), "ab").unwrap();
        assert!(is_due_after(&mut rounds, saved, folder.path()).await);
        rounds.end(false);
        let added = |folder: &Path| {
            fs::create_dir(folder.join("one/more")).unwrap();
            fs::write(folder.join("one/more/b.c"), "b").unwrap();
        };
        assert!(is_due_after(&mut rounds, added, folder.path()).await);
        rounds.end(false);
        let broken = |folder: &Path| fs::write(folder.join("selvedge.toml"), "name =").unwrap();
        assert!(is_due_after(&mut rounds, broken, folder.path()).await);
        rounds.end(false);
        // What was known of the app is still looked at.
        let removed = |folder: &Path| fs::remove_file(folder.join("one/more/b.c")).unwrap();
        assert!(is_due_after(&mut rounds, removed, folder.path()).await);
    }

    #[tokio::test]
    async fn what_is_saved_behind_each_build_is_built() {
        let folder = app();
        let mut rounds = Rounds::new(folder.path());
        assert!(is_due(&mut rounds).await);
        for text in ["b", "bc", "bcd", "bcde"] {
            rounds.built();
            fs::write(folder.path().join("one/src/a.c"), text).unwrap();
            rounds.end(true);
            assert!(is_due(&mut rounds).await, "{text}");
        }
        // Nothing was built here, which is tried once more and no oftener.
        rounds.built();
        rounds.end(true);
        assert!(!is_due(&mut rounds).await);
    }

    #[tokio::test]
    async fn what_is_made_starts_no_round() {
        let folder = app();
        let mut rounds = Rounds::new(folder.path());
        assert!(is_due(&mut rounds).await);
        rounds.end(false);
        for made in ["one/target", "one/node_modules", "one/.git", ".selvedge"] {
            fs::create_dir_all(folder.path().join(made)).unwrap();
            fs::write(folder.path().join(made).join("file"), "made").unwrap();
        }
        fs::write(folder.path().join("one/.a.c.swp"), "of an editor").unwrap();
        assert!(!is_due(&mut rounds).await);
    }

    #[tokio::test]
    async fn a_file_saved_while_a_build_fails_is_built_and_one_that_it_writes_is_not() {
        let folder = app();
        let mut rounds = Rounds::new(folder.path());
        let write = |text: &str| fs::write(folder.path().join("one/src/a.c"), text).unwrap();
        assert!(is_due(&mut rounds).await);
        write("saved meanwhile");
        rounds.end(false);
        assert!(is_due(&mut rounds).await);
        write("written again");
        rounds.end(false);
        assert!(!is_due(&mut rounds).await);
    }
}
