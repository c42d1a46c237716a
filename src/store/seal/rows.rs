//! What of each row is sealed, and what rows are called.
//!
//! Stays readable what a store must find, sort or count rows by: sites, visitors' random numbers, times, kinds of events, scenarios and
//! variants, coupon codes. What names somebody and must be found all the same (a shop's order and member numbers) is kept as a keyed
//! hash. Its key is a secret of the store's own, which lies in the store, sealed: it stays the same when encryption keys change, and
//! whoever cannot open it has the wrong key. Rows of before are found by their plain names too.

use super::{Bound, CannotOpen, Sealer, is_sealed};
use crate::event::Event;
use crate::ids::SiteId;
use crate::store::coupons::{CodeAsk, Holder};
use crate::store::{ProfileKey, StoreError};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use sha2::Sha256;
use std::borrow::Cow;
use std::sync::Arc;

/// How one store seals its rows. By default, not at all.
#[derive(Clone, Default)]
pub(crate) struct Sealing {
    sealer: Option<Arc<Sealer>>,
    /// The store's secret: the key of the names.
    secret: Option<Arc<[u8]>>,
}

/// Begins every name: no page and no person writes it.
const NAME: char = '\u{1}';
const SECRET: Bound<'static> = Bound { table: "secret", row: [&[]; 4] };

/// An event's details, as a row has them.
#[derive(Debug, Default)]
pub(crate) struct EventRow {
    pub(crate) path: Option<String>,
    /// JSON.
    pub(crate) parameters: Option<Value>,
    /// Both of them, sealed.
    pub(crate) sealed: Option<Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
struct EventDetails {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parameters: Option<Value>,
}

/// An order's details.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct OrderDetails {
    /// The shop's number of it, for the day on which somebody asks for it; rows are found by its name.
    pub(crate) id: Option<String>,
    /// What was paid in all.
    pub(crate) value: Option<f64>,
    /// What was given back of it.
    #[serde(deserialize_with = "or_nothing")]
    pub(crate) refunded: f64,
}

/// JSON has no infinity: it is written as null.
fn or_nothing<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

impl OrderDetails {
    /// With so much given back, or all of it.
    pub(crate) fn refund(self, value: Option<f64>) -> Self {
        let paid = self.value.unwrap_or_default();
        let more = value.filter(|value| !value.is_nan()).or(self.value).unwrap_or_default();
        Self { refunded: paid.min(self.refunded + more), ..self }
    }
}

impl Sealing {
    pub(crate) fn new(sealer: Option<Arc<Sealer>>) -> Self {
        Self { sealer, secret: None }
    }

    /// A secret for a store that has none yet, sealed; `None` if nothing is to be sealed in it.
    pub(crate) fn fresh(&self) -> Option<Vec<u8>> {
        let sealer = self.sealer.as_ref().filter(|sealer| sealer.sealing)?;
        let mut secret = [0; 32];
        sealer.random.fill(&mut secret);
        Some(sealer.seal(SECRET, &secret))
    }

    /// Takes the secret that the store has. Fails if the keys are not those that its rows are sealed with.
    pub(crate) fn with(&self, stored: Option<&[u8]>, location: &str) -> Result<Self, StoreError> {
        let Some(stored) = stored else { return Ok(Self { secret: None, ..self.clone() }) };
        let opened = self.sealer.as_ref().ok_or(CannotOpen::NoKey).and_then(|sealer| sealer.open(SECRET, stored));
        let refuse = |reason: &str, remedy| {
            Err(StoreError::Open { location: location.to_owned(), reason: reason.to_owned(), remedy })
        };
        match opened {
            Ok(secret) => Ok(Self { secret: Some(secret.into()), ..self.clone() }),
            Err(CannotOpen::NoKey) => refuse(
                "it is sealed, and no key is given",
                "name the file of its keys as `encryption_key` in `[store]` of gateway.toml; nothing was changed",
            ),
            Err(_) => refuse(
                "none of the encryption keys opens it",
                "put the key that it was sealed with back into the file of keys; nothing was changed",
            ),
        }
    }

    /// The store's secret under the newest key; `None` if it is already.
    pub(crate) fn secret_anew(&self, stored: &[u8]) -> Option<Vec<u8>> {
        let sealer = self.sealer.as_ref().filter(|sealer| !sealer.is_newest(stored))?;
        Some(sealer.seal(SECRET, self.secret.as_ref()?))
    }

