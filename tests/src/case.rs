//! Case files: finds them, reads them, and refuses the ones that are wrong.

use crate::step::Step;
use crate::variables::Variables;
use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};

/// The areas that there are; each is a folder of `cases/`.
pub const AREAS: [&str; 9] = [
    "composition",
    "config",
    "faults",
    "http",
    "keyvalue",
    "languages",
    "limits",
    "objects",
    "routing",
];

/// The languages that a case may be written for all at once.
pub const LANGUAGES: [&str; 5] = ["rust", "go", "typescript", "python", "c"];

/// One fact that users may rely on, and the steps that show it.
#[derive(Debug, Clone)]
pub struct Case {
    /// `<area>/<fact>`, from the file's place; then `_<language>`, where it is one of several.
    pub name: String,
    /// `<area>/<fact>.toml`.
    pub file: String,
    /// The language whose guest is asked, where the file is for several.
    pub language: Option<&'static str>,
    /// The area alone.
    pub area: String,
    /// The fact, as a sentence.
    pub says: String,
    /// Whether the case needs a host that no other case uses.
    pub own_host: bool,
    /// Whether the case moves the host's clock.
    pub moves_clock: bool,
    /// Whether a guest or a statement of the case goes on until the host stops it.
    pub computes_for_ever: bool,
    /// The steps, with their placeholders.
    steps: Vec<toml::Value>,
}

/// A case file as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CaseFile {
    says: String,
    #[serde(default)]
    own_host: bool,
    #[serde(default)]
    computes_for_ever: bool,
    /// Makes a case of it for each of these.
    #[serde(default)]
    languages: Vec<String>,
    step: Vec<toml::Value>,
}

impl Case {
    /// Reads the cases at `<folder>/<area>/<fact>.toml`: one, or one for each language.
    ///
    /// # Errors
    /// Where the area is unknown, the file does not parse, or a step says nothing or two things.
    pub fn open(folder: &Path, path: &Path) -> Result<Vec<Self>> {
        let place = path.strip_prefix(folder)?.with_extension("");
        let name = place.to_str().context("a name that is not UTF-8")?.to_owned();
        let (area, fact) = name.split_once('/').context("a case lies in a folder of its area")?;
        ensure!(AREAS.contains(&area), "unknown area {area:?}; there are {}", AREAS.join(", "));
        ensure!(
            fact.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'),
            "a fact is named in lower case with underscores"
        );
        let file: CaseFile = toml::from_str(&fs::read_to_string(path)?)?;
        ensure!(file.says.ends_with('.'), "`says` is a sentence, with a full stop");
        ensure!(!file.step.is_empty(), "a case without a step shows nothing");
        if file.languages.is_empty() {
            return Ok(vec![Self::of(&file, &name, area, None)?]);
        }
        let known = |language: &String| {
            let found = LANGUAGES.into_iter().find(|known| known == language);
            found.with_context(|| format!("{language:?} is none of {}", LANGUAGES.join(", ")))
        };
        let each = |language: &String| Self::of(&file, &name, area, Some(known(language)?));
        file.languages.iter().map(each).collect()
    }

    /// The case of a file, for one language where it has several.
    fn of(
        file: &CaseFile,
        place: &str,
        area: &str,
        language: Option<&'static str>,
    ) -> Result<Self> {
        let name = match language {
            Some(language) => format!("{place}_{language}"),
            None => place.to_owned(),
        };
        let mut case = Self {
            name,
            file: format!("{place}.toml"),
            language,
            area: area.to_owned(),
            says: file.says.clone(),
            own_host: file.own_host,
            moves_clock: false,
            computes_for_ever: file.computes_for_ever,
            steps: file.step.clone(),
        };
        let mut variables = Variables::placeholders();
        case.add_to(&mut variables);
        for index in 0..case.steps.len() {
            let step = case.step(index, &variables)?;
            case.own_host |= step.needs_own_host();
            case.moves_clock |= step.advance_clock_seconds.is_some();
        }
        Ok(case)
    }

    /// Defines what this case knows from the beginning, beside its name.
    pub fn add_to(&self, variables: &mut Variables) {
        if let Some(language) = self.language {
            variables.set("language", language.to_owned());
        }
    }

    /// How many steps there are.
    pub fn step_count(&self) -> usize {
        self.steps.len()
    }

