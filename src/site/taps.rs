//! Taps: which requests and JSON answers of a shop tell what its visitors do, and in which fields. A platform's preset and
//! `site.toml` name them.
//!
//! Says what is to be read, and judges an answer's head. Does not read.

mod pointer;

pub use pointer::{LONGEST_LIST, Pick, Pointer, Step, truthy};

use super::PathPattern;
use encoding_rs::Encoding;
use http::{HeaderMap, Method, StatusCode, header};
use serde_json::Value;

/// What a site taps, its own entries before its platform's.
#[derive(Debug, Clone, Default)]
pub struct Taps {
    /// What visitors send.
    pub forms: Vec<Form>,
    /// What the shop's own JSON answers say.
    pub apis: Vec<Api>,
}

/// Which requests an entry is about.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Any of these paths.
    pub paths: Vec<PathPattern>,
    /// Any of these methods; none: all but HEAD.
    pub methods: Vec<Method>,
    /// What must hold of the request's fields.
    pub conditions: Conditions,
}

/// Conditions on fields.
#[derive(Debug, Clone, Default)]
pub struct Conditions {
    /// All of these must hold.
    pub all: Vec<Condition>,
    /// None of these may.
    pub none: Vec<Condition>,
}

/// A field that has one of some values.
#[derive(Debug, Clone)]
pub struct Condition {
    /// The field.
    pub field: Named,
    /// Values; `*` stands for any but the empty one.
    pub values: Vec<String>,
}

/// A form, or whatever else visitors' browsers send to do something.
#[derive(Debug, Clone)]
pub struct Form {
    /// Which requests.
    pub asked: Asked,
    /// What they do.
    pub event: FormEvent,
    /// Charset of texts that are not UTF-8.
    pub charset: Option<&'static Encoding>,
    /// Product's id.
    pub id: Vec<Field>,
    /// Product's name.
    pub name: Vec<Field>,
    /// Price of one.
    pub price: Vec<Field>,
    /// How many.
    pub quantity: Vec<Field>,
    /// Searched for.
    pub term: Vec<Field>,
    /// Value of the cart.
    pub value: Vec<Field>,
    /// Which answer says that it was done.
    pub success: Success,
}

/// What a form does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormEvent {
    /// Puts a product into the cart.
    AddToCart,
    /// Takes one out.
    RemoveFromCart,
    /// Goes to the till.
    BeginCheckout,
    /// Searches.
    Search,
    /// Logs in.
    Login,
}

/// Where a value stands in a request.
#[derive(Debug, Clone)]
pub enum Field {
    /// In the body, or else in the query.
    Named(Named),
    /// In the query alone.
    Query(String),
    /// In the path: the segment of that number, from 1, or from the end if it is negative.
    Segment(i64),
}

/// A field's name, and where that is in a JSON body.
#[derive(Debug, Clone)]
pub struct Named {
    /// As written.
    pub name: String,
    /// In JSON.
    pub pointer: Pointer,
}

/// What says that a form was taken.
#[derive(Debug, Clone, Default)]
pub struct Success {
    /// The answer has one of these statuses.
    pub status: Vec<StatusCode>,
    /// Or it leads somewhere.
    pub redirect: Option<Redirect>,
    /// But not to one of these.
    pub not_redirect: Vec<PathPattern>,
    /// The JSON answer has something there.
    pub json: Option<Pointer>,
    /// And nothing there.
    pub json_not: Option<Pointer>,
}

/// Where an answer must lead.
#[derive(Debug, Clone)]
pub enum Redirect {
    /// Anywhere but back to the request's own address.
    Elsewhere,
    /// To one of these.
    To(Vec<PathPattern>),
}

/// Whether a form was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was.
    Yes,
    /// It was not.
    No,
    /// The answer's JSON tells.
    Read,
}

/// An answer of the shop's own in JSON. Products are believed only of answers to GET.
#[derive(Debug, Clone, Default)]
pub struct Api {
    /// Which requests.
    pub asked: Asked,
    /// All places of the answer that are read: see [`Api::with_pointers`].
    pub pointers: Vec<Pointer>,
    /// The visitor's cart.
    pub cart: Option<CartAt>,
    /// A product, or products of a list.
    pub products: Vec<ProductsAt>,
    /// The order just placed.
    pub order: Option<OrderAt>,
    /// A search.
    pub search: Option<SearchAt>,
}

