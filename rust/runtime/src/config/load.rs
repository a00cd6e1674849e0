//! Reads a policy: layers it, then checks it.

use super::check::check;
use super::checked::Config;
use super::diagnostics::Diagnostics;
use super::layers;
use std::ffi::OsString;
use std::path::Path;

impl Config {
    /// Reads a policy file and the environment over it.
    ///
    /// # Errors
    /// Everything that is wrong with the file or with a variable; also that it cannot be read.
    pub fn load(path: &Path) -> Result<Config, Diagnostics> {
        Config::load_under(path, std::env::vars_os())
    }

    /// [`Config::load`] under an environment that is given.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_under(
        path: &Path,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Config, Diagnostics> {
        let text = layers::read(path)?;
        check(layers::merge(
            &text,
            &path.display().to_string(),
            variables,
        )?)
    }

    /// Reads a policy from `text`, without the environment. `origin` is the name that
    /// diagnostics show for the file.
    ///
    /// # Errors
    /// Everything that is wrong with the text.
    pub fn from_toml(text: &str, origin: &str) -> Result<Config, Diagnostics> {
        check(layers::merge(text, origin, [])?)
    }
}
