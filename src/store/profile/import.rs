//! What an import says of a customer, as it enters their profile.

use super::shopping::{MAX_DAYS, MAX_ORDERS, OrderSeen, trim};
use super::{Profile, hash_of};

/// Fields that an import may fill up to, those that pages told included.
const MAX_FIELDS: usize = 64;
/// Tags of one customer.
const MAX_TAGS: usize = 64;

/// What an import's row was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// Of somebody of whom nothing was known.
    New,
    /// Something changed by it.
    Changed,
    /// All of it was known.
    Same,
}

/// There is no room for what a row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// Fields.
    #[error("this customer has {MAX_FIELDS} attributes already")]
    Fields,
    /// Tags.
    #[error("this customer has {MAX_TAGS} tags already")]
    Tags,
}

/// An order that an import tells of. Days are counted from 1970, by the site's clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OrderImported<'a> {
    /// The shop's number.
    pub id: &'a str,
    /// When it was placed, in Unix seconds.
    pub at: i64,
    /// The day of that.
    pub day: i64,
    /// What was paid, in the site's currency.
    pub paid: f64,
}

impl Profile {
    /// Takes in a customer's fields (`None`: there is none any more) and tags (`false`: it is taken away), or nothing at all.
    ///
    /// # Errors
    /// When there is no room for all of it.
    pub fn imported<'f>(
        &mut self,
        fields: impl Iterator<Item = (&'f str, Option<&'f str>)> + Clone,
        tags: &[(String, bool)],
        at: i64,
    ) -> Result<News, Full> {
        let known = &self.member.fields;
        let is_news = |&(name, value): &(&str, Option<&str>)| known.get(name).map(String::as_str) != value;
        let added = fields.clone().filter(|(name, value)| value.is_some() && !known.contains_key(*name)).count();
        if added > 0 && known.len() + added > MAX_FIELDS {
            return Err(Full::Fields);
        }
        let tags = || tags.iter().filter(|(tag, has)| self.tags.contains(tag) != *has);
        let tagged = tags().filter(|(_, has)| *has).count();
        if tagged > 0 && self.tags.len() + tagged > MAX_TAGS {
            return Err(Full::Tags);
        }
        // One that failed to be written is taken in again: see `not_written`.
        if self.member.imported.is_some() && !fields.clone().any(|field| is_news(&field)) && tags().next().is_none() {
            return Ok(News::Same);
        }
        let news = self.news();
        let tags: Vec<_> = tags().cloned().collect();
        for (name, value) in fields {
            match (value, self.member.fields.get_mut(name)) {
                (Some(value), Some(known)) => value.clone_into(known),
                (Some(value), None) => {
                    self.member.fields.insert(name.to_owned(), value.to_owned());
                }
                (None, _) => {
                    self.member.fields.remove(name);
                }
            }
        }
        for (tag, has) in tags {
            if has {
                self.tags.insert(tag);
            } else {
                self.tags.remove(&tag);
            }
        }
        self.member.imported = Some(at);
        Ok(news)
    }

    /// Takes in an order that no page has told of. Whoever calls this knows that it was not imported before: a profile remembers the
    /// last orders alone.
    pub fn order_imported(&mut self, order: &OrderImported<'_>, at: i64) {
        let hash = hash_of(order.id);
        if !self.shop.orders.iter().any(|known| known.0 == hash) {
            self.shop.orders.push(OrderSeen(hash, order.at, order.paid));
            self.shop.orders.sort_by_key(|known| known.1);
            trim(&mut self.shop.orders, MAX_ORDERS);
            self.orders = self.orders.saturating_add(1);
            self.spent += order.paid;
            self.last_order = self.last_order.max(Some(order.at));
            let days = self.shop.counts.entry("purchase".to_owned()).or_default();
            let last = days.last().map_or(order.day, |(day, _)| *day).max(order.day);
            match days.binary_search_by_key(&order.day, |(day, _)| *day) {
                Ok(known) => days.get_mut(known).into_iter().for_each(|(_, count)| *count = count.saturating_add(1)),
                Err(place) => days.insert(place, (order.day, 1)),
            }
            days.retain(|(day, _)| last - day < MAX_DAYS);
        }
        self.member.imported = Some(at);
    }

    /// Takes in that an order, or a part of it, was undone.
    pub fn refund_imported(&mut self, id: &str, value: f64, at: i64) {
        let hash = hash_of(id);
        let known = self.shop.orders.iter_mut().find(|known| known.0 == hash);
        // No more than was added up: an order in another currency was not.
        self.spent -= known.map_or(value, |known| {
            let counted = value.min(known.2);
            known.2 -= counted;
            counted
        });
        self.member.imported = Some(at);
    }

    /// Notes that what an import changed here could not be written: the next one writes it, though it finds nothing new.
    pub fn not_written(&mut self) {
        self.member.imported = None;
    }

    fn news(&self) -> News {
        if *self == Self::default() { News::New } else { News::Changed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn import(profile: &mut Profile, fields: &[(&str, Option<&str>)], tags: &[(&str, bool)], at: i64) -> News {
        let tags: Vec<_> = tags.iter().map(|(tag, has)| ((*tag).to_owned(), *has)).collect();
        profile.imported(fields.iter().copied(), &tags, at).unwrap()
    }

    #[test]
    fn what_is_known_already_changes_nothing() {
        let mut profile = Profile::default();
        assert_eq!(import(&mut profile, &[("rank", Some("gold"))], &[("vip", true)], 1), News::New);
        let before = profile.clone();
        assert_eq!(import(&mut profile, &[("rank", Some("gold")), ("points", None)], &[("vip", true)], 2), News::Same);
        assert_eq!(profile, before);
        assert_eq!(import(&mut profile, &[("rank", None)], &[("vip", false)], 3), News::Changed);
        assert!(profile.member.fields.is_empty() && profile.tags.is_empty());
        assert_eq!(profile.touched(), 3);
    }

    #[test]
    fn row_without_room_is_refused_whole() {
        let mut profile = Profile::default();
        let names: Vec<String> = (0..MAX_FIELDS).map(|name| format!("attr.{name}")).collect();
        let fields: Vec<_> = names.iter().map(|name| (name.as_str(), Some("x"))).collect();
        import(&mut profile, &fields, &[], 1);
        let before = profile.clone();
        let more = [("attr.0", Some("y")), ("attr.more", Some("x"))];
        assert_eq!(profile.imported(more.into_iter(), &[], 2), Err(Full::Fields));
        let tags: Vec<_> = (0..=MAX_TAGS).map(|tag| (tag.to_string(), true)).collect();
        assert_eq!(profile.imported([].into_iter(), &tags, 2), Err(Full::Tags));
        assert_eq!(profile, before);
    }

    #[test]
    fn orders_of_any_age_find_their_places() {
        let mut profile = Profile::default();
        let order = |id, day: i64, paid| OrderImported { id, at: day * 86_400, day, paid };
        profile.order_imported(&order("b", 1000, 20.0), 1);
        profile.order_imported(&order("a", 990, 10.0), 1);
        profile.order_imported(&order("old", 100, 5.0), 1);
        profile.order_imported(&order("b", 1000, 20.0), 1);
        assert_eq!((profile.orders, profile.spent, profile.last_order), (3, 35.0, Some(1000 * 86_400)));
        assert_eq!(profile.shop.counted("purchase", 1000, 30), 2);
        assert_eq!(profile.shop.purchase_cycle(), Some(450.0));
        profile.refund_imported("b", 15.0, 2);
        assert_eq!((profile.orders, profile.spent), (3, 20.0));
    }
}
