use super::*;
use crate::commerce::Content;
use crate::config::diagnostic::Problems;
use crate::config::document;
use crate::transform::extract;
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

/// A page read by a recipe of a site, and of its platform.
fn page(own: &str, preset: &str, kind: &'static str, html: &str) -> Content {
    let part = |text: &str| {
        let (part, problems) = problems(text);
        part.unwrap_or_else(|| panic!("{:?}", problems.0))
    };
    let reading = extract::Reading {
        recipe: extract::Recipe::new(&part(own), &part(preset)),
        url: "https://shop.example/item/42?name=%E8%8C%B6".to_owned(),
        kind,
        whole_kinds: &["category", "product", "cart", "thankyou", "search", "account", "other"],
    };
    let whole = extract::read(
        &reading,
        Some(encoding_rs::UTF_8),
        format!("<!doctype html><head><title>t</title></head>{html}").as_bytes(),
    );
    // However it comes.
    let mut extractor =
        extract::Extractor::new(&reading, Some(encoding_rs::UTF_8), crate::transform::Limits::default());
    format!("<!doctype html><head><title>t</title></head>{html}").bytes().for_each(|byte| extractor.push(&[byte]));
    extractor.finish();
    assert_eq!(extractor.content(), &whole);
    whole
}

#[test]
fn a_product_is_read_by_selectors_before_all_else() {
    let recipe = "[product]
        id = [{ at = 'input[name=pid]', attr = 'value' }, { url = '/item/([0-9]+)' }]
        name = 'h1'
        price = ['.sale', '.price']
        category = '.trail li'
        image = { at = '.main img', attr = 'data-src' }
        out_of_stock = { at = '.stock', match = '売り切れ' }
        in_stock = 'button'
        brand = { at = 'script', match = 'brand: *\"([^\"]*)\"' }";
    let html = "<body><ul class=trail><li>器<li>皿</ul><h1> 大 <b>皿</b><script>no()</script></h1><p class=price>定価 ¥2,000</p><p class=sale>1,800円</p>\
        <div class=main><img data-src=/a.jpg></div><p class=stock>在庫あり</p><button>買う</button><script>x = {brand: \"窯\"};</script>\
        <script type='application/ld+json'>{\"@type\":\"Product\",\"sku\":\"J\",\"name\":\"J\",\"gtin\":\"1\"}</script>";
    let found = page(recipe, "", "product", html).product.unwrap();
    assert_eq!((found.id.as_str(), found.name.as_deref(), found.price), ("42", Some("大 皿"), Some(1800.0)));
    assert_eq!((found.category.len(), found.brand.as_deref(), found.in_stock), (1, Some("窯"), Some(true)));
    let sold = page(recipe, "", "product", &html.replace("在庫あり", "売り切れました")).product.unwrap();
    assert_eq!(sold.in_stock, Some(false));
    // On pages of other kinds it is not looked for.
    assert_eq!(page(recipe, "", "cart", html).product, None);
}

#[test]
fn a_sites_own_source_counts_more_than_its_platforms() {
    let html = "<body><h1>A</h1><h2>B</h2><p class=p>100</p>";
    let found = |own: &str| page(own, "[product]\nname = 'h1'\nprice = '.p'", "product", html).product.unwrap();
    assert_eq!((found("").name.as_deref(), found("").price), (Some("A"), Some(100.0)));
    let own = found("[product]\nname = ['h3', 'h2']");
    assert_eq!((own.name.as_deref(), own.price), (Some("B"), Some(100.0)));
}

#[test]
fn carts_are_read_line_by_line() {
    let recipe = "[cart]
        items = '.badge'
        value = '.sum'
        empty = '.none'
        [cart.line]
        row = 'tr.line, li.line'
        id = [{ attr = 'data-id' }, { at = 'a', attr = 'href', match = 'p/([0-9]+)' }]
        name = 'a'
        price = '.unit'
        quantity = { at = 'input', attr = 'value' }
        total = '.total'";
    let html = "<body><i class=badge>3</i><table>\
        <tr class=line data-id=7><td><a href=/p/1>茶 &amp; 器</a><td class=unit>¥500<td><input value=2>\
        <tr class=line><td><a href=/p/2>皿</a><td><input value=4><td class=total>2,000円</tr>\
        <tr><td class=unit>1<td><a href=/p/9>no line</a></table><ul><li class=line><a>無名</a></ul><p class=sum>小計 3,000円</p>";
    let cart = page(recipe, "", "cart", html).cart.unwrap();
    let lines: Vec<_> =
        cart.lines.iter().map(|line| (line.id.as_str(), line.name.as_deref(), line.price, line.quantity)).collect();
    let wanted =
        [("7", Some("茶 & 器"), Some(500.0), 2), ("2", Some("皿"), Some(500.0), 4), ("", Some("無名"), None, 1)];
    assert_eq!(lines, wanted);
    assert_eq!((cart.items, cart.value), (Some(3), Some(3000.0)));
    let empty = page(recipe, "", "cart", "<body><p class=none>空です</p>").cart.unwrap();
    assert_eq!((empty.lines.len(), empty.items), (0, Some(0)));
    assert_eq!(page(recipe, "", "cart", "<body>").cart, None);
    // A list of which a site names the rows is its own altogether.
    let own = page("[cart.line]\nrow = 'ul li'\nname = 'a'", recipe, "cart", html).cart.unwrap();
    assert_eq!((own.lines.len(), own.value), (1, Some(3000.0)));
}

