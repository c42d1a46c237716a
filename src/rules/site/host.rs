//! `hosts` of `site.toml`.

use crate::config::reader::{Placed, Table};

/// Reads the list. Names come out in lower case, international ones in their ASCII form.
pub(super) fn read(table: &mut Table<'_, '_>) -> Vec<Placed<String>> {
    if !table.has("hosts") {
        table.missing("hosts", "such as [\"shop.example\"]");
        return Vec::new();
    }
    let Some(list) = table.strings("hosts") else { return Vec::new() };
    if list.value.is_empty() {
        let help = "name the hosts that the shop is visited by: `hosts = [\"shop.example\"]`".to_owned();
        table.error("no-hosts", list.span, "`hosts` is empty", Some(help));
    }
    let mut hosts: Vec<Placed<String>> = Vec::with_capacity(list.value.len());
    for text in list.value {
        match normal(&text.value) {
            Ok(name) if hosts.iter().any(|host| host.value == name) => {
                table.warning(
                    "duplicate-host",
                    text.span,
                    format!("`{name}` stands here twice"),
                    Some("remove one".into()),
                );
            }
            Ok(name) => hosts.push(Placed { value: name, span: text.span }),
            Err(help) => {
                table.error("bad-host", text.span, format!("`{}` is no host name", text.value), Some(help.to_owned()));
            }
        }
    }
    hosts
}

/// The form in which hosts are compared, or what to do.
fn normal(text: &str) -> Result<String, &'static str> {
    if text == "*" {
        return Ok(text.to_owned());
    }
    if text.contains("://") || text.contains('/') {
        return Err("write the name alone, without `https://` and path: `shop.example`");
    }
    let (wildcard, name) = text.strip_prefix("*.").map_or(("", text), |rest| ("*.", rest));
    if name.contains('*') {
        return Err("a `*` may stand for whole names only, at the beginning: `*.shop.example`");
    }
    if name.contains(':') && !name.starts_with('[') {
        return Err("write the name without port: a site answers on every port that is listened on");
    }
    let help = "write a name such as `shop.example` or `www.shop.example`";
    let name = name.strip_suffix('.').unwrap_or(name);
    match url::Host::parse(name) {
        Ok(host) if wildcard.is_empty() || matches!(host, url::Host::Domain(_)) => Ok(format!("{wildcard}{host}")),
        _ => Err(help),
    }
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn hosts_take_the_form_that_browsers_send() {
        assert_eq!(normal("Shop.Example."), Ok("shop.example".into()));
        assert_eq!(normal("*.日本.example"), Ok("*.xn--wgv71a.example".into()));
        assert_eq!(normal("[::1]"), Ok("[::1]".into()));
        assert_eq!(normal("192.0.2.7"), Ok("192.0.2.7".into()));
        for bad in ["", "https://a.example", "a.example:80", "a*.example", "a b", "*.192.0.2.7", "a/b", "*.*"] {
            assert!(normal(bad).is_err(), "{bad}");
        }
    }
}
