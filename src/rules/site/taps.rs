//! `[[forms]]` and `[[api]]`: what is read of visitors' requests and of the shop's own JSON answers. A platform's preset has the
//! same tables.

mod api;
mod secret;

pub(crate) use api::{API, API_CART, API_LINE, API_LISTED, API_ORDER, API_PRODUCT, API_SEARCH, apis};

use crate::config::reader::{Placed, Table};
use crate::config::settings::{REQUIRED, Section, setting};
use crate::site::PathPattern;
use crate::site::taps::{Asked, Condition, Conditions, Field, Form, FormEvent, Named, Pointer, Redirect, Success};
use encoding_rs::Encoding;
use http::{Method, StatusCode};
use std::ops::Range;
use toml::Spanned;
use toml::de::DeValue;

/// `[[forms]]`.
pub(crate) static FORMS: Section = Section {
    file: "site.toml",
    header: "[[forms]]",
    help: "What visitors do in the shop, read from the requests that their browsers send: form posts (`application/x-www-form-urlencoded`, \
           `multipart/form-data`, JSON) and links. Requests pass unchanged and are not waited for; at most 64 KiB of a body are read, and \
           nothing is kept but the fields named here. A field is a name, looked for in the body and then in the query (in a JSON body: a \
           key, or a JSON pointer such as `\"/items/0/id\"`); `{ query = \"…\" }`; `{ segment = 2 }`, of the path; or a list of these, of \
           which the first that has a value counts. A site's platform brings its own; the site's come first.",
    settings: &[
        setting("event", "text", REQUIRED, "`add_to_cart`, `remove_from_cart`, `begin_checkout`, `search` or `login`."),
        setting("path", "text or list of texts", REQUIRED, "Paths, as in `[pages]`."),
        setting("method", "text or list of texts", "", "Methods: `POST`; for a search `GET`, too."),
        setting(
            "where",
            "table",
            "",
            "Fields and the values that all of them must have: `{ action = \"add\", mode = [\"a\", \"b\"], item = \"*\" }`; `*` is any value.",
        ),
        setting("unless", "table", "", "Fields and the values that none of them may have."),
        setting("charset", "text", "\"utf-8\"", "Charset of texts that are not UTF-8: `shift_jis`, `euc-jp`."),
        setting("id", "field", "", "The product's id. Required for `add_to_cart`."),
        setting("name", "field", "", "The product's name."),
        setting("price", "field", "", "Price of one."),
        setting("quantity", "field", "", "How many; 1 where it is not told."),
        setting("term", "field", "", "What is searched for. Required for `search`."),
        setting("value", "field", "", "Value of the cart, for `begin_checkout`."),
        setting(
            "success",
            "table",
            "",
            "Which answer says that it was done. By default, for `login` a redirect to another address, otherwise any answer but an \
             error. See `success`.",
        ),
    ],
};

/// `success` of `[[forms]]`.
pub(crate) static SUCCESS: Section = Section {
    file: "site.toml",
    header: "forms.success",
    help: "Which answer says that a form was taken. A status or a redirect; all else that is named must hold, too.",
    settings: &[
        setting("status", "number or list of numbers", "", "Statuses that say so."),
        setting(
            "redirect",
            "true, text or list of texts",
            "",
            "302 or 303 that leads elsewhere (`true`), or to one of these paths; a pattern with `?` is held against path and query.",
        ),
        setting("not_redirect", "text or list of texts", "", "Where it must not lead: back to the form."),
        setting("json", "text", "", "JSON pointer: the answer has something there."),
        setting("json_not", "text", "", "JSON pointer: the answer has nothing there."),
    ],
};

const EVENTS: [(&str, FormEvent); 5] = [
    ("add_to_cart", FormEvent::AddToCart),
    ("remove_from_cart", FormEvent::RemoveFromCart),
    ("begin_checkout", FormEvent::BeginCheckout),
    ("search", FormEvent::Search),
    ("login", FormEvent::Login),
];

const METHODS: [(&str, Method); 5] = [
    ("GET", Method::GET),
    ("POST", Method::POST),
    ("PUT", Method::PUT),
    ("PATCH", Method::PATCH),
    ("DELETE", Method::DELETE),
];

