//! `[[api]]`: what the shop's own JSON answers say.

use super::{asked, bad_pointer, pointer};
use crate::config::reader::Table;
use crate::config::settings::{REQUIRED, Section, Setting, setting};
use crate::site::taps::{Api, At, CartAt, LineAt, OrderAt, Pointer, ProductsAt, Scale, SearchAt};
use toml::Spanned;
use toml::de::DeValue;

/// `[[api]]`.
pub(crate) static API: Section = Section {
    file: "site.toml",
    header: "[[api]]",
    help: "What the shop's own answers in JSON say of cart, products, order and search, read as they pass (at most 256 KiB of each). A \
           value is a JSON pointer (`\"/totals/total\"`; `*` is any element of a list), a list of pointers of which the first that is \
           there counts, or `{ at = \"/price\", scale = 2 }`: the number is divided by 10²; `scale` may be a pointer, too.",
    settings: &[
        setting("path", "text or list of texts", REQUIRED, "Paths, as in `[pages]`."),
        setting("method", "text or list of texts", "", "Methods; all, if none is named."),
        setting("where", "table", "", "Fields of the query and the values that all of them must have."),
        setting("unless", "table", "", "Fields of the query and the values that none of them may have."),
        setting("cart", "table", "", "The visitor's cart. See `[api.cart]`."),
        setting("product", "table", "", "A product. See `[api.product]`."),
        setting("listed", "table", "", "A list of products. See `[api.listed]`."),
        setting("order", "table", "", "The order just placed. See `[api.order]`."),
        setting("search", "table", "", "A search. See `[api.search]`."),
    ],
};

const LINES: Setting = setting("lines", "pointer", "", "Its lines: a list, or an object whose members are lines.");
const LINE: Setting = setting("line", "table", "", "A line's fields. See `line`.");
const CURRENCY: Setting = setting("currency", "value", "", "Its currency; by default the site's.");

/// `[api.cart]`.
pub(crate) static API_CART: Section = Section {
    file: "site.toml",
    header: "[api.cart]",
    help: "The visitor's cart, as it is after the answer.",
    settings: &[
        LINES,
        LINE,
        setting("items", "value", "", "Number of things, where it is told without the lines."),
        setting("value", "value", "", "Value of the goods."),
        CURRENCY,
    ],
};

/// `line` of `[api.cart]` and `[api.order]`.
pub(crate) static API_LINE: Section = Section {
    file: "site.toml",
    header: "api.cart.line, api.order.line",
    help: "A line of a cart or an order; the pointers begin at the line.",
    settings: &[
        setting("id", "value", REQUIRED, "The product's id."),
        setting("name", "value", "", "Its name."),
        setting("price", "value", "", "Price of one."),
        setting("quantity", "value", "", "How many; 1 where it is not told."),
    ],
};

const PRODUCT: [Setting; 9] = [
    setting("id", "value", REQUIRED, "Id."),
    setting("name", "value", "", "Name."),
    setting("category", "value", "", "Category, the outermost first: `\"/categories/*/name\"`."),
    setting("brand", "value", "", "Brand."),
    setting("price", "value", "", "Price."),
    CURRENCY,
    setting(
        "in_stock",
        "value",
        "",
        "Whether it can be bought: `{ at = \"/stock\", is = [\"instock\"] }`; without `is`, whatever is neither 0 nor empty.",
    ),
    setting("image", "value", "", "Address of its picture."),
    setting("url", "value", "", "Address of its page."),
];

static ONE_PRODUCT: [Setting; 10] =
    with_at(setting("at", "pointer", "", "Where it stands; the other pointers begin there."));
static LISTED_PRODUCTS: [Setting; 10] =
    with_at(setting("at", "pointer", REQUIRED, "The list; the other pointers begin at each of its elements."));

const fn with_at(at: Setting) -> [Setting; 10] {
    let [id, name, category, brand, price, currency, in_stock, image, url] = PRODUCT;
    [at, id, name, category, brand, price, currency, in_stock, image, url]
}

/// `[api.product]`.
pub(crate) static API_PRODUCT: Section = Section {
    file: "site.toml",
    header: "[api.product]",
    help: "A product. Answers to GET alone are believed.",
    settings: &ONE_PRODUCT,
};

/// `[api.listed]`.
pub(crate) static API_LISTED: Section = Section {
    file: "site.toml",
    header: "[api.listed]",
    help: "A list of products. Answers to GET alone are believed.",
    settings: &LISTED_PRODUCTS,
};

/// `[api.order]`.
pub(crate) static API_ORDER: Section = Section {
    file: "site.toml",
    header: "[api.order]",
    help: "The order that was just placed.",
    settings: &[
        setting("id", "value", REQUIRED, "The shop's number of the order."),
        setting("value", "value", "", "What was paid in all."),
        setting("tax", "value", "", "Thereof tax."),
        setting("shipping", "value", "", "Thereof shipping."),
        CURRENCY,
        setting("coupons", "value", "", "Coupon codes that were redeemed."),
        LINES,
        LINE,
    ],
};

/// `[api.search]`.
pub(crate) static API_SEARCH: Section = Section {
    file: "site.toml",
    header: "[api.search]",
    help: "A search of the visitor's.",
    settings: &[
        setting("term", "value", REQUIRED, "What was searched for; `{ query = \"q\" }` takes it from the request."),
        setting("results", "value", "", "Number of results."),
    ],
};

/// Reads `[[api]]` of a table.
pub(crate) fn apis(table: &mut Table<'_, '_>) -> Vec<Api> {
    table.tables("api").into_iter().map(|api| read(api.documented(&API))).collect()
}

