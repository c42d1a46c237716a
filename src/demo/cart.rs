//! The cart and what it costs.

use super::catalogue::Product;
use super::coupons::{Coupon, Refusal};
use super::customers::Customer;
use minijinja::value::{Serde, Value};

/// Most pieces of one product in a cart.
pub(super) const MOST: u32 = 20;

/// What delivery costs.
pub(super) const SHIPPING: u32 = 550;

/// From this sum on, delivery is free.
pub(super) const FREE_SHIPPING_FROM: u32 = 6000;

/// A cart. Bounded: one line a product.
#[derive(Debug, Clone, Default)]
pub(super) struct Cart {
    /// Its lines, in the order in which they came.
    pub(super) lines: Vec<Line>,
    /// The coupon in use.
    pub(super) coupon: Option<&'static Coupon>,
}

/// Some pieces of one product.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    /// What.
    pub(super) product: &'static Product,
    /// How many; never 0.
    pub(super) quantity: u32,
}

/// What a cart costs, in yen.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(super) struct Totals {
    /// Pieces.
    pub(super) pieces: u32,
    /// The goods.
    pub(super) subtotal: u32,
    /// The coupon's share.
    pub(super) discount: u32,
    /// Delivery.
    pub(super) shipping: u32,
    /// What is to be paid.
    pub(super) total: u32,
    /// What is still missing for free delivery.
    pub(super) free_shipping_gap: u32,
    /// Points earned.
    pub(super) points: u32,
}

impl Totals {
    /// As templates need them.
    pub(super) fn value(&self) -> Value {
        Value::from(Serde(self))
    }
}

impl Line {
    /// What the line costs.
    pub(super) const fn sum(self) -> u32 {
        self.product.price * self.quantity
    }
}

impl Cart {
    /// Whether nothing is in it.
    pub(super) const fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// All pieces.
    pub(super) fn pieces(&self) -> u32 {
        self.lines.iter().map(|line| line.quantity).sum()
    }

    /// Adds pieces, as far as stock and [`MOST`] allow; returns how many came in.
    pub(super) fn add(&mut self, product: &'static Product, quantity: u32) -> u32 {
        let before = self.quantity(product);
        self.set(product, before.saturating_add(quantity));
        self.quantity(product) - before
    }

    /// Sets the pieces of a product, as far as stock and [`MOST`] allow; 0 takes it out.
    pub(super) fn set(&mut self, product: &'static Product, quantity: u32) {
        let quantity = quantity.min(product.stock).min(MOST);
        match self.lines.iter_mut().find(|line| line.product.slug == product.slug) {
            Some(line) => line.quantity = quantity,
            None => self.lines.push(Line { product, quantity }),
        }
        self.lines.retain(|line| line.quantity > 0);
    }

    /// What it costs a customer. A coupon whose terms are not met takes nothing off.
    pub(super) fn totals(&self, customer: Option<&Customer>) -> Totals {
        let subtotal: u32 = self.lines.iter().map(|line| line.sum()).sum();
        let coupon = self.coupon.filter(|coupon| coupon.check(subtotal, customer).is_ok());
        let discount = coupon.map_or(0, |coupon| coupon.discount(subtotal));
        let free = self.is_empty() || subtotal >= FREE_SHIPPING_FROM || coupon.is_some_and(Coupon::ships_free);
        let shipping = if free { 0 } else { SHIPPING };
        let paid = subtotal - discount;
        Totals {
            pieces: self.pieces(),
            subtotal,
            discount,
            shipping,
            total: paid + shipping,
            free_shipping_gap: if free { 0 } else { FREE_SHIPPING_FROM - subtotal },
            points: paid / 100 + coupon.map_or(0, |coupon| coupon.points),
        }
    }

    /// Why its coupon takes nothing off, if it does not.
    pub(super) fn refusal(&self, customer: Option<&Customer>) -> Option<Refusal> {
        let subtotal = self.lines.iter().map(|line| line.sum()).sum();
        self.coupon?.check(subtotal, customer).err()
    }

    fn quantity(&self, product: &Product) -> u32 {
        self.lines.iter().find(|line| line.product.slug == product.slug).map_or(0, |line| line.quantity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(slug: &str) -> &'static Product {
        Product::find(slug).unwrap().1
    }

    #[test]
    fn quantities_stay_within_stock_and_the_limit() {
        let mut cart = Cart::default();
        assert_eq!(cart.add(product("bizen-tokkuri"), u32::MAX), 5);
        assert_eq!(cart.add(product("hinoki-masu"), 500), MOST);
        assert_eq!(cart.add(product("cherry-bark-caddy"), 1), 0, "sold out");
        assert_eq!(cart.lines.len(), 2);
        cart.set(product("bizen-tokkuri"), 0);
        assert_eq!(cart.pieces(), MOST);
    }

    #[test]
    fn delivery_is_free_from_the_threshold_on() {
        let mut cart = Cart::default();
        cart.add(product("matcha-wakatake"), 2);
        let totals = cart.totals(None);
        assert_eq!((totals.subtotal, totals.shipping, totals.free_shipping_gap), (4320, 550, 1680));
        cart.add(product("matcha-wakatake"), 1);
        assert_eq!((cart.totals(None).shipping, cart.totals(None).total), (0, 6480));
    }

    #[test]
    fn a_coupon_whose_terms_fail_takes_nothing_off() {
        let mut cart = Cart { coupon: Coupon::find("matane500"), ..Cart::default() };
        cart.add(product("matcha-wakatake"), 2);
        assert_eq!((cart.totals(None).discount, cart.refusal(None)), (0, Some(Refusal::TooLittle(5000))));
        cart.add(product("matcha-wakatake"), 1);
        assert_eq!((cart.totals(None).discount, cart.refusal(None)), (500, None));
    }
}