/// Reads `[[forms]]` of a table.
pub(crate) fn forms(table: &mut Table<'_, '_>) -> Vec<Form> {
    table.tables("forms").into_iter().map(|form| read(form.documented(&FORMS))).collect()
}

fn read(mut table: Table<'_, '_>) -> Form {
    let event = if table.has("event") {
        table.choice("event", &EVENTS).map(|event| event.value)
    } else {
        table.missing("event", "what the visitor does: `event = \"add_to_cart\"`");
        None
    };
    let default = if event == Some(FormEvent::Search) { &[Method::GET][..] } else { &[Method::POST] };
    let form = Form {
        asked: asked(&mut table, default),
        event: event.unwrap_or(FormEvent::Login),
        charset: charset(&mut table),
        id: fields(&mut table, "id"),
        name: fields(&mut table, "name"),
        price: fields(&mut table, "price"),
        quantity: fields(&mut table, "quantity"),
        term: fields(&mut table, "term"),
        value: fields(&mut table, "value"),
        success: success(&mut table, event),
    };
    for (of, key, given) in [(FormEvent::AddToCart, "id", &form.id), (FormEvent::Search, "term", &form.term)] {
        if event == Some(of) && given.is_empty() && !table.has(key) {
            table.missing(key, "the field that it stands in");
        }
    }
    table.finish();
    form
}

/// Paths, methods and conditions.
pub(super) fn asked(table: &mut Table<'_, '_>, default: &[Method]) -> Asked {
    if !table.has("path") {
        table.missing("path", "the path of the requests: `path = \"/cart/add\"`");
    }
    let paths = patterns(table, "path");
    let methods = if table.has("method") { methods(table) } else { default.to_vec() };
    let conditions = Conditions { all: conditions(table, "where"), none: conditions(table, "unless") };
    Asked { paths, methods, conditions }
}

fn patterns(table: &mut Table<'_, '_>, key: &'static str) -> Vec<PathPattern> {
    let mut patterns = Vec::new();
    for text in table.strings(key).map(|list| list.value).unwrap_or_default() {
        match PathPattern::parse(&text.value) {
            Ok(pattern) => patterns.push(pattern),
            Err(error) => {
                let help = "begin with `/`, or with `*`: `/cart/add`, `/products/*/add`".to_owned();
                table.error("bad-path-pattern", text.span, error.to_string(), Some(help));
            }
        }
    }
    patterns
}

fn methods(table: &mut Table<'_, '_>) -> Vec<Method> {
    let mut found = Vec::new();
    for text in table.strings("method").map(|list| list.value).unwrap_or_default() {
        match METHODS.iter().find(|(name, _)| *name == text.value) {
            Some((_, method)) => found.push(method.clone()),
            None => {
                let all = METHODS.map(|(name, _)| name).join(", ");
                let message = format!("`{}` is no method that is read", text.value);
                table.error("unknown-word", text.span, message, Some(format!("one of: {all}")));
            }
        }
    }
    found
}

fn conditions(table: &mut Table<'_, '_>, key: &'static str) -> Vec<Condition> {
    let Some(inner) = table.table(key) else { return Vec::new() };
    let mut found = Vec::new();
    for (name, value) in inner.entries() {
        let field = named(&inner, &name);
        let texts: Vec<Option<&str>> = match value.get_ref() {
            DeValue::Array(list) => list.iter().map(|item| item.get_ref().as_str()).collect(),
            single => vec![single.as_str()],
        };
        match texts.into_iter().collect::<Option<Vec<&str>>>() {
            Some(texts) => {
                let values = texts.into_iter().map(str::to_owned).collect();
                found.extend(field.map(|field| Condition { field, values }));
            }
            None => inner.mistyped(&name.value, ("a text or a list of texts", "\"add\""), value),
        }
    }
    found
}

fn charset(table: &mut Table<'_, '_>) -> Option<&'static Encoding> {
    let text = table.string("charset")?;
    let found = Encoding::for_label_no_replacement(text.value.as_bytes());
    if found.is_none() {
        let help = "name one as browsers know it: `utf-8`, `shift_jis`, `euc-jp`".to_owned();
        table.error("unknown-charset", text.span, format!("there is no charset `{}`", text.value), Some(help));
    }
    found
}