/// Where a value stands in JSON: the first of these that is there.
#[derive(Debug, Clone, Default)]
pub struct At {
    /// Pointers.
    pub at: Vec<Pointer>,
    /// By which power of ten a number is to be divided.
    pub scale: Option<Scale>,
    /// Texts that mean yes.
    pub is: Vec<String>,
}

/// A power of ten.
#[derive(Debug, Clone)]
pub enum Scale {
    /// This.
    Fixed(u8),
    /// What stands there, by the same root.
    At(Pointer),
}

/// A cart in JSON.
#[derive(Debug, Clone, Default)]
pub struct CartAt {
    /// Its lines.
    pub lines: Option<Pointer>,
    /// A line's fields.
    pub line: LineAt,
    /// Number of things.
    pub items: At,
    /// Value of the goods.
    pub value: At,
    /// Currency.
    pub currency: At,
}

/// A line of a cart or an order.
#[derive(Debug, Clone, Default)]
pub struct LineAt {
    /// The product's id.
    pub id: At,
    /// Its name.
    pub name: At,
    /// Price of one.
    pub price: At,
    /// How many.
    pub quantity: At,
}

/// Products in JSON.
#[derive(Debug, Clone, Default)]
pub struct ProductsAt {
    /// Where they stand.
    pub at: Pointer,
    /// Each value there is one of a list.
    pub listed: bool,
    /// Id.
    pub id: At,
    /// Name.
    pub name: At,
    /// Category, the outermost first.
    pub category: At,
    /// Brand.
    pub brand: At,
    /// Price.
    pub price: At,
    /// Currency.
    pub currency: At,
    /// Whether it can be bought.
    pub in_stock: At,
    /// Address of its picture.
    pub image: At,
    /// Address of its page.
    pub url: At,
}

/// An order in JSON.
#[derive(Debug, Clone, Default)]
pub struct OrderAt {
    /// The shop's number.
    pub id: At,
    /// What was paid in all.
    pub value: At,
    /// Thereof tax.
    pub tax: At,
    /// Thereof shipping.
    pub shipping: At,
    /// Currency.
    pub currency: At,
    /// Coupon codes.
    pub coupons: At,
    /// Its lines.
    pub lines: Option<Pointer>,
    /// A line's fields.
    pub line: LineAt,
}

/// A search in JSON.
#[derive(Debug, Clone, Default)]
pub struct SearchAt {
    /// The term, in the answer.
    pub term: At,
    /// Or in the request's query.
    pub query: Option<String>,
    /// Number of results.
    pub results: At,
}

impl Taps {
    /// Appends a platform's.
    pub fn extend(&mut self, platform: &Self) {
        self.forms.extend(platform.forms.iter().cloned());
        self.apis.extend(platform.apis.iter().cloned());
    }
}

impl Asked {
    /// Whether a request is one of these, as far as method and path tell.
    #[must_use]
    pub fn names(&self, method: &Method, path: &str) -> bool {
        let method_is_meant =
            if self.methods.is_empty() { *method != Method::HEAD } else { self.methods.contains(method) };
        method_is_meant && self.paths.iter().any(|pattern| pattern.matches(path))
    }
}

impl Conditions {
    /// Whether they hold of fields that are looked up by `value`.
    pub fn hold<'a>(&self, value: impl Fn(&Named) -> Option<&'a str>) -> bool {
        let met = |condition: &Condition| {
            value(&condition.field).is_some_and(|found| {
                condition.values.iter().any(|wanted| if wanted == "*" { !found.is_empty() } else { wanted == found })
            })
        };
        self.all.iter().all(met) && !self.none.iter().any(met)
    }

    /// The fields that they are about.
    pub fn fields(&self) -> impl Iterator<Item = &Named> {
        self.all.iter().chain(&self.none).map(|condition| &condition.field)
    }
}

impl Form {
    /// The fields that may stand in the body.
    pub fn body_fields(&self) -> impl Iterator<Item = &Named> {
        let fields = [&self.id, &self.name, &self.price, &self.quantity, &self.term, &self.value].into_iter().flatten();
        let named = fields.filter_map(|field| match field {
            Field::Named(named) => Some(named),
            _ => None,
        });
        named.chain(self.asked.conditions.fields())
    }
}

