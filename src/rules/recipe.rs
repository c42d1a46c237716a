//! `[extract]` of `site.toml` and of platforms' presets: what to look for on a shop's pages.

mod source;

use crate::config::reader::{Placed, Table, suggest};
use crate::config::settings::{REQUIRED, Section, Setting, setting};
use crate::facts::attributes::ATTRIBUTES;
use crate::site::PAGE_KINDS;
use crate::transform::extract::{Field, List, Part, Slot, Source, Total};
use source::Reading;
pub(super) use source::regex;
use source::selector;
use toml::Spanned;
use toml::de::DeValue;

const SOURCE: &str = "source";
const MARK: &str = "mark";
const FILE: &str = "site.toml";

/// `[extract]`.
pub(crate) static EXTRACT: Section = Section {
    file: FILE,
    header: "[extract]",
    help: "What the shop's pages say, and where. schema.org (JSON-LD, microdata), Open Graph and `<title>` are read without any of this; what \
           stands here is trusted more, and more than the `platform`'s preset. A *source* is a selector (`price = \".price\"`: the element's \
           text) or a table: `at` a selector, with `attr` an attribute instead of the text; `query` a parameter of the page's own \
           address; `url = \"…\"` a regular expression on that address's path and query. `match` takes a part by a regular expression: its \
           first group, or all of it. Several in a list are alternatives, the first trusted most. A *mark* is a source that counts as \
           soon as it is there.",
    settings: &[
        setting(
            "kind",
            "table",
            "",
            "Marks by kind of page: `product = \"body.single-product\"`. They count more than `[pages]`.",
        ),
        setting("product", "table", "", "See `[extract.product]`."),
        setting("listed", "table", "", "See `[extract.listed]`."),
        setting("cart", "table", "", "See `[extract.cart]`."),
        setting("order", "table", "", "See `[extract.order]`."),
        setting("search", "table", "", "See `[extract.search]`."),
        setting(
            "member",
            "table",
            "",
            "`logged_in`, `logged_out` (marks), `id`, and fields of `customer.*`: `rank`, `points`, …; columns of the shop's own: `attr.x`.",
        ),
    ],
};

const NAME: Setting = setting("name", SOURCE, "", "Its name.");
const PRICE: Setting =
    setting("price", SOURCE, "", "Price of one: a number is read as people write it, `1,200円（税込）`.");
const CURRENCY: Setting = setting("currency", SOURCE, "", "Three letters, as in `JPY`.");
const IMAGE: Setting = setting("image", SOURCE, "", "Address of its picture.");
const URL: Setting = setting("url", SOURCE, "", "Address of its page.");
const BRAND: Setting = setting("brand", SOURCE, "", "Its brand.");
const CATEGORY: Setting = setting("category", SOURCE, "", "Its category, the outermost first: each match is a step.");
const IN_STOCK: Setting = setting("in_stock", MARK, "", "It can be bought.");
const OUT_OF_STOCK: Setting = setting("out_of_stock", MARK, "", "It cannot be bought. Counts more than `in_stock`.");
const ROW: Setting = setting(
    "row",
    "selector",
    REQUIRED,
    "One row each; the other sources look inside of it. Without `at` they look at the row itself.",
);

/// `[extract.product]`.
pub(crate) static PRODUCT: Section = Section {
    file: FILE,
    header: "[extract.product]",
    help: "The page's own product. Read on pages of the kind `product`, and of those that no kind is known of.",
    settings: &[
        setting("id", SOURCE, "", "The shop's own id: the one by which carts and orders name it, too."),
        NAME,
        CATEGORY,
        BRAND,
        PRICE,
        CURRENCY,
        IN_STOCK,
        OUT_OF_STOCK,
        IMAGE,
        URL,
    ],
};

/// `[extract.listed]`.
pub(crate) static LISTED: Section = Section {
    file: FILE,
    header: "[extract.listed]",
    help: "Products of a list. Read on pages of the kinds `category` and `search`.",
    settings: &[
        ROW,
        setting("id", SOURCE, "", "The shop's own id. Without it the path of its `url` stands for it."),
        NAME,
        CATEGORY,
        BRAND,
        PRICE,
        CURRENCY,
        IN_STOCK,
        OUT_OF_STOCK,
        IMAGE,
        URL,
    ],
};

