//! What the shop sells: six shelves of six things.

mod ceramics;
mod stationery;
mod sweets;
mod tea;
mod textiles;
mod wood;

use super::locale::Text;
use super::picture::Drawing;

/// A shelf of the shop.
#[derive(Debug)]
pub(super) struct Category {
    /// Names it in addresses.
    pub(super) slug: &'static str,
    /// Its name.
    pub(super) name: Text,
    /// A sentence on it.
    pub(super) lead: Text,
    /// What stands on it.
    pub(super) products: &'static [Product],
}

/// Something for sale.
#[derive(Debug)]
pub(super) struct Product {
    /// Names it in addresses and carts.
    pub(super) slug: &'static str,
    /// Its name.
    pub(super) name: Text,
    /// One line on it.
    pub(super) lead: Text,
    /// A paragraph on it.
    pub(super) story: Text,
    /// Who makes it, and where.
    pub(super) maker: Text,
    /// Size or contents.
    pub(super) size: Text,
    /// Yen, tax included.
    pub(super) price: u32,
    /// Pieces left; none is sold out.
    pub(super) stock: u32,
    /// Its picture.
    pub(super) drawing: Drawing,
}

/// All shelves.
pub(super) static CATEGORIES: &[Category] =
    &[ceramics::SHELF, tea::SHELF, textiles::SHELF, stationery::SHELF, wood::SHELF, sweets::SHELF];

/// The week's best sellers, first place first.
static RANKING: &[&str] = &["yunomi-indigo", "uji-sencha", "kaya-fukin", "dorayaki", "magewappa-bento"];

impl Category {
    /// The shelf of that name.
    pub(super) fn find(slug: &str) -> Option<&'static Self> {
        CATEGORIES.iter().find(|category| category.slug == slug)
    }
}

impl Product {
    /// The product of that name and its shelf.
    pub(super) fn find(slug: &str) -> Option<(&'static Category, &'static Self)> {
        all().find(|(_, product)| product.slug == slug)
    }

    /// Where its picture is.
    pub(super) fn picture_path(&self) -> String {
        format!("/assets/pictures/{}.svg", self.slug)
    }

    /// Whether every word of a search occurs in it, in either language.
    fn matches(&self, category: &Category, words: &[String]) -> bool {
        let texts = [self.name, self.lead, self.story, self.maker, category.name];
        words.iter().all(|word| {
            texts.iter().any(|text| text.ja.to_lowercase().contains(word) || text.en.to_lowercase().contains(word))
        })
    }
}

/// Everything, shelf by shelf.
pub(super) fn all() -> impl Iterator<Item = (&'static Category, &'static Product)> {
    CATEGORIES.iter().flat_map(|category| category.products.iter().map(move |product| (category, product)))
}

/// The week's best sellers.
pub(super) fn ranking() -> impl Iterator<Item = &'static Product> {
    RANKING.iter().filter_map(|slug| Product::find(slug)).map(|(_, product)| product)
}

/// What fits a search; nothing fits an empty one.
pub(super) fn search(term: &str) -> Vec<&'static Product> {
    let words: Vec<String> = term.split_whitespace().map(str::to_lowercase).collect();
    if words.is_empty() {
        return Vec::new();
    }
    all().filter(|(category, product)| product.matches(category, &words)).map(|(_, product)| product).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn slugs_are_unique_and_safe_in_addresses() {
        let slugs: BTreeSet<_> = all().map(|(_, product)| product.slug).collect();
        assert_eq!(slugs.len(), all().count());
        assert!(slugs.iter().all(|slug| slug.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
    }

    #[test]
    fn every_best_seller_is_for_sale() {
        assert_eq!(ranking().filter(|product| product.stock > 0).count(), RANKING.len());
    }

    #[test]
    fn search_needs_every_word_and_reads_both_languages() {
        assert!(search("お茶 宇治").iter().any(|product| product.slug == "uji-sencha"));
        assert!(search("UJI sencha").iter().any(|product| product.slug == "uji-sencha"));
        assert!(search("sencha zzz").is_empty());
        assert!(search("  ").is_empty());
    }
}