impl Api {
    /// Gathers all places that it reads.
    #[must_use]
    pub fn with_pointers(mut self) -> Self {
        let mut all = Vec::new();
        let root = Pointer::default();
        let mut values = |root: &Pointer, values: &[&At]| {
            for at in values {
                let scale = match &at.scale {
                    Some(Scale::At(pointer)) => Some(pointer),
                    _ => None,
                };
                all.extend(at.at.iter().chain(scale).map(|pointer| root.join(pointer)));
            }
        };
        let mut lines = Vec::new();
        if let Some(cart) = &self.cart {
            values(&root, &[&cart.items, &cart.value, &cart.currency]);
            lines.extend(cart.lines.as_ref().map(|at| (at, &cart.line)));
        }
        if let Some(order) = &self.order {
            values(&root, &[&order.id, &order.value, &order.tax, &order.shipping, &order.currency, &order.coupons]);
            lines.extend(order.lines.as_ref().map(|at| (at, &order.line)));
        }
        for (at, line) in &lines {
            values(&at.each(), &[&line.id, &line.name, &line.price, &line.quantity]);
        }
        for of in &self.products {
            let texts = [&of.id, &of.name, &of.category, &of.brand, &of.price, &of.currency];
            values(&of.at, &texts);
            values(&of.at, &[&of.in_stock, &of.image, &of.url]);
        }
        if let Some(search) = &self.search {
            values(&root, &[&search.term, &search.results]);
        }
        all.extend(lines.into_iter().map(|(at, _)| at.clone()));
        self.pointers = all;
        self
    }
}

impl At {
    /// The first value that is there and not null.
    #[must_use]
    pub fn first<'v>(&self, json: &'v Value) -> Option<&'v Value> {
        self.at.iter().flat_map(|pointer| pointer.find(json)).find(|value| !value.is_null())
    }
}

impl Named {
    /// A field by its name: one that begins with `/` is a JSON pointer.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let pointer = if name.starts_with('/') { Pointer::parse(name)? } else { Pointer::key(name) };
        Some(Self { name: name.to_owned(), pointer })
    }
}

impl Success {
    /// What an answer's head says. `own` is the request's path and query.
    #[must_use]
    pub fn judge(&self, own: &str, status: StatusCode, headers: &HeaderMap) -> Verdict {
        let by_head = match (&self.redirect, self.status.is_empty()) {
            (None, true) => status.is_success() || status.is_redirection(),
            (redirect, _) => {
                self.status.contains(&status)
                    || redirect.as_ref().is_some_and(|redirect| redirect.is_met(own, status, headers))
            }
        };
        let elsewhere = |target: &str| !self.not_redirect.iter().any(|pattern| is_at(pattern, target));
        let kept_out = !self.not_redirect.is_empty() && target(own, headers).is_some_and(|target| !elsewhere(&target));
        if !by_head || kept_out {
            Verdict::No
        } else if self.json.is_some() || self.json_not.is_some() {
            Verdict::Read
        } else {
            Verdict::Yes
        }
    }
}

impl Redirect {
    fn is_met(&self, own: &str, status: StatusCode, headers: &HeaderMap) -> bool {
        // 307 and 308 send the form on: they have not judged it.
        if !matches!(status, StatusCode::FOUND | StatusCode::SEE_OTHER) {
            return false;
        }
        let Some(target) = target(own, headers) else { return false };
        match self {
            Self::Elsewhere => target != own,
            Self::To(patterns) => patterns.iter().any(|pattern| is_at(pattern, &target)),
        }
    }
}

/// Path and query that an answer leads to.
fn target(own: &str, headers: &HeaderMap) -> Option<String> {
    let location = std::str::from_utf8(headers.get(header::LOCATION)?.as_bytes()).ok()?;
    let base = url::Url::parse("http://shop.invalid").ok()?.join(own).ok()?;
    let target = base.join(location).ok()?;
    Some(match target.query() {
        Some(query) => format!("{}?{query}", target.path()),
        None => target.path().to_owned(),
    })
}

/// Whether an address is meant by a pattern: by its path, unless the pattern has a query, too.
fn is_at(pattern: &PathPattern, address: &str) -> bool {
    let path = address.split_once('?').map_or(address, |(path, _)| path);
    pattern.matches(if pattern.as_str().contains('?') { address } else { path })
}

#[cfg(test)]
mod tests;
