//! The visitor's cookie: a sealed id, bound to one site.
//!
//! Sealed with XChaCha20-Poly1305, so that nobody can read, forge or carry it to another site. Decides what a cookie is worth
//! and how it stands in the headers; the profile behind the id is not its business.

use super::keys::KeyRing;
use crate::ids::{Random, SiteId, VisitorId};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use chacha20poly1305::XNonce;
use chacha20poly1305::aead::{Aead as _, Payload};
use http::header::InvalidHeaderValue;
use http::{HeaderMap, HeaderValue, header};
use jiff::Timestamp;
use smallvec::SmallVec;
use std::time::Duration;

/// The visitor's cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CookieSettings {
    /// Name.
    pub name: String,
    /// `Domain`; host-only without.
    pub domain: Option<String>,
    /// `Max-Age`.
    pub lifetime: Duration,
}

impl Default for CookieSettings {
    fn default() -> Self {
        // Browsers cut lifetimes at 400 days.
        Self { name: "nrn".to_owned(), domain: None, lifetime: Duration::from_secs(400 * 86_400) }
    }
}

/// What a valid cookie says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Who it is.
    pub visitor: VisitorId,
    /// When the cookie was sealed.
    pub sealed_at: Timestamp,
    /// The cookie is to be sealed anew: a newer key is there, or half its lifetime is over.
    pub reissue: bool,
}

/// Why a cookie is worth nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCookie {
    /// Not of our making: wrong length, alphabet or version.
    #[error("not a cookie of this version")]
    Malformed,
    /// Altered, of another site, or sealed with a key that is gone.
    #[error("no key opens it")]
    Sealed,
    /// Older than its lifetime.
    #[error("expired")]
    Expired,
}

// version ‖ nonce ‖ sealed(seconds, visitor) ‖ tag
const VERSION: u8 = 1;
const NONCE: usize = 24;
const PLAIN: usize = 4 + 16;
const RAW: usize = 1 + NONCE + PLAIN + 16;
const TEXT: usize = (RAW * 4).div_ceil(3);

impl KeyRing {
    /// Seals a visitor's id into a cookie value.
    ///
    /// # Panics
    /// Never: a ring always has a key, and only messages of 256 GiB are too long to be sealed.
    #[must_use]
    pub fn seal(&self, site: &SiteId, visitor: VisitorId, now: Timestamp, random: &dyn Random) -> String {
        let mut nonce = [0; NONCE];
        random.fill(&mut nonce);
        let mut plain = [0; PLAIN];
        let (seconds, id) = plain.split_at_mut(4);
        // No cookie is older than its key: a clock that says so is wrong, and the cookie would have expired once it is set right.
        let now = self.newest_key().map_or(now, |made| now.max(made));
        seconds.copy_from_slice(&(now.as_second().clamp(0, i64::from(u32::MAX)) as u32).to_be_bytes());
        id.copy_from_slice(&visitor.0);

        let payload = Payload { msg: &plain, aad: &bound_to(site) };
        #[expect(clippy::expect_used, reason = "see above: it cannot fail")]
        let sealed = self
            .ciphers()
            .next()
            .and_then(|cipher| cipher.encrypt(&XNonce::from(nonce), payload).ok())
            .expect("a key, and a message of 20 bytes");
        let mut raw = Vec::with_capacity(RAW);
        raw.push(VERSION);
        raw.extend_from_slice(&nonce);
        raw.extend_from_slice(&sealed);
        BASE64_URL_SAFE_NO_PAD.encode(raw)
    }

    /// Opens a cookie value that came from outside.
    ///
    /// # Errors
    /// When it is not ours, not of this site, altered or expired: the caller then has a new visitor.
    pub fn open_cookie(
        &self,
        site: &SiteId,
        value: &[u8],
        lifetime: Duration,
        now: Timestamp,
    ) -> Result<Identity, InvalidCookie> {
        if value.len() != TEXT {
            return Err(InvalidCookie::Malformed);
        }
        let raw = BASE64_URL_SAFE_NO_PAD.decode(value).map_err(|_| InvalidCookie::Malformed)?;
        let Some((&VERSION, rest)) = raw.split_first() else { return Err(InvalidCookie::Malformed) };
        let Some((nonce, sealed)) = rest.split_first_chunk::<NONCE>() else { return Err(InvalidCookie::Malformed) };
        let (nonce, aad) = (XNonce::from(*nonce), bound_to(site));
        let (age, plain) = self
            .ciphers()
            .enumerate()
            .find_map(|(age, cipher)| {
                let plain = cipher.decrypt(&nonce, Payload { msg: sealed, aad: &aad }).ok()?;
                Some((age, <[u8; PLAIN]>::try_from(plain).ok()?))
            })
            .ok_or(InvalidCookie::Sealed)?;
        let [s0, s1, s2, s3, visitor @ ..] = plain;
        let sealed_at = i64::from(u32::from_be_bytes([s0, s1, s2, s3]));
        let lifetime = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
        let lived = now.as_second() - sealed_at;
        if lived >= lifetime {
            return Err(InvalidCookie::Expired);
        }
        Ok(Identity {
            visitor: VisitorId(visitor),
            sealed_at: Timestamp::from_second(sealed_at).unwrap_or(now),
            // One from the future was sealed under a wrong clock: with the right one, which ours may not be, it gets its right age.
            reissue: age > 0 || lived >= lifetime / 2 || (lived < -FUTURE && Some(now) >= self.newest_key()),
        })
    }

