use super::*;
use crate::config::diagnostic::Problems;
use crate::config::document;
use std::path::Path;

fn problems(text: &str) -> (Option<Part>, Problems) {
    let mut problems = Problems::default();
    let part = document::read(text, Path::new("site.toml"), &mut problems, read);
    (part, problems)
}

#[test]
fn everything_that_the_reference_names_can_be_written() {
    let text = r##"
        [kind]
        product = "body.product"
        cart = ["#cart", { at = "h1", match = "カート" }]
        [product]
        id = [{ at = "input[name=id]", attr = "value" }, { url = "/item/([0-9]+)" }, { query = "id" }, { at = "script", match = "id: *(\\d+)" }]
        price = ".price"
        in_stock = "button.add"
        out_of_stock = { at = ".stock", match = "売り切れ" }
        [listed]
        row = ".item, .card"
        id = { attr = "data-id" }
        price = ".price"
        [cart]
        items = ".badge"
        empty = ".empty"
        line = { row = "tr.line", id = { at = "a", attr = "href" }, quantity = { at = "input", attr = "value" }, total = ".sum" }
        [order]
        id = { at = ".thanks", match = "番号:? *(\\w+)" }
        coupons = ".code"
        line = { row = "tr.line", name = "td" }
        [search]
        term = { query = "q" }
        results = ".count"
        [member]
        logged_in = ["a.logout"]
        logged_out = "a.login"
        id = { at = "body", attr = "data-id" }
        rank = ".rank"
        attr.plan = ".plan"
    "##;
    let (part, problems) = problems(text);
    assert_eq!(problems.0.len(), 0, "{:?}", problems.0);
    let part = part.unwrap();
    assert_eq!((part.sources.len(), part.rows.len()), (27, 3));
}

#[test]
fn mistakes_are_told_with_their_place() {
    for (text, code, marked) in [
        ("[product]\nprize = '.a'", "unknown-key", "prize"),
        ("[product]\nprice = '.a + .b'", "bad-selector", "'.a + .b'"),
        ("[product]\nprice = { at = '.a:has(b)' }", "bad-selector", "'.a:has(b)'"),
        ("[product]\nprice = { at = '.a', match = '(' }", "invalid-regex", "'('"),
        (
            "[product]\nprice = { at = '.a', match = '((a{1000}){1000}){10}' }",
            "invalid-regex",
            "'((a{1000}){1000}){10}'",
        ),
        ("[product]\nprice = { at = '.a', query = 'b' }", "bad-source", "{ at = '.a', query = 'b' }"),
        ("[product]\nprice = { attr = 'b' }", "bad-source", "{ attr = 'b' }"),
        ("[product]\nprice = { at = '.a', atr = 'b' }", "unknown-key", "atr"),
        ("[product]\nprice = { at = '.a', attr = 'a b' }", "bad-attribute", "'a b'"),
        ("[product]\nprice = 3", "wrong-type", "3"),
        ("[product]\nid = 'script'", "bad-source", "'script'"),
        ("[listed]\nrow = 'li'\nid = { url = 'x' }", "bad-source", "{ url = 'x' }"),
        ("[kind]\nproduckt = 'body'", "unknown-page-kind", "produckt"),
        ("[member]\nrang = '.a'", "unknown-customer-field", "rang"),
        ("[carts]\nitems = '.a'", "unknown-key", "carts"),
    ] {
        let (_, found) = problems(text);
        let [problem] = found.0.as_slice() else { panic!("{text}: {:?}", found.0) };
        assert_eq!((problem.code, &text[problem.span.clone()]), (code, marked), "{text}");
        assert!(problem.help.is_some() || code == "invalid-regex", "{text}");
    }
}
