//! THE registry of actions: what a variant can put on a page.
//!
//! One file a kind. An action lowers to edits; it does not know whether or to whom it is shown.
//!
//! # Layout
//! - One file a kind (`html`, `banner`, …): its settings, its built-in template, its defaults.
//! - `settings` reads what kinds share; `insertion` is what all of them are compiled to.
//! - `asking` is the one thing that is no action: the question whether a visitor may be remembered.
//! - `carrier` wraps an edit for pages on which only the runtime can carry it out.
//! - `template` prepares texts, `scope` finds the facts that they use; `markup` writes the fragment, `escape` what lands in it, by `elements`.
//! - `accent` and `words` are what all built-in templates draw on.

mod accent;
mod asking;
mod banner;
mod carrier;
mod chat;
mod coupon;
mod elements;
mod escape;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz;
mod html;
mod insertion;
mod markup;
mod popup;
mod scope;
mod settings;
mod template;
mod words;

pub use accent::Accent;
pub use asking::Asking;
pub use carrier::carrier;

use crate::config::reader::Table;
use crate::facts::FactSource;
use crate::transform::Edit;
use jiff::Zoned;
use std::fmt::Debug;
use std::sync::Arc;

/// Something that a variant puts on a page.
pub trait Action: Send + Sync + Debug {
    /// The kind's name in rule files.
    fn kind(&self) -> &'static str;

    /// The colour that it needs the stylesheet to know.
    fn accent(&self) -> Option<Accent> {
        None
    }

    /// The pool that its code comes from: one must be had before the action is lowered.
    fn pool(&self) -> Option<&Arc<str>> {
        None
    }

    /// Whether it prints what is known from the page's own content, so that it is best lowered once the page has said it.
    fn needs_content(&self) -> bool {
        false
    }

    /// Lowers the action to edits for one page. Called on the hot path: what does not depend on facts is prepared before.
    ///
    /// # Errors
    /// When a template fails; the page then passes without this action.
    fn lower(&self, cx: &Lowering<'_>) -> Result<Lowered, ActionError>;
}

/// What an action may use when it is lowered.
#[derive(Clone, Copy)]
pub struct Lowering<'a> {
    /// Facts for templates.
    pub facts: &'a dyn FactSource,
    /// The visitor's language: a BCP 47 primary tag such as `ja` or `en`.
    pub locale: &'a str,
    /// The site's prefix: names its path and its marker.
    pub prefix: &'a str,
    /// Scenario id.
    pub scenario: &'a str,
    /// Variant name.
    pub variant: &'a str,
    /// Codes that the visitor was given for this page's coupons.
    pub codes: &'a [Code],
}

/// A coupon code that is the visitor's.
#[derive(Debug, Clone, PartialEq)]
pub struct Code {
    /// Name of the pool that it is from.
    pub pool: Arc<str>,
    /// The code.
    pub text: Arc<str>,
    /// When it ceases to hold, in the site's time zone.
    pub until: Option<Zoned>,
}

/// What an action became.
#[derive(Debug, Default)]
pub struct Lowered {
    /// Edits. Each top-level element carries `data-PREFIX="SCENARIO/VARIANT"`.
    pub edits: Vec<Edit>,
    /// It needs our stylesheet.
    pub needs_style: bool,
    /// It does not work without the client runtime.
    pub needs_runtime: bool,
    /// It works without the client runtime, which would report views, clicks and dismissals.
    pub wants_runtime: bool,
    /// The runtime will load a script for it, which a page's Trusted Types may forbid.
    pub loads_scripts: bool,
    /// What it loads, for the Content-Security-Policy: a directive and a source, such as `img-src https://cdn.example`.
    pub csp_sources: Vec<Box<str>>,
}

/// Why an action could not be lowered.
#[derive(Debug, thiserror::Error)]
#[error("template of {kind} failed: {reason}")]
pub struct ActionError {
    /// The action's kind.
    pub kind: &'static str,
    /// The template engine's words.
    pub reason: String,
}

/// A kind of action.
pub struct Kind {
    /// Name in rule files: `[variant.NAME]`.
    pub name: &'static str,
    /// One sentence for the reference and the console.
    pub help: &'static str,
    /// Its settings, for the reference and for suggestions.
    pub fields: &'static [Field],
    /// Reads and checks it; problems go to the table's diagnostics, and `None` means that there were errors.
    pub read: fn(&mut Table<'_, '_>, &ReadContext<'_>) -> Option<Box<dyn Action>>,
}

/// One setting of a kind of action.
pub struct Field {
    /// Name.
    pub name: &'static str,
    /// Type in words: `text`, `text by language`, `placement`, `duration`.
    pub ty: &'static str,
    /// Whether it must be given.
    pub required: bool,
    /// One sentence.
    pub help: &'static str,
}

/// What an action may need from its site when it is read.
pub struct ReadContext<'a> {
    /// The site's templates: file name without `.html` → text.
    pub templates: &'a dyn Fn(&str) -> Option<String>,
    /// Names of the site's templates, for suggestions.
    pub template_names: &'a [String],
    /// Whether the site has a pool of coupon codes of that name.
    pub has_pool: &'a dyn Fn(&str) -> bool,
    /// Names of the site's pools, for suggestions.
    pub pool_names: &'a [String],
    /// The site's own language: a BCP 47 primary tag.
    pub locale: &'a str,
    /// The site's prefix: names its path and its marker.
    pub prefix: &'a str,
    /// Id of the scenario that the action belongs to.
    pub scenario: &'a str,
    /// Name of its variant.
    pub variant: &'a str,
}

/// All kinds of actions.
pub static KINDS: &[Kind] = &[html::KIND, banner::KIND, popup::KIND, coupon::KIND, chat::KIND];

#[cfg(test)]
mod tests;
