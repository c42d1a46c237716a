//! What a page or an answer of the shop said, as it enters a profile and becomes events.
//!
//! Pure: the same words after the same history make the same events.

use super::shopping::{CartSeen, cut, items, like, price_band, value};
use super::{MemberSeen, Profile};
use crate::commerce::{Cart, Content, Line, Member, Order, Product};
use crate::event::What;
use std::sync::Arc;

/// Fields of a member that are remembered, and the longest text of one, in bytes.
const MAX_FIELDS: usize = 32;
const MAX_FIELD: usize = 128;

/// When and where something was said.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    /// When, in Unix seconds.
    pub at: i64,
    /// Kind of page by its address; `other` if that says nothing.
    pub kind: &'a str,
    /// The profile is a customer's, of several browsers.
    pub shared: bool,
    /// The site's currency. Amounts in another are not added up.
    pub currency: &'a str,
}

impl Profile {
    /// Takes in what was said, and tells what happened by it.
    pub fn learn(&mut self, content: &Content, said: &Said<'_>) -> Vec<What> {
        let mut events = Vec::new();
        let kind = content.kind.as_deref().filter(|_| said.kind == "other").unwrap_or(said.kind);
        if let Some(member) = &content.member {
            self.learn_member(member, said.shared, &mut events);
        }
        if let Some(product) = content.product.as_ref().filter(|product| !product.id.is_empty()) {
            self.learn_product(product, said);
            events.push(What::ViewItem(Arc::new(product.clone())));
        }
        if let Some(search) = content.search.as_ref().filter(|search| !search.term.is_empty())
            && self.shop.searched(&search.term, said.at)
        {
            events.push(What::Search(search.clone()));
        }
        match (content.order.as_ref().filter(|order| !order.id.is_empty()), &content.cart) {
            // A page that thanks for an order may still show the cart that it was.
            (Some(order), _) => self.learn_order(order, said, &mut events),
            (None, Some(cart)) => self.learn_cart(cart, said, &mut events),
            (None, None) => {}
        }
        match kind {
            "checkout" if content.order.is_none() && !self.shop.at_checkout => {
                self.shop.at_checkout = true;
                let value = self.shop.cart.as_ref().and_then(|cart| cart.value);
                events.push(What::BeginCheckout { value });
            }
            // Who looks at goods again goes to the till anew; what lies between its pages (an address, a payment) does not.
            "home" | "category" | "product" | "cart" | "search" | "thankyou" => self.shop.at_checkout = false,
            _ => {}
        }
        events
    }

    /// Takes in what a visitor did by a form, before any page shows it; `None` if it is known already.
    pub fn did(&mut self, what: What, at: i64) -> Option<What> {
        match &what {
            What::AddToCart(line) => self.shop.cart.get_or_insert_default().told(line, i64::from(line.quantity), at),
            What::RemoveFromCart(line) if line.id.is_empty() => return None,
            What::RemoveFromCart(line) => {
                self.shop.cart.get_or_insert_default().told(line, -i64::from(line.quantity), at);
            }
            What::BeginCheckout { .. } if std::mem::replace(&mut self.shop.at_checkout, true) => return None,
            What::Login if self.member.logged_in.replace(true) == Some(true) => return None,
            What::Search(search) if !self.shop.searched(&search.term, at) => return None,
            _ => {}
        }
        Some(what)
    }

    fn learn_product(&mut self, product: &Product, said: &Said<'_>) {
        let shop = &mut self.shop;
        shop.product_viewed(&product.id, said.at);
        let levels = product.category.len();
        for (level, name) in product.category.iter().enumerate().skip(levels.saturating_sub(4)) {
            like(&mut shop.categories, name, level + 1 < levels, said.at);
        }
        if let Some(brand) = &product.brand {
            like(&mut shop.brands, brand, false, said.at);
        }
        let price = product.price.filter(|_| said.is_own(product.currency.as_deref()));
        if let Some(band) = price.and_then(price_band) {
            like(&mut shop.prices, &band, false, said.at);
        }
    }

    fn learn_order(&mut self, order: &Order, said: &Said<'_>, events: &mut Vec<What>) {
        let own = order.value.filter(|value| value.is_finite() && said.is_own(order.currency.as_deref()));
        let paid = own.unwrap_or(0.0);
        self.shop.at_checkout = false;
        if !self.shop.ordered(&order.id, said.at, paid) {
            return;
        }
        self.orders = self.orders.saturating_add(1);
        self.spent += paid;
        self.last_order = self.last_order.max(Some(said.at));
        self.shop.cart = Some(CartSeen { changed: said.at, value: Some(0.0), ..CartSeen::default() });
        events.push(What::Purchase(Arc::new(order.clone())));
    }

