//! What a page has said so far, each thing with how far its source is trusted, and what that comes to.

use super::links::{Links, path_of};
use super::number::count;
use super::recipe::{Field, List, Slot, Total, is_list};
use super::schema::Crumb;
use super::{number, text};
use crate::commerce::{Cart, Content, Line, MAX_LINES, Member, Order, Product, Search, bounded};

/// Most steps of a category, coupon codes, and fields of a member.
const MOST: usize = 16;
/// Names of a page that is no category but the shop's beginning.
const HOME: &[&str] =
    &["home", "top", "ホーム", "トップ", "トップページ", "top page", "start", "accueil", "startseite", "首页", "首頁"];

/// A value, with the rank of its source: the less, the more it is trusted.
#[derive(Debug, Clone)]
pub(super) struct Best<T>(Option<(u8, T)>);

/// What a page has said so far.
#[derive(Debug)]
pub(super) struct Draft {
    links: Links,
    path_kind: &'static str,
    kind: Best<&'static str>,
    pub(super) title: Option<String>,
    product: Row,
    listed: Vec<Product>,
    cart_lines: Vec<Line>,
    order_lines: Vec<Line>,
    cart: Totals,
    order: Totals,
    term: Best<String>,
    results: Best<f64>,
    logged_in: bool,
    logged_out: bool,
    member_id: Best<String>,
    member: Vec<(Box<str>, Best<String>)>,
    /// What schema.org's vocabulary told.
    pub(super) schema: Schema,
}

/// Products and more by schema.org's vocabulary.
#[derive(Debug, Default)]
pub(super) struct Schema {
    /// Of JSON-LD and of microdata, in the page's order.
    pub(super) products: [Vec<Product>; 2],
    /// Of lists.
    pub(super) listed: Vec<Product>,
    pub(super) crumbs: Best<Vec<Crumb>>,
    pub(super) order: Option<Order>,
}

/// A product or a line under way.
#[derive(Debug, Default)]
pub(super) struct Row {
    id: Best<String>,
    name: Best<String>,
    category: Best<Vec<String>>,
    brand: Best<String>,
    price: Best<f64>,
    currency: Best<String>,
    in_stock: Best<bool>,
    out_of_stock: Best<bool>,
    image: Best<String>,
    url: Best<String>,
    quantity: Best<f64>,
    total: Best<f64>,
}

#[derive(Debug, Default)]
struct Totals {
    id: Best<String>,
    items: Best<f64>,
    value: Best<f64>,
    tax: Best<f64>,
    shipping: Best<f64>,
    currency: Best<String>,
    coupons: Best<Vec<String>>,
    empty: bool,
}

