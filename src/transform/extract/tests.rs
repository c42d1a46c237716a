use super::*;
use crate::commerce::{MAX_LINES, MAX_TEXT, Product};
use crate::transform::testing::{Chunks, edit, encode, page, run};
use crate::transform::{Coding, Edit, OutCoding, Page, Position, Transform};
use bytes::BytesMut;
use std::fmt::Write as _;

const WHOLE: &[&str] = &["home", "category", "product", "cart", "thankyou", "search", "account", "other"];

fn reading(kind: &'static str, whole_kinds: &'static [&'static str]) -> Reading {
    let url = "https://shop.example/item/7?q=%E6%B9%AF%E5%91%91".to_owned();
    Reading { recipe: Recipe::default(), url, kind, whole_kinds }
}

fn whole(kind: &'static str, html: &str) -> Content {
    read(&reading(kind, WHOLE), Some(encoding_rs::UTF_8), html.as_bytes())
}

fn script(json: &str) -> String {
    format!(
        "<!doctype html><html><head><title>T</title><script type='application/ld+json'>{json}</script></head><body></body></html>"
    )
}

fn product(kind: &'static str, html: &str) -> Product {
    whole(kind, html).product.unwrap_or_else(|| panic!("no product in {html}"))
}

const GRAPH: &str = r#"{"@context":"https://schema.org","@graph":[
    {"@type":"WebPage","breadcrumb":{"@id":"x"}},
    {"@type":"BreadcrumbList","itemListElement":[
        {"@type":"ListItem","position":2,"name":"器","item":"https://shop.example/c/1"},
        {"@type":"ListItem","position":1,"item":{"@id":"https://shop.example/","name":"ホーム"}},
        {"@type":"ListItem","position":3,"name":"湯呑み &amp; 急須"}]},
    {"@type":["Product","Thing"],"sku":"A-7","name":"湯呑み &amp; 急須","brand":{"@type":"Brand","name":"Kiln"},
     "image":["/img/7.jpg","/img/8.jpg"],
     "offers":[{"@type":"Offer","price":"1200","priceCurrency":"jpy","availability":"https://schema.org/InStock"}]}]}"#;

#[test]
fn json_ld_tells_of_the_product_and_where_it_belongs() {
    let wanted = Product {
        id: "A-7".into(),
        name: Some("湯呑み & 急須".into()),
        category: vec!["器".into()],
        brand: Some("Kiln".into()),
        price: Some(1200.0),
        currency: Some("JPY".into()),
        in_stock: Some(true),
        image: Some("https://shop.example/img/7.jpg".into()),
        url: Some("https://shop.example/item/7?q=%E6%B9%AF%E5%91%91".into()),
    };
    for json in [GRAPH.to_owned(), format!("<!--{GRAPH}-->"), format!("[{GRAPH},]"), GRAPH.replace('\n', "\r\n\t")] {
        assert_eq!(product("product", &script(&json)), wanted);
    }
    // A page that no address tells the kind of is a product's if it is about one product.
    let content = whole("other", &script(GRAPH));
    assert_eq!(
        (content.kind.as_deref(), content.product, content.title.as_deref()),
        (Some("product"), Some(wanted), Some("T"))
    );
}

