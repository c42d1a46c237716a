//! What to look for on a shop's pages, as data. Where it was written down is `rules`' business.

use super::super::Selector;
use regex::Regex;
use std::fmt;
use std::sync::Arc;

/// A shop's recipe, compiled. Cheap to clone.
#[derive(Clone, Default)]
pub struct Recipe {
    pub(super) wants: Arc<[Want]>,
    pub(super) rows: Arc<[Row]>,
}

/// What one table of a recipe says, before it is joined with others.
#[derive(Debug, Clone, Default)]
pub struct Part {
    /// Sources, in order of trust for each slot.
    pub sources: Vec<(Slot, Source)>,
    /// Rows of lists.
    pub rows: Vec<(List, Selector)>,
}

/// One thing that is wanted, and a source of it.
#[derive(Debug, Clone)]
pub(super) struct Want {
    pub(super) slot: Slot,
    /// Less is trusted more.
    pub(super) rank: u8,
    pub(super) source: Source,
}

/// The rows of a list.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) list: List,
    pub(super) selector: Selector,
}

/// Where a text comes from.
#[derive(Debug, Clone)]
pub struct Source {
    /// What is looked at.
    pub from: Place,
    /// What of it is taken: the first group if there is one, else all that matches.
    pub pattern: Option<Regex>,
}

/// What a source looks at.
#[derive(Debug, Clone)]
pub enum Place {
    /// An element's text.
    Text(At),
    /// An element's attribute.
    Attribute(At, Box<str>),
    /// That there is such an element.
    Element(At),
    /// The page's own path and query.
    Url,
    /// A parameter of the page's own query.
    Query(Box<str>),
}

/// Which element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// The row itself.
    Row,
    /// What a selector matches; within a row, inside of it.
    Selector(Selector),
}

/// What a source tells.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Slot {
    /// That the page is of a kind.
    Kind(&'static str),
    /// Of the page's own product.
    Product(Field),
    /// Of the cart as a whole.
    Cart(Total),
    /// Of the order as a whole.
    Order(Total),
    /// What was searched for.
    Term,
    /// How many results there are.
    Results,
    /// Somebody is logged in.
    LoggedIn,
    /// Nobody is.
    LoggedOut,
    /// The member's id.
    MemberId,
    /// Another field of the member, by its name in `customer.*`.
    Member(Box<str>),
    /// Of a row of a list.
    InRow(List, Field),
    /// A sign of a platform is there, by a number of the asker's.
    Sign(usize),
}

/// A list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum List {
    /// Products of a category or of a search.
    Listed,
    /// Lines of the cart.
    CartLines,
    /// Lines of the order.
    OrderLines,
}

/// A field of a product or of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// The shop's own id.
    Id,
    /// Name.
    Name,
    /// A step of its category; each match is one.
    Category,
    /// Brand.
    Brand,
    /// Price of one.
    Price,
    /// ISO 4217.
    Currency,
    /// It can be bought.
    InStock,
    /// It cannot.
    OutOfStock,
    /// Its picture.
    Image,
    /// Its page.
    Url,
    /// How many.
    Quantity,
    /// Price of the whole line.
    Total,
}

/// A field of a cart or of an order as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Total {
    /// The order's number.
    Id,
    /// Number of things.
    Items,
    /// Value.
    Value,
    /// Thereof tax.
    Tax,
    /// Thereof shipping.
    Shipping,
    /// ISO 4217.
    Currency,
    /// A coupon code; each match is one.
    Coupon,
    /// There is nothing in it.
    Empty,
}

/// Ranks of sources that no recipe names.
pub(super) const JSON_LD: u8 = 128;
pub(super) const MICRODATA: u8 = 129;
pub(super) const OPEN_GRAPH: u8 = 130;
/// Least trusted of a preset's sources; those of the site itself stand before 64.
const PRESET: u8 = 64;