/// What a source gave.
#[derive(Debug, Clone, Copy)]
pub(super) enum Given<'a> {
    /// Text for people.
    Text(&'a str),
    /// An attribute's or a script's value.
    Value(&'a str),
    /// Its mere presence.
    Presence,
}

impl Draft {
    pub(super) fn new(links: Links, path_kind: &'static str) -> Self {
        Self {
            links,
            path_kind,
            kind: Best::default(),
            title: None,
            product: Row::default(),
            listed: Vec::new(),
            cart_lines: Vec::new(),
            order_lines: Vec::new(),
            cart: Totals::default(),
            order: Totals::default(),
            term: Best::default(),
            results: Best::default(),
            logged_in: false,
            logged_out: false,
            member_id: Best::default(),
            member: Vec::new(),
            schema: Schema::default(),
        }
    }

    pub(super) fn links(&self) -> &Links {
        &self.links
    }

    pub(super) fn links_mut(&mut self) -> &mut Links {
        &mut self.links
    }

    /// Whether something that is trusted as much or more has told this already, so that there is no need to look.
    pub(super) fn knows(&self, slot: &Slot, rank: u8) -> bool {
        match slot {
            Slot::Kind(_) => self.kind.is_known(rank),
            Slot::Product(field) => self.product.knows(*field, rank),
            Slot::Cart(field) => self.cart.knows(*field, rank),
            Slot::Order(field) => self.order.knows(*field, rank),
            Slot::Term => self.term.is_known(rank),
            Slot::Results => self.results.is_known(rank),
            Slot::LoggedIn => self.logged_in,
            Slot::LoggedOut => self.logged_out,
            Slot::MemberId => self.member_id.is_known(rank),
            Slot::Member(name) => self.member.iter().any(|(known, value)| known == name && value.is_known(rank)),
            Slot::InRow(..) => false,
        }
    }

    /// Takes what a source gave. Whether that was of use.
    pub(super) fn put(&mut self, slot: &Slot, rank: u8, given: Given<'_>) -> bool {
        match slot {
            Slot::Kind(kind) => self.kind.put(rank, Some(*kind)),
            Slot::Product(field) => self.product.put(*field, rank, given, &self.links),
            Slot::Cart(field) => self.cart.put(*field, rank, given),
            Slot::Order(field) => self.order.put(*field, rank, given),
            Slot::Term => self.term.put(rank, given.text()),
            Slot::Results => self.results.put(rank, given.number()),
            Slot::LoggedIn => !std::mem::replace(&mut self.logged_in, true),
            Slot::LoggedOut => !std::mem::replace(&mut self.logged_out, true),
            Slot::MemberId => self.member_id.put(rank, given.text()),
            Slot::Member(name) => {
                let at = self.member.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
                    self.member.push((name.clone(), Best::default()));
                    self.member.len() - 1
                });
                self.member.get_mut(at).is_some_and(|(_, value)| value.put(rank, given.text()))
            }
            Slot::InRow(..) => false,
        }
    }

    /// Takes a row that is over.
    pub(super) fn put_row(&mut self, list: List, row: &Row) {
        match list {
            List::Listed if self.listed.len() < MAX_LINES => {
                self.listed.extend(row.product(None).filter(|product| !product.id.is_empty()));
            }
            List::CartLines if self.cart_lines.len() < MAX_LINES => self.cart_lines.extend(row.line()),
            List::OrderLines if self.order_lines.len() < MAX_LINES => self.order_lines.extend(row.line()),
            _ => {}
        }
    }

    /// The kind of the page, as far as it is known.
    pub(super) fn kind(&self) -> &'static str {
        match &self.kind.0 {
            // What the shop's own recipe says beats the path; what the vocabularies say does not.
            Some((rank, kind)) if *rank < super::recipe::JSON_LD || self.path_kind == "other" => kind,
            _ if self.path_kind == "other" && self.is_about_one_product() => "product",
            _ => self.path_kind,
        }
    }

    fn is_about_one_product(&self) -> bool {
        let [json, micro] = &self.schema.products;
        let several = |list: &[Product]| {
            list.iter().skip(1).any(|other| list.first().is_some_and(|first| !is_same(first, other)))
        };
        let products = if json.is_empty() { micro } else { json };
        !products.is_empty() && !several(products) && self.listed.is_empty() && self.schema.listed.is_empty()
    }

    /// Takes a kind that a vocabulary tells, which counts where the path tells none.
    pub(super) fn put_kind(&mut self, rank: u8, kind: &'static str) {
        self.kind.put(rank, Some(kind));
    }

    /// What all that comes to.
    pub(super) fn content(&self) -> Content {
        let kind = self.kind();
        let crumbs = self.schema.crumbs.get().map(Vec::as_slice).unwrap_or_default();
        let product = if kind == "product" { self.own_product(crumbs) } else { None };
        Content {
            kind: (kind != self.path_kind || self.kind.get() == Some(&kind)).then(|| kind.to_owned()),
            title: self.title.clone(),
            product,
            listed: if is_list(kind) { self.list(kind, crumbs) } else { Vec::new() },
            cart: self.cart(kind),
            order: if matches!(kind, "thankyou") { self.order() } else { None },
            search: if kind == "search" { self.search() } else { None },
            member: self.member(),
        }
    }

    fn own_product(&self, crumbs: &[Crumb]) -> Option<Product> {
        let [json, micro] = &self.schema.products;
        let mut product = self.product.product_above(super::recipe::JSON_LD);
        if let Some(found) = json.first() {
            fill(&mut product, found);
        }
        if let Some(found) = micro.first().filter(|found| json.first().is_none_or(|first| is_same(first, found))) {
            fill(&mut product, found);
        }
        if let Some(found) = self.product.product(Some(super::recipe::JSON_LD)) {
            fill(&mut product, &found);
        }
        let steps = steps(crumbs, &self.links, product.name.as_deref(), true);
        if !self.product.category.is_known(super::recipe::JSON_LD - 1) && !steps.is_empty() {
            product.category = steps;
        }
        let known = product.name.is_some() || product.price.is_some() || !product.id.is_empty();
        if product.url.is_none() {
            product.url = Some(self.links.page().to_owned())
                .filter(|url| url.len() <= crate::commerce::MAX_TEXT && !url.is_empty());
        }
        if product.id.is_empty() {
            product.id = product.url.as_deref().map(path_of).unwrap_or_default();
        }
        (known && !product.id.is_empty()).then_some(product)
    }

    fn list(&self, kind: &str, crumbs: &[Crumb]) -> Vec<Product> {
        let [json, micro] = &self.schema.products;
        let sources = [&self.listed, &self.schema.listed, json, micro];
        let mut list = sources.into_iter().find(|list| !list.is_empty()).cloned().unwrap_or_default();
        list.truncate(MAX_LINES);
        let category = if kind == "category" { steps(crumbs, &self.links, None, false) } else { Vec::new() };
        for product in list.iter_mut().filter(|product| product.category.is_empty()) {
            product.category.clone_from(&category);
        }
        list
    }

    fn cart(&self, kind: &str) -> Option<Cart> {
        let found = Cart {
            lines: self.cart_lines.clone(),
            items: self.cart.items.get().copied().and_then(count),
            value: self.cart.value.get().copied(),
            currency: self.cart.currency.get().cloned(),
        };
        let empty = self.cart.empty && found.lines.is_empty();
        if empty {
            return Some(Cart { items: Some(0), ..Cart::default() });
        }
        // What stands on an order's page as a cart is what was bought.
        (found != Cart::default() && kind != "thankyou").then_some(found)
    }

    fn order(&self) -> Option<Order> {
        let known = self.schema.order.clone().unwrap_or_default();
        let Totals { id, value, tax, shipping, currency, coupons, .. } = &self.order;
        let order = Order {
            id: id.get().cloned().unwrap_or(known.id),
            value: value.get().copied().or(known.value),
            tax: tax.get().copied().or(known.tax),
            shipping: shipping.get().copied().or(known.shipping),
            currency: currency.get().cloned().or(known.currency),
            coupons: coupons.get().cloned().unwrap_or(known.coupons),
            lines: if self.order_lines.is_empty() { known.lines } else { self.order_lines.clone() },
        };
        (!order.id.is_empty()).then_some(order)
    }

    fn search(&self) -> Option<Search> {
        let term = self.term.get().cloned().or_else(|| self.links.usual_term())?;
        let results = self.results.get().filter(|results| **results >= 0.0).map(|results| *results as u64);
        Some(Search { term, results })
    }

    fn member(&self) -> Option<Member> {
        let id = self.member_id.get().cloned();
        let logged_in = match (self.logged_in, self.logged_out) {
            (true, false) => Some(true),
            (false, true) => Some(false),
            (true, true) => None,
            (false, false) => id.as_ref().map(|_| true),
        };
        let fields = self.member.iter().take(MOST);
        let fields = fields.filter_map(|(name, value)| Some((name.to_string(), value.get()?.clone()))).collect();
        let member = Member { logged_in, id, fields };
        (member != Member::default()).then_some(member)
    }
}

