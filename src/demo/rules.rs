//! The demo site's rules, carried in the binary so that the demo runs from anywhere.

/// All files below `rules/`: path relative to it → text.
pub fn embedded_rules() -> &'static [(&'static str, &'static str)] {
    &[]
}
