//! The shelf of stationery.

use super::super::locale::Text;
use super::super::picture::stationery as pictures;
use super::{Category, Product};

/// The shelf.
pub(super) const SHELF: Category = Category {
    slug: "stationery",
    name: Text::new("文具", "Stationery"),
    lead: Text::new("書くこと、贈ることを、ていねいに。", "For writing and giving with care."),
    products: PRODUCTS,
};

const PRODUCTS: &[Product] = &[
    Product {
        slug: "watoji-notebook",
        name: Text::new("和綴じ帖「七宝」", "Stitched Notebook, Seven Treasures"),
        lead: Text::new("百八十度、気持ちよく開く。", "Opens flat, stays flat."),
        story: Text::new(
            "四つ目綴じの糸は解けば綴じ直せます。にじみにくい楮入りの本文紙は、万年筆も筆もよく走ります。",
            "The four-hole thread can be untied and bound again. Its mulberry paper takes a fountain pen or a brush.",
        ),
        maker: Text::new("高知県いの町・土佐帖", "Tosa-cho, Ino, Kochi"),
        size: Text::new("A5／96ページ", "A5 / 96 pages"),
        price: 1430,
        stock: 40,
        drawing: pictures::notebook,
    },
    Product {
        slug: "hitofude-letters",
        name: Text::new("一筆箋と封筒「梅」", "Short Letter Set, Plum"),
        lead: Text::new("ひとことが、いちばん嬉しい。", "A few words go furthest."),
        story: Text::new(
            "手漉きの風合いを残した便箋に、紅梅色の封筒を合わせました。お礼に、お祝いに、ひとこと添えて。",
            "Paper with the feel of the mould and envelopes in plum red, for thanks, for joy, for a word in time.",
        ),
        maker: Text::new("福井県越前市・紙の里", "Kaminosato, Echizen, Fukui"),
        size: Text::new("便箋30枚・封筒10枚", "30 sheets, 10 envelopes"),
        price: 990,
        stock: 52,
        drawing: pictures::letter_set,
    },
    Product {
        slug: "bamboo-brush-pen",
        name: Text::new("竹の筆ペン", "Bamboo Brush Pen"),
        lead: Text::new("墨の濃淡を、いつでも手元に。", "Ink in all its shades, ready to hand."),
        story: Text::new(
            "煤竹の軸に、いたち毛の穂先。カートリッジ式で、年賀状から芳名帳まで頼りになる一本です。",
            "Smoked bamboo and weasel hair, with cartridges: a pen for New Year cards and guest books alike.",
        ),
        maker: Text::new("奈良市・筆匠あかね", "Akane Brushes, Nara"),
        size: Text::new("全長16cm", "16 cm"),
        price: 2200,
        stock: 21,
        drawing: pictures::brush,
    },
    Product {
        slug: "washi-tape-five",
        name: Text::new("和紙テープ五色", "Washi Tape, Five Colours"),
        lead: Text::new("貼っても、はがしても、きれい。", "Lovely on, clean off."),
        story: Text::new(
            "麻の葉、七宝、矢絣、青海波。伝統の文様を、手でちぎれる和紙に刷りました。",
            "Hemp leaf, rings, arrow feathers, waves: old patterns on paper that tears by hand.",
        ),
        maker: Text::new("岡山県倉敷市・彩紙", "Ayagami, Kurashiki, Okayama"),
        size: Text::new("幅15mm × 10m／5巻", "15 mm × 10 m / 5 rolls"),
        price: 1650,
        stock: 38,
        drawing: pictures::washi_tape,
    },
    Product {
        slug: "kyo-sensu",
        name: Text::new("京扇子「夕波」", "Kyoto Folding Fan, Evening Waves"),
        lead: Text::new("ひらけば、夕暮れの海。", "Open it: the sea at dusk."),
        story: Text::new(
            "竹骨を一本ずつ削り、和紙を貼り、折り、香を焚きしめました。あおぐたび、ほのかに白檀が香ります。",
            "Ribs shaved one by one, paper folded by hand and scented: every stroke carries a little sandalwood.",
        ),
        maker: Text::new("京都市下京区・扇凪", "Ogi Nagi, Shimogyo, Kyoto"),
        size: Text::new("21cm／紙・竹", "21 cm / paper, bamboo"),
        price: 4950,
        stock: 10,
        drawing: pictures::fan,
    },
    Product {
        slug: "pochi-bukuro",
        name: Text::new("ぽち袋 三文様", "Gift Envelopes, Three Patterns"),
        lead: Text::new("小さな気持ちを、きちんと包む。", "Small thanks, properly wrapped."),
        story: Text::new(
            "お年玉にも、心づけにも。活版で刷った水引が、そっと指先に触れます。",
            "For New Year money and small thanks. The letterpress cord can be felt with the fingertips.",
        ),
        maker: Text::new("東京都台東区・活版いろは", "Kappan Iroha, Taito, Tokyo"),
        size: Text::new("三文様 各2枚", "2 each of 3 patterns"),
        price: 660,
        stock: 90,
        drawing: pictures::pochi,
    },
];