impl Row {
    pub(super) fn knows(&self, field: Field, rank: u8) -> bool {
        match field {
            Field::Id => self.id.is_known(rank),
            Field::Name => self.name.is_known(rank),
            Field::Category => self.category.0.as_ref().is_some_and(|(known, _)| *known < rank),
            Field::Brand => self.brand.is_known(rank),
            Field::Price => self.price.is_known(rank),
            Field::Currency => self.currency.is_known(rank),
            Field::InStock => self.in_stock.is_known(rank),
            Field::OutOfStock => self.out_of_stock.is_known(rank),
            Field::Image => self.image.is_known(rank),
            Field::Url => self.url.is_known(rank),
            Field::Quantity => self.quantity.is_known(rank),
            Field::Total => self.total.is_known(rank),
        }
    }

    pub(super) fn put(&mut self, field: Field, rank: u8, given: Given<'_>, links: &Links) -> bool {
        match field {
            Field::Id => self.id.put(rank, given.text()),
            Field::Name => self.name.put(rank, given.text()),
            Field::Category => self.category.add(rank, given.text()),
            Field::Brand => self.brand.put(rank, given.text()),
            Field::Price => self.price.put(rank, given.number()),
            Field::Currency => self.currency.put(rank, given.currency()),
            Field::InStock => self.in_stock.put(rank, Some(true)),
            Field::OutOfStock => self.out_of_stock.put(rank, Some(true)),
            Field::Image => self.image.put(rank, given.text().and_then(|text| links.absolute(&text))),
            Field::Url => self.url.put(rank, given.text().and_then(|text| links.absolute(&text))),
            Field::Quantity => self.quantity.put(rank, given.number()),
            Field::Total => self.total.put(rank, given.number()),
        }
    }

