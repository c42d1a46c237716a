//! What an exchange takes of what is limited, and what is left out where too little is left.
//!
//! First what can be done without: pages pass as the shop sent them, without a profile and without a decision. Requests are refused
//! last.

use super::{Answer, Exchange, Gateway, Outcome, RequestView};
use crate::admission::{Admitted, Change, Connected, Full, Reserved, Room, Trial};
use crate::site::Site;
use crate::transform::extract::READING_MEMORY;
use crate::transform::{
    BailOut, Coding, GROWTH, OutCoding, Page, ResponseView, Transform, declared_window, eligible, footprint,
};
use crate::world::World;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use std::net::IpAddr;
use std::sync::{Arc, PoisonError};

/// What an exchange holds.
pub(super) struct Load {
    admitted: Admitted,
    /// Whose limit keeps the page from being rewritten.
    shed: Option<&'static str>,
    trial: Option<Trial>,
    memory: Option<Reserved>,
    /// The coding of a body whose first bytes have not come yet.
    coding: Option<Coding>,
    /// What the decoder may take yet for its window.
    window: usize,
    /// What it has taken.
    windowed: usize,
}

impl Load {
    pub(super) fn is_shed(&self) -> bool {
        self.shed.is_some()
    }

    /// Whether what can be done without is to be left out.
    pub(super) fn is_strained(&self) -> bool {
        self.admitted.strained().is_some()
    }

    /// Memory for reading along, if there is some.
    pub(super) fn for_reading(&self, bytes: usize, room: &Room) -> Option<Reserved> {
        self.admitted.reserve(bytes, room).ok()
    }

    /// Notes that rewriting failed by a fault of our own.
    pub(super) fn fail(&mut self, kind: &'static str) {
        if let Some(trial) = &mut self.trial {
            trial.fail(kind);
        }
    }

    /// The page passes after all: it tells nothing of rewriting, unless that failed.
    pub(super) fn pass(&mut self) {
        self.memory = None;
        self.trial = self.trial.take().filter(|trial| trial.failure().is_some());
    }

    /// Looks at the beginning of the body, which tells how far its decoder's window may grow.
    pub(super) fn begin(&mut self, chunk: Option<&[u8]>) {
        if let Some(first) = chunk.filter(|chunk| !chunk.is_empty())
            && let Some(coding) = self.coding.take()
        {
            self.window = declared_window(coding, first);
        }
    }

    /// Counts what the decoder's window has grown to.
    pub(super) fn grown(&mut self, decoded: u64) {
        let needed = usize::try_from(decoded).unwrap_or(usize::MAX).saturating_mul(GROWTH).min(self.window);
        if needed > self.windowed
            && let Some(memory) = &mut self.memory
        {
            memory.grow(needed - self.windowed);
            self.windowed = needed;
        }
    }

    /// The page passes, and is read on its way.
    pub(super) fn only_read(&mut self) {
        let memory = self.memory.take();
        self.pass();
        self.memory = memory;
    }

    /// Reserves what reading a page takes beside its decoder. Where there is no room, pages go unread.
    pub(super) fn make_reading_room(&self, room: &Room) -> Option<Reserved> {
        self.admitted.reserve(READING_MEMORY, room).ok()
    }

    /// All edits are done: what follows is passed on and needs no memory.
    pub(super) fn rewritten(&mut self) {
        self.memory = None;
    }
}

impl Gateway {
    /// Lets a connection in, or not.
    pub fn connect(&self, peer: Option<IpAddr>) -> Option<Connected> {
        let limits = &self.settings.load().limits;
        match self.admission.connect(peer.filter(|peer| !self.trusts(*peer)), limits) {
            Ok(connected) => Some(connected),
            Err(full) => {
                self.metrics.shed.with_label_values(&["", "connection", full.as_str()]).inc();
                if let Some(count) = self.admission.say_refused(self.clock.monotonic()) {
                    tracing::warn!(limit = full.as_str(), count, "no room: connections are closed");
                }
                None
            }
        }
    }

    /// Whether connections grow so few that unused ones should not be kept.
    #[must_use]
    pub fn is_short_of_connections(&self) -> bool {
        self.admission.is_short_of_connections(&self.settings.load().limits)
    }

    /// Lets a request in, or says what is answered instead.
    pub(super) fn admit(&self, site: &Site, world: &World) -> Result<Admitted, Answer> {
        let load = self.admission.site(&site.id, world);
        let room = Room::of(&self.settings.load().limits, &site.limits);
        self.admission.request(&load, &room).map_err(|full| {
            let id = site.id.as_str();
            self.metrics.shed.with_label_values(&[id, "request", full.as_str()]).inc();
            self.metrics.responses.with_label_values(&[id, "5xx", "own"]).inc();
            if let Some(count) = load.say_refused(&self.admission, self.clock.monotonic()) {
                tracing::warn!(site = %site.id, limit = full.as_str(), count, "no room: requests are answered by 503");
            }
            Answer::busy()
        })
    }

