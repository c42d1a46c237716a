//! Open Graph and its kin: what `<meta>` tells of a page.

use super::draft::Draft;
use super::recipe::{Field, OPEN_GRAPH, Slot};
use super::schema;
use super::values::Given;

/// Takes a `<meta>`; its content is decoded.
pub(super) fn learn(name: &str, content: &str, draft: &mut Draft) {
    let name = name.trim().to_ascii_lowercase();
    let (rank, field) = match name.as_str() {
        "og:type" => {
            match content.trim().to_ascii_lowercase().as_str() {
                "product" | "product.item" | "og:product" => draft.put_kind(OPEN_GRAPH, "product"),
                "product.group" => draft.put_kind(OPEN_GRAPH, "category"),
                _ => {}
            }
            return;
        }
        "product:availability" | "og:availability" => {
            if let Some(available) = schema::availability(content) {
                let field = if available { Field::InStock } else { Field::OutOfStock };
                draft.put(&Slot::Product(field), OPEN_GRAPH, Given::Presence);
            }
            return;
        }
        "product:category" => {
            for step in schema::path(content) {
                draft.put(&Slot::Product(Field::Category), OPEN_GRAPH, Given::Value(&step));
            }
            return;
        }
        "product:sale_price:amount" => (OPEN_GRAPH, Field::Price),
        "product:price:amount" | "og:price:amount" => (OPEN_GRAPH + 1, Field::Price),
        "product:sale_price:currency" | "product:price:currency" | "og:price:currency" => (OPEN_GRAPH, Field::Currency),
        "product:retailer_item_id" => (OPEN_GRAPH, Field::Id),
        "product:brand" | "og:brand" => (OPEN_GRAPH, Field::Brand),
        "og:title" => (OPEN_GRAPH, Field::Name),
        "og:url" => (OPEN_GRAPH + 1, Field::Url),
        "og:image" | "og:image:secure_url" => (OPEN_GRAPH, Field::Image),
        _ => return,
    };
    draft.put(&Slot::Product(field), rank, Given::Value(content));
}