    fn is_in_stock(&self) -> Option<bool> {
        match (self.in_stock.get(), self.out_of_stock.get()) {
            (_, Some(true)) => Some(false),
            (in_stock, _) => in_stock.copied(),
        }
    }

    /// A product, if there is anything; of sources that are trusted less than one, or of all.
    fn product(&self, below: Option<u8>) -> Option<Product> {
        let product = self.product_where(|rank| below.is_none_or(|below| rank >= below));
        let id = if product.id.is_empty() && below.is_none() {
            product.url.as_deref().map(path_of).unwrap_or_default()
        } else {
            product.id.clone()
        };
        let product = Product { id, ..product };
        (product != Product::default()).then_some(product)
    }

    /// Of sources that are trusted more than one.
    fn product_above(&self, rank: u8) -> Product {
        self.product_where(|found| found < rank)
    }

    fn product_where(&self, counts: impl Fn(u8) -> bool) -> Product {
        let stock = [&self.in_stock, &self.out_of_stock].iter().any(|mark| mark.rank().is_some_and(&counts));
        Product {
            id: self.id.of(&counts).unwrap_or_default(),
            name: self.name.of(&counts),
            category: self.category.of(&counts).unwrap_or_default(),
            brand: self.brand.of(&counts),
            price: self.price.of(&counts),
            currency: self.currency.of(&counts),
            in_stock: self.is_in_stock().filter(|_| stock),
            image: self.image.of(&counts),
            url: self.url.of(&counts),
        }
    }

    /// A line, if it says of what.
    fn line(&self) -> Option<Line> {
        let from_url = || self.url.get().map(|url| path_of(url));
        let id = self.id.get().cloned().or_else(from_url).unwrap_or_default();
        let name = self.name.get().cloned();
        if id.is_empty() && name.is_none() {
            return None;
        }
        let quantity = self.quantity.get().copied().and_then(count).unwrap_or(1);
        let of_total = || self.total.get().filter(|_| quantity > 0).map(|total| total / f64::from(quantity));
        Some(Line { id, name, price: self.price.get().copied().or_else(of_total), quantity })
    }
}

impl Totals {
    fn knows(&self, field: Total, rank: u8) -> bool {
        match field {
            Total::Id => self.id.is_known(rank),
            Total::Items => self.items.is_known(rank),
            Total::Value => self.value.is_known(rank),
            Total::Tax => self.tax.is_known(rank),
            Total::Shipping => self.shipping.is_known(rank),
            Total::Currency => self.currency.is_known(rank),
            Total::Coupon => self.coupons.0.as_ref().is_some_and(|(known, _)| *known < rank),
            Total::Empty => self.empty,
        }
    }

    fn put(&mut self, field: Total, rank: u8, given: Given<'_>) -> bool {
        match field {
            Total::Id => self.id.put(rank, given.text()),
            Total::Items => self.items.put(rank, given.number()),
            Total::Value => self.value.put(rank, given.number()),
            Total::Tax => self.tax.put(rank, given.number()),
            Total::Shipping => self.shipping.put(rank, given.number()),
            Total::Currency => self.currency.put(rank, given.currency()),
            Total::Coupon => self.coupons.add(rank, given.text()),
            Total::Empty => !std::mem::replace(&mut self.empty, true),
        }
    }
}