#[test]
fn page_of_no_known_kind_is_read_on_where_a_mark_below_its_head_may_tell() {
    let part = |text: &str| problems(text).0.unwrap();
    let read = |mark: &str, whole_kinds| {
        let preset = format!("[kind]\nproduct = '{mark}'\n[product]\nid = '.id'");
        let recipe = extract::Recipe::new(&extract::Part::default(), &part(&preset));
        let reading = extract::Reading { recipe, url: "https://shop.example/x".to_owned(), kind: "other", whole_kinds };
        let html = "<html><head><title>x</title></head><body class=shop><div><div id=product><b class=id>7</b></div></div></body></html>";
        extract::read(&reading, None, html.as_bytes()).product.map(|product| product.id)
    };
    let seven = Some("7".to_owned());
    assert_eq!(read("#product", &["product"]), seven, "below");
    assert_eq!(read("body.shop", &["product"]), seven, "at its beginning");
    assert_eq!(read("#product", &["cart"]), None, "nobody wants products");
    assert_eq!(read("#cart", &["product"]), None, "it is no product");
}

#[test]
fn orders_searches_members_and_kinds_are_read() {
    let recipe = "[kind]
        thankyou = 'body.done'
        [order]
        id = { at = '.thanks', match = '番号[:：] *([0-9A-Z-]+)' }
        value = '.total'
        shipping = '.ship'
        coupons = '.code'
        line = { row = '.row', id = '.sku', quantity = '.n', price = '.p' }
        [search]
        term = { query = 'name' }
        results = { at = '.count', match = '([0-9,]+)件' }
        [member]
        logged_in = 'a.out'
        logged_out = 'a.in'
        id = { at = 'body', attr = 'data-member' }
        rank = '.rank'
        attr.plan = { at = 'i', attr = 'title' }";
    let html = "<body class='x done' data-member=M1><a class=out><p class=rank>ゴールド</p><i title=pro></i><p class=thanks>ご注文番号： N-12 です</p>\
        <p class=row><b class=sku>S</b><b class=n>2</b><b class=p>¥10</b></p><p class=total>¥30</p><p class=ship>0円</p>\
        <b class=code>A</b><b class=code>B</b>";
    let content = page(recipe, "", "other", html);
    assert_eq!(content.kind.as_deref(), Some("thankyou"));
    let order = content.order.unwrap();
    assert_eq!((order.id.as_str(), order.value, order.shipping), ("N-12", Some(30.0), Some(0.0)));
    assert_eq!(
        (order.coupons.join(" "), order.lines[0].id.as_str(), order.lines[0].quantity),
        ("A B".to_owned(), "S", 2)
    );
    let member = content.member.unwrap();
    assert_eq!((member.logged_in, member.id.as_deref()), (Some(true), Some("M1")));
    assert_eq!(member.fields, [("rank".to_owned(), "ゴールド".to_owned()), ("attr.plan".to_owned(), "pro".to_owned())]);
    // The same page is no order where no order is placed.
    assert_eq!(page(recipe, "", "account", &html.replace("done", "")).order, None);
    let search = page(recipe, "", "search", "<body><p class=count>全1,234件</p><a class=in>").search.unwrap();
    assert_eq!((search.term.as_str(), search.results), ("茶", Some(1234)));
}

#[test]
fn listed_products_have_ids_of_their_own_or_their_pages() {
    let recipe = "[listed]\nrow = '.card'\nid = { attr = 'data-id' }\nname = 'h2'\nprice = '.p'\nurl = { at = 'a', attr = 'href' }\nout_of_stock = '.sold'";
    let html = "<body><div class=card data-id=1><h2>A</h2><b class=p>1,000</b></div>\
        <div class=card><a href='/item/2/'><h2>B</h2></a><i class=sold></i></div><div class=card><h2>C</h2></div>";
    let listed = page(recipe, "", "category", html).listed;
    let found: Vec<_> =
        listed.iter().map(|one| (one.id.as_str(), one.name.as_deref(), one.price, one.in_stock)).collect();
    assert_eq!(found, [("1", Some("A"), Some(1000.0), None), ("/item/2", Some("B"), None, Some(false))]);
}
