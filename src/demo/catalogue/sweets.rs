//! The shelf of sweets.

use super::super::locale::Text;
use super::super::picture::sweets as pictures;
use super::{Category, Product};

/// The shelf.
pub(super) const SHELF: Category = Category {
    slug: "sweets",
    name: Text::new("和菓子", "Sweets"),
    lead: Text::new("季節をひと口、お茶うけに。", "A mouthful of the season with your tea."),
    products: PRODUCTS,
};

const PRODUCTS: &[Product] = &[
    Product {
        slug: "nerikiri-four",
        name: Text::new("練り切り「四季」", "Nerikiri, Four Seasons"),
        lead: Text::new("食べるのが、すこし惜しい。", "Almost too good to eat."),
        story: Text::new(
            "白餡に求肥を練り込み、へらと指先で桜、若葉、菊、藤を写しました。抹茶とよく合います。",
            "White bean paste shaped by spatula and fingertip into cherry, leaf, chrysanthemum and wisteria. Best with matcha.",
        ),
        maker: Text::new("金沢市・菓匠ひがし", "Kasho Higashi, Kanazawa"),
        size: Text::new("4個／冷蔵5日", "4 pieces / 5 days chilled"),
        price: 1944,
        stock: 20,
        drawing: pictures::nerikiri,
    },
    Product {
        slug: "sanshoku-dango",
        name: Text::new("三色団子", "Three-Colour Dango"),
        lead: Text::new("桜、雪、若草。春をひと串に。", "Blossom, snow and new grass on a stick."),
        story: Text::new(
            "つきたての米粉団子を、その日のうちにお届けします。もっちりとした歯切れが自慢です。",
            "Pounded in the morning and sent the same day. Soft, springy, and gone too soon.",
        ),
        maker: Text::new("京都市左京区・糺の茶屋", "Tadasu Tea House, Sakyo, Kyoto"),
        size: Text::new("6本", "6 skewers"),
        price: 864,
        stock: 30,
        drawing: pictures::dango,
    },
    Product {
        slug: "dorayaki",
        name: Text::new("どら焼き「のれん」", "Norendo Dorayaki"),
        lead: Text::new("ふっくら生地に、粒あんぎっしり。", "Fluffy, and full to the edge."),
        story: Text::new(
            "国産小麦と平飼い卵の生地を、銅板で一枚ずつ。北海道小豆を二日かけて炊いた粒あんを挟みました。",
            "Batter of free-range eggs, baked one by one on copper, around Hokkaido beans simmered for two days.",
        ),
        maker: Text::new("東京都台東区・暖簾堂製菓", "Norendo Bakery, Taito, Tokyo"),
        size: Text::new("6個", "6 pieces"),
        price: 1512,
        stock: 42,
        drawing: pictures::dorayaki,
    },
    Product {
        slug: "chestnut-yokan",
        name: Text::new("栗羊羹", "Chestnut Yokan"),
        lead: Text::new("厚く切って、濃いお茶と。", "Cut it thick, brew it strong."),
        story: Text::new(
            "蜜漬けの大粒栗を、切るたびに現れるようたっぷりと。日持ちがよく、ご進物にも選ばれています。",
            "Large candied chestnuts in every slice. It keeps well and travels well as a gift.",
        ),
        maker: Text::new("長野県小布施町・栗の木堂", "Kurinokido, Obuse, Nagano"),
        size: Text::new("420g", "420 g"),
        price: 1944,
        stock: 26,
        drawing: pictures::yokan,
    },
    Product {
        slug: "konpeito-jar",
        name: Text::new("金平糖の小瓶", "Konpeito in a Jar"),
        lead: Text::new("二週間かけて育てた、星の砂糖。", "Sugar stars, two weeks in the making."),
        story: Text::new(
            "熱い釜の中で、蜜をかけては乾かしを二週間。いちご、柚子、抹茶、ぶどう、ソーダの五つの味です。",
            "Two weeks of syrup and drying in a hot drum, in strawberry, yuzu, matcha, grape and soda.",
        ),
        maker: Text::new("京都市左京区・星屋", "Hoshiya, Sakyo, Kyoto"),
        size: Text::new("90g", "90 g"),
        price: 756,
        stock: 65,
        drawing: pictures::konpeito,
    },
    Product {
        slug: "tai-monaka",
        name: Text::new("鯛もなか 手づくり", "Sea-Bream Monaka"),
        lead: Text::new("自分で挟むから、皮がぱりっ。", "Fill it yourself and hear it crack."),
        story: Text::new(
            "おめでたい鯛の皮に、粒あんをお好きなだけ。お祝いごとの手土産に喜ばれます。",
            "Crisp sea-bream wafers, with bean paste to fill them as you please. A cheerful gift.",
        ),
        maker: Text::new("兵庫県明石市・めで鯛や", "Medetaiya, Akashi, Hyogo"),
        size: Text::new("5組", "5 pairs"),
        price: 1296,
        stock: 33,
        drawing: pictures::monaka,
    },
];
