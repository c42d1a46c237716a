//! What happened, as data.
//!
//! Names follow GA4 where it has one. Knows nothing of how events are kept.

use crate::ids::{SiteId, VisitorId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One thing that happened on a site.
#[derive(Debug, Clone)]
pub struct Event {
    /// The site.
    pub site: SiteId,
    /// The visitor. Bots and prefetches are no visitors, and have no events.
    pub visitor: VisitorId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// The kinds of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A document was served (`page_view`).
    PageView {
        /// Path without query.
        path: Arc<str>,
    },
    /// An action was delivered in a response (`experiment_viewed` when exported).
    Exposure(Arm),
    /// The action was on the visitor's screen (`view_promotion`).
    View(Arm),
    /// The visitor followed it (`select_promotion`).
    Click(Arm),
    /// The visitor closed it.
    Dismiss(Arm),
}

/// A scenario and the variant that the visitor is in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Arm {
    /// Scenario id (its file's name without `.toml`).
    pub scenario: Arc<str>,
    /// Variant name.
    pub variant: Arc<str>,
}

impl What {
    /// The event's name on the wire and in the store.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::PageView { .. } => "page_view",
            Self::Exposure(_) => "exposure",
            Self::View(_) => "view_promotion",
            Self::Click(_) => "select_promotion",
            Self::Dismiss(_) => "dismiss_promotion",
        }
    }

    /// The arm that it is about.
    #[must_use]
    pub fn arm(&self) -> Option<&Arm> {
        match self {
            Self::PageView { .. } => None,
            Self::Exposure(arm) | Self::View(arm) | Self::Click(arm) | Self::Dismiss(arm) => Some(arm),
        }
    }

    /// The path that it is about.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::PageView { path } => Some(path),
            Self::Exposure(_) | Self::View(_) | Self::Click(_) | Self::Dismiss(_) => None,
        }
    }
}
