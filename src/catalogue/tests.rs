use super::*;
use crate::ids::OsRandom;
use crate::store::{Store, StoreSettings};

const HOUR: i64 = 3600;
const LONG: Duration = Duration::from_secs(600);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn tea(id: &str, name: &str) -> Product {
    Product { id: id.into(), name: Some(name.into()), price: Some(1000.0), ..Product::default() }
}

fn catalogue() -> Arc<Catalogue> {
    Catalogues::new(usize::MAX).of(&SiteId::new("shop"))
}

fn lesson<'a>(content: &'a Content, path: &'a str, query: &'a str, second: i64) -> Lesson<'a> {
    let page = Some((path, query));
    Lesson { content, host: "shop.example", page, personal: false, most: 1000, at: at(second) }
}

fn of(product: Product) -> Content {
    Content { product: Some(product), ..Content::default() }
}

fn listing(listed: impl IntoIterator<Item = Product>) -> Content {
    Content { listed: listed.into_iter().collect(), ..Content::default() }
}

fn filled(products: impl IntoIterator<Item = Product>) -> Arc<Catalogue> {
    let catalogue = catalogue();
    for product in products {
        catalogue.learn(&lesson(&of(product), "/", "", 0));
    }
    catalogue
}

fn names(catalogue: &Catalogue, text: &str) -> Vec<String> {
    catalogue.search(text, 10).into_iter().filter_map(|known| known.product.name).collect()
}

#[test]
fn product_is_found_by_id_and_by_its_page_whatever_hangs_on_the_address() {
    let catalogue = catalogue();
    let url = Some("https://shop.example/item/1".to_owned());
    catalogue.learn(&lesson(&of(Product { url, ..tea("M-1", "湯呑み") }), "/item/1", "utm_source=mail", 0));
    assert_eq!(catalogue.product("M-1").unwrap().product.name.as_deref(), Some("湯呑み"));
    for query in ["", "gclid=x", "colour=red", "a=1&b=2"] {
        assert_eq!(catalogue.product_at("/item/1", query).unwrap().product.id, "M-1", "{query}");
    }
    assert!(catalogue.product_at("/item/2", "").is_none());

    // Where the query is what names the product, another query is another page.
    for number in ["2", "3"] {
        catalogue.learn(&lesson(&of(tea(number, "茶")), "/detail.php", &format!("id={number}&sid=x"), 0));
    }
    assert_eq!(catalogue.product_at("/detail.php", "utm_medium=a&id=3").unwrap().product.id, "3");
    assert!(catalogue.product_at("/detail.php", "id=4").is_none() && catalogue.product_at("/detail.php", "").is_none());
}

#[test]
fn page_is_fresh_until_it_was_read_too_long_ago() {
    let catalogue = catalogue();
    let fresh = |path: &str, query: &str, second| catalogue.is_fresh(path, query, at(second), LONG);
    assert!(!fresh("/item/1", "", 0));
    let linked = Product { url: Some("/item/1".into()), ..tea("M-1", "湯呑み") };
    catalogue.learn(&lesson(&listing([linked]), "/list", "p=1", 0));
    assert!(!fresh("/item/1", "", 1), "a list is not the product's own page");
    assert!(fresh("/list", "p=1&utm_source=a", 1) && !fresh("/list", "p=2", 1));
    catalogue.learn(&lesson(&of(tea("M-1", "湯呑み")), "/item/1", "", 100));
    assert!(fresh("/item/1", "", 699) && !fresh("/item/1", "", 700) && !fresh("/list", "p=1", 700));
    assert!(!fresh("/item/1", "", -5000) || fresh("/item/1", "", 100), "a clock that was set back");
}

#[test]
fn invented_queries_make_no_products_and_few_pages() {
    let catalogue = catalogue();
    for number in 0..500 {
        catalogue.learn(&lesson(&of(tea("M-1", "湯呑み")), "/item/1", &format!("x={number}"), 0));
    }
    let known = (0..500).filter(|number| catalogue.product_at("/item/1", &format!("x={number}")).is_some()).count();
    assert_eq!((catalogue.len(), known), (1, 4));
}

