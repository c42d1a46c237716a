//! `/PREFIX/import/…`: what the shop knows elsewhere, sent by its own programs while Noren serves.
//!
//! Decides who may send, what, and how much at once; the rows are [`crate::imports`]'. A file is never held whole: pieces that wait
//! are few, rows are taken in by small portions, and between two of them pages have the store and the processor to themselves for
//! as long as the portion took. Nothing that is sent reaches the log.

mod outcome;
mod wrong;

pub use outcome::Ended;

use super::{Answer, Gateway, InFlight, RequestView, headers};
use crate::admission::Admitted;
use crate::ids::SiteId;
use crate::imports::{self, Encoding, Feeder, ImportError, Intake, Kind, Portion, Settings, Table};
use crate::site::Site;
use ahash::AHashSet;
use http::header::{
    ALLOW, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use outcome::{Outcome, Problem};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};
use wrong::WrongTokens;

/// Rows that are taken in at a time: pages' own writes wait for no more than these.
const PORTION: usize = 2_000;
/// Imports at once, of all sites: each keeps a thread.
const AT_ONCE: usize = 8;
/// How long a portion may take. A store that hangs is given up.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest pause after a portion.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// What all imports share.
#[derive(Default)]
pub struct Imports {
    under_way: Arc<Mutex<AHashSet<SiteId>>>,
    wrong: WrongTokens,
}

/// A site's place among the imports under way.
struct Place {
    site: SiteId,
    under_way: Arc<Mutex<AHashSet<SiteId>>>,
}

/// A request to import something, that nobody has looked at yet.
pub struct ImportCall {
    gateway: Arc<Gateway>,
    site: Arc<Site>,
    kind: Kind,
    token: Option<String>,
    client: IpAddr,
    encoding: Option<Encoding>,
    length: Option<u64>,
    dry_run: bool,
    /// Its place among the requests under way.
    admitted: Option<Admitted>,
}

/// An import that may begin.
pub struct Import {
    call: ImportCall,
    file: Feeder,
    outcome: Outcome,
    place: Place,
    in_flight: InFlight,
}

impl Gateway {
    /// The import that a request asks for. `None` if it is for something else, or if the site takes no imports: then there is no such
    /// path.
    pub(super) fn import_call(
        self: &Arc<Self>,
        site: &Arc<Site>,
        request: &RequestView<'_>,
    ) -> Option<Result<ImportCall, Answer>> {
        let rest = request.path.strip_prefix('/')?.strip_prefix(site.prefix.as_str())?.strip_prefix("/import/")?;
        let kind = match rest {
            "customers" => Kind::Customers,
            "orders" => Kind::Orders,
            "segments" => Kind::Segments,
            _ => return None,
        };
        site.imports.as_ref()?;
        if *request.method != Method::POST {
            let mut answer = Answer::empty(StatusCode::METHOD_NOT_ALLOWED);
            answer.headers.push((ALLOW, HeaderValue::from_static("POST")));
            self.count_answer(site, &answer);
            return Some(Err(answer));
        }
        let dry_run = url::form_urlencoded::parse(request.query.as_bytes())
            .any(|(name, value)| name == "dry_run" && !matches!(&*value, "0" | "false"));
        Some(Ok(ImportCall {
            gateway: self.clone(),
            site: site.clone(),
            kind,
            token: bearer(request.headers),
            client: headers::client_of(request, |address| self.trusts(address)),
            encoding: encoding(request.headers),
            length: request.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok()),
            dry_run,
            admitted: None,
        }))
    }
}

impl ImportCall {
    /// Holds its place until it is answered.
    pub(super) fn holding(mut self, admitted: Admitted) -> Self {
        self.admitted = Some(admitted);
        self
    }

    /// The most bytes that are read.
    #[must_use]
    pub fn max_size(&self) -> u64 {
        self.site.imports.as_ref().map_or(0, |settings| settings.max_size)
    }

    /// Lets the import begin, or says why not.
    ///
    /// # Errors
    /// The answer, where it may not.
    pub async fn begin(self) -> Result<(imports::Feed, Import), Answer> {
        match self.admit().await {
            Ok(place) => {
                let (feed, file) = imports::feed();
                let in_flight = InFlight::new(&self.gateway.in_flight);
                let outcome = Outcome::new(self.kind, self.dry_run);
                Ok((feed, Import { call: self, file, outcome, place, in_flight }))
            }
            Err(problem) => {
                let answer = Outcome::new(self.kind, self.dry_run).answer(Some(problem));
                self.count(&answer);
                Err(answer)
            }
        }
    }

