//! Pages that are looked at for what the shop is built with, where its site leaves that to be found out: the first few, one at a
//! time, apart from their way to the client. Once it is known this costs one look at a flag.

use super::{Exchange, Gateway, InFlight, Outcome, RequestView};
use crate::admission::Reserved;
use crate::site::Site;
use crate::site::platform::Preset;
use crate::site::platform::detect::{Answer, Found, detect};
use http::{HeaderMap, StatusCode};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use url::Url;

/// How much of a page is looked at, as the shop sent it.
const LARGEST: usize = 512 * 1024;

/// A page that goes by and is kept to be looked at.
pub(super) struct Sample {
    site: Arc<Site>,
    presets: &'static [Preset],
    answer: Answer,
    _memory: Reserved,
}

impl Drop for Sample {
    fn drop(&mut self) {
        self.site.platform.looked();
    }
}

impl Exchange {
    /// Begins to keep a page that will be rewritten or read, if it is to be looked at.
    pub(super) fn begin_sample(&mut self, request: &RequestView<'_>, headers: &HeaderMap) {
        if !self.site.learn.pages {
            return;
        }
        let Some(presets) = self.site.platform.look() else { return };
        let scheme = if self.https { "https" } else { "http" };
        let address = format!("{scheme}://{}{}?{}", request.authority, request.path, request.query);
        let (url, memory) = (Url::parse(&address), self.memory_for_reading(LARGEST));
        let (Ok(url), Some(memory)) = (url, memory) else { return self.site.platform.looked() };
        let answer = Answer { url, status: StatusCode::OK, headers: headers.clone(), body: Vec::new() };
        self.sample = Some(Box::new(Sample { site: self.site.clone(), presets, answer, _memory: memory }));
    }

    /// Keeps a piece of the page, as the shop sent it.
    pub(super) fn sample(&mut self, piece: Option<&[u8]>) {
        let (Some(sample), Some(piece)) = (&mut self.sample, piece) else { return };
        let body = &mut sample.answer.body;
        body.extend_from_slice(piece.get(..piece.len().min(LARGEST.saturating_sub(body.len()))).unwrap_or_default());
    }

    /// Has the page looked at, off the visitor's time.
    pub(super) fn end_sample(&mut self, outcome: &Outcome) {
        let Some(sample) = self.sample.take() else { return };
        if !outcome.complete || outcome.status != 200 {
            return;
        }
        let (gateway, in_flight) = (self.gateway.clone(), InFlight::new(&self.gateway.in_flight));
        tokio::task::spawn_blocking(move || {
            if catch_unwind(AssertUnwindSafe(|| gateway.look_at(&sample))).is_err() {
                gateway.failure(&sample.site.id, "panic", None, "looking for the shop's platform panicked");
            }
            drop(in_flight);
        });
    }
}

impl Gateway {
    fn look_at(&self, sample: &Sample) {
        let Ok(found) = detect(sample.presets, &sample.answer) else { return };
        let before = sample.site.platform.layout().platform;
        let Some(preset) = sample.site.platform.take(&found) else { return };
        let because = found.iter().find(|found| found.preset.id == preset.id).map(reasons).unwrap_or_default();
        let platform = preset.id;
        tracing::info!(site = %sample.site.id, platform, because, "this shop is built with {}", preset.name);
        let metric = &self.metrics.platform;
        // It may never have been set.
        let _ = metric.remove_label_values(&[sample.site.id.as_str(), before]);
        metric.with_label_values(&[sample.site.id.as_str(), platform]).set(1);
    }
}

/// The signs of a platform, for people.
fn reasons(found: &Found) -> String {
    found.signs.iter().map(|(sign, _)| sign.as_str()).collect::<Vec<_>>().join("; ")
}