#[test]
fn beyond_the_limit_what_was_not_seen_for_the_longest_time_is_forgotten() {
    let catalogue = catalogue();
    for number in 0..15 {
        let content = of(tea(&format!("P{number}"), &format!("名前{number}")));
        let page = format!("/item/{number}");
        catalogue.learn(&Lesson { most: 10, ..lesson(&content, &page, "", number * HOUR) });
        catalogue.learn(&Lesson { most: 10, ..lesson(&listing([tea("P0", "名前0")]), "/", "", number * HOUR + 100) });
    }
    let left: Vec<i64> = (0..15).filter(|number| catalogue.product(&format!("P{number}")).is_some()).collect();
    assert_eq!(left, [0, 6, 7, 8, 9, 10, 11, 12, 13, 14], "P0 was seen all the time");
    assert!(catalogue.product_at("/item/3", "").is_none() && names(&catalogue, "名前3").is_empty());
    assert_eq!(names(&catalogue, "名前").len(), 10);
}

#[test]
fn memory_is_counted_and_kept_to_and_nothing_of_it_is_left_behind() {
    let all = Catalogues::new(200_000);
    let sites = ["a", "b"].map(|site| all.of(&SiteId::new(site)));
    for number in 0..2000 {
        let category = vec![format!("分類{}", number % 7), "x".repeat(number % 50)];
        let product = Product { category, ..tea(&format!("P{number}"), &format!("名前 {number} の長い商品")) };
        let content = of(product);
        let page = format!("/item/{number}");
        sites[number % 2].learn(&Lesson { most: 100_000, ..lesson(&content, &page, "", number as i64) });
        assert!(all.bytes() <= 200_000 && all.bytes() == sites[0].bytes() + sites[1].bytes());
    }
    assert!(sites[0].len() > 20 && sites[1].len() > 20);
    let emptied = &sites[0];
    emptied.change(|shelf| while shelf.forget_oldest() {});
    assert_eq!((emptied.bytes(), emptied.len(), emptied.categories()), (0, 0, Vec::new()));
    drop(sites);
    drop(all.sites.write().drain());
    assert_eq!(all.bytes(), 0);
}

#[test]
fn lists_fill_in_and_a_products_own_page_decides() {
    let catalogue = catalogue();
    let full = Product {
        category: vec!["食器".into(), "湯呑み".into()],
        brand: Some("窯".into()),
        in_stock: Some(true),
        ..tea("M-1", "萩焼の湯呑み")
    };
    catalogue.learn(&lesson(&listing([tea("M-1", "萩焼の…")]), "/list", "", 0));
    catalogue.learn(&lesson(&of(full.clone()), "/item/1", "", 100));
    catalogue.learn(&lesson(&listing([Product { in_stock: Some(false), ..tea("M-1", "萩焼の…") }]), "/list", "", 200));
    let known = catalogue.product("M-1").unwrap();
    assert_eq!(known.product, Product { in_stock: Some(false), ..full });
    assert_eq!(known.seen, at(200));
    assert_eq!((names(&catalogue, "萩焼の湯呑み").len(), names(&catalogue, "窯").len()), (1, 1));
    let category =
        |path: &[&str], products| Category { path: path.iter().map(|level| (*level).to_owned()).collect(), products };
    assert_eq!(catalogue.categories(), [category(&["食器"], 1), category(&["食器", "湯呑み"], 1)]);
}

#[test]
fn price_that_came_down_is_known_with_what_it_was_before() {
    let catalogue = catalogue();
    let priced = |price, currency: Option<&str>| {
        of(Product { price: Some(price), currency: currency.map(str::to_owned), ..tea("M-1", "茶") })
    };
    for (second, content) in [
        (0, priced(1000.0, None)),
        (100, priced(9.0, Some("USD"))),
        (200, priced(800.0, None)),
        (300, priced(800.0, None)),
    ] {
        catalogue.learn(&lesson(&content, "/item/1", "", second));
    }
    let known = catalogue.product("M-1").unwrap();
    assert_eq!((known.product.price, known.price_dropped()), (Some(800.0), Some((1000.0, at(200)))));
    let amounts: Vec<_> = known.prices.iter().map(|price| (price.currency.as_deref(), price.amount)).collect();
    assert_eq!(amounts, [(None, 800.0), (Some("USD"), 9.0)]);

    // What a member sees is not what all see.
    let member = priced(500.0, None);
    catalogue.learn(&Lesson { personal: true, ..lesson(&member, "/item/1", "", 400) });
    assert_eq!(catalogue.product("M-1").unwrap().product.price, Some(800.0));
    catalogue.learn(&lesson(&priced(900.0, None), "/item/1", "", 500));
    assert_eq!(catalogue.product("M-1").unwrap().price_dropped(), None);
}

