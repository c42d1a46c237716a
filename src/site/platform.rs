//! What a shop is built with: what is known of a platform beforehand, joined with what a site says of itself; and how a site that
//! names no platform comes by one.
//!
//! Decides which platform a site is taken for. Knows nothing of where presets are written down, nor when pages are shown to it.

pub mod detect;

use super::PagePattern;
use super::taps::Taps;
use crate::transform::extract::{Part, Recipe, Sign};
use arc_swap::{ArcSwap, Guard};
use detect::{ENOUGH, Found};
use parking_lot::Mutex;
use smallvec::SmallVec;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// So many pages more than any other must speak for a platform until nothing is looked at any more.
const AHEAD: u32 = 3;
/// Most pages that are looked at.
const MOST_PAGES: u32 = 50;

/// A platform's preset.
#[derive(Debug)]
pub struct Preset {
    /// Its name in `site.toml`.
    pub id: &'static str,
    /// For people.
    pub name: String,
    /// Kinds of its pages by path.
    pub pages: Vec<PagePattern>,
    /// What to look for.
    pub part: Part,
    /// What visitors send to it, and what its own JSON says.
    pub taps: Taps,
    /// How it is recognised.
    pub signs: Vec<Sign>,
}

/// How a shop's pages are read.
#[derive(Debug, Default)]
pub struct Layout {
    /// The preset that is part of it.
    pub platform: &'static str,
    /// Kinds of pages by path, first match wins: the site's own, then its platform's.
    pub pages: Vec<PagePattern>,
    /// What its pages say, and how.
    pub recipe: Recipe,
    /// What is read of visitors' requests and of the shop's own JSON answers.
    pub taps: Arc<Taps>,
}

/// What a site says of itself.
#[derive(Debug, Clone, Default)]
pub struct Own {
    /// Kinds of pages by path.
    pub pages: Vec<PagePattern>,
    /// What to look for.
    pub part: Part,
    /// What is read of requests and answers.
    pub taps: Taps,
}

/// A site's platform: the one that it names, or the one that its pages show.
#[derive(Debug, Default)]
pub struct Platform {
    layout: ArcSwap<Layout>,
    learning: Option<Learning>,
}

#[derive(Debug)]
struct Learning {
    own: Own,
    presets: &'static [Preset],
    /// Nothing more is to be found out.
    settled: AtomicBool,
    /// A page is being looked at.
    looking: AtomicBool,
    tally: Mutex<Tally>,
}

/// What pages spoke for.
#[derive(Debug, Clone, Default)]
struct Tally {
    pages: u32,
    /// How many, by platform.
    votes: SmallVec<[(&'static str, u32); 4]>,
}

impl Own {
    /// Joins it with a platform's preset.
    #[must_use]
    pub fn with(&self, preset: &Preset) -> Layout {
        let mut taps = self.taps.clone();
        taps.extend(&preset.taps);
        Layout {
            platform: preset.id,
            pages: self.pages.iter().chain(&preset.pages).cloned().collect(),
            recipe: Recipe::new(&self.part, &preset.part),
            taps: Arc::new(taps),
        }
    }
}

impl Platform {
    /// A platform that is named.
    #[must_use]
    pub fn named(own: &Own, preset: &Preset) -> Self {
        Self { layout: ArcSwap::from_pointee(own.with(preset)), learning: None }
    }

    /// One of some platforms, to be found out. Until it is, `fallback` holds.
    #[must_use]
    pub fn to_be_found(own: Own, presets: &'static [Preset], fallback: &Preset) -> Self {
        let layout = ArcSwap::from_pointee(own.with(fallback));
        let (settled, looking) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { layout, learning: Some(Learning { own, presets, settled, looking, tally: Mutex::default() }) }
    }

    /// How its pages are read at present.
    pub fn layout(&self) -> Guard<Arc<Layout>> {
        self.layout.load()
    }

    /// The platforms to choose from, if a page should be looked at: one at a time. Whoever is given them says [`Self::looked`].
    pub fn look(&self) -> Option<&'static [Preset]> {
        let learning = self.learning.as_ref()?;
        if learning.settled.load(Ordering::Relaxed) || learning.looking.swap(true, Ordering::AcqRel) {
            return None;
        }
        Some(learning.presets)
    }

    /// A page has been looked at, or could not be.
    pub fn looked(&self) {
        if let Some(learning) = &self.learning {
            learning.looking.store(false, Ordering::Release);
        }
    }

    /// Takes what a page shows, the likeliest platform first. The platform that the site is taken for from now on, if that is news.
    pub fn take(&self, found: &[Found]) -> Option<&'static Preset> {
        let learning = self.learning.as_ref()?;
        let mut tally = learning.tally.lock();
        tally.count(found.first().filter(|found| found.weight >= ENOUGH).map(|found| found.preset.id));
        self.follow(learning, &tally)
    }

