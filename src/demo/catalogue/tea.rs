//! The shelf of tea.

use super::super::locale::Text;
use super::super::picture::tea as pictures;
use super::{Category, Product};

/// The shelf.
pub(super) const SHELF: Category = Category {
    slug: "tea",
    name: Text::new("お茶", "Tea"),
    lead: Text::new("ひと息つく時間のための、葉と道具。", "Leaves and tools for a pause."),
    products: PRODUCTS,
};

const PRODUCTS: &[Product] = &[
    Product {
        slug: "uji-sencha",
        name: Text::new("宇治の煎茶「朝霧」", "Uji Sencha, Morning Mist"),
        lead: Text::new("澄んだ香りと、やさしい甘み。", "Clear fragrance and a gentle sweetness."),
        story: Text::new(
            "霧の深い山あいで育った一番茶だけを、浅めに蒸しました。70度のお湯で一分。朝の一杯にどうぞ。",
            "First flush from misty hills, lightly steamed. One minute at 70 °C, for the first cup of the day.",
        ),
        maker: Text::new("京都府宇治田原町・霧ノ園", "Kirinoen, Ujitawara, Kyoto"),
        size: Text::new("100g", "100 g"),
        price: 1620,
        stock: 60,
        drawing: pictures::sencha,
    },
    Product {
        slug: "kuki-hojicha",
        name: Text::new("加賀の棒ほうじ茶", "Kaga Twig Hojicha"),
        lead: Text::new("湯気まで香ばしい、夜のお茶。", "Toasty to the last wisp of steam."),
        story: Text::new(
            "茎だけを強火で手早く焙じました。カフェインが少なく、眠る前にも安心です。",
            "Only the stems, roasted fast over a strong fire. Low in caffeine, and welcome before bed.",
        ),
        maker: Text::new("石川県加賀市・茶舗まるや", "Maruya, Kaga, Ishikawa"),
        size: Text::new("80g", "80 g"),
        price: 1080,
        stock: 48,
        drawing: pictures::hojicha,
    },
    Product {
        slug: "matcha-wakatake",
        name: Text::new("抹茶「若竹」", "Matcha, Young Bamboo"),
        lead: Text::new("ラテにも、お薄にも。", "For a bowl or a latte."),
        story: Text::new(
            "石臼で一時間に四十グラム。ゆっくり挽くから、色も香りも逃げません。まずは薄茶で一服。",
            "Stone-ground at forty grams an hour, so neither colour nor scent escapes. Begin with a thin bowl.",
        ),
        maker: Text::new("愛知県西尾市・三河製茶", "Mikawa Tea, Nishio, Aichi"),
        size: Text::new("30g", "30 g"),
        price: 2160,
        stock: 32,
        drawing: pictures::matcha,
    },
    Product {
        slug: "tokoname-kyusu",
        name: Text::new("常滑の急須", "Tokoname Kyusu Teapot"),
        lead: Text::new("最後の一滴まで、すっと切れる。", "Pours clean to the last drop."),
        story: Text::new(
            "朱泥を挽き、蓋と身をすり合わせて仕上げた横手の急須。陶製の茶こしで、お茶の味を邪魔しません。",
            "Red clay thrown thin, lid and body ground to fit. Its strainer is clay too, so nothing comes between you and the tea.",
        ),
        maker: Text::new("愛知県常滑市・朱山", "Shuzan, Tokoname, Aichi"),
        size: Text::new("270ml", "270 ml"),
        price: 6600,
        stock: 8,
        drawing: pictures::kyusu,
    },
    Product {
        slug: "takayama-chasen",
        name: Text::new("高山茶筌", "Takayama Bamboo Whisk"),
        lead: Text::new("七十二本の穂が立てる、細やかな泡。", "Seventy-two tines and a fine foam."),
        story: Text::new(
            "一本の竹を小刀だけで割り、削り、編み上げました。五百年続く里の手仕事です。",
            "One piece of bamboo, split, shaved and tied with a knife alone, as this village has done for five hundred years.",
        ),
        maker: Text::new("奈良県生駒市・竹風", "Chikufu, Ikoma, Nara"),
        size: Text::new("高さ11.5cm／真竹", "11.5 cm high / madake bamboo"),
        price: 3960,
        stock: 11,
        drawing: pictures::chasen,
    },
    Product {
        slug: "cherry-bark-caddy",
        name: Text::new("桜皮の茶筒", "Cherry-Bark Tea Caddy"),
        lead: Text::new("使うほどに艶が増す、一生もの。", "Grows glossier every year."),
        story: Text::new(
            "山桜の皮を磨き、膠と熱で巻きつけた樺細工。茶葉を湿気から守り、手の脂で深い艶に育ちます。",
            "Polished bark of mountain cherry, bonded with heat. It keeps leaves dry and takes a deeper shine from your hands.",
        ),
        maker: Text::new("秋田県仙北市・角館樺工房", "Kakunodate Kaba, Semboku, Akita"),
        size: Text::new("径7.6cm × 高さ11.8cm", "7.6 cm wide, 11.8 cm high"),
        price: 8800,
        stock: 0,
        drawing: pictures::caddy,
    },
];