    /// Finds the visitor among a request's cookies: the first of our name that is valid.
    #[must_use]
    pub fn recognise(
        &self,
        site: &SiteId,
        settings: &CookieSettings,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Option<Identity> {
        headers
            .get_all(header::COOKIE)
            .iter()
            .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
            .filter_map(|pair| value_of(pair, &settings.name))
            .find_map(|value| self.open_cookie(site, value, settings.lifetime, now).ok())
    }
}

/// Seconds that another machine's clock may be ahead.
const FUTURE: i64 = 300;

/// The cipher's associated data: a cookie opens only under the version and the site it was sealed for.
fn bound_to(site: &SiteId) -> Vec<u8> {
    [b"noren visitor ".as_slice(), &[VERSION], site.as_str().as_bytes()].concat()
}

/// The `Set-Cookie` that gives a visitor their cookie. `secure`: the visitor came by https.
///
/// # Errors
/// When the name or the domain in the settings cannot stand in a header.
pub fn set_cookie(settings: &CookieSettings, sealed: &str, secure: bool) -> Result<HeaderValue, InvalidHeaderValue> {
    let (name, age) = (&settings.name, settings.lifetime.as_secs());
    let mut text = format!("{name}={sealed}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax");
    if let Some(domain) = &settings.domain {
        text.push_str("; Domain=");
        text.push_str(domain);
    }
    if secure {
        text.push_str("; Secure");
    }
    HeaderValue::try_from(text)
}

/// The value of the first cookie of a name, as sent.
#[must_use]
pub fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
        .find_map(|pair| value_of(pair, name))
        .and_then(|value| std::str::from_utf8(value).ok())
}

/// The `Cookie` headers that go upstream without the cookies of these names, or `None` if there is none of them.
///
/// All other bytes stay as they are. An empty list: nothing else was there, and the header goes.
#[must_use]
pub fn without_cookies(headers: &HeaderMap, names: &[&str]) -> Option<SmallVec<[HeaderValue; 1]>> {
    let lines = || headers.get_all(header::COOKIE).iter();
    let has_ours = |line: &HeaderValue| line.as_bytes().split(|b| *b == b';').any(|pair| is_of(pair, names));
    if !lines().any(has_ours) {
        return None;
    }
    Some(lines().filter_map(|line| if has_ours(line) { strip_line(line, names) } else { Some(line.clone()) }).collect())
}

/// Takes our pairs out of one line, each with the semicolon before it; the line's first with the one after it.
fn strip_line(line: &HeaderValue, names: &[&str]) -> Option<HeaderValue> {
    let mut kept: Vec<u8> = Vec::with_capacity(line.len());
    let mut first = true;
    for pair in line.as_bytes().split(|byte| *byte == b';').filter(|pair| !is_of(pair, names)) {
        if first {
            let was_first = line.as_bytes().as_ptr() == pair.as_ptr();
            kept.extend_from_slice(if was_first { pair } else { pair.trim_ascii_start() });
        } else {
            kept.push(b';');
            kept.extend_from_slice(pair);
        }
        first = false;
    }
    if kept.trim_ascii().is_empty() {
        return None;
    }
    // Bytes of a valid value make a valid value.
    let mut value = HeaderValue::from_bytes(&kept).ok()?;
    value.set_sensitive(line.is_sensitive());
    Some(value)
}

fn is_of(pair: &[u8], names: &[&str]) -> bool {
    names.iter().any(|name| value_of(pair, name).is_some())
}

/// The value of a `name=value` pair, if it is of this name.
fn value_of<'a>(pair: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let equals = memchr::memchr(b'=', pair)?;
    let (key, value) = pair.split_at(equals);
    (key.trim_ascii() == name.as_bytes()).then(|| value.get(1..).unwrap_or_default().trim_ascii())
}

#[cfg(test)]
mod tests;