    /// Goes on with what an older version of the same site has found out.
    pub fn adopt(&self, older: &Self) {
        let (Some(learning), Some(known)) = (&self.learning, &older.learning) else { return };
        let known = known.tally.lock().clone();
        let mut tally = learning.tally.lock();
        if tally.pages < known.pages {
            *tally = known;
            self.follow(learning, &tally);
        }
    }

    fn follow(&self, learning: &Learning, tally: &Tally) -> Option<&'static Preset> {
        learning.settled.store(tally.is_settled(), Ordering::Relaxed);
        let leader = tally.leader(self.layout.load().platform)?;
        let preset = learning.presets.iter().find(|preset| preset.id == leader)?;
        if self.layout.load().platform == preset.id {
            return None;
        }
        self.layout.store(Arc::new(learning.own.with(preset)));
        Some(preset)
    }
}

impl Tally {
    fn count(&mut self, platform: Option<&'static str>) {
        self.pages += 1;
        let Some(platform) = platform else { return };
        match self.votes.iter_mut().find(|(known, _)| *known == platform) {
            Some((_, votes)) => *votes += 1,
            None => self.votes.push((platform, 1)),
        }
    }

    /// The platform that most pages speak for; between equals the present one stays.
    fn leader(&self, present: &str) -> Option<&'static str> {
        self.votes.iter().max_by_key(|(id, votes)| (*votes, *id == present)).map(|(id, _)| *id)
    }

    fn is_settled(&self) -> bool {
        let most = self.votes.iter().map(|(_, votes)| *votes).max().unwrap_or(0);
        let others = self.votes.iter().map(|(_, votes)| *votes).filter(|votes| *votes < most).max().unwrap_or(0);
        let is_alone = self.votes.iter().filter(|(_, votes)| *votes == most).count() == 1;
        self.pages >= MOST_PAGES || (is_alone && most >= others + AHEAD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presets() -> &'static [Preset] {
        let preset = |id| Preset {
            id,
            name: id.to_owned(),
            pages: Vec::new(),
            part: Part::default(),
            taps: Taps::default(),
            signs: Vec::new(),
        };
        Vec::leak(vec![preset("a"), preset("b"), preset("any")])
    }

    #[test]
    fn platform_follows_what_most_pages_show_until_it_is_certain() {
        let presets = presets();
        let [a, b, any] = presets else { panic!() };
        let platform = Platform::to_be_found(Own::default(), presets, any);
        let show = |preset: &'static Preset, weight| {
            assert!(platform.look().is_some(), "not settled yet");
            let news = platform.take(&[Found { preset, weight, signs: Vec::new() }]);
            platform.looked();
            (news.map(|preset| preset.id), platform.layout().platform)
        };
        assert_eq!(show(a, ENOUGH - 1), (None, "any"), "signs that do not suffice");
        assert_eq!(show(b, ENOUGH), (Some("b"), "b"));
        assert_eq!(show(a, ENOUGH), (None, "b"), "one against one");
        assert_eq!(show(a, ENOUGH), (Some("a"), "a"), "the first guess was wrong");
        assert_eq!(show(a, ENOUGH), (None, "a"));
        let again = Platform::to_be_found(Own::default(), presets, any);
        again.adopt(&platform);
        assert_eq!(again.layout().platform, "a", "a reload forgets nothing");
        assert_eq!(show(a, ENOUGH), (None, "a"));
        assert!(platform.look().is_none(), "three pages ahead");
        assert!(again.look().is_some() && again.look().is_none(), "one page at a time");
    }

    #[test]
    fn shop_that_shows_nothing_is_not_looked_at_for_ever() {
        let presets = presets();
        let platform = Platform::to_be_found(Own::default(), presets, &presets[2]);
        for _ in 0..MOST_PAGES {
            assert!(platform.look().is_some());
            assert!(platform.take(&[]).is_none());
            platform.looked();
        }
        assert!(platform.look().is_none());
        assert_eq!(platform.layout().platform, "any");
    }
}
