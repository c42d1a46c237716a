//! The shelf of textiles.

use super::super::locale::Text;
use super::super::picture::textiles as pictures;
use super::{Category, Product};

/// The shelf.
pub(super) const SHELF: Category = Category {
    slug: "textiles",
    name: Text::new("布もの", "Textiles"),
    lead: Text::new("染めて、織って、暮らしに馴染む。", "Dyed, woven, and soon at home."),
    products: PRODUCTS,
};

const PRODUCTS: &[Product] = &[
    Product {
        slug: "tenugui-seigaiha",
        name: Text::new("手ぬぐい「青海波」", "Tenugui, Blue Waves"),
        lead: Text::new("拭く、包む、飾る。一枚で何役も。", "Wipe, wrap or hang it."),
        story: Text::new(
            "職人が注染で染めた、表も裏もない手ぬぐい。洗うほどに柔らかくなり、藍の表情が深まります。",
            "Hand-dyed right through, so it has no wrong side. Each wash makes it softer and its indigo deeper.",
        ),
        maker: Text::new("東京都江戸川区・染処かわせみ", "Kawasemi Dyers, Edogawa, Tokyo"),
        size: Text::new("34cm × 90cm／綿100%", "34 × 90 cm / cotton"),
        price: 1320,
        stock: 70,
        drawing: pictures::tenugui,
    },
    Product {
        slug: "furoshiki-asanoha",
        name: Text::new("風呂敷「麻の葉」", "Furoshiki, Hemp Leaf"),
        lead: Text::new("贈りものも、お弁当も、ひと結び。", "Gifts or lunch in one knot."),
        story: Text::new(
            "縁起のよい麻の葉文様を、少し渋めの茜色で。二巾は一升瓶からお弁当まで包める使いやすい大きさです。",
            "The lucky hemp-leaf pattern in a quiet madder red. The size takes anything from a lunch box to a bottle.",
        ),
        maker: Text::new("京都市中京区・結屋", "Yuiya, Nakagyo, Kyoto"),
        size: Text::new("70cm × 70cm／綿100%", "70 × 70 cm / cotton"),
        price: 2750,
        stock: 36,
        drawing: pictures::furoshiki,
    },
    Product {
        slug: "asa-noren",
        name: Text::new("麻のれん「三つ葉」", "Hemp Noren, Three Leaves"),
        lead: Text::new("風が通ると、家がすこしよそゆきに。", "When the wind passes, the house dresses up."),
        story: Text::new(
            "手績みに近い節のある麻を、藍で三度染めました。光と風をやわらかく通し、部屋と部屋をゆるやかに分けます。",
            "Slubby hemp dipped three times in indigo. It lets light and wind through and parts two rooms without closing either.",
        ),
        maker: Text::new("滋賀県東近江市・近江麻布", "Omi Asafu, Higashiomi, Shiga"),
        size: Text::new("88cm × 120cm／麻100%", "88 × 120 cm / hemp"),
        price: 9900,
        stock: 7,
        drawing: pictures::noren,
    },
    Product {
        slug: "sashiko-zabuton",
        name: Text::new("刺し子の座布団", "Sashiko Floor Cushion"),
        lead: Text::new("ひと針ずつ、柿の花。", "Persimmon flowers, stitch by stitch."),
        story: Text::new(
            "藍の綿布に白糸で柿の花刺し。綿をたっぷり含ませ、へたりにくく仕立てています。",
            "White persimmon-flower stitches on indigo cotton, filled generously so that it keeps its shape.",
        ),
        maker: Text::new("青森県弘前市・津軽ぬい", "Tsugaru Nui, Hirosaki, Aomori"),
        size: Text::new("55cm × 59cm", "55 × 59 cm"),
        price: 6050,
        stock: 12,
        drawing: pictures::zabuton,
    },
    Product {
        slug: "tabi-socks",
        name: Text::new("足袋くつした 二足組", "Tabi Socks, Two Pairs"),
        lead: Text::new("指が分かれると、足が軽い。", "Split toes, lighter steps."),
        story: Text::new(
            "親指が独立し、踏ん張りがきく足袋のかたち。綿と和紙を混ぜて編んだから、蒸れずにさらり。",
            "A separate big toe gives a firmer stand. Knitted of cotton and paper yarn, they stay dry all day.",
        ),
        maker: Text::new("奈良県広陵町・こより編", "Koyori Knit, Koryo, Nara"),
        size: Text::new("22〜25cm／25〜28cm", "EU 35–39 / 40–44"),
        price: 1980,
        stock: 44,
        drawing: pictures::tabi,
    },
    Product {
        slug: "kaya-fukin",
        name: Text::new("かや織りふきん 三枚組", "Kaya-Weave Cloths, Set of Three"),
        lead: Text::new("五枚重ねで、水をぐんぐん吸う。", "Five layers that drink water."),
        story: Text::new(
            "蚊帳の目の粗い生地を五枚重ねて縫いました。おろしたては張りがあり、湯通しするとふんわり。食器にも台にも。",
            "Five layers of mosquito-net weave. Crisp when new, soft after the first hot rinse; for dishes and counters alike.",
        ),
        maker: Text::new("奈良市・ならまち織", "Naramachi Weavers, Nara"),
        size: Text::new("33cm × 33cm／綿100%", "33 × 33 cm / cotton"),
        price: 1650,
        stock: 85,
        drawing: pictures::fukin,
    },
];