    /// A profile as it is written.
    pub(crate) fn profile<'a>(&self, key: &ProfileKey, body: &'a [u8]) -> Cow<'a, [u8]> {
        self.write(of_profile(key), body).map_or(Cow::Borrowed(body), Cow::Owned)
    }

    /// A profile's bytes. What cannot be opened stays as it is: whoever decodes it says so, of this one profile.
    pub(crate) fn profile_of(&self, key: &ProfileKey, stored: &[u8]) -> Arc<[u8]> {
        self.read(of_profile(key), stored).map_or_else(|_| stored.into(), |body| (&*body).into())
    }

    /// A profile as it would be written now; `None` if it is so already.
    pub(crate) fn profile_anew(&self, key: &ProfileKey, stored: &[u8]) -> Result<Option<Vec<u8>>, CannotOpen> {
        self.anew(of_profile(key), stored)
    }

    /// The page on which a visitor is, as it is written.
    pub(crate) fn page<'a>(&self, key: &ProfileKey, path: &'a str) -> Cow<'a, [u8]> {
        self.write(of_page(key), path.as_bytes()).map_or(Cow::Borrowed(path.as_bytes()), Cow::Owned)
    }

    /// The page on which a visitor is; the empty path if it cannot be read.
    pub(crate) fn page_of(&self, key: &ProfileKey, stored: &[u8]) -> String {
        let path = self.read(of_page(key), stored).unwrap_or_default();
        String::from_utf8_lossy(&path).into_owned()
    }

    /// An event's details as they are written.
    pub(crate) fn event(&self, event: &Event) -> EventRow {
        let plain =
            EventRow { path: event.what.path().map(str::to_owned), parameters: event.what.parameters(), sealed: None };
        self.event_written((&event.site, &event.visitor.0, event.at.as_millisecond(), event.what.name()), plain)
    }

    fn event_written(&self, whose: OfEvent<'_>, plain: EventRow) -> EventRow {
        let sealer = self.sealer.as_ref().filter(|sealer| sealer.sealing);
        let Some(sealer) = sealer.filter(|_| plain.path.is_some() || plain.parameters.is_some()) else { return plain };
        let details = EventDetails { path: plain.path, parameters: plain.parameters };
        let body = serde_json::to_vec(&details).unwrap_or_default();
        EventRow { sealed: Some(of_event(whose, |bound| sealer.seal(bound, &body))), ..EventRow::default() }
    }

    /// An event's path and parameters.
    pub(crate) fn event_of(
        &self,
        whose: OfEvent<'_>,
        row: EventRow,
    ) -> Result<(Option<String>, Option<Value>), CannotOpen> {
        let Some(sealed) = row.sealed else { return Ok((row.path, row.parameters)) };
        let body = of_event(whose, |bound| self.read(bound, &sealed))?;
        let details: EventDetails = serde_json::from_slice(&body).map_err(|_| CannotOpen::Altered)?;
        Ok((details.path, details.parameters))
    }

    /// An event's details as they would be written now; `None` if they are so already.
    pub(crate) fn event_anew(&self, whose: OfEvent<'_>, row: EventRow) -> Result<Option<EventRow>, CannotOpen> {
        let Some(sealer) = &self.sealer else { return Ok(None) };
        let is_so = match &row.sealed {
            Some(body) => sealer.sealing && sealer.is_newest(body),
            None => !sealer.sealing || (row.path.is_none() && row.parameters.is_none()),
        };
        if is_so {
            return Ok(None);
        }
        let (path, parameters) = self.event_of(whose, row)?;
        Ok(Some(self.event_written(whose, EventRow { path, parameters, sealed: None })))
    }

    /// What an order is called in the store.
    pub(crate) fn order_name(&self, site: &SiteId, id: &str) -> String {
        self.name("order", site, id).unwrap_or_else(|| id.to_owned())
    }

    /// An order's details, sealed; `None` if they are written plain.
    pub(crate) fn order(&self, site: &SiteId, name: &str, details: &OrderDetails) -> Option<Vec<u8>> {
        let sealer = self.sealer.as_ref().filter(|sealer| sealer.sealing)?;
        Some(sealer.seal(of_order(site, name), &serde_json::to_vec(details).unwrap_or_default()))
    }

    /// An order's sealed details.
    pub(crate) fn order_of(&self, site: &SiteId, name: &str, sealed: &[u8]) -> Result<OrderDetails, CannotOpen> {
        serde_json::from_slice(&self.read(of_order(site, name), sealed)?).map_err(|_| CannotOpen::Altered)
    }

    /// Whether an order's row is as it would be written now.
    pub(crate) fn order_is_so(&self, name: &str, details: Option<&[u8]>) -> bool {
        let Some(sealer) = &self.sealer else { return true };
        let is_named = self.secret.is_none() || is_name(name);
        is_named && details.map_or(!sealer.sealing, |body| sealer.sealing && sealer.is_newest(body))
    }

    /// A holder by the name that they have in the store: a shop's member number is not kept.
    pub(crate) fn holder(&self, site: &SiteId, holder: &Holder) -> Holder {
        let name = match holder {
            Holder::Visitor(_) => None,
            Holder::Customer(id) => self.name("holder", site, id),
        };
        name.map_or_else(|| holder.clone(), |name| Holder::Customer(name.into()))
    }

    /// The same question with the holder by that name.
    pub(crate) fn ask(&self, ask: &CodeAsk) -> CodeAsk {
        CodeAsk { holder: self.holder(&ask.site, &ask.holder), ..ask.clone() }
    }

    /// The name of a holder that a row has by their plain number.
    pub(crate) fn holder_anew(&self, site: &SiteId, stored: &[u8]) -> Option<Vec<u8>> {
        let id = std::str::from_utf8(stored.strip_prefix(b"c")?).ok().filter(|id| !is_name(id))?;
        Some(Holder::Customer(self.name("holder", site, id)?.into()).key())
    }

    /// A keyed hash, once the store has a secret.
    fn name(&self, what: &str, site: &SiteId, id: &str) -> Option<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_ref()?).ok()?;
        for part in [what, site.as_str(), id] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        let hash: [u8; 32] = mac.finalize().into_bytes().into();
        let short = hash.first_chunk::<16>()?;
        Some(format!("{NAME}{}", BASE64_URL_SAFE_NO_PAD.encode(short)))
    }

    /// Any other value, sealed for its row; `None`: it is written plain.
    pub(crate) fn write(&self, bound: Bound<'_>, plain: &[u8]) -> Option<Vec<u8>> {
        let sealer = self.sealer.as_ref().filter(|sealer| sealer.sealing)?;
        Some(sealer.seal(bound, plain))
    }

    /// Any other value of a row, sealed or not.
    pub(crate) fn read<'a>(&self, bound: Bound<'_>, stored: &'a [u8]) -> Result<Cow<'a, [u8]>, CannotOpen> {
        if !is_sealed(stored) {
            return Ok(Cow::Borrowed(stored));
        }
        self.sealer.as_ref().ok_or(CannotOpen::NoKey)?.open(bound, stored).map(Cow::Owned)
    }

    /// Any other value as it would be written now; `None` if it is so already.
    pub(crate) fn anew(&self, bound: Bound<'_>, stored: &[u8]) -> Result<Option<Vec<u8>>, CannotOpen> {
        let Some(sealer) = &self.sealer else { return Ok(None) };
        let is_so = if is_sealed(stored) { sealer.sealing && sealer.is_newest(stored) } else { !sealer.sealing };
        if is_so {
            return Ok(None);
        }
        let plain = self.read(bound, stored)?;
        Ok(Some(self.write(bound, &plain).unwrap_or_else(|| plain.into_owned())))
    }
}

/// Whether a stored text is a name of ours, and not the shop's own number.
pub(crate) fn is_name(stored: &str) -> bool {
    stored.starts_with(NAME)
}

/// Whose event it is: site, visitor, when in milliseconds, and what.
pub(crate) type OfEvent<'a> = (&'a SiteId, &'a [u8], i64, &'a str);

fn of_event<T>((site, visitor, at, kind): OfEvent<'_>, with: impl FnOnce(Bound<'_>) -> T) -> T {
    let at = at.to_be_bytes();
    with(Bound { table: "events", row: [site.as_str().as_bytes(), visitor, &at, kind.as_bytes()] })
}

fn of_profile(key: &ProfileKey) -> Bound<'_> {
    Bound { table: "profiles", row: [key.site.as_str().as_bytes(), &key.visitor.0, &[], &[]] }
}

fn of_page(key: &ProfileKey) -> Bound<'_> {
    Bound { table: "pages", ..of_profile(key) }
}

fn of_order<'a>(site: &'a SiteId, name: &'a str) -> Bound<'a> {
    Bound { table: "orders", row: [site.as_str().as_bytes(), name.as_bytes(), &[], &[]] }
}