fn read(mut table: Table<'_, '_>) -> Api {
    let asked = asked(&mut table, &[]);
    let mut products = Vec::new();
    products.extend(table.table("product").map(|inner| product(inner.documented(&API_PRODUCT), false)));
    products.extend(table.table("listed").map(|inner| product(inner.documented(&API_LISTED), true)));
    let api = Api {
        asked,
        cart: table.table("cart").map(cart),
        products,
        order: table.table("order").map(order),
        search: table.table("search").map(search),
        ..Api::default()
    };
    if api.cart.is_none() && api.products.is_empty() && api.order.is_none() && api.search.is_none() {
        let help =
            Some("add `[api.cart]`, `[api.product]`, `[api.listed]`, `[api.order]` or `[api.search]`".to_owned());
        table.error("empty-api", table.span(), "nothing is read of these answers", help);
    }
    table.finish();
    api.with_pointers()
}

fn cart(table: Table<'_, '_>) -> CartAt {
    let mut table = table.documented(&API_CART);
    let cart = CartAt {
        lines: list(&mut table),
        line: line(&mut table),
        items: at(&mut table, "items"),
        value: at(&mut table, "value"),
        currency: at(&mut table, "currency"),
    };
    table.finish();
    cart
}

fn order(table: Table<'_, '_>) -> OrderAt {
    let mut table = table.documented(&API_ORDER);
    let order = OrderAt {
        id: required(&mut table, "id"),
        value: at(&mut table, "value"),
        tax: at(&mut table, "tax"),
        shipping: at(&mut table, "shipping"),
        currency: at(&mut table, "currency"),
        coupons: at(&mut table, "coupons"),
        lines: list(&mut table),
        line: line(&mut table),
    };
    table.finish();
    order
}

fn list(table: &mut Table<'_, '_>) -> Option<Pointer> {
    table.string("lines").and_then(|text| pointer(table, &text))
}

fn line(table: &mut Table<'_, '_>) -> LineAt {
    let Some(inner) = table.table("line") else {
        if table.has("lines") {
            table.missing("line", "the fields of a line: `line = { id = \"/id\", quantity = \"/quantity\" }`");
        }
        return LineAt::default();
    };
    let mut inner = inner.documented(&API_LINE);
    let line = LineAt {
        id: required(&mut inner, "id"),
        name: at(&mut inner, "name"),
        price: at(&mut inner, "price"),
        quantity: at(&mut inner, "quantity"),
    };
    inner.finish();
    line
}

fn product(mut table: Table<'_, '_>, listed: bool) -> ProductsAt {
    if listed && !table.has("at") {
        table.missing("at", "where the list stands: `at = \"/products\"`");
    }
    let stands = table.string("at").and_then(|text| pointer(&table, &text)).unwrap_or_default();
    let product = ProductsAt {
        at: if listed { stands.each() } else { stands },
        listed,
        id: required(&mut table, "id"),
        name: at(&mut table, "name"),
        category: at(&mut table, "category"),
        brand: at(&mut table, "brand"),
        price: at(&mut table, "price"),
        currency: at(&mut table, "currency"),
        in_stock: at(&mut table, "in_stock"),
        image: at(&mut table, "image"),
        url: at(&mut table, "url"),
    };
    table.finish();
    product
}

fn search(table: Table<'_, '_>) -> SearchAt {
    let mut table = table.documented(&API_SEARCH);
    let mut query = None;
    let of_request = table.raw("term").and_then(|value| Some((value.get_ref().as_table()?, value.span())));
    let term = match of_request.filter(|(inner, _)| inner.contains_key("query")) {
        Some((inner, span)) => {
            let mut inner = table.child(inner, span);
            query = inner.string("query").map(|text| text.value);
            inner.finish();
            At::default()
        }
        None => required(&mut table, "term"),
    };
    let search = SearchAt { term, query, results: at(&mut table, "results") };
    table.finish();
    search
}

fn required(table: &mut Table<'_, '_>, key: &'static str) -> At {
    if !table.has(key) {
        table.missing(key, "a JSON pointer to it");
    }
    at(table, key)
}

fn at(table: &mut Table<'_, '_>, key: &'static str) -> At {
    let Some(value) = table.raw(key) else { return At::default() };
    let Some(inner) = value.get_ref().as_table() else {
        return At { at: pointers(table, key, value), ..At::default() };
    };
    let mut inner = table.child(inner, value.span());
    if !inner.has("at") {
        inner.missing("at", "a JSON pointer");
    }
    let at = inner.raw("at").map(|value| pointers(&inner, "at", value)).unwrap_or_default();
    let scale = match inner.raw("scale").map(Spanned::get_ref) {
        Some(DeValue::String(_)) => inner.string("scale").and_then(|text| pointer(&inner, &text)).map(Scale::At),
        Some(_) => inner.integer("scale", 0..=9).and_then(|power| u8::try_from(power.value).ok()).map(Scale::Fixed),
        None => None,
    };
    let is =
        inner.strings("is").map(|list| list.value.into_iter().map(|text| text.value).collect()).unwrap_or_default();
    inner.finish();
    At { at, scale, is }
}

fn pointers(table: &Table<'_, '_>, key: &str, value: &Spanned<DeValue<'_>>) -> Vec<Pointer> {
    let list: Vec<&Spanned<DeValue<'_>>> = match value.get_ref() {
        DeValue::Array(list) => list.iter().collect(),
        _ => vec![value],
    };
    let read = |item: &Spanned<DeValue<'_>>| match item.get_ref().as_str() {
        Some(text) => bad_pointer(table, text, &item.span()),
        None => {
            table.mistyped(key, ("a JSON pointer, a list of them, or a table with `at`", "\"/items\""), item);
            None
        }
    };
    list.into_iter().filter_map(read).collect()
}
