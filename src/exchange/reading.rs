//! Which pages are read for what they say, and what they said once they are over.
//!
//! What tells something new of a visitor is always read whole; products and categories when what is known of them is old; of all other
//! pages the head. A page that cannot be read is a page all the same.

use super::{Exchange, Gateway, Guest, Outcome, RequestView};
use crate::admission::{Reserved, Room};
use crate::catalogue::Lesson;
use crate::catalogue::address::is_tracking;
use crate::commerce::Content;
use crate::ids::SiteId;
use crate::site::{PAGE_KINDS, Site};
use crate::transform::extract::{Extractor, Reader, Reading};
use crate::transform::{Page, Transform};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use xxhash_rust::xxh3::Xxh3;

/// Kinds of pages that always tell something of the visitor.
const ALWAYS: &[&str] = &["cart", "thankyou", "search", "account"];
/// Those, and the kinds that tell of products.
const ALSO_PRODUCTS: &[&str] = &["cart", "thankyou", "search", "account", "product", "category"];
/// For whoever is no visitor, only products count.
const ONLY_PRODUCTS: &[&str] = &["product", "category"];
const NONE: &[&str] = &[];
/// Most pages that are remembered.
const REMEMBERED: u64 = 200_000;

/// A page that is being read.
pub(super) struct Underway {
    /// Where nothing is edited, the page is read beside its way to the client.
    pub(super) aside: Option<Mutex<Reader>>,
    /// What keeps others from reading the page meanwhile.
    claim: Option<u64>,
    /// It is read for what it says of products, not only up to its head's end.
    products: bool,
    page: Address,
    /// As long as the page is read aside; else until its end.
    memory: Option<Reserved>,
}

/// Where a page is.
struct Address {
    host: String,
    path: String,
    query: String,
}

/// Which pages were read of late, of all sites.
pub struct PagesRead(moka::sync::Cache<u64, Instant>);

impl Default for PagesRead {
    fn default() -> Self {
        Self(moka::sync::Cache::new(REMEMBERED))
    }
}

impl PagesRead {
    /// Claims the reading of a page; nothing if it was read, or claimed, less than `refresh` ago.
    fn claim(&self, page: u64, now: Instant, refresh: Duration) -> Option<u64> {
        if self.0.get(&page).is_some_and(|read| now.saturating_duration_since(read) < refresh) {
            return None;
        }
        self.0.insert(page, now);
        Some(page)
    }

    /// The page could not be read: whoever comes next may try.
    fn give_back(&self, page: u64) {
        self.0.invalidate(&page);
    }
}

impl Exchange {
    /// Begins to read a page, if there is something to learn from it.
    pub(super) fn begin_reading(
        &mut self,
        request: &RequestView<'_>,
        page: &Page,
        transform: Option<&mut Mutex<Transform>>,
    ) {
        if catch_unwind(AssertUnwindSafe(|| self.prepare_to_read(request, page, transform))).is_err() {
            self.gateway.failure(&self.site.id, "extract", None, "preparing to read the page panicked");
        }
    }

    fn prepare_to_read(
        &mut self,
        request: &RequestView<'_>,
        page: &Page,
        mut transform: Option<&mut Mutex<Transform>>,
    ) {
        let settings = self.site.learn;
        if !settings.pages {
            return;
        }
        let gateway = self.gateway.clone();
        let room = Room::of(&gateway.settings.load().limits, &self.site.limits);
        let Some(memory) = self.load.make_reading_room(&room) else { return };
        let is_visitor = matches!(self.guest, Guest::Visitor { .. });
        let is_known = || {
            let catalogue = gateway.catalogues.of(&self.site.id);
            catalogue.is_fresh(request.path, request.query, gateway.clock.now(), settings.refresh)
        };
        let claim = if ALWAYS.contains(&self.kind) || is_known() {
            None
        } else {
            gateway.pages_read.claim(page_key(&self.site, request), gateway.clock.monotonic(), settings.refresh)
        };
        let defers =
            transform.as_mut().is_some_and(|held| held.get_mut().unwrap_or_else(PoisonError::into_inner).defers());
        let whole_kinds = match (is_visitor, claim.is_some()) {
            // What is decided in the stream hangs on whatever the page says.
            _ if defers => PAGE_KINDS,
            (true, false) => ALWAYS,
            (true, true) => ALSO_PRODUCTS,
            (false, true) => ONLY_PRODUCTS,
            (false, false) => NONE,
        };
        // The head tells nothing that lasts.
        if !is_visitor && whole_kinds.is_empty() {
            return;
        }
        let scheme = if self.https { "https" } else { "http" };
        let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
        let reading = Reading {
            recipe: self.site.platform.layout().recipe.clone(),
            url: format!("{scheme}://{}{}{query}", request.authority, request.path),
            kind: self.kind,
            whole_kinds,
        };
        let aside = match transform {
            Some(transform) => {
                let transform = transform.get_mut().unwrap_or_else(PoisonError::into_inner);
                transform.read_by(Extractor::new(&reading, page.charset, gateway.limits()));
                None
            }
            None => Some(Mutex::new(Reader::new(page, &reading, gateway.limits()))),
        };
        let page =
            Address { host: request.host.to_owned(), path: request.path.to_owned(), query: request.query.to_owned() };
        let products = whole_kinds.contains(&"product");
        self.reading = Some(Box::new(Underway { aside, claim, products, page, memory: Some(memory) }));
    }