    async fn admit(&self) -> Result<Place, Problem> {
        let (gateway, site) = (&self.gateway, &self.site);
        let Some(settings) = &site.imports else { return Err(Problem::new(404, "this site takes no imports")) };
        let now = gateway.clock.monotonic();
        if gateway.imports.wrong.is_barred(self.client, now) {
            let problem = Problem::new(429, "too many wrong tokens came from this address");
            return Err(problem.with(RETRY_AFTER, HeaderValue::from_static("60")));
        }
        let unknown = |words| {
            let challenge = HeaderValue::from_static("Bearer realm=\"imports\"");
            Problem::new(401, words).with(WWW_AUTHENTICATE, challenge)
        };
        let Some(sent) = self.token.clone() else {
            return Err(unknown("send the token: Authorization: Bearer TOKEN"));
        };
        let token = settings.token.clone();
        match spawn_blocking(move || token.is(&sent)).await {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => {
                gateway.imports.wrong.note(self.client, now);
                return Err(unknown("this is not the token"));
            }
            Ok(Err(error)) => {
                let reason = format!("the file of the imports' token: {error}");
                gateway.failure(&site.id, "import", None, &reason);
                return Err(Problem::new(503, "the token cannot be looked up: see Noren's log"));
            }
            Err(_panicked) => return Err(Problem::new(500, "the token cannot be looked up")),
        }
        if self.encoding.is_none() {
            return Err(Problem::new(
                415,
                "send Content-Type: text/csv, with charset=UTF-8 or charset=Shift_JIS, and no Content-Encoding",
            ));
        }
        if self.length.is_some_and(|length| length > settings.max_size) {
            return Err(Problem::new(413, "the file is larger than `max_size` in `[imports]`"));
        }
        gateway.imports.enter(&site.id)
    }

    fn count(&self, answer: &Answer) {
        self.gateway.count_answer(&self.site, answer);
        self.gateway.metrics.imports.with_label_values(&[self.site.id.as_str(), answer.status.as_str()]).inc();
    }
}

impl Imports {
    fn enter(&self, site: &SiteId) -> Result<Place, Problem> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let later = |problem: Problem| problem.with(RETRY_AFTER, HeaderValue::from_static("10"));
        if under_way.contains(site) {
            return Err(later(Problem::new(409, "another import of this site is under way")));
        }
        if under_way.len() >= AT_ONCE {
            return Err(later(Problem::new(503, "too many imports are under way")));
        }
        under_way.insert(site.clone());
        Ok(Place { site: site.clone(), under_way: self.under_way.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.site);
    }
}

impl Import {
    /// Takes in what is given to its feed, to the end: the answer.
    pub async fn run(self) -> Answer {
        let Self { call, file, mut outcome, place, in_flight: _in_flight } = self;
        let problem = take(&call, file, &mut outcome).await.err();
        drop(place);
        if let Some(reason) = problem.as_ref().and_then(Problem::of_ours) {
            call.gateway.failure(&call.site.id, "import", None, reason);
        }
        let counts = outcome.counts();
        if !call.dry_run {
            let rows = &call.gateway.metrics.import_rows;
            for (result, count) in counts {
                rows.with_label_values(&[call.site.id.as_str(), result]).inc_by(count as u64);
            }
        }
        let [new, changed, same, bad] = counts.map(|(_, count)| count);
        let answer = outcome.answer(problem);
        tracing::info!(
            site = %call.site.id,
            kind = outcome::name(call.kind),
            status = answer.status.as_u16(),
            dry_run = call.dry_run,
            new,
            changed,
            same,
            bad,
            "import"
        );
        call.count(&answer);
        answer
    }
}

