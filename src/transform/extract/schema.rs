//! schema.org's vocabulary, as JSON-LD and microdata have it: products, trails, lists, orders.

use super::draft::Draft;
use super::links::Links;
use super::recipe::{JSON_LD, MICRODATA};
use super::text;
use super::values::currency;
use crate::commerce::{Line, MAX_LINES, Order, Product, number};
use serde_json::{Map, Value};

type Object = Map<String, Value>;

/// Deepest nesting that is looked into.
const DEEPEST: usize = 8;
/// Most steps of a trail.
const STEPS: usize = 16;

const PRODUCTS: &[&str] =
    &["Product", "ProductGroup", "IndividualProduct", "ProductModel", "SomeProducts", "Vehicle", "Car"];
const BUYABLE: &[&str] = &[
    "instock",
    "limitedavailability",
    "onlineonly",
    "preorder",
    "presale",
    "backorder",
    "madetoorder",
    "availablefororder",
];
const NOT_BUYABLE: &[&str] =
    &["outofstock", "soldout", "discontinued", "instoreonly", "reserved", "oos", "unavailable", "notavailable"];

/// A step of a trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Crumb {
    pub(super) name: String,
    pub(super) url: Option<String>,
}

/// Takes what a document in the vocabulary tells.
pub(super) fn learn(value: &Value, rank: u8, draft: &mut Draft) {
    walk(value, rank, draft, DEEPEST);
}

fn walk(value: &Value, rank: u8, draft: &mut Draft, deeper: usize) {
    let Some(deeper) = deeper.checked_sub(1) else { return };
    let object = match value {
        Value::Array(list) => return list.iter().take(MAX_LINES).for_each(|item| walk(item, rank, draft, deeper)),
        Value::Object(object) => object,
        _ => return,
    };
    if let Some(graph) = object.get("@graph") {
        walk(graph, rank, draft, deeper);
    }
    if is_product(object) {
        let product = product(object, draft.links());
        if let Some(product) = product
            && let Some(list) = draft.schema.products.get_mut(usize::from(rank != JSON_LD))
            && list.len() < MAX_LINES
        {
            list.push(product);
        }
        return;
    }
    if is(object, "BreadcrumbList") {
        let crumbs = crumbs(object, draft.links());
        draft.schema.crumbs.put(rank, Some(crumbs).filter(|crumbs| !crumbs.is_empty()));
    } else if is(object, "ItemList") || is(object, "OfferCatalog") {
        list(object, draft);
    } else if is(object, "Order") || is(object, "Invoice") {
        if draft.schema.order.is_none() {
            draft.schema.order = order(object);
        }
    } else {
        for (name, kind) in [("CheckoutPage", "checkout"), ("SearchResultsPage", "search"), ("ItemPage", "product")] {
            if is(object, name) {
                draft.put_kind(rank, kind);
            }
        }
        for inner in ["mainEntity", "breadcrumb", "about"] {
            if let Some(inner) = object.get(inner) {
                walk(inner, rank, draft, deeper);
            }
        }
    }
}

fn list(object: &Object, draft: &mut Draft) {
    for item in each(object.get("itemListElement")).take(MAX_LINES) {
        let inner = item.get("item").unwrap_or(item);
        let Some(found) = inner.as_object().filter(|inner| is_product(inner)) else { continue };
        let found = product(found, draft.links());
        draft.schema.listed.extend(found.filter(|product| !product.id.is_empty()));
    }
    draft.schema.listed.truncate(MAX_LINES);
}

fn crumbs(object: &Object, links: &Links) -> Vec<Crumb> {
    let mut steps: Vec<(f64, Crumb)> = Vec::new();
    for step in each(object.get("itemListElement")).take(STEPS) {
        let item = step.get("item");
        let name = words(step.get("name")).or_else(|| words(item?.get("name")));
        let url = item.and_then(|item| {
            let url = item.as_str().or_else(|| item.get("@id").or_else(|| item.get("url"))?.as_str())?;
            links.absolute(url)
        });
        let position = step.get("position").and_then(amount).unwrap_or(steps.len() as f64 + 1.0);
        steps.extend(name.map(|name| (position, Crumb { name, url })));
    }
    steps.sort_by(|one, other| one.0.total_cmp(&other.0));
    steps.into_iter().map(|(_, crumb)| crumb).collect()
}

