//! A `<meta http-equiv=content-security-policy>`: it cannot be edited as a header can, so edits stay within it or are not made.

use crate::transform::Edit;
use crate::transform::csp::{Needs, adapt};
use crate::transform::outline::{Tag, name};
use memchr::memmem;

/// What the edits of a page ask of a policy.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Policy {
    script: bool,
    style: bool,
}

impl Policy {
    pub(super) fn of(edits: &[Edit]) -> Self {
        let any = |words: &[&[u8]]| {
            edits
                .iter()
                .any(|edit| words.iter().any(|word| memmem::find(&edit.html.to_ascii_lowercase(), word).is_some()))
        };
        Self { script: any(&[b"<script"]), style: any(&[b"<style", b"<link"]) }
    }

    /// Whether the edits can do what they are for behind this tag.
    pub(super) fn allows_behind(self, tag: &Tag<'_>) -> bool {
        let is_policy = !tag.is_end
            && tag.name == name::META
            && tag.attributes.get(b"http-equiv").is_some_and(|it| it.eq_ignore_ascii_case(b"content-security-policy"));
        if !is_policy {
            return true;
        }
        let Some(content) = tag.attributes.get(b"content") else { return true };
        let mut text = String::from_utf8_lossy(content).into_owned();
        for (reference, character) in
            [("&#39;", "'"), ("&#x27;", "'"), ("&apos;", "'"), ("&quot;", "\""), ("&amp;", "&")]
        {
            text = text.replace(reference, character);
        }
        let needs = Needs { script: self.script, style: self.style, ..Needs::default() };
        let adapted = adapt(&[&text], &[], &needs);
        adapted.enforced.is_none() && !adapted.script_forbidden && !adapted.style_forbidden
    }
}