/// `[extract.cart]`.
pub(crate) static CART: Section = Section {
    file: FILE,
    header: "[extract.cart]",
    help: "The cart, on its own page or in short on others.",
    settings: &[
        setting("line", "table", "", "See `[extract.cart.line]`."),
        setting("items", SOURCE, "", "Number of things in it."),
        setting("value", SOURCE, "", "Value of the goods."),
        CURRENCY,
        setting("empty", MARK, "", "There is nothing in it."),
    ],
};

/// `[extract.cart.line]` and `[extract.order.line]`.
pub(crate) static LINE: Section = Section {
    file: FILE,
    header: "[extract.cart.line], [extract.order.line]",
    help: "Lines of a cart or of an order.",
    settings: &[
        ROW,
        setting("id", SOURCE, "", "The product's id. Without it the path of its `url` stands for it."),
        NAME,
        PRICE,
        setting("quantity", SOURCE, "1", "How many."),
        setting("total", SOURCE, "", "Price of the whole line, where that of one is not shown."),
        URL,
    ],
};

/// `[extract.order]`.
pub(crate) static ORDER: Section = Section {
    file: FILE,
    header: "[extract.order]",
    help: "The order that was just placed. Read on pages of the kind `thankyou`.",
    settings: &[
        setting("line", "table", "", "See `[extract.cart.line]`."),
        setting("id", SOURCE, "", "Its number. Without one there is no order."),
        setting("value", SOURCE, "", "What was paid in all."),
        setting("tax", SOURCE, "", "Thereof tax."),
        setting("shipping", SOURCE, "", "Thereof shipping."),
        CURRENCY,
        setting("coupons", SOURCE, "", "Coupon codes that were redeemed: each match is one."),
    ],
};

/// `[extract.search]`.
pub(crate) static SEARCH: Section = Section {
    file: FILE,
    header: "[extract.search]",
    help: "A search. Read on pages of the kind `search`.",
    settings: &[
        setting(
            "term",
            SOURCE,
            "",
            "What was searched for. Without it, the parameter that most shops use: `q`, `s`, `keyword`, …",
        ),
        setting("results", SOURCE, "", "How much was found."),
    ],
};

/// Fields of the member besides those that have an attribute.
const MEMBER: [&str; 4] = ["name", "birth_date", "rank", "points"];

/// Reads the table.
pub(super) fn read(table: Table<'_, '_>) -> Part {
    let mut table = table.documented(&EXTRACT);
    let mut part = Part::default();
    if let Some(table) = table.table("kind") {
        kinds(&table, &mut part);
    }
    if let Some(table) = table.table("product") {
        let mut table = table.documented(&PRODUCT);
        fields(&mut table, &PRODUCT, Slot::Product, &mut part);
        table.finish();
    }
    if let Some(table) = table.table("listed") {
        rows(table.documented(&LISTED), &LISTED, List::Listed, &mut part);
    }
    if let Some(table) = table.table("cart") {
        totals(table.documented(&CART), &CART, List::CartLines, Slot::Cart, &mut part);
    }
    if let Some(table) = table.table("order") {
        totals(table.documented(&ORDER), &ORDER, List::OrderLines, Slot::Order, &mut part);
    }
    if let Some(table) = table.table("search") {
        let mut table = table.documented(&SEARCH);
        Reading::default().all(&mut table, "term", &Slot::Term, &mut part);
        Reading::default().all(&mut table, "results", &Slot::Results, &mut part);
        table.finish();
    }
    if let Some(table) = table.table("member") {
        member(&table, &mut part);
    }
    table.finish();
    part
}

/// Reads a mark that stands in a table with other keys, which the caller finishes.
pub(super) fn mark(table: &mut Table<'_, '_>, key: &str) -> Option<Source> {
    Reading::mark().table(table, key)
}

fn kinds(table: &Table<'_, '_>, part: &mut Part) {
    for (key, value) in table.entries() {
        let Some(kind) = PAGE_KINDS.iter().copied().find(|kind| *kind == key.value) else {
            let all = PAGE_KINDS.join(", ");
            let help = suggest(&key.value, PAGE_KINDS.iter().copied())
                .map_or_else(|| format!("one of: {all}"), |best| format!("did you mean `{best}`? One of: {all}"));
            table.error("unknown-page-kind", key.span, format!("`{}` is no kind of page", key.value), Some(help));
            continue;
        };
        Reading::mark().each(table, kind, value, |source| part.sources.push((Slot::Kind(kind), source)));
    }
}