fn fields(table: &mut Table<'_, '_>, key: &'static str) -> Vec<Field> {
    let Some(value) = table.raw(key) else { return Vec::new() };
    match value.get_ref() {
        DeValue::Array(list) => list.iter().filter_map(|item| field(table, key, item)).collect(),
        _ => field(table, key, value).into_iter().collect(),
    }
}

fn field<'i>(table: &Table<'_, 'i>, key: &'static str, value: &'i Spanned<DeValue<'i>>) -> Option<Field> {
    if let Some(text) = value.get_ref().as_str() {
        return named(table, &Placed { value: text.to_owned(), span: value.span() }).map(Field::Named);
    }
    let Some(inner) = value.get_ref().as_table() else {
        table.mistyped(key, ("a field's name, or where it stands", "\"product_id\""), value);
        return None;
    };
    let mut inner = table.child(inner, value.span());
    let found = match (inner.has("query"), inner.has("segment")) {
        (true, false) => inner
            .string("query")
            .and_then(|name| secret::check(&inner, &name.value, &name.span).then_some(Field::Query(name.value))),
        (false, true) => inner.integer("segment", -20..=20).and_then(|number| {
            if number.value == 0 {
                let help = Some("the first segment is 1, the last -1".to_owned());
                inner.error("out-of-range", number.span, "there is no segment 0", help);
                return None;
            }
            Some(Field::Segment(number.value))
        }),
        _ => {
            let help = Some("write `{ query = \"id\" }` or `{ segment = 2 }`".to_owned());
            inner.error("bad-field", value.span(), format!("`{key}` does not say where it stands"), help);
            None
        }
    };
    inner.finish();
    found
}

fn named(table: &Table<'_, '_>, name: &Placed<String>) -> Option<Named> {
    if name.value.is_empty() {
        let help = Some("write the field's name as it stands in the form".to_owned());
        table.error("bad-field", name.span.clone(), "a field without a name", help);
        return None;
    }
    if !secret::check(table, &name.value, &name.span) {
        return None;
    }
    Named::new(&name.value)
}

fn success(table: &mut Table<'_, '_>, event: Option<FormEvent>) -> Success {
    let Some(inner) = table.table("success") else {
        let redirect = (event == Some(FormEvent::Login)).then_some(Redirect::Elsewhere);
        return Success { redirect, ..Success::default() };
    };
    let mut inner = inner.documented(&SUCCESS);
    let redirect = match inner.raw("redirect").map(Spanned::get_ref) {
        Some(DeValue::Boolean(true)) => Some(Redirect::Elsewhere),
        Some(_) => Some(Redirect::To(patterns(&mut inner, "redirect"))),
        None => None,
    };
    let success = Success {
        status: statuses(&mut inner),
        redirect,
        not_redirect: patterns(&mut inner, "not_redirect"),
        json: inner.string("json").and_then(|text| pointer(&inner, &text)),
        json_not: inner.string("json_not").and_then(|text| pointer(&inner, &text)),
    };
    inner.finish();
    success
}

fn statuses(table: &mut Table<'_, '_>) -> Vec<StatusCode> {
    let Some(value) = table.raw("status") else { return Vec::new() };
    let list: Vec<&Spanned<DeValue<'_>>> = match value.get_ref() {
        DeValue::Array(list) => list.iter().collect(),
        _ => vec![value],
    };
    let read = |item: &Spanned<DeValue<'_>>| {
        let number = item.get_ref().as_integer().and_then(|number| number.as_str().parse::<u16>().ok());
        let status = number.and_then(|number| StatusCode::from_u16(number).ok());
        if status.is_none() {
            table.mistyped("status", ("a status, or a list of statuses", "[200, 204]"), item);
        }
        status
    };
    list.into_iter().filter_map(read).collect()
}

pub(super) fn pointer(table: &Table<'_, '_>, text: &Placed<String>) -> Option<Pointer> {
    bad_pointer(table, &text.value, &text.span)
}

fn bad_pointer(table: &Table<'_, '_>, text: &str, span: &Range<usize>) -> Option<Pointer> {
    let found = Pointer::parse(text);
    match &found {
        None => {
            let help = Some(format!("begin with `/`: `/{text}`; `*` stands for any element of a list"));
            table.error("bad-pointer", span.clone(), format!("`{text}` is no JSON pointer"), help);
        }
        Some(pointer) if !pointer.names().all(|name| secret::check(table, name, span)) => return None,
        Some(_) => {}
    }
    found
}
