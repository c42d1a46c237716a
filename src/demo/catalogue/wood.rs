//! The shelf of wood.

use super::super::locale::Text;
use super::super::picture::wood as pictures;
use super::{Category, Product};

/// The shelf.
pub(super) const SHELF: Category = Category {
    slug: "wood",
    name: Text::new("木のもの", "Wood"),
    lead: Text::new("木目を選び、削り、磨いて。", "Chosen by grain, shaved and polished."),
    products: PRODUCTS,
};

const PRODUCTS: &[Product] = &[
    Product {
        slug: "zelkova-tray",
        name: Text::new("欅の丸盆", "Zelkova Round Tray"),
        lead: Text::new("お茶の時間を運ぶ、一枚の木。", "One piece of wood to carry tea."),
        story: Text::new(
            "欅の一枚板をろくろで挽き、漆を拭いて仕上げました。年輪がそのまま景色になります。",
            "Turned from one board of zelkova and wiped with lacquer. Its rings are its pattern.",
        ),
        maker: Text::new("石川県加賀市・山中ろくろ", "Yamanaka Rokuro, Kaga, Ishikawa"),
        size: Text::new("径27cm", "27 cm wide"),
        price: 7150,
        stock: 13,
        drawing: pictures::tray,
    },
    Product {
        slug: "meoto-chopsticks",
        name: Text::new("夫婦箸と箸置き", "Chopsticks for Two"),
        lead: Text::new("ふたりの食卓の、はじまりに。", "For the first table of two."),
        story: Text::new(
            "若狭の塗師が、漆を重ねて研ぎ出しました。先が細く、豆ひとつぶまでつまめます。桐箱入り。",
            "Lacquered and polished in many layers. The tips are fine enough for a single bean. In a paulownia box.",
        ),
        maker: Text::new("福井県小浜市・若狭塗おばま", "Obama Lacquer, Obama, Fukui"),
        size: Text::new("23.5cm・21.5cm", "23.5 and 21.5 cm"),
        price: 3080,
        stock: 27,
        drawing: pictures::chopsticks,
    },
    Product {
        slug: "magewappa-bento",
        name: Text::new("曲げわっぱの弁当箱", "Bentwood Lunch Box"),
        lead: Text::new("冷めても、ごはんがおいしい。", "Rice stays good, even cold."),
        story: Text::new(
            "秋田杉の柾目を煮て曲げ、桜皮で綴じました。木が余分な水分を吸い、冷めたごはんがふっくらします。",
            "Straight-grained cedar, boiled, bent and sewn with cherry bark. It breathes, and rice stays soft.",
        ),
        maker: Text::new("秋田県大館市・杉わっぱ舎", "Sugiwappa, Odate, Akita"),
        size: Text::new("19cm × 12cm／650ml", "19 × 12 cm / 650 ml"),
        price: 9680,
        stock: 8,
        drawing: pictures::bento,
    },
    Product {
        slug: "kokeshi-haru",
        name: Text::new("こけし「春」", "Kokeshi Doll, Spring"),
        lead: Text::new("目が合うと、ほっとする。", "A calm face to come home to."),
        story: Text::new(
            "みずきの木をろくろで挽き、一本ずつ筆で顔を入れます。同じ表情はふたつとありません。",
            "Dogwood turned on a lathe, each face drawn by hand. No two smile alike.",
        ),
        maker: Text::new("宮城県白石市・こけし堂", "Kokeshido, Shiroishi, Miyagi"),
        size: Text::new("高さ18cm", "18 cm high"),
        price: 4180,
        stock: 16,
        drawing: pictures::kokeshi,
    },
    Product {
        slug: "boxwood-comb",
        name: Text::new("つげの櫛「梅蒔絵」", "Boxwood Comb, Plum"),
        lead: Text::new("髪が静かに、まとまる。", "Quiet, gentle, no static."),
        story: Text::new(
            "椿油に漬けこんだ薩摩つげ。静電気が起きにくく、梳くほどに艶が出ます。親から子へ渡せる櫛です。",
            "Satsuma boxwood steeped in camellia oil. No static, more shine at every stroke: a comb to hand down.",
        ),
        maker: Text::new("鹿児島県指宿市・つげ乃屋", "Tsugenoya, Ibusuki, Kagoshima"),
        size: Text::new("12cm", "12 cm"),
        price: 5280,
        stock: 15,
        drawing: pictures::comb,
    },
    Product {
        slug: "hinoki-masu",
        name: Text::new("檜の一合枡", "Cypress Masu Cup"),
        lead: Text::new("檜の香りと、まずは一献。", "Cypress in the nose, sake in the cup."),
        story: Text::new(
            "釘を使わず、組み継ぎだけで作った枡。お酒はもちろん、小物入れや塩の器にも。",
            "Joined without a nail. For sake, of course, and for salt, keys or small things.",
        ),
        maker: Text::new("岐阜県大垣市・枡工房", "Masu Works, Ogaki, Gifu"),
        size: Text::new("8.5cm角 × 高さ5.6cm／180ml", "8.5 cm square, 5.6 cm high / 180 ml"),
        price: 880,
        stock: 120,
        drawing: pictures::masu,
    },
];