/// The fields that a section names and a product or a line has.
fn fields(table: &mut Table<'_, '_>, section: &Section, slot: impl Fn(Field) -> Slot, part: &mut Part) {
    for setting in section.settings {
        let Some(field) = field(setting.name) else { continue };
        let slot = slot(field);
        let reading = Reading { is_mark: setting.ty == MARK, in_row: matches!(slot, Slot::InRow(..)) };
        reading.all(table, setting.name, &slot, part);
    }
}

fn rows(mut table: Table<'_, '_>, section: &Section, list: List, part: &mut Part) {
    if let Some(row) = table.string("row").and_then(|text| selector(&table, &text)) {
        part.rows.push((list, row));
    }
    fields(&mut table, section, |field| Slot::InRow(list, field), part);
    table.finish();
}

fn totals(mut table: Table<'_, '_>, section: &Section, list: List, slot: fn(Total) -> Slot, part: &mut Part) {
    if let Some(line) = table.table("line") {
        rows(line.documented(&LINE), &LINE, list, part);
    }
    for setting in section.settings {
        let Some(total) = total(setting.name) else { continue };
        let reading = Reading { is_mark: setting.ty == MARK, in_row: false };
        reading.all(&mut table, setting.name, &slot(total), part);
    }
    table.finish();
}

fn member(table: &Table<'_, '_>, part: &mut Part) {
    let known: Vec<&str> =
        ATTRIBUTES.iter().filter_map(|attribute| attribute.name.strip_prefix("customer.")).chain(MEMBER).collect();
    for (key, value) in table.entries() {
        let mut put = |slot: Slot, reading: Reading| {
            reading.each(table, &key.value, value, |source| part.sources.push((slot.clone(), source)));
        };
        match key.value.as_str() {
            "logged_in" => put(Slot::LoggedIn, Reading::mark()),
            "logged_out" => put(Slot::LoggedOut, Reading::mark()),
            "id" => put(Slot::MemberId, Reading::default()),
            "attr" => columns(table, value, part),
            name if known.contains(&name) => put(Slot::Member(name.into()), Reading::default()),
            name => {
                let words = ["logged_in", "logged_out", "id"].into_iter().chain(known.iter().copied());
                let help = suggest(name, words).map_or_else(
                    || {
                        format!(
                            "known here: logged_in, logged_out, id, {}; a column of your own is `attr.{name} = …`",
                            known.join(", ")
                        )
                    },
                    |best| format!("did you mean `{best}`? A column of your own is `attr.{name} = …`"),
                );
                table.error("unknown-customer-field", key.span, format!("there is no `customer.{name}`"), Some(help));
            }
        }
    }
}

fn columns(table: &Table<'_, '_>, value: &Spanned<DeValue<'_>>, part: &mut Part) {
    let Some(inner) = value.get_ref().as_table() else {
        return table.mistyped("attr", ("a table of columns", "{ plan = \"…\" }"), value);
    };
    for (key, value) in inner {
        let column = Placed { value: format!("attr.{}", key.get_ref()), span: key.span() };
        let slot = Slot::Member(column.value.as_str().into());
        Reading::default().each(table, &column.value, value, |source| part.sources.push((slot.clone(), source)));
    }
}

fn field(name: &str) -> Option<Field> {
    Some(match name {
        "id" => Field::Id,
        "name" => Field::Name,
        "category" => Field::Category,
        "brand" => Field::Brand,
        "price" => Field::Price,
        "currency" => Field::Currency,
        "in_stock" => Field::InStock,
        "out_of_stock" => Field::OutOfStock,
        "image" => Field::Image,
        "url" => Field::Url,
        "quantity" => Field::Quantity,
        "total" => Field::Total,
        _ => return None,
    })
}

fn total(name: &str) -> Option<Total> {
    Some(match name {
        "id" => Total::Id,
        "items" => Total::Items,
        "value" => Total::Value,
        "tax" => Total::Tax,
        "shipping" => Total::Shipping,
        "currency" => Total::Currency,
        "coupons" => Total::Coupon,
        "empty" => Total::Empty,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