#[test]
fn offers_are_read_in_all_their_forms() {
    for (offers, price, in_stock) in [
        (r#"{"price":1200.5,"availability":"http://schema.org/OutOfStock"}"#, Some(1200.5), Some(false)),
        (r#"{"@type":"AggregateOffer","lowPrice":"980","highPrice":"2,000"}"#, Some(980.0), None),
        (
            r#"{"@type":"AggregateOffer","offers":[{"price":"30","availability":"SoldOut"},{"price":"20","availability":"InStock"}]}"#,
            Some(20.0),
            Some(true),
        ),
        (
            r#"{"priceSpecification":[{"priceType":"https://schema.org/ListPrice","price":20},{"price":"15,50"}]}"#,
            Some(15.5),
            None,
        ),
        (r#"{"price":"お問い合わせ","availability":{"@id":"https://schema.org/PreOrder"}}"#, None, Some(true)),
        (r#"{"price":null,"availability":7}"#, None, None),
        ("null", None, None),
        (r#"[[[]],"x",7]"#, None, None),
    ] {
        let found = product("product", &script(&format!(r#"{{"@type":"Product","sku":1,"offers":{offers}}}"#)));
        assert_eq!((found.id.as_str(), found.price, found.in_stock), ("1", price, in_stock), "{offers}");
    }
}

#[test]
fn a_group_is_sold_from_its_cheapest_variant_on() {
    let json = r#"{"@type":"ProductGroup","productGroupID":"G","name":"Shirt","hasVariant":[
        {"@type":"Product","sku":"G-S","image":"s.jpg","offers":{"price":30,"priceCurrency":"EUR","availability":"OutOfStock"}},
        {"@type":"Product","sku":"G-M","offers":{"price":25,"priceCurrency":"EUR","availability":"InStock"}}]}"#;
    let found = product("product", &script(json));
    assert_eq!((found.id.as_str(), found.price, found.in_stock), ("G", Some(25.0), Some(true)));
    assert_eq!(
        (found.currency.as_deref(), found.image.as_deref()),
        (Some("EUR"), Some("https://shop.example/item/s.jpg"))
    );
}

#[test]
fn microdata_tells_the_same() {
    let html = r#"<!doctype html><body><div itemscope itemtype="http://schema.org/Product">
        <h1 itemprop="name">Tea <b>pot</b></h1><meta itemprop="sku" content="T1"><img itemprop=image src="/t.jpg">
        <a itemprop="brand" itemscope itemtype="https://schema.org/Brand"><span itemprop=name>Kiln</a>
        <p itemprop="offers" itemscope itemtype="http://schema.org/Offer"><span itemprop="price">￥１，２００（税込）</span>
        <meta itemprop=priceCurrency content=JPY><link itemprop="availability" href="http://schema.org/InStock"></p></div>"#;
    let found = product("other", html);
    let wanted = (
        "T1",
        Some("Tea pot"),
        Some(1200.0),
        Some("JPY"),
        Some(true),
        Some("Kiln"),
        Some("https://shop.example/t.jpg"),
    );
    let Product { id, name, price, currency, in_stock, brand, image, .. } = &found;
    let found =
        (id.as_str(), name.as_deref(), *price, currency.as_deref(), *in_stock, brand.as_deref(), image.as_deref());
    assert_eq!(found, wanted);
}

#[test]
fn open_graph_tells_what_nothing_else_does() {
    let html = "<!doctype html><head><base href='/sub/'><meta property='og:type' content='product'><meta property=og:title content='A &amp; B'>\
        <meta property='product:price:amount' content='1500'><meta property='product:sale_price:amount' content='1200.50'>\
        <meta property='product:price:currency' content='USD'><meta name='product:availability' content='out of stock'>\
        <meta property=og:image content='x.png'><meta property='product:retailer_item_id' content=R1></head><body>";
    let found = product("other", html);
    assert_eq!((found.id.as_str(), found.name.as_deref(), found.price), ("R1", Some("A & B"), Some(1200.5)));
    assert_eq!((found.in_stock, found.image.as_deref()), (Some(false), Some("https://shop.example/sub/x.png")));
    // What is trusted more is believed, field by field.
    let both = html.replace(
        "</head>",
        r#"<script type="application/ld+json">{"@type":"Product","sku":"J","name":"J"}</script></head>"#,
    );
    let found = product("product", &both);
    assert_eq!((found.id.as_str(), found.name.as_deref(), found.price), ("J", Some("J"), Some(1200.5)));
}

#[test]
fn another_products_microdata_does_not_mix_in() {
    let related =
        "<div itemscope itemtype='https://schema.org/Product'><b itemprop=name>Other</b><i itemprop=brand>B</i></div>";
    let html = script(r#"{"@type":"Product","sku":"1","name":"Own"}"#).replace("<body>", &format!("<body>{related}"));
    assert_eq!(product("product", &html).brand, None);
    assert_eq!(product("product", &html.replace("Other", "Own")).brand.as_deref(), Some("B"));
}

#[test]
fn lists_are_lists_and_no_product() {
    let items = r#"{"@type":"ItemList","itemListElement":[
        {"@type":"ListItem","position":1,"item":{"@type":"Product","sku":"1","url":"/item/1"}},
        {"@type":"Product","sku":"2"},{"@type":"ListItem","url":"/item/3"}]}"#;
    let crumbs =
        r#"{"@type":"BreadcrumbList","itemListElement":[{"name":"Top","item":"/"},{"name":"Tea","item":"/c/1"}]}"#;
    let content = whole("category", &script(&format!("[{items},{crumbs}]")));
    let ids: Vec<_> = content.listed.iter().map(|product| (product.id.as_str(), product.category.join("/"))).collect();
    assert_eq!(ids, [("1", "Tea".to_owned()), ("2", "Tea".to_owned())]);
    assert_eq!(content.product, None);
    let micro = "<p itemscope itemtype='https://schema.org/Product'><a itemprop=url href='/item/1'><b itemprop=name>x</b></a></p>\
        <p itemscope itemtype='https://schema.org/Product'><b itemprop=name>y</b></p>";
    let content = whole("other", &format!("<!doctype html><body>{micro}"));
    assert_eq!((content.product, content.listed.len()), (None, 2));
}

#[test]
fn orders_are_read_where_orders_are_placed_only() {
    let json = r#"{"@type":"Order","orderNumber":"N-1","priceCurrency":"EUR","price":"120.00","discountCode":"HI","acceptedOffer":[
        {"@type":"Offer","price":"50","eligibleQuantity":{"value":2},"itemOffered":{"@type":"Product","name":"Pot","sku":"P"}},
        {"@type":"Offer","price":"20","itemOffered":{"name":"Cup"}}]}"#;
    let order = whole("thankyou", &script(json)).order.unwrap();
    assert_eq!(
        (order.id.as_str(), order.value, order.coupons.as_slice()),
        ("N-1", Some(120.0), &["HI".to_owned()][..])
    );
    let lines: Vec<_> = order.lines.iter().map(|line| (line.id.as_str(), line.price, line.quantity)).collect();
    assert_eq!(lines, [("P", Some(50.0), 2), ("", Some(20.0), 1)]);
    assert_eq!(whole("account", &script(json)).order, None);
}

#[test]
fn a_search_without_a_recipe_is_told_by_its_address() {
    assert_eq!(whole("search", "<!doctype html><p>").search.unwrap().term, "湯呑");
    assert_eq!(whole("category", "<!doctype html><p>").search, None);
}

#[test]
fn where_only_the_head_matters_reading_ends_with_it() {
    let html = "<!doctype html><html><head><title> A\n B </title></head><body><title>C</title><p>";
    let mut extractor = Extractor::new(&reading("home", &["product"]), Some(encoding_rs::UTF_8), Limits::default());
    extractor.push(&html.as_bytes()[..html.find("<body").unwrap()]);
    assert!(!extractor.is_done());
    extractor.push(&html.as_bytes()[html.find("<body").unwrap()..]);
    assert!(extractor.is_done() && extractor.failed().is_none());
    assert_eq!(extractor.content().title.as_deref(), Some("A B"));
    // What the head says may be reason to go on.
    let told = html.replace("</head>", "<meta property='og:type' content='product'></head>");
    let mut extractor = Extractor::new(&reading("other", &["product"]), Some(encoding_rs::UTF_8), Limits::default());
    extractor.push(told.as_bytes());
    assert!(!extractor.is_done());
}

#[test]
fn the_shops_charset_is_read() {
    for (label, encoding) in
        [("shift_jis", encoding_rs::SHIFT_JIS), ("euc-jp", encoding_rs::EUC_JP), ("gbk", encoding_rs::GBK)]
    {
        let html = format!("<!doctype html><html><head><meta charset={label}><title>茶碗 表ソ</title></head><body>");
        let (bytes, ..) = encoding.encode(&html);
        let mut chunks = Chunks::new();
        for declared in [None, Some(encoding)] {
            let mut extractor = Extractor::new(&reading("home", &[]), declared, Limits::default());
            chunks.split(&bytes).into_iter().for_each(|piece| extractor.push(piece));
            extractor.finish();
            assert_eq!(extractor.content().title.as_deref(), Some("茶碗 表ソ"), "{label}");
        }
    }
}

/// A page with something of everything.
fn rich() -> String {
    let mut html = script(GRAPH).replace("</body></html>", "");
    html.push_str(
        "<!-- c --><div itemscope itemtype=https://schema.org/Product><b itemprop=name>湯呑み &amp; 急須</b>",
    );
    for n in 0..60 {
        let _ = write!(
            html,
            "<p class='a' itemprop=\"description\">行 {n} &yen;{n},000<br>x<script>if(a<b){{}}</script></p>\r\n"
        );
    }
    html.push_str("<i itemprop=material>絹</div></body></html>");
    html
}

#[test]
fn what_is_known_at_a_place_does_not_depend_on_how_the_page_came_there() {
    let html = rich();
    let mut chunks = Chunks::new();
    let new = || Extractor::new(&reading("product", WHOLE), Some(encoding_rs::UTF_8), Limits::default());
    for _ in 0..40 {
        let place = chunks.below(html.len());
        let (mut once, mut often) = (new(), new());
        once.push(&html.as_bytes()[..place]);
        chunks.split(&html.as_bytes()[..place]).into_iter().for_each(|piece| often.push(piece));
        assert_eq!(once.content(), often.content(), "at {place}");
        once.push(&html.as_bytes()[place..]);
        once.finish();
        chunks.split(&html.as_bytes()[place..]).into_iter().for_each(|piece| often.push(piece));
        often.finish();
        assert_eq!(once.content(), often.content());
        assert_eq!(once.content(), &whole("product", &html));
    }
}

#[test]
fn reading_along_says_the_same_in_every_coding_and_changes_no_byte() {
    let html = rich();
    let wanted = whole("product", &html);
    let mut chunks = Chunks::new();
    for coding in [Coding::Identity, Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd] {
        let body = encode(coding, html.as_bytes());
        let out = [OutCoding::Identity, OutCoding::Gzip, OutCoding::Deflate, OutCoding::Zstd, OutCoding::Zstd];
        let out = out.into_iter().find(|out| out.coding() == coding).unwrap_or(OutCoding::Gzip);
        let page = page(coding, Some("utf-8"));
        for edits in [vec![], vec![edit("body", Position::Prepend, "[1]")], vec![edit("body", Position::Append, "[2]")]]
        {
            let pieces = chunks.split(&body);
            let (sent, mut transform) = through(&page, &edits, out, &pieces);
            // What goes out is what goes out where nobody reads.
            assert!(sent == run(&page, &edits, out, &pieces).unwrap().body, "{coding:?}");
            assert_eq!(transform.extractor().unwrap().content(), &wanted, "{coding:?}");
        }
        let mut reader = Reader::new(&page, &reading("product", WHOLE), Limits::default());
        chunks.split(&body).into_iter().for_each(|piece| reader.push(piece));
        reader.finish();
        assert_eq!((reader.extractor().failed(), reader.extractor().content()), (None, &wanted), "{coding:?}");
    }
}

fn through(page: &Page, edits: &[Edit], out: OutCoding, pieces: &[&[u8]]) -> (Vec<u8>, Transform) {
    let mut transform = Transform::new(page, edits.to_vec(), Limits::default(), out).unwrap();
    transform.read_by(Extractor::new(&reading("product", WHOLE), page.charset, Limits::default()));
    let mut sent = BytesMut::new();
    for piece in pieces {
        if let Some(same) = transform.push_bytes(bytes::Bytes::copy_from_slice(piece), &mut sent).unwrap() {
            sent.extend_from_slice(&same);
        }
    }
    transform.finish(&mut sent).unwrap();
    (sent.to_vec(), transform)
}

#[test]
fn a_body_that_breaks_ends_the_reading_alone() {
    let whole = encode(Coding::Gzip, rich().as_bytes());
    let page = page(Coding::Gzip, Some("utf-8"));
    let mut broken = whole.clone();
    broken[40..60].fill(0xA5);
    for body in [&broken[..], &whole[..whole.len() - 9]] {
        let mut reader = Reader::new(&page, &reading("product", WHOLE), Limits::default());
        reader.push(body);
        reader.push(body);
        reader.finish();
        assert!(reader.extractor().failed().is_some());
    }
}

#[test]
fn hostile_pages_cost_little_and_say_little() {
    let pages = [
        "<div itemscope itemprop=x>".repeat(60_000),
        format!("<p itemscope itemtype=Product>{}", "<b itemprop=name>x".repeat(60_000)),
        format!("<p itemscope>{}", "<meta itemprop='a b c d e f' content=xxxxxxxxxxxxx>".repeat(20_000)),
        format!("<title>{}", "x".repeat(1 << 20)),
        "<script type=application/ld+json>[".to_owned() + &"[".repeat(300_000),
        format!("<script type=application/ld+json>[{}0]</script>", r#"{"@type":"Product","sku":1},"#.repeat(9_000)),
        format!("<script type=application/ld+json>{}</script>", r#"{"@graph":"#.repeat(100)),
        "<script type='application/ld+json'>{\"@type\":\"Product\",\"sku\":1}</script>".repeat(9_000),
        format!("<p a=\"{}", "x".repeat(1 << 20)),
        "<meta property=og:title content='&#x110000;&#55555;'>".repeat(9_000),
        "\0<\0!\0-".repeat(9_000),
    ];
    for page in pages {
        let page = format!("<!doctype html><body>{page}");
        for kind in ["product", "category"] {
            let content = whole(kind, &page);
            let texts = content
                .listed
                .iter()
                .chain(&content.product)
                .flat_map(|product| [Some(&product.id), product.name.as_ref()]);
            assert!(texts.flatten().chain(&content.title).all(|text| text.len() <= MAX_TEXT));
            assert!(content.listed.len() <= MAX_LINES);
        }
    }
}

#[test]
fn a_tag_that_is_too_large_ends_the_reading_and_says_so() {
    let mut extractor = Extractor::new(&reading("product", WHOLE), None, Limits::default());
    extractor.push(b"<!doctype html><head><title>T</title></head><body>");
    extractor.push(format!("<p a=\"{}", "x".repeat(1 << 20)).as_bytes());
    assert!(extractor.is_done() && extractor.failed().is_some());
    extractor.push(b"more");
    extractor.finish();
    assert_eq!(extractor.content().title.as_deref(), Some("T"));
}

proptest::proptest! {
    #[test]
    fn no_page_is_too_strange(
        html in "(<(/?(p|b|ul|script|title|body|table|td|svg|template)|meta content=a property=og:title|p itemscope|b itemprop=name|!--|/)[ >\"'/]|[a&;#x\"'<>{}\\[\\]:,@\\PC]){0,60}",
        kind in proptest::sample::select(WHOLE.to_vec()),
    ) {
        let page = format!("<!doctype html>{html}");
        let mut extractor = Extractor::new(&reading(kind, WHOLE), None, Limits::default());
        page.as_bytes().chunks(3).for_each(|piece| extractor.push(piece));
        extractor.finish();
        proptest::prop_assert_eq!(extractor.failed(), None);
        proptest::prop_assert_eq!(extractor.content(), &read(&reading(kind, WHOLE), None, page.as_bytes()));
    }
}