/// A product; its id may be empty.
fn product(object: &Object, links: &Links) -> Option<Product> {
    let id = ["sku", "productID", "productGroupID", "mpn", "gtin13", "gtin14", "gtin12", "gtin8", "gtin"];
    let mut product = Product {
        id: id.iter().find_map(|name| words(object.get(*name))).unwrap_or_default(),
        name: words(object.get("name")),
        category: category(object.get("category")),
        brand: words(object.get("brand")).or_else(|| words(object.get("manufacturer"))),
        image: object.get("image").and_then(|image| link(image, links)),
        url: object.get("url").and_then(|url| link(url, links)),
        ..Product::default()
    };
    let mut stock = Stock::default();
    let variants = each(object.get("hasVariant")).filter_map(Value::as_object).take(MAX_LINES);
    for object in std::iter::once(object).chain(variants) {
        for offer in each(object.get("offers")).filter_map(Value::as_object).take(MAX_LINES) {
            take_offer(offer, &mut product, &mut stock);
            for inner in each(offer.get("offers")).filter_map(Value::as_object).take(MAX_LINES) {
                take_offer(inner, &mut product, &mut stock);
            }
        }
        if product.image.is_none() {
            product.image = object.get("image").and_then(|image| link(image, links));
        }
    }
    product.in_stock = stock.0;
    let says = product.name.is_some() || product.price.is_some() || !product.id.is_empty();
    says.then_some(product)
}

/// One offer that can be bought is enough.
#[derive(Default)]
struct Stock(Option<bool>);

fn take_offer(offer: &Object, product: &mut Product, stock: &mut Stock) {
    let found = price(offer);
    // The least of several is what it can be had for.
    if let Some(found) = found.filter(|found| product.price.is_none_or(|known| *found < known)) {
        product.price = Some(found);
    }
    if product.currency.is_none() {
        let specified = each(offer.get("priceSpecification")).next();
        let code = offer.get("priceCurrency").or_else(|| specified?.get("priceCurrency"));
        product.currency = code.and_then(Value::as_str).and_then(currency);
    }
    let available = offer.get("availability").and_then(|found| reference(found)).and_then(availability);
    if let Some(available) = available {
        stock.0 = Some(stock.0.unwrap_or(false) || available);
    }
}

fn price(offer: &Object) -> Option<f64> {
    let own = ["price", "lowPrice"].iter().find_map(|name| offer.get(*name).and_then(amount));
    own.or_else(|| {
        let specified = each(offer.get("priceSpecification")).filter_map(Value::as_object);
        // Prices that are struck out, and prices of a hundred grams.
        let counts = |found: &&Object| {
            let kind = found.get("priceType").and_then(reference).unwrap_or_default();
            !kind.ends_with("ListPrice")
                && !kind.ends_with("StrikethroughPrice")
                && !found.contains_key("referenceQuantity")
        };
        specified.filter(counts).find_map(|found| found.get("price").or_else(|| found.get("minPrice")).and_then(amount))
    })
}

/// Whether what is available in a way can be bought.
pub(super) fn availability(text: &str) -> Option<bool> {
    let word = text.trim().trim_end_matches('/').rsplit(['/', '#']).next().unwrap_or_default();
    let word: String = word.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_ascii_lowercase();
    if BUYABLE.contains(&word.as_str()) {
        return Some(true);
    }
    NOT_BUYABLE.contains(&word.as_str()).then_some(false)
}

fn category(value: Option<&Value>) -> Vec<String> {
    let texts: Vec<String> = each(value).take(STEPS).filter_map(|step| words(Some(step))).collect();
    match texts.as_slice() {
        [one] => path(one),
        _ => texts,
    }
}

/// The steps of a category in one text: `Tea > Green tea`.
pub(super) fn path(text: &str) -> Vec<String> {
    let steps = text.split(['>', '›', '»', '＞']).map(str::trim).filter(|step| !step.is_empty());
    steps.take(STEPS).map(str::to_owned).collect()
}

