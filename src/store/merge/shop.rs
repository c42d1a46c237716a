//! Joins what two sides know of a visitor in the shop.

use super::sum;
use crate::store::profile::MemberSeen;
use crate::store::profile::shopping::{
    Liking, MAX_DAYS, MAX_LIKINGS, MAX_ORDERS, MAX_PRODUCTS, OrderSeen, Shopping, Viewed, rounded, trim,
};
use std::collections::BTreeMap;

pub(super) fn shopping(base: &Shopping, mine: Shopping, theirs: Shopping) -> Shopping {
    // Taken apart field by field: a new field does not compile until it is thought of here.
    let Shopping { cart, products, categories, brands, prices, orders, counts, search, at_checkout } = mine;
    let changed = |side: &Option<_>| side.as_ref().map(|cart: &crate::store::profile::shopping::CartSeen| cart.changed);
    Shopping {
        cart: if changed(&cart) >= changed(&theirs.cart) { cart } else { theirs.cart },
        products: viewed(products, theirs.products),
        categories: likings(&base.categories, categories, theirs.categories),
        brands: likings(&base.brands, brands, theirs.brands),
        prices: likings(&base.prices, prices, theirs.prices),
        orders: ordered(orders, theirs.orders),
        counts: counted(&base.counts, counts, theirs.counts),
        search: if search.map(|one| one.1) >= theirs.search.map(|one| one.1) { search } else { theirs.search },
        at_checkout: at_checkout || theirs.at_checkout,
    }
}

/// Orders that both sides have noted, each by itself, and what they are worth.
pub(super) fn noted_twice(base: &[OrderSeen], mine: &[OrderSeen], theirs: &[OrderSeen]) -> (u32, f64) {
    let has = |list: &[OrderSeen], order: &OrderSeen| list.iter().any(|one| one.0 == order.0);
    let twice = mine.iter().filter(|order| has(theirs, order) && !has(base, order));
    twice.fold((0, 0.0), |(count, value), order| (count + 1, value + order.2))
}

/// The later word counts, of each field by itself.
pub(super) fn member(base: &MemberSeen, mine: MemberSeen, theirs: MemberSeen) -> MemberSeen {
    let MemberSeen { logged_in, mut fields, imported } = mine;
    // An import may have taken away what it no longer says.
    fields.retain(|name, value| {
        theirs.fields.contains_key(name) || base.fields.get(name).is_none_or(|before| before != value)
    });
    for (name, value) in theirs.fields {
        if base.fields.get(&name) != Some(&value) || !base.fields.contains_key(&name) {
            fields.insert(name, value);
        }
    }
    let said = |own: Option<bool>| own.filter(|_| own != base.logged_in);
    MemberSeen {
        logged_in: said(theirs.logged_in).or(said(logged_in)).or(logged_in).or(base.logged_in),
        fields,
        imported: imported.max(theirs.imported),
    }
}

fn viewed(mut mine: Vec<Viewed>, theirs: Vec<Viewed>) -> Vec<Viewed> {
    for their in theirs {
        match mine.iter_mut().find(|one| one.0 == their.0) {
            Some(one) => one.1 = one.1.max(their.1),
            None => mine.push(their),
        }
    }
    mine.sort_by_key(|one| one.1);
    trim(&mut mine, MAX_PRODUCTS);
    mine
}

fn ordered(mut mine: Vec<OrderSeen>, theirs: Vec<OrderSeen>) -> Vec<OrderSeen> {
    for their in theirs {
        if !mine.iter().any(|one| one.0 == their.0) {
            mine.push(their);
        }
    }
    mine.sort_by_key(|one| one.1);
    trim(&mut mine, MAX_ORDERS);
    mine
}

fn likings(base: &[Liking], mut mine: Vec<Liking>, theirs: Vec<Liking>) -> Vec<Liking> {
    for their in theirs {
        let Some(one) = mine.iter_mut().find(|one| one.name == their.name) else {
            mine.push(their);
            continue;
        };
        let at = one.at.max(their.at);
        let before = base.iter().find(|base| base.name == their.name).map_or(0.0, |base| base.score_at(at));
        one.score = rounded((one.score_at(at) + their.score_at(at) - before).max(0.0));
        one.at = at;
        one.outer = their.outer;
    }
    let now = mine.iter().map(|one| one.at).max().unwrap_or(0);
    mine.sort_by(|a, b| a.score_at(now).total_cmp(&b.score_at(now)));
    trim(&mut mine, MAX_LIKINGS);
    mine.sort_by_key(|one| one.at);
    mine
}

type Counts = BTreeMap<String, Vec<(i64, u32)>>;

fn counted(base: &Counts, mut mine: Counts, theirs: Counts) -> Counts {
    let on = |days: &[(i64, u32)], day: i64| days.iter().find(|(one, _)| *one == day).map_or(0, |(_, count)| *count);
    for (event, theirs) in theirs {
        let before = base.get(&event).map(Vec::as_slice).unwrap_or_default();
        let own = mine.remove(&event).unwrap_or_default();
        let days = own.iter().chain(&theirs).map(|(day, _)| *day);
        let mut days: Vec<i64> = days.collect();
        days.sort_unstable();
        days.dedup();
        let last = days.last().copied().unwrap_or(0);
        let joined = days.into_iter().filter(|day| last - day < MAX_DAYS);
        let joined = joined.map(|day| (day, sum(on(before, day), on(&own, day), on(&theirs, day)))).collect();
        mine.insert(event, joined);
    }
    mine
}
