//! Builds components from Python.

use crate::tool::Tools;
use crate::world::World;
use crate::{BuildError, Project};

/// Builds the project, and returns the component.
pub(crate) fn build(
    project: &Project<'_>,
    _world: &World,
    _tools: &Tools<'_>,
) -> Result<Vec<u8>, BuildError> {
    Err(BuildError::Other(format!("{} cannot be built yet", project.folder.display())))
}

/// Finds the tools without running them on anything; says what its author should know of.
pub(crate) fn check(_project: &Project<'_>, _world: &World) -> Result<Vec<String>, BuildError> {
    Ok(Vec::new())
}
