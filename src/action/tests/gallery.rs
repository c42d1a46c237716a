//! Pages to look at: `cargo test --lib gallery -- --ignored` writes them to `target/gallery`.

use super::{lower, read};
use crate::client;
use std::fmt::Write as _;
use std::path::Path;

/// A shop with styles that try hard to spoil ours.
const SHOP: &str = r#"<style>
body{margin:0;font:16px/1.6 serif;color:#333} *{letter-spacing:.2em} p{margin:3em!important;text-transform:uppercase}
a{color:red!important;text-decoration:underline} button{background:lime!important;border:4px solid red;font:9px monospace!important}
#shop h2,h2{font-size:70px!important;color:blue!important} a::after{content:"!!"} div{outline:1px solid pink} dialog{border:9px solid red!important}
main,header{max-width:1080px;margin:auto;padding:20px} .g{display:grid;grid-template-columns:repeat(auto-fill,minmax(160px,1fr));gap:20px}
.g i{display:block;height:190px;background:#e9e6df} main,header{letter-spacing:0;text-transform:none}
</style>"#;

const ACTIONS: &[(&str, &str, &str)] = &[
    (
        "banner-ja",
        "banner",
        "title = '春の新作フェア'\ntext = '5,000円以上のお買い上げで送料無料。新規会員登録で500ポイント進呈'\nbutton = { label = 'ランキングを見る', href = '/ranking' }\naccent = '#b3261e'",
    ),
    (
        "banner-en",
        "banner",
        "title = 'Free shipping'\ntext = 'on orders over $50 this weekend, everywhere in the country.'\nbutton = { label = 'Shop now', href = '/' }\nfill = false",
    ),
    ("banner-light", "banner", "text = '本日23:59まで ポイント5倍'\naccent = '#ffd54a'\ndismissible = false"),
    (
        "popup-ja",
        "popup",
        "label = '初めての方へ'\ntitle = '新規会員登録で500円OFFクーポンをプレゼント'\ntext = \"ご登録は1分ほどで完了します。\\n次回のお買い物からすぐにお使いいただけます。\"\nbutton = { label = '無料で会員登録する', href = '/join' }\ndecline = '今はしない'\naccent = '#0b6e4f'",
    ),
    (
        "popup-en",
        "popup",
        "title = 'Before you go'\ntext = 'Your basket is saved. Leave us your address, and we will hold it for a week.'\nbutton = { label = 'Save my basket', href = '/x' }\ndecline = 'No, thank you'\nimage = { src = 'photo.svg', alt = 'A basket', width = 640, height = 320 }",
    ),
    (
        "popup-dark",
        "popup",
        "title = 'おかえりなさい'\ntext = '30日ぶりのご来店ありがとうございます。'\nbutton = { label = '新着を見る', href = '/new' }\ntheme = 'dark'\naccent = '#7c4dff'",
    ),
    (
        "coupon-ja",
        "coupon",
        "title = '今日も1日お疲れ様でした'\ntext = '店長から、夜のお客様だけの感謝クーポンです。'\namount = '500円OFF'\ncode = 'NIGHT500'\nuntil = 2031-12-01T00:00:00+09:00\ncountdown = true\nnote = '※3,000円以上のご注文で1回限りご利用いただけます。'\naccent = '#c2410c'",
    ),
    (
        "coupon-en",
        "coupon",
        "title = 'A little thank-you'\ntext = 'For your third visit.'\nlabel = 'Members only'\namount = '15% off'\ncode = 'THANKS15'\nbutton = { label = 'Use it now', href = '/' }\nuntil = 2031-11-30T18:00:00+09:00",
    ),
    (
        "coupon-popup",
        "coupon",
        "display = 'popup'\ntitle = 'お帰りの前に'\ntext = '今だけ使えるクーポンをどうぞ。'\namount = '10%OFF'\ncode = 'STAY10'\nbutton = { label = 'クーポンを使って買い物する', href = '/' }\nnote = '※一部対象外の商品があります。'\naccent = '#be185d'",
    ),
    ("chat-ja", "chat", "page = 'about:blank#'\nlabel = 'チャットで相談'"),
];

#[test]
#[ignore = "writes pages for people to look at"]
fn gallery() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/gallery");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(
        folder.join("photo.svg"),
        "<svg xmlns='http://www.w3.org/2000/svg' width='640' height='320'><defs><linearGradient id='g' x2='1' y2='1'><stop stop-color='#dfe9f3'/><stop offset='1' stop-color='#8fb3d9'/></linearGradient></defs><rect width='640' height='320' fill='url(#g)'/><circle cx='320' cy='170' r='70' fill='#fff' opacity='.7'/></svg>",
    )
    .unwrap();
    for (name, kind, toml) in ACTIONS {
        let locale = if name.ends_with("-en") { "en" } else { "ja" };
        let action = read(kind, &toml.replace("about:blank#", "/chat")).unwrap();
        let html = lower(action.as_ref(), locale).1.replace("lang=\"ja\"", &format!("lang=\"{locale}\""));
        let (css, js) = (client::stylesheet("gw", action.accent()), client::runtime("gw"));
        std::fs::write(folder.join(format!("{name}.css")), &css.bytes).unwrap();
        std::fs::write(folder.join("runtime.js"), &js.bytes).unwrap();
        let mut page = format!(
            "<!doctype html><html lang={locale}><meta charset=utf-8><meta name=viewport content='width=device-width'>\
             <link rel=stylesheet href={name}.css><script defer src=runtime.js></script>{SHOP}<body>"
        );
        let _ = write!(
            page,
            "{html}<header>SHOP</header><main id=shop><h1>Shoes</h1><div class=g>{}</div></main>",
            "<i></i>".repeat(12)
        );
        std::fs::write(folder.join(format!("{name}.html")), page).unwrap();
    }
}
