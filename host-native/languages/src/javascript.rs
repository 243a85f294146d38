//! Builds components from JavaScript and TypeScript.

use crate::tool::Tools;
use crate::world::World;
use crate::{BuildError, Language, Project};

/// Builds the project, and returns the component.
pub(crate) fn build(
    _language: Language,
    project: &Project<'_>,
    _world: &World,
    _tools: &Tools<'_>,
) -> Result<Vec<u8>, BuildError> {
    Err(BuildError::Other(format!("{} cannot be built yet", project.folder.display())))
}