/// Reads the file and takes its rows in, portion by portion.
async fn take(call: &ImportCall, file: Feeder, outcome: &mut Outcome) -> Result<(), Problem> {
    let (gateway, site) = (&call.gateway, &call.site);
    let now = gateway.clock.now();
    let settings = Settings {
        kind: call.kind,
        encoding: call.encoding.unwrap_or_default(),
        time_zone: site.time_zone.clone(),
        now,
        in_shift_jis: "send Content-Type: text/csv; charset=Shift_JIS",
    };
    let intake = Intake {
        store: gateway.store.clone(),
        site: site.id.clone(),
        names: gateway.customers.clone(),
        currency: site.currency.clone(),
        time_zone: site.time_zone.clone(),
        now,
        dry_run: call.dry_run,
    };
    let mut table = aside(move || Table::open(Box::new(file), settings)).await?.map_err(unreadable)?;
    outcome.ignored(table.ignored());
    loop {
        let read: Result<Option<Portion>, ImportError>;
        (table, read) = aside(move || {
            let read = table.next_portion(PORTION);
            (table, read)
        })
        .await?;
        let Some(portion) = read.map_err(unreadable)? else { return Ok(()) };
        outcome.bad(portion.bad);
        let began = gateway.clock.monotonic();
        match timeout(PATIENCE, intake.take(table.fields(), portion.rows)).await {
            Ok(Ok(taken)) => {
                outcome.counts += taken.counts;
                outcome.bad(taken.bad);
            }
            Ok(Err(error)) => return Err(Problem::store(error.to_string())),
            Err(_hangs) => return Err(Problem::store("the store does not answer".to_owned())),
        }
        sleep(gateway.clock.monotonic().duration_since(began).min(LONGEST_PAUSE)).await;
    }
}

/// Does what waits for the sender, and what takes long, where no page waits for it.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    spawn_blocking(work).await.map_err(|_panicked| Problem::new(500, "the import failed by a fault of Noren's"))
}

fn unreadable(error: ImportError) -> Problem {
    match error {
        ImportError::Io(error) => Problem::of_feed(error.kind()),
        error @ (ImportError::Header(_) | ImportError::Endless(_)) => Problem::new(422, &error.to_string()),
    }
}

/// The token that was sent (RFC 6750 §2.1).
fn bearer(headers: &HeaderMap) -> Option<String> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then(|| token.to_owned())
}

/// How the file is written; `None` if it is none that is read.
fn encoding(headers: &HeaderMap) -> Option<Encoding> {
    if headers.get(CONTENT_ENCODING).is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return None;
    }
    let mut parts = headers.get(CONTENT_TYPE)?.to_str().ok()?.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case("text/csv") {
        return None;
    }
    let charset =
        parts.filter_map(|part| part.split_once('=')).find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    let label = charset.map_or("utf-8", |(_, label)| label.trim().trim_matches('"'));
    match encoding_rs::Encoding::for_label(label.as_bytes()) {
        Some(found) if found == encoding_rs::UTF_8 => Some(Encoding::Utf8),
        Some(found) if found == encoding_rs::SHIFT_JIS => Some(Encoding::ShiftJis),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_csv_in_utf8_or_shift_jis_and_not_packed() {
        let read = |kind: &str, coding: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_str(kind).unwrap());
            headers.extend(coding.map(|coding| (CONTENT_ENCODING, HeaderValue::from_str(coding).unwrap())));
            encoding(&headers)
        };
        for utf8 in ["text/csv", "Text/CSV; charset=UTF-8", "text/csv;header=present;charset=\"utf-8\""] {
            assert_eq!(read(utf8, None), Some(Encoding::Utf8), "{utf8}");
        }
        for shift_jis in ["text/csv; charset=Shift_JIS", "text/csv; charset=windows-31j", "text/csv; Charset=sjis"] {
            assert_eq!(read(shift_jis, Some("identity")), Some(Encoding::ShiftJis), "{shift_jis}");
        }
        for other in ["text/plain", "application/json", "text/csv; charset=EUC-JP", "text/csv; charset=nonsense", ""] {
            assert_eq!(read(other, None), None, "{other}");
        }
        assert_eq!(read("text/csv", Some("gzip")), None);
    }

    #[test]
    fn site_has_one_import_at_a_time_and_all_sites_a_few() {
        let imports = Imports::default();
        let enter = |number: usize| imports.enter(&SiteId::new(&format!("shop-{number}")));
        let first = enter(0).ok().unwrap();
        assert!(enter(0).err().is_some_and(|problem| problem.status() == 409));
        drop(first);
        let all: Vec<Place> = (0..AT_ONCE).map(|number| enter(number).ok().unwrap()).collect();
        assert!(enter(AT_ONCE).err().is_some_and(|problem| problem.status() == 503));
        drop(all);
        assert!(enter(AT_ONCE).is_ok());
    }
}
