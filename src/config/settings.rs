//! The form of a setting's documentation.
//!
//! A table that is read as a [`Section`] may only be asked for keys that the section declares, and must be asked for all of
//! them: so the reference, which is generated from the sections, and the parser cannot drift apart.

/// A table of a file, with the settings that may stand in it.
#[derive(Debug)]
pub struct Section {
    /// The file it stands in: `gateway.toml`, `site.toml`, `scenarios/*.toml`.
    pub file: &'static str,
    /// Its header: empty for the top of the file, `[cookie]`, `[[variant]]`.
    pub header: &'static str,
    /// One or two sentences.
    pub help: &'static str,
    /// What may stand in it.
    pub settings: &'static [Setting],
}

/// One setting.
#[derive(Debug)]
pub struct Setting {
    /// Key.
    pub name: &'static str,
    /// Type in words: `text`, `list of texts`, `duration`.
    pub ty: &'static str,
    /// The default in words, or [`REQUIRED`].
    pub default: &'static str,
    /// One sentence.
    pub help: &'static str,
}

/// Stands for the default of a setting that must be given.
pub const REQUIRED: &str = "required";

/// Declares a setting.
#[must_use]
pub const fn setting(name: &'static str, ty: &'static str, default: &'static str, help: &'static str) -> Setting {
    Setting { name, ty, default, help }
}