impl Recipe {
    /// Joins what a site says with what its platform's preset does. The site's own sources come first, and a list of which it
    /// names the rows is its own altogether.
    #[must_use]
    pub fn new(own: &Part, preset: &Part) -> Self {
        let mut rows = own.rows.clone();
        let foreign = |list: List| !own.rows.iter().any(|(known, _)| *known == list);
        rows.extend(preset.rows.iter().filter(|(list, _)| foreign(*list)).cloned());
        let mut wants: Vec<Want> = Vec::new();
        for (part, first) in [(own, 0), (preset, PRESET)] {
            for (slot, source) in &part.sources {
                if let Slot::InRow(list, _) = slot
                    && first == PRESET
                    && !foreign(*list)
                {
                    continue;
                }
                let Some(source) = source.within_row(slot, &rows) else { continue };
                let earlier = wants.iter().filter(|want| want.slot == *slot && want.rank >= first).count();
                let rank = first + u8::try_from(earlier).unwrap_or(PRESET).min(PRESET - 1);
                wants.push(Want { slot: slot.clone(), rank, source });
            }
        }
        let rows = rows.into_iter().map(|(list, selector)| Row { list, selector }).collect();
        Self { wants: wants.into(), rows }
    }

    /// Whether there is a sign on pages by which their kind is told.
    pub(super) fn tells_kinds(&self) -> bool {
        self.wants.iter().any(|want| matches!(want.slot, Slot::Kind(_)))
    }
}

impl fmt::Debug for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slots: Vec<_> = self.wants.iter().map(|want| (&want.slot, want.rank)).collect();
        let rows: Vec<_> = self.rows.iter().map(|row| (row.list, row.selector.as_str())).collect();
        f.debug_struct("Recipe").field("wants", &slots).field("rows", &rows).finish()
    }
}

impl Source {
    /// Limits a source of a row's field to the list's rows. `None` where the list has none.
    fn within_row(&self, slot: &Slot, rows: &[(List, Selector)]) -> Option<Self> {
        let Slot::InRow(list, _) = slot else { return Some(self.clone()) };
        let (_, row) = rows.iter().find(|(known, _)| known == list)?;
        let within = |at: &At| match at {
            At::Row => Some(At::Selector(row.clone())),
            At::Selector(selector) => selector.within(row).map(At::Selector),
        };
        let from = match &self.from {
            Place::Text(at) => Place::Text(within(at)?),
            Place::Attribute(at, name) => Place::Attribute(within(at)?, name.clone()),
            Place::Element(at) => Place::Element(within(at)?),
            Place::Url | Place::Query(_) => return None,
        };
        Some(Self { from, pattern: self.pattern.clone() })
    }

    /// What the pattern takes of a text.
    pub(super) fn take<'t>(&self, text: &'t str) -> Option<&'t str> {
        let Some(pattern) = &self.pattern else { return Some(text) };
        let found = pattern.captures(text)?;
        found.iter().skip(1).flatten().next().or_else(|| found.get(0)).map(|found| found.as_str())
    }

    /// Which element it looks at.
    pub(super) fn selector(&self) -> Option<&Selector> {
        match &self.from {
            Place::Text(At::Selector(selector))
            | Place::Attribute(At::Selector(selector), _)
            | Place::Element(At::Selector(selector)) => Some(selector),
            _ => None,
        }
    }
}

impl Slot {
    /// Whether every match counts, and not the first one only.
    pub(super) fn takes_all(&self) -> bool {
        matches!(self, Self::Product(Field::Category) | Self::InRow(_, Field::Category) | Self::Order(Total::Coupon))
    }

    /// Whether it is read on pages of a kind.
    pub(super) fn is_read_on(&self, kind: &str) -> bool {
        match self {
            Self::Product(_) => matches!(kind, "product" | "other"),
            Self::InRow(List::Listed, _) => is_list(kind),
            Self::Order(_) | Self::InRow(List::OrderLines, _) => matches!(kind, "thankyou" | "other"),
            Self::Term | Self::Results => matches!(kind, "search" | "category" | "other"),
            _ => true,
        }
    }
}

/// Whether pages of a kind have lists of products.
pub(super) fn is_list(kind: &str) -> bool {
    matches!(kind, "category" | "search" | "home" | "other")
}

/// By what a platform is recognised.
#[derive(Debug, Clone)]
pub struct Sign {
    /// What is seen.
    pub trace: Trace,
    /// How much it counts.
    pub weight: u32,
}

/// What a platform leaves behind.
#[derive(Debug, Clone)]
pub enum Trace {
    /// On the page.
    Page(Source),
    /// A cookie that the shop sets; `*` at its end stands for anything.
    Cookie(Box<str>),
    /// A header of the answer, in lower case, and what its value matches.
    Header(Box<str>, Option<Regex>),
}
