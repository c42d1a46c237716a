//! What a page has said so far, each thing with how far its source is trusted, and what that comes to.

use super::links::{Links, path_of};
use super::recipe::{List, Slot, is_list};
use super::schema::Crumb;
use super::values::{Best, Given, MOST, Row, Totals};
use crate::commerce::number::count;
use crate::commerce::{Cart, Content, Line, MAX_LINES, Member, Order, Product, Search};
use std::collections::BTreeSet;

/// Names of a page that is no category but the shop's beginning.
const HOME: &[&str] =
    &["home", "top", "ホーム", "トップ", "トップページ", "top page", "start", "accueil", "startseite", "首页", "首頁"];

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
    /// Signs of platforms that were seen.
    pub(super) signs: BTreeSet<usize>,
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
            signs: BTreeSet::new(),
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
            Slot::Sign(sign) => self.signs.contains(sign),
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
            Slot::Sign(sign) => self.signs.insert(*sign),
            Slot::InRow(..) => false,
        }
    }

    /// Whether a list takes no more rows.
    pub(super) fn is_full(&self, list: List) -> bool {
        let rows = match list {
            List::Listed => self.listed.len(),
            List::CartLines => self.cart_lines.len(),
            List::OrderLines => self.order_lines.len(),
        };
        rows >= MAX_LINES
    }

    /// Takes a row that is over.
    pub(super) fn put_row(&mut self, list: List, row: &Row) {
        match list {
            List::Listed => self.listed.extend(row.product(None).filter(|product| !product.id.is_empty())),
            List::CartLines => self.cart_lines.extend(row.line()),
            List::OrderLines => self.order_lines.extend(row.line()),
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