fn order(object: &Object) -> Option<Order> {
    let id = ["orderNumber", "confirmationNumber"].iter().find_map(|name| words(object.get(*name)))?;
    let mut lines = Vec::new();
    let items = each(object.get("orderedItem"))
        .chain(each(object.get("acceptedOffer")))
        .chain(each(object.get("referencesOrder")));
    for item in items.filter_map(Value::as_object).take(MAX_LINES) {
        let inner = ["orderedItem", "itemOffered"].iter().find_map(|name| item.get(*name)).and_then(Value::as_object);
        let inner = inner.unwrap_or(item);
        let id = ["sku", "productID", "mpn"].iter().find_map(|name| words(inner.get(*name)));
        let name = words(inner.get("name"));
        let quantity = ["orderQuantity", "eligibleQuantity"].iter().find_map(|name| item.get(*name).and_then(amount));
        if id.is_none() && name.is_none() {
            continue;
        }
        lines.push(Line {
            id: id.unwrap_or_default(),
            name,
            price: price(item).or_else(|| price(inner)),
            quantity: quantity.and_then(number::count).unwrap_or(1),
        });
    }
    let due = object.get("totalPaymentDue");
    let value = object.get("price").or_else(|| due?.get("price")).or(due).and_then(amount).or_else(|| {
        let prices: Option<Vec<f64>> =
            each(object.get("acceptedOffer")).filter_map(Value::as_object).map(price).collect();
        prices.filter(|prices| !prices.is_empty()).map(|prices| prices.iter().sum())
    });
    let first = each(object.get("acceptedOffer")).next();
    let code =
        object.get("priceCurrency").or_else(|| due?.get("priceCurrency")).or_else(|| first?.get("priceCurrency"));
    Some(Order {
        id,
        value,
        currency: code.and_then(Value::as_str).and_then(currency),
        coupons: words(object.get("discountCode")).into_iter().collect(),
        lines,
        ..Order::default()
    })
}

fn is_product(object: &Object) -> bool {
    PRODUCTS.iter().any(|name| is(object, name))
}

/// Whether an object is of a type, however its name is written.
fn is(object: &Object, name: &str) -> bool {
    let found = each(object.get("@type")).filter_map(Value::as_str);
    found.take(STEPS).any(|found| found.rsplit(['/', '#', ':']).next() == Some(name))
}

/// The items of an array, or the one that stands in its place.
fn each(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    let (one, several) = match value {
        Some(Value::Array(list)) => (None, list.as_slice()),
        other => (other, [].as_slice()),
    };
    one.into_iter().chain(several).filter(|item| !item.is_null())
}

/// A text: of what has a name, its name; of several, the first.
fn words(value: Option<&Value>) -> Option<String> {
    let found = match value? {
        Value::String(found) => text::clean(found),
        Value::Number(found) => found.to_string(),
        Value::Object(found) => {
            text::clean(["name", "@value", "value"].iter().find_map(|name| found.get(*name)?.as_str())?)
        }
        Value::Array(list) => {
            return list.iter().take(STEPS).find_map(|item| words(Some(item)).filter(|_| !item.is_array()));
        }
        _ => return None,
    };
    Some(found).filter(|found| !found.is_empty())
}

fn amount(value: &Value) -> Option<f64> {
    match value {
        Value::Number(found) => found.as_f64(),
        Value::String(found) => number::machine(found),
        Value::Object(found) => {
            found.get("value").or_else(|| found.get("@value")).filter(|inner| !inner.is_object()).and_then(amount)
        }
        Value::Array(list) => list.first().filter(|first| !first.is_array()).and_then(amount),
        _ => None,
    }
}

/// An address or a name of the vocabulary.
fn reference(value: &Value) -> Option<&str> {
    match value {
        Value::String(found) => Some(found),
        Value::Object(found) => ["@id", "url", "name"].iter().find_map(|name| found.get(*name)?.as_str()),
        Value::Array(list) => list.first()?.as_str(),
        _ => None,
    }
}

/// The address of a picture or of a page.
fn link(value: &Value, links: &Links) -> Option<String> {
    let found = match value {
        Value::String(found) => found.as_str(),
        Value::Object(found) => ["url", "contentUrl", "@id"].iter().find_map(|name| {
            let inner = found.get(*name)?;
            inner.as_str().or_else(|| inner.as_array()?.first()?.as_str())
        })?,
        Value::Array(list) => {
            return list.iter().take(STEPS).find_map(|item| link(item, links).filter(|_| !item.is_array()));
        }
        _ => return None,
    };
    links.absolute(&text::decode(found))
}

/// Ranks have two lists of products: see [`Draft`].
const _: () = assert!(JSON_LD != MICRODATA);