    /// Shows a piece of a page that passes untouched to whoever reads it.
    pub(super) fn read_along(&mut self, chunk: Option<&[u8]>, end: bool) {
        let Some(Underway { aside: Some(reader), memory, .. }) = self.reading.as_deref_mut() else { return };
        let reader = reader.get_mut().unwrap_or_else(PoisonError::into_inner);
        if reader.extractor().is_done() {
            return;
        }
        let began = self.gateway.clock.monotonic();
        let _reading = tracing::debug_span!(parent: &self.span, "read", request = %self.number, end).entered();
        self.load.begin(chunk);
        reader.push(chunk.unwrap_or_default());
        if end {
            reader.finish();
        }
        self.load.grown(reader.decoded());
        if reader.extractor().is_done() {
            *memory = None;
            self.load.rewritten();
        }
        self.own += self.gateway.clock.monotonic().duration_since(began);
    }

    /// Ends the reading of a page; hands over what it said, if it was seen to its end.
    pub(super) fn end_reading(&mut self, outcome: &Outcome) {
        let Some(mut reading) = self.reading.take() else { return };
        let mut transform = self.transform.as_mut().map(|held| held.get_mut().unwrap_or_else(PoisonError::into_inner));
        let extractor = match &mut reading.aside {
            Some(reader) => Some(reader.get_mut().unwrap_or_else(PoisonError::into_inner).extractor()),
            None => transform.as_mut().and_then(|transform| transform.extractor()),
        };
        let whole = outcome.complete && outcome.status == 200;
        let failed = extractor.as_ref().and_then(|extractor| extractor.failed());
        if let Some(why) = failed {
            self.gateway.failure(&self.site.id, "extract", None, &why.to_string());
        }
        let extractor = extractor.filter(|extractor| whole && failed.is_none() && extractor.is_done());
        let Some(content) = extractor.map(|extractor| extractor.content().clone()) else {
            reading.claim.into_iter().for_each(|page| self.gateway.pages_read.give_back(page));
            return;
        };
        self.learnt(content, &reading.page, reading.products);
    }

    /// Takes what a page said, of products if it was read for that.
    fn learnt(&mut self, mut content: Content, page: &Address, products: bool) {
        self.gateway.count_facts(&self.site.id, &content);
        let catalogue = self.gateway.catalogues.of(&self.site.id);
        if (products && content.product.is_some()) || !content.listed.is_empty() {
            let member = content.member.as_ref();
            catalogue.learn(&Lesson {
                content: &content,
                host: &page.host,
                page: Some((&page.path, &page.query)),
                // Members may have prices of their own.
                personal: member.is_some_and(|member| member.logged_in == Some(true)),
                most: self.site.max_products,
                at: self.gateway.clock.now(),
            });
        }
        // Whoever looks at a product that was read of late has seen it, too.
        if !products
            && let Some(known) = catalogue.product_at(&page.path, &page.query)
            && content.product.as_ref().is_none_or(|said| said.id == known.product.id)
        {
            content.product = Some(known.product);
        }
        self.delivery.said = Some(content);
    }
}

impl Gateway {
    fn count_facts(&self, site: &SiteId, content: &Content) {
        let facts = [
            ("product", content.product.is_some()),
            ("listed", !content.listed.is_empty()),
            ("cart", content.cart.is_some()),
            ("order", content.order.is_some()),
            ("search", content.search.is_some()),
            ("member", content.member.is_some()),
        ];
        for (fact, _) in facts.into_iter().filter(|(_, said)| *said) {
            self.metrics.facts_read.with_label_values(&[site.as_str(), fact]).inc();
        }
    }
}

/// Names a page, whatever its parameters' order, and whatever advertising counts by it. It is another once it is read in another way.
fn page_key(site: &Site, request: &RequestView<'_>) -> u64 {
    let platform = site.platform.layout().platform;
    let mut pairs: Vec<&str> = request.query.split('&').filter(|pair| !pair.is_empty() && !is_tracking(pair)).collect();
    pairs.sort_unstable();
    let mut hash = Xxh3::new();
    for part in [site.id.as_str(), platform, request.host, request.path].into_iter().chain(pairs) {
        hash.update(part.as_bytes());
        hash.update(&[0]);
    }
    hash.digest()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, SystemClock};

    #[test]
    fn a_page_is_read_again_only_when_what_is_known_is_old() {
        let (read, now) = (PagesRead::default(), SystemClock.monotonic());
        let (refresh, late) = (Duration::from_secs(60), now + Duration::from_secs(60));
        assert_eq!(read.claim(1, now, refresh), Some(1));
        assert_eq!((read.claim(1, now, refresh), read.claim(2, now, refresh)), (None, Some(2)));
        assert_eq!(read.claim(1, late, refresh), Some(1));
        read.give_back(1);
        assert_eq!(read.claim(1, late, refresh), Some(1));
    }

    #[test]
    fn advertising_makes_no_other_page() {
        assert!(is_tracking("utm_source=x") && is_tracking("gclid=1"));
        assert!(!is_tracking("id=1") && !is_tracking("gclidx=1"));
    }
}