impl Given<'_> {
    fn text(self) -> Option<String> {
        let (Self::Text(given) | Self::Value(given)) = self else { return None };
        Some(bounded(given)).filter(|text| !text.is_empty())
    }

    fn number(self) -> Option<f64> {
        match self {
            Self::Text(given) => number::human(given),
            Self::Value(given) => number::machine(given),
            Self::Presence => None,
        }
    }

    fn currency(self) -> Option<String> {
        self.text().as_deref().and_then(currency)
    }
}

/// The currency's code, if a text is one.
pub(super) fn currency(text: &str) -> Option<String> {
    let code = text::clean(text).to_ascii_uppercase();
    (code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase())).then_some(code)
}

impl<T> Default for Best<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Best<T> {
    pub(super) fn get(&self) -> Option<&T> {
        self.0.as_ref().map(|(_, value)| value)
    }

    fn rank(&self) -> Option<u8> {
        self.0.as_ref().map(|(rank, _)| *rank)
    }

    fn is_known(&self, rank: u8) -> bool {
        self.rank().is_some_and(|known| known <= rank)
    }

    /// Takes a value that is trusted more than the one that is there. Whether it did.
    pub(super) fn put(&mut self, rank: u8, value: Option<T>) -> bool {
        let Some(value) = value.filter(|_| !self.is_known(rank)) else { return false };
        self.0 = Some((rank, value));
        true
    }

    fn of(&self, counts: impl Fn(u8) -> bool) -> Option<T>
    where
        T: Clone,
    {
        self.0.as_ref().filter(|(rank, _)| counts(*rank)).map(|(_, value)| value.clone())
    }
}

impl<T> Best<Vec<T>> {
    /// Adds to a list of one source.
    fn add(&mut self, rank: u8, value: Option<T>) -> bool {
        let Some(value) = value else { return false };
        match &mut self.0 {
            Some((known, _)) if *known < rank => false,
            Some((known, list)) if *known == rank => {
                let room = list.len() < MOST;
                list.extend(Some(value).filter(|_| room));
                room
            }
            other => {
                *other = Some((rank, vec![value]));
                true
            }
        }
    }
}

/// Fills in what is missing.
fn fill(product: &mut Product, found: &Product) {
    if product.id.is_empty() {
        product.id.clone_from(&found.id);
    }
    if product.category.is_empty() {
        product.category.clone_from(&found.category);
    }
    // A price is worth nothing without its currency, and another's currency is not its own.
    if product.price.is_none() {
        product.price = found.price;
        product.currency = found.currency.clone().or(product.currency.take());
    }
    product.currency = product.currency.take().or_else(|| found.currency.clone());
    product.name = product.name.take().or_else(|| found.name.clone());
    product.brand = product.brand.take().or_else(|| found.brand.clone());
    product.in_stock = product.in_stock.or(found.in_stock);
    product.image = product.image.take().or_else(|| found.image.clone());
    product.url = product.url.take().or_else(|| found.url.clone());
}

fn is_same(one: &Product, other: &Product) -> bool {
    (!one.id.is_empty() && one.id == other.id) || (one.name.is_some() && one.name == other.name)
}

/// The category by a page's trail: without the shop's beginning and, on a product's page, without the product.
fn steps(crumbs: &[Crumb], links: &Links, product: Option<&str>, is_product_page: bool) -> Vec<String> {
    let mut steps: &[Crumb] = crumbs;
    let is_home = |crumb: &Crumb| {
        HOME.contains(&crumb.name.to_lowercase().as_str())
            || crumb.url.as_deref().is_some_and(|url| path_of(url) == "/" && links.is_own(url))
    };
    if let Some((first, rest)) = steps.split_first()
        && is_home(first)
    {
        steps = rest;
    }
    if is_product_page
        && let Some((last, rest)) = steps.split_last()
        && (product == Some(last.name.as_str()) || last.url.as_deref().is_none_or(|url| links.is_page(url)))
    {
        steps = rest;
    }
    steps.iter().take(MOST).map(|crumb| crumb.name.clone()).collect()
}