#[test]
fn search_finds_japanese_however_it_is_typed() {
    let catalogue = filled([
        tea("1", "コーヒー豆 200g"),
        tea("2", "コーヒーカップ"),
        tea("3", "お茶 ティーバッグ"),
        tea("4", "Café Latte マグ"),
        tea("5", "東京ばな奈"),
    ]);
    for text in ["コーヒー", "ｺｰﾋｰ", "こーひー", "コーヒ", "こーひ", "コ−ヒ−", " コーヒー "]
    {
        let found = catalogue.search(text, 10);
        let ids: Vec<_> = found.iter().map(|known| known.product.id.as_str()).collect();
        assert_eq!((ids.len(), ids.contains(&"1"), ids.contains(&"2")), (2, true, true), "{text}: {ids:?}");
    }
    for (text, wanted) in [
        ("茶", "お茶 ティーバッグ"),
        ("ﾃｨｰ", "お茶 ティーバッグ"),
        ("cafe", "Café Latte マグ"),
        ("CAF", "Café Latte マグ"),
        ("ｌａｔｔｅ　まぐ", "Café Latte マグ"),
        ("コーヒー 200", "コーヒー豆 200g"),
        ("東京", "東京ばな奈"),
        ("東京バナナ", "東京ばな奈"),
    ] {
        assert_eq!(names(&catalogue, text), [wanted], "{text}");
    }
    for text in ["", " ", "、。", "紅茶クッキー", "zzz"] {
        assert!(names(&catalogue, text).is_empty(), "{text}");
    }
}

#[test]
fn name_counts_more_than_category_and_category_more_than_brand() {
    let product = |id: &str, name: &str, category: &str, brand: &str| Product {
        category: vec![category.into()],
        brand: Some(brand.into()),
        ..tea(id, name)
    };
    let catalogue = filled([
        product("1", "花瓶", "陶器", "さくら"),
        product("2", "皿", "さくら", "窯"),
        product("3", "さくら", "皿", "窯"),
        product("4", "さくら皿", "陶器", "窯"),
        product("5", "山のさくら", "陶器", "窯"),
        Product { in_stock: Some(false), ..product("6", "さくら", "皿", "窯") },
    ]);
    let found: Vec<_> = catalogue.search("サクラ", 10).into_iter().map(|known| known.product.id).collect();
    assert_eq!(found, ["3", "6", "4", "5", "2", "1"]);
    assert_eq!(catalogue.search("サクラ", 2).len(), 2);
}

#[tokio::test]
async fn what_was_learnt_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let open = || -> (Arc<Catalogues>, Keeper, Arc<dyn Store>) {
        let path = folder.path().join("noren.db").display().to_string();
        let store = crate::store::open(&path, &StoreSettings::default(), &OsRandom).unwrap();
        let all = Arc::new(Catalogues::new(usize::MAX));
        (all.clone(), Keeper::new(all, store.clone()), store)
    };
    let site = SiteId::new("shop");
    let (all, keeper, store) = open();
    let catalogue = all.of(&site);
    let own = Product { url: Some("/item/1".into()), ..tea("M-1", "湯呑み") };
    catalogue.learn(&lesson(&of(own.clone()), "/item/1", "", 0));
    catalogue.learn(&lesson(&of(tea("M-2", "茶")), "/item/2", "x=1", 0));
    keeper.turn().await.unwrap();
    catalogue.learn(&lesson(&of(Product { price: Some(900.0), ..own }), "/item/1", "", 100));
    catalogue.learn(&Lesson { most: 1, ..lesson(&of(tea("M-3", "皿")), "/item/3", "", 200) });
    keeper.turn().await.unwrap();
    assert_eq!(catalogue.len(), 1);
    drop((keeper, store));

    let (all, keeper, _store) = open();
    let catalogue = all.of(&site);
    catalogue.learn(&lesson(&of(tea("M-1", "湯呑み")), "/item/1", "", 300));
    keeper.turn().await.unwrap();
    assert_eq!((catalogue.len(), catalogue.product_at("/item/3", "").unwrap().product.id.as_str()), (2, "M-3"));
    assert_eq!(all.of(&SiteId::new("other")).len(), 0);
    assert_eq!(names(&catalogue, "皿"), ["皿"]);
}
