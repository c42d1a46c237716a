//! A site without a file: `noren serve --origin https://shop.example`.

use super::files::File;
use super::{LoadOptions, SiteFiles, compile};
use crate::config::diagnostic::Problems;
use crate::config::gateway::Gateway;
use crate::config::source::Sources;
use crate::ids::SiteId;
use crate::site::{InvalidOrigin, Origin, OriginAddress, Site};
use std::sync::Arc;

/// A site that takes every host and greets every visitor. The shop is asked under its own name, since it does not know ours.
///
/// # Errors
/// When the text is no origin.
pub fn site_for_origin(origin: &str, options: &LoadOptions) -> Result<Site, InvalidOrigin> {
    let address = OriginAddress::parse(origin)?;
    let default_port = if address.tls { 443 } else { 80 };
    let name = if address.host.contains(':') { format!("[{}]", address.host) } else { address.host.clone() };
    let host = if address.port == default_port { name } else { format!("{name}:{}", address.port) };
    let file = |stem: &str, text: &str| File {
        stem: stem.to_owned(),
        path: format!("{stem}.toml").into(),
        text: Some(Arc::from(text)),
    };
    let files = SiteFiles {
        id: SiteId::new("default"),
        site: file("site", "hosts = [\"*\"]\norigin = \"http://127.0.0.1\"\n"),
        segments: None,
        scenarios: vec![file("hello", include_str!("origin_only/hello.toml"))],
        templates: Vec::new(),
        problems: Problems::default(),
        sources: Sources::default(),
    };
    let compiled = compile(files, &Gateway::default(), options);
    let site = compiled
        .site
        .and_then(Arc::into_inner)
        .ok_or_else(|| InvalidOrigin { text: origin.to_owned(), reason: "no address that a site could be made for" })?;
    Ok(Site { origin: Origin { addresses: vec![address], host: Some(host), ..Origin::default() }, ..site })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    #[test]
    fn a_shop_without_rules_is_asked_by_its_own_name_and_greets() {
        let options = LoadOptions { prefix: "gw".into(), now: Timestamp::UNIX_EPOCH };
        let site = site_for_origin("https://shop.example", &options).unwrap();
        assert_eq!(site.hosts, ["*"]);
        assert_eq!(site.origin.host.as_deref(), Some("shop.example"));
        assert!(site.rules.may_insert());
        assert!(site_for_origin("ftp://shop.example", &options).is_err());
    }
}