    /// Decides whether a document may be rewritten at all, as things stand. Answers whether it still is one to us.
    pub(super) fn weigh(&self, site: &Arc<Site>, admitted: Admitted, document: bool) -> (Load, bool) {
        let mut load = Load { admitted, shed: None, trial: None, memory: None, coding: None, window: 0, windowed: 0 };
        if !document {
            return (load, false);
        }
        load.shed = load.admitted.strained().map(Full::as_str);
        if load.shed.is_none() {
            // Rules are what fails: another version of them is another thing to try.
            let version = Arc::as_ptr(site).addr();
            let (trial, change) = load.admitted.site().try_page(self.clock.monotonic(), version);
            self.tell(site, change, "the rules were renewed");
            load.shed = trial.is_none().then_some("breaker");
            load.trial = trial;
        }
        let document = !load.is_shed();
        (load, document)
    }

    /// Tells ops that a site's breaker has changed.
    fn tell(&self, site: &Site, change: Option<Change>, reason: &str) {
        let Some(change) = change else { return };
        let open = self.metrics.breaker_open.with_label_values(&[site.id.as_str()]);
        match change {
            Change::Opened { pages, failed, pause } => {
                open.set(1);
                let pause_s = pause.as_secs_f64();
                tracing::error!(site = %site.id, pages, failed, reason, pause_s, "rewriting keeps failing and is turned off");
            }
            Change::StillOpen { pause } => {
                tracing::warn!(site = %site.id, reason, pause_s = pause.as_secs_f64(), "rewriting still fails and stays off");
            }
            Change::Closed => {
                open.set(0);
                tracing::info!(site = %site.id, reason, "rewriting is on again");
            }
        }
    }
}

impl Exchange {
    /// What stays open for hours and does nothing does not count as a request.
    pub(super) fn settle_down(&mut self, status: StatusCode, headers: &HeaderMap) {
        let events = |kind: &[u8]| kind.get(..17).is_some_and(|kind| kind.eq_ignore_ascii_case(b"text/event-stream"));
        if status == StatusCode::SWITCHING_PROTOCOLS
            || headers.get(CONTENT_TYPE).is_some_and(|kind| events(kind.as_bytes()))
        {
            self.load.admitted.settle_down();
        }
    }

    /// Counts a page that passes as the shop sent it, if it really is a page.
    pub(super) fn note_shed(&mut self, request: &RequestView<'_>, status: StatusCode, headers: &HeaderMap) {
        let view = ResponseView { method: request.method, request: request.headers, status, headers };
        let Some(limit) = self.load.shed.filter(|_| eligible(&view, &[]).is_ok()) else { return };
        self.treatment = "shed";
        self.gateway.metrics.shed.with_label_values(&[self.site.id.as_str(), "page", limit]).inc();
        // A breaker speaks for itself.
        if limit != "breaker"
            && let Some(count) = self.load.admitted.say_shed(self.gateway.clock.monotonic())
        {
            tracing::warn!(site = %self.site.id, limit, count, "little room: pages pass as the shop sent them");
        }
    }

    /// Reserves what rewriting a page may need. Where there is no room, the page passes.
    pub(super) fn make_room(
        &mut self,
        request: &RequestView<'_>,
        response: (StatusCode, &HeaderMap),
        page: &Page,
        out: OutCoding,
    ) -> bool {
        let room = Room::of(&self.gateway.settings.load().limits, &self.site.limits);
        let bytes = footprint(page.coding, out, self.gateway.limits());
        match self.load.admitted.reserve(bytes, &room) {
            Ok(memory) => {
                self.load.memory = Some(memory);
                self.load.coding = Some(page.coding);
                true
            }
            Err(_) => {
                self.load.shed = Some("memory");
                self.note_shed(request, response.0, response.1);
                false
            }
        }
    }

    /// Tells the breaker how rewriting this page went.
    pub(super) fn settle(&mut self, outcome: &Outcome) {
        let Some(mut trial) = self.load.trial.take() else { return };
        let settings = self.gateway.settings.load();
        let given_up = self.transform.as_mut().is_some_and(|transform| {
            let transform = transform.get_mut().unwrap_or_else(PoisonError::into_inner);
            transform.bailed_out() == Some(BailOut::ParserFailed) && !Transform::applied(transform).contains(&true)
        });
        if given_up {
            trial.fail("parser");
        }
        if self.own > settings.breaker.slow_page {
            trial.fail("slow");
        }
        let failure = trial.failure();
        // Where the client or the shop broke off, there is no telling.
        if failure.is_none() && !outcome.complete {
            return;
        }
        let change = trial.settle(self.gateway.clock.monotonic(), &settings.breaker);
        self.gateway.tell(&self.site, change, failure.unwrap_or("all trials succeeded"));
    }
}