    fn learn_cart(&mut self, cart: &Cart, said: &Said<'_>, events: &mut Vec<What>) {
        let before = self.shop.cart.take().unwrap_or_default();
        let is_first = before == CartSeen::default();
        let own = |cart: &Cart| value(cart).filter(|_| said.is_own(cart.currency.as_deref()));
        if cart.lines.is_empty() && items(cart) > 0 {
            // A badge: it tells how many things there are, or how many lines, and not which.
            self.shop.cart = Some(if before.differs(cart) {
                CartSeen { items: items(cart), value: own(cart), changed: said.at, ..before }
            } else {
                CartSeen { value: own(cart).or(before.value), ..before }
            });
            return;
        }
        let mut now = CartSeen::of(cart, said.at);
        now.value = own(cart);
        difference(&before, &now, cart, events);
        if !is_first && !before.differs(cart) {
            now.changed = before.changed;
        }
        // An empty cart that was never anything else has nothing to be remembered.
        self.shop.cart = (!(is_first && now.lines.is_empty() && now.items == 0)).then_some(now);
    }

    fn learn_member(&mut self, member: &Member, shared: bool, events: &mut Vec<What>) {
        let logged_in = member.logged_in.or(member.id.as_ref().map(|_| true));
        if logged_in == Some(true) && self.member.logged_in == Some(false) {
            events.push(What::Login);
        }
        // Who logs out in one browser has not in the others.
        let kept = logged_in.filter(|logged_in| *logged_in || !shared);
        self.member.logged_in = kept.or(self.member.logged_in);
        // Names greet, and are not kept.
        let fields = member.fields.iter().filter(|(field, _)| field != "name");
        let fields = fields.map(|(name, value)| (name.as_str(), value.as_str()));
        self.member.take(fields.chain(member.id.as_deref().map(|id| ("id", id))));
    }
}

impl Said<'_> {
    fn is_own(&self, currency: Option<&str>) -> bool {
        currency.is_none_or(|currency| currency == self.currency)
    }
}

impl MemberSeen {
    /// Remembers fields, as many and as long as there may be.
    pub fn take<'f>(&mut self, fields: impl Iterator<Item = (&'f str, &'f str)>) {
        for (name, value) in fields {
            let mut end = value.len().min(MAX_FIELD);
            while !value.is_char_boundary(end) {
                end -= 1;
            }
            let value = value.get(..end).unwrap_or_default();
            let has_room = self.fields.len() < MAX_FIELDS;
            match self.fields.get_mut(name) {
                Some(known) if known == value => {}
                Some(known) => value.clone_into(known),
                None if has_room && cut(name) == name => {
                    self.fields.insert(name.to_owned(), value.to_owned());
                }
                None => {}
            }
        }
    }
}

/// What came into a cart and what left it, but for what was told already.
fn difference(before: &CartSeen, now: &CartSeen, cart: &Cart, events: &mut Vec<What>) {
    let amount = |seen: &CartSeen, id: &str| {
        let lines = seen.lines.iter().filter(|(line, _, _)| line == id);
        lines.fold(0_u32, |sum, (_, quantity, _)| sum.saturating_add(*quantity))
    };
    let mut seen: Vec<&str> = Vec::new();
    let mut told = before.told.clone();
    for (id, _, price) in before.lines.iter().chain(&now.lines) {
        if seen.contains(&id.as_str()) {
            continue;
        }
        seen.push(id);
        let shown = cart.lines.iter().find(|line| cut(&line.id) == id);
        let line = |quantity| Line {
            id: shown.map_or_else(|| id.clone(), |line| line.id.clone()),
            name: shown.and_then(|line| line.name.clone()),
            price: shown.map_or(*price, |line| line.price),
            quantity,
        };
        let change = i64::from(amount(now, id)) - i64::from(amount(before, id));
        let untold = change - take_told(&mut told, id, change);
        let quantity = u32::try_from(untold.unsigned_abs()).unwrap_or(u32::MAX);
        if untold > 0 {
            events.push(What::AddToCart(line(quantity)));
        } else if untold < 0 {
            events.push(What::RemoveFromCart(line(quantity)));
        }
    }
}

/// How much of a change was told before, in its own direction. A form may name a product by another id than the cart does.
fn take_told(told: &mut [(String, i64)], id: &str, change: i64) -> i64 {
    let mut left = change;
    for own in [true, false] {
        for (product, quantity) in told.iter_mut().filter(|(product, _)| !own || product == id) {
            let _ = product;
            if left.signum() == quantity.signum() {
                let taken = if left > 0 { left.min(*quantity) } else { left.max(*quantity) };
                *quantity -= taken;
                left -= taken;
            }
        }
    }
    change - left
}

#[cfg(test)]
mod tests;