    /// The step at `index`, with `variables` in the place of its placeholders.
    ///
    /// # Errors
    /// Where a placeholder is unknown, or the step is malformed.
    pub fn step(&self, index: usize, variables: &Variables) -> Result<Step> {
        let number = index + 1;
        let step = self.steps.get(index).with_context(|| format!("there is no step {number}"))?;
        let filled = variables.fill(step).with_context(|| format!("step {number}"))?;
        let step: Step = filled.try_into().with_context(|| format!("step {number}"))?;
        step.check().with_context(|| format!("step {number}"))?;
        Ok(step)
    }
}

/// Every case below `folder`, in the order of their names; a broken one is an error with its name.
///
/// # Errors
/// Where the folder cannot be read.
pub fn all(folder: &Path) -> Result<Vec<(String, Result<Case>)>> {
    let mut paths = Vec::new();
    collect(folder, &mut paths)?;
    paths.sort();
    if paths.is_empty() {
        bail!("there is no case in {}", folder.display());
    }
    let named = |path: &PathBuf| match Case::open(folder, path) {
        Ok(cases) => cases.into_iter().map(|case| (case.name.clone(), Ok(case))).collect(),
        Err(error) => {
            let place = path.strip_prefix(folder).unwrap_or(path);
            vec![(place.with_extension("").display().to_string(), Err(error))]
        }
    };
    Ok(paths.iter().flat_map(named).collect())
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, paths)?;
        } else {
            paths.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Case;
    use std::fs;

    const GOOD: &str =
        "says = \"A fact.\"\n[[step]]\nrequest = { path = \"/\" }\nexpect = { status = 200 }\n";

    fn open(area: &str, text: &str) -> anyhow::Result<Case> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(area)).unwrap();
        let path = folder.path().join(area).join("fact.toml");
        fs::write(&path, text).unwrap();
        let mut cases = Case::open(folder.path(), &path)?;
        assert!(cases.len() == 1);
        Ok(cases.remove(0))
    }

    #[test]
    fn case_is_named_by_its_place() {
        let case = open("http", GOOD).unwrap();
        assert_eq!((case.name.as_str(), case.area.as_str()), ("http/fact", "http"));
        assert!(!case.own_host && !case.moves_clock);
    }

    #[test]
    fn case_is_made_for_each_of_its_languages() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("languages")).unwrap();
        let path = folder.path().join("languages/fact.toml");
        let text =
            format!("languages = [\"go\", \"c\"]\n{}", GOOD.replace("\"/\"", "\"/{{language}}\""));
        fs::write(&path, &text).unwrap();
        let cases = Case::open(folder.path(), &path).unwrap();
        let names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names, ["languages/fact_go", "languages/fact_c"]);
        assert!(cases.iter().all(|case| case.file == "languages/fact.toml"));
        fs::write(&path, text.replace("\"go\"", "\"cobol\"")).unwrap();
        assert!(Case::open(folder.path(), &path).is_err());
    }

    #[test]
    fn case_of_an_unknown_area_is_refused() {
        assert!(open("weather", GOOD).is_err());
    }

    #[test]
    fn case_with_an_unknown_key_is_refused() {
        assert!(open("http", &GOOD.replace("status", "statsu")).is_err());
        assert!(open("http", &GOOD.replace("path", "pth")).is_err());
        assert!(open("http", &format!("syas = 1\n{GOOD}")).is_err());
    }

    #[test]
    fn request_without_an_expectation_is_refused() {
        assert!(open("http", &GOOD.replace("expect = { status = 200 }", "")).is_err());
        assert!(open("http", &GOOD.replace("{ status = 200 }", "{}")).is_err());
    }

    #[test]
    fn only_a_request_in_the_background_has_begun() {
        let waits = format!("{GOOD}background-until = \"heads\"\n");
        assert!(open("http", &waits).is_err());
        assert!(open("http", &format!("{waits}background = \"name\"\n")).is_ok());
        let raw = waits.replace("request = { path = \"/\" }", "raw = { send = [] }");
        assert!(open("http", &format!("{raw}background = \"name\"\n")).is_err());
    }

    #[test]
    fn case_that_kills_its_host_gets_its_own() {
        let case = open("http", &format!("{GOOD}[[step]]\nrestart = \"kill\"\n")).unwrap();
        assert!(case.own_host);
    }

    #[test]
    fn unknown_placeholder_is_refused() {
        assert!(open("http", &GOOD.replace("\"/\"", "\"/{{nobody}}\"")).is_err());
    }
}
