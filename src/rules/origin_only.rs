//! A site without a file: `noren serve --origin https://shop.example`.

use super::LoadOptions;
use crate::ids::SiteId;
use crate::scenario::RuleSet;
use crate::site::{CookieSettings, InvalidOrigin, Origin, OriginAddress, Site};
use jiff::tz::TimeZone;
use std::time::Duration;

/// A site that takes every host and has no scenario. The shop is asked under its own name, since it does not know ours.
///
/// # Errors
/// When the text is no origin.
pub fn site_for_origin(origin: &str, options: &LoadOptions) -> Result<Site, InvalidOrigin> {
    let address = OriginAddress::parse(origin)?;
    let default_port = if address.tls { 443 } else { 80 };
    let name = if address.host.contains(':') { format!("[{}]", address.host) } else { address.host.clone() };
    let host = if address.port == default_port { name } else { format!("{name}:{}", address.port) };
    Ok(Site {
        id: SiteId::new("default"),
        hosts: vec!["*".to_owned()],
        prefix: options.prefix.clone(),
        origin: Origin { addresses: vec![address], host: Some(host), ..Origin::default() },
        locale: "ja".to_owned(),
        time_zone: TimeZone::get("Asia/Tokyo").unwrap_or(TimeZone::UTC),
        currency: "JPY".to_owned(),
        cookie: CookieSettings::default(),
        session_timeout: Duration::from_secs(30 * 60),
        pages: Vec::new(),
        customer: Vec::new(),
        holdout: 0,
        https_redirect: false,
        enabled: true,
        rules: RuleSet::default(),
    })
}
