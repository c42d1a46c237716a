//! `[customer]` of `site.toml`: what the shop says of its customers.

use crate::config::reader::{Placed, Table, suggest};
use crate::config::settings::{Section, setting};
use crate::facts::attributes::ATTRIBUTES;
use crate::site::{CustomerMapping, CustomerSource};
use http::HeaderName;

/// `[customer]`.
pub(crate) static CUSTOMER: Section = Section {
    file: "site.toml",
    header: "[customer]",
    help: "Where `customer.*` comes from: `rank = { response_header = \"X-Member-Rank\" }`. A `response_header` is taken off before \
           the answer goes on; a `request_header` is believed only from trusted proxies; a `cookie` can be forged by the visitor: \
           good for greetings, not for money. Any column of the shop's own: `attr.plan = { … }`, in conditions \
           `customer.attr[\"plan\"]`.",
    settings: &[
        setting(
            "FIELD",
            "table",
            "",
            "`{ response_header = \"…\" }`, `{ request_header = \"…\" }` or `{ cookie = \"…\" }`.",
        ),
        setting(
            "id",
            "table",
            "",
            "The member's own number, from a header: all browsers in which it is seen share one history and one count of what was \
             shown. It is stored as a keyed hash only. Not from a cookie: whoever forges it would be served as somebody else. Where \
             the shop's pages say it, nothing need be set.",
        ),
        setting(
            "part_at_logout",
            "true or false",
            "false",
            "Whether a browser stands for itself again once the member has logged out in it: for shared computers.",
        ),
    ],
};

/// What the table says.
#[derive(Debug, Default)]
pub(in crate::rules) struct Found {
    pub(in crate::rules) mappings: Vec<CustomerMapping>,
    pub(in crate::rules) part_at_logout: bool,
}

const SOURCES: [&str; 3] = ["response_header", "request_header", "cookie"];
const EXAMPLE: &str = "{ response_header = \"X-Member-Rank\" }";

/// Reads the table.
pub(super) fn read(mut table: Table<'_, '_>) -> Found {
    let part_at_logout = table.bool("part_at_logout").is_some_and(|found| found.value);
    let table = &table;
    let known: Vec<&str> = ATTRIBUTES.iter().filter_map(|attribute| attribute.name.strip_prefix("customer.")).collect();
    let mut mappings = Vec::new();
    for (key, value) in table.entries() {
        if key.value == "part_at_logout" {
            continue;
        }
        if key.value == "id" {
            let (found, place) = (mapping(table, key, value), value.span());
            if let Some(CustomerMapping { from: CustomerSource::Cookie(_), .. }) = found {
                let message = "whoever forges this cookie would be served as somebody else";
                let help = "have the shop say it in a header: `id = { response_header = \"X-Member-Id\" }`".to_owned();
                table.error("forgeable-id", place, message, Some(help));
            } else {
                mappings.extend(found);
            }
        } else if key.value == "attr" {
            let Some(columns) = value.get_ref().as_table() else {
                table.mistyped("attr", ("a table of columns", "{ plan = { cookie = \"…\" } }"), value);
                continue;
            };
            let columns = table.child(columns, value.span());
            for (column, value) in columns.entries() {
                let field = Placed { value: format!("attr.{}", column.value), span: column.span };
                mappings.extend(mapping(&columns, field, value));
            }
        } else if known.contains(&key.value.as_str()) || key.value == "name" {
            mappings.extend(mapping(table, key, value));
        } else {
            let help = suggest(&key.value, known.iter().copied()).map_or_else(
                || format!("known here: {}; a column of your own is `attr.{} = …`", known.join(", "), key.value),
                |best| format!("did you mean `{best}`? A column of your own is `attr.{} = …`", key.value),
            );
            table.error(
                "unknown-customer-field",
                key.span,
                format!("there is no `customer.{}`", key.value),
                Some(help),
            );
        }
    }
    Found { mappings, part_at_logout }
}

fn mapping(
    table: &Table<'_, '_>,
    field: Placed<String>,
    value: &toml::Spanned<toml::de::DeValue<'_>>,
) -> Option<CustomerMapping> {
    let Some(inner) = value.get_ref().as_table() else {
        table.mistyped(&field.value, ("a table that says where it comes from", EXAMPLE), value);
        return None;
    };
    let mut source = table.child(inner, value.span());
    let given: Vec<&'static str> = SOURCES.into_iter().filter(|key| source.has(key)).collect();
    let from = match given.as_slice() {
        [key] => source.string(key).and_then(|text| parse(&source, key, text)),
        several => {
            let (code, message) = if several.is_empty() {
                ("no-customer-source", format!("`{}` comes from nowhere", field.value))
            } else {
                ("several-customer-sources", format!("`{}` has several sources", field.value))
            };
            source.error(code, value.span(), message, Some(format!("give exactly one of: {}", SOURCES.join(", "))));
            None
        }
    };
    source.finish();
    Some(CustomerMapping { field: field.value, from: from? })
}

fn parse(table: &Table<'_, '_>, key: &str, text: Placed<String>) -> Option<CustomerSource> {
    if key == "cookie" {
        return Some(CustomerSource::Cookie(text.value));
    }
    let Ok(name) = HeaderName::try_from(text.value.as_str()) else {
        let help = "use letters, digits and `-`: `X-Member-Rank`".to_owned();
        table.error("bad-header-name", text.span, format!("`{}` is no header name", text.value), Some(help));
        return None;
    };
    Some(if key == "response_header" {
        CustomerSource::ResponseHeader(name)
    } else {
        CustomerSource::RequestHeader(name)
    })
}
