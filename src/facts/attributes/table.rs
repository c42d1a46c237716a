//! The table itself, in the order of the reference.

use super::Known::{Content, History, Request, Response};
use super::{Attribute, Parameter};
use crate::facts::PAGE_KINDS;
use crate::facts::value::Type::{Bool, Double, Int, String, Strings};
use crate::facts::{calendar, content, customer, device, history, request, shop};
use crate::store::profile::shopping::{COUNTED, MAX_DAYS};

const SOURCE_KINDS: &[&str] = &["direct", "search", "social", "ad", "email", "referral"];
const GENDERS: &[&str] = &["female", "male", "other"];
const VIEWED: &[&str] = &["product", "category", "brand"];

/// All attributes.
pub static ATTRIBUTES: &[Attribute] = &[
    Attribute::new("visitor.id_known", Bool, Request, history::id_known)
        .help("Whether the visitor came with Noren's cookie: false on the very first page.", "visitor.id_known"),
    Attribute::new("visitor.visits", Int, History, history::visits)
        .range(1, i64::MAX)
        .help("Sessions so far, the current one included: 1 on the first visit.", "visitor.visits >= 3"),
    Attribute::new("visitor.pageviews", Int, History, history::pageviews)
        .range(1, i64::MAX)
        .help("Page views so far, the current one included.", "visitor.pageviews > 20"),
    Attribute::new("visitor.first_seen_days", Int, History, history::first_seen_days)
        .count()
        .help("Full days since the first page view.", "visitor.first_seen_days >= 30"),
    Attribute::new("visitor.days_since_last_visit", Int, History, history::days_since_last_visit).count().help(
        "Full days between the visit before this one and now; unknown on the first visit.",
        "visitor.days_since_last_visit >= 30",
    ),
    Attribute::new("visitor.orders", Int, History, history::orders)
        .count()
        .help("Orders so far.", "visitor.orders == 0"),
    Attribute::new("visitor.spent", Double, History, history::spent)
        .count()
        .help("Money spent so far, in the site's currency.", "visitor.spent >= 30000"),
    Attribute::new("visitor.days_since_last_order", Int, History, history::days_since_last_order)
        .count()
        .help("Full days since the last order; unknown before the first.", "visitor.days_since_last_order > 90"),
    Attribute::new("visitor.avg_session_seconds", Double, History, history::avg_session_seconds)
        .count()
        .help("Mean length of the visits before this one; unknown on the first.", "visitor.avg_session_seconds > 120"),
    Attribute::new("visitor.avg_session_pages", Double, History, history::avg_session_pages)
        .count()
        .help("Mean page views of the visits before this one; unknown on the first.", "visitor.avg_session_pages >= 5"),
    Attribute::new("visitor.purchase_cycle_days", Double, History, shop::purchase_cycle_days)
        .count()
        .help("Mean days between orders; unknown before the second.", "visitor.purchase_cycle_days < 60"),
    Attribute::new("visitor.days_until_next_order", Double, History, shop::days_until_next_order).help(
        "Days until the next order, if the purchase cycle holds: negative once it is overdue.",
        "visitor.days_until_next_order < 3",
    ),
    Attribute::new("visitor.favourite_category", String, History, shop::favourite_category).help(
        "The innermost category whose products were viewed most, the last weeks counting most.",
        r#"visitor.favourite_category == "shoes""#,
    ),
    Attribute::new("visitor.favourite_brand", String, History, shop::favourite_brand)
        .help("The brand whose products were viewed most.", r#"visitor.favourite_brand == "Noren""#),
    Attribute::new("visitor.price_band", String, History, shop::price_band).help(
        "The band of the prices viewed most, from 1, 2 or 5 times a power of ten to below the next.",
        r#"visitor.price_band == "2000-4999""#,
    ),
    Attribute::new("visitor.typical_price", Double, History, shop::typical_price)
        .count()
        .help("About what the products viewed cost, in the site's currency.", "visitor.typical_price >= 5000"),
    Attribute::new("visitor.tags", Strings, History, history::tags)
        .help("Labels set by imports and scenarios.", r#""wholesale" in visitor.tags"#),
    Attribute::new("customer.is_member", Bool, Content, customer::is_member)
        .help("Whether the shop knows this visitor as a member.", "customer.is_member"),
    Attribute::new("customer.name", String, Content, customer::name)
        .help("The member's name, for greetings.", r#"customer.name != """#),
    Attribute::new("customer.rank", String, Content, customer::rank)
        .help("The member's rank, in the shop's own words.", r#"customer.rank in ["gold", "platinum"]"#),
    Attribute::new("customer.gender", String, Content, customer::gender)
        .values(GENDERS)
        .help("The member's gender: female, male or other.", r#"customer.gender == "female""#),
    Attribute::new("customer.age", Int, Content, customer::age)
        .range(0, 150)
        .help("The member's age in years.", "customer.age >= 30 && customer.age < 50"),
    Attribute::new("customer.birth_month", Int, Content, customer::birth_month)
        .range(1, 12)
        .help("The month of the member's birthday, 1 to 12.", "customer.birth_month == 11"),
    Attribute::new("customer.points", Int, Content, customer::points)
        .help("The member's points.", "customer.points >= 500"),
    Attribute::new("customer.attr", String, Content, customer::attr)
        .map()
        .help("Any other column that the site maps or imports.", r#"customer.attr["store"] == "osaka""#),
    Attribute::new("session.pages", Int, History, history::session_pages)
        .range(1, i64::MAX)
        .help("Page views of this visit, the current one included.", "session.pages >= 5"),
    Attribute::new("session.seconds", Int, History, history::session_seconds)
        .count()
        .help("Seconds since this visit's first page.", "session.seconds > 300"),
    Attribute::new("session.page_seconds", Double, History, history::session_page_seconds)
        .count()
        .help("Mean seconds on a page of this visit; unknown on its first.", "session.page_seconds > 40"),
    Attribute::new("session.landing_path", String, History, history::landing_path)
        .help("Path of this visit's first page.", r#"session.landing_path.startsWith("/sale")"#),
    Attribute::new("session.depth", Int, History, history::session_depth)
        .range(1, i64::MAX)
        .help("Distinct pages of this visit, the current one included.", "session.depth >= 3"),
    Attribute::new("page.path", String, Request, request::path)
        .help("Path of the page, without the query.", r#"page.path.startsWith("/category/")"#),
    Attribute::new("page.query", String, Request, request::query)
        .map()
        .help("A parameter of the page's address, decoded.", r#"page.query["color"] == "red""#),
    Attribute::new("page.title", String, Content, content::title)
        .help("The page's title.", r#"page.title.contains("SALE")"#),
    Attribute::new("page.kind", String, Content, content::page_kind).values(PAGE_KINDS).help(
        "Kind of page, by the site's URL patterns and, where none matches, by what the page shows.",
        r#"page.kind in ["product", "cart"]"#,
    ),
    Attribute::new("page.status", Int, Response, request::status)
        .range(100, 599)
        .help("Status of the shop's answer.", "page.status == 404"),
    Attribute::new("page.views", Int, History, history::page_views)
        .range(1, i64::MAX)
        .help("How often the visitor has viewed this path, the current view included.", "page.views >= 3"),
    Attribute::new("product.id", String, Content, content::product_id)
        .help("Id of the page's product.", r#"product.id == "SKU-1""#),
    Attribute::new("product.name", String, Content, content::product_name)
        .help("Name of the page's product.", r#"product.name.contains("mug")"#),
    Attribute::new("product.category", String, Content, content::product_category)
        .help("Innermost category of the page's product.", r#"product.category == "shoes""#),
    Attribute::new("product.categories", Strings, Content, content::product_categories)
        .help("Categories of the page's product, the outermost first.", r#""shoes" in product.categories"#),
    Attribute::new("product.brand", String, Content, content::product_brand)
        .help("Brand of the page's product.", r#"product.brand == "Noren""#),
    Attribute::new("product.price", Double, Content, content::product_price)
        .count()
        .help("Price of the page's product, in the site's currency.", "product.price >= 5000"),
    Attribute::new("product.in_stock", Bool, Content, content::product_in_stock)
        .help("Whether the page's product is in stock.", "product.in_stock"),
    Attribute::new("cart.value", Double, Content, content::cart_value)
        .count()
        .help("Value of the cart.", "cart.value >= 3000"),
    Attribute::new("cart.items", Int, Content, content::cart_items)
        .count()
        .help("Number of things in the cart.", "cart.items > 0"),
    Attribute::new("cart.contains", Bool, Content, content::cart_contains)
        .call(&[Parameter::Text])
        .help("Whether a product is in the cart, by its id.", r#"cart.contains("SKU-1")"#),
    Attribute::new("cart.idle_seconds", Int, Content, content::cart_idle_seconds)
        .count()
        .help("Seconds since the cart last changed.", "cart.idle_seconds > 600"),
    Attribute::new("cart.free_shipping_gap", Double, Content, content::free_shipping_gap)
        .count()
        .help("Money that is missing for free shipping.", "cart.free_shipping_gap < 1000"),
    Attribute::new("search.term", String, Content, content::search_term)
        .help("What was searched for.", r#"search.term.contains("gift")"#),
    Attribute::new("search.results", Int, Content, content::search_results)
        .count()
        .help("Number of results.", "search.results == 0"),
    Attribute::new("source.kind", String, Request, request::source_kind).values(SOURCE_KINDS).help(
        "Where this visit came from: direct, search, social, ad, email or referral.",
        r#"source.kind == "search""#,
    ),
    Attribute::new("source.host", String, Request, request::source_host)
        .help("Host of the page that led here, without `www.`.", r#"source.host == "google.co.jp""#),
    Attribute::new("source.medium", String, Request, request::source_medium)
        .help("`utm_medium` of this visit's first page.", r#"source.medium == "cpc""#),
    Attribute::new("source.campaign", String, Request, request::source_campaign)
        .help("`utm_campaign` of this visit's first page.", r#"source.campaign.startsWith("summer")"#),
    Attribute::new("source.first.kind", String, History, history::first_source_kind)
        .values(SOURCE_KINDS)
        .help("Where the first visit of all came from.", r#"source.first.kind == "social""#),
    Attribute::new("source.first.host", String, History, history::first_source_host)
        .help("Host of the page that led to the first visit.", r#"source.first.host == "instagram.com""#),
    Attribute::new("source.first.medium", String, History, history::first_source_medium)
        .help("`utm_medium` of the first visit.", r#"source.first.medium == "cpc""#),
    Attribute::new("source.first.campaign", String, History, history::first_source_campaign)
        .help("`utm_campaign` of the first visit.", r#"source.first.campaign == "opening""#),
    Attribute::new("device.kind", String, Request, device::kind)
        .values(device::KINDS)
        .help("desktop, phone, tablet, tv or other.", r#"device.kind == "phone""#),
    Attribute::new("device.os", String, Request, device::os)
        .values(device::SYSTEMS)
        .help("Operating system: windows, macos, ios, android, linux, chromeos or other.", r#"device.os == "ios""#),
    Attribute::new("device.browser", String, Request, device::browser).values(device::BROWSERS).help(
        "Browser: chrome, safari, edge, firefox, samsung, opera, line, instagram, … or other.",
        r#"device.browser == "line""#,
    ),
    Attribute::new("geo.country", String, Request, request::country)
        .help("Country of the client's address, ISO 3166-1 alpha-2.", r#"geo.country == "JP""#),
    Attribute::new("geo.region", String, Request, request::region)
        .help("Region of the client's address, ISO 3166-2 without the country.", r#"geo.region == "13""#),
    Attribute::new("locale", String, Request, request::locale)
        .help("The language that the browser prefers, such as ja or en-US.", r#"locale.startsWith("ja")"#),
    Attribute::new("now.hour", Int, Request, calendar::hour)
        .range(0, 23)
        .help("Hour of the day in the site's time zone, 0 to 23.", "now.hour >= 22 || now.hour < 3"),
    Attribute::new("now.minute", Int, Request, calendar::minute)
        .range(0, 59)
        .help("Minute of the hour, 0 to 59.", "now.minute < 30"),
    Attribute::new("now.weekday", Int, Request, calendar::weekday)
        .range(0, 6)
        .help("Day of the week in the site's time zone: Sunday is 0, Saturday 6.", "now.weekday in [0, 6]"),
    Attribute::new("now.date", String, Request, calendar::date)
        .help("Date in the site's time zone, as 2026-11-20.", r#"now.date >= "2026-11-20""#),
    Attribute::new("now.is_holiday", Bool, Request, calendar::is_holiday)
        .help("Whether today is a public holiday in Japan, in the site's time zone.", "now.is_holiday"),
    Attribute::new("seen", Bool, History, history::seen)
        .call(&[Parameter::Scenario])
        .help("Whether the visitor was ever shown a scenario.", r#"!seen("welcome")"#),
    Attribute::new("clicked", Bool, History, history::clicked)
        .call(&[Parameter::Scenario])
        .help("Whether the visitor ever followed a scenario.", r#"clicked("welcome")"#),
    Attribute::new("dismissed", Bool, History, history::dismissed)
        .call(&[Parameter::Scenario])
        .help("Whether the visitor ever closed a scenario.", r#"!dismissed("welcome")"#),
    Attribute::new("viewed", Bool, History, shop::viewed)
        .call(&[Parameter::Word(VIEWED), Parameter::Text, Parameter::Time])
        .help(
            "Whether a product (by its id), a category or a brand (by its name) was viewed within a time.",
            r#"viewed("category", "shoes", "7d")"#,
        ),
    Attribute::new("count", Int, History, shop::count)
        .call(&[Parameter::Word(COUNTED), Parameter::Days(MAX_DAYS)])
        .count()
        .help(
            "How often an event happened within so many days, today included, by its GA4 name.",
            r#"count("view_item", "30d") >= 3"#,
        ),
    Attribute::new("consent.analytics", Bool, Request, request::allows_analytics)
        .help("Whether what the visitor does may be counted.", "consent.analytics"),
    Attribute::new("consent.personalisation", Bool, Request, request::allows_personalisation)
        .help("Whether the visitor may be remembered, and served by what is remembered.", "consent.personalisation"),
    Attribute::later("chat.operators_online", Int)
        .count()
        .help("Number of operators who can take a chat.", "chat.operators_online > 0"),
    Attribute::later("chat.open", Bool).help("Whether the visitor's chat is open.", "chat.open"),
    Attribute::new("is_bot", Bool, Request, request::is_bot)
        .help("Whether the user agent names itself a robot.", "!is_bot"),
];
