//! The shelf of ceramics.

use super::super::locale::Text;
use super::super::picture::ceramics as pictures;
use super::{Category, Product};

/// The shelf.
pub(super) const SHELF: Category = Category {
    slug: "ceramics",
    name: Text::new("うつわ", "Ceramics"),
    lead: Text::new("毎日の食卓に、手のぬくもりを。", "Warmth of the hand for everyday tables."),
    products: PRODUCTS,
};

const PRODUCTS: &[Product] = &[
    Product {
        slug: "yunomi-indigo",
        name: Text::new("藍染付の湯呑", "Indigo Yunomi Cup"),
        lead: Text::new(
            "筆のにじみまで美しい、毎日の湯呑。",
            "An everyday cup whose brush strokes are never the same twice.",
        ),
        story: Text::new(
            "白磁に呉須をたっぷり含ませた筆で、一客ずつ絵付けしました。口あたりは薄く、胴はふっくら。熱いお茶でも持ちやすい厚みに挽いています。",
            "Painted one by one with a brush full of cobalt on white porcelain. The lip is thin, the belly generous, and the wall just thick enough to hold hot tea in comfort.",
        ),
        maker: Text::new("佐賀県有田町・山月窯", "Sangetsu Kiln, Arita, Saga"),
        size: Text::new("径7.8cm × 高さ9.2cm／220ml", "7.8 cm wide, 9.2 cm high / 220 ml"),
        price: 2970,
        stock: 24,
        drawing: pictures::yunomi,
    },
    Product {
        slug: "ash-rice-bowl",
        name: Text::new("灰釉の飯碗", "Ash-Glaze Rice Bowl"),
        lead: Text::new("炊きたてのごはんが、いちばん似合う。", "Made for rice fresh from the pot."),
        story: Text::new(
            "天然の灰釉が炎の中で流れ、ひとつずつ違う景色になりました。手のひらに収まる丸みと、少し高めの高台。毎朝の一膳がたのしみになる碗です。",
            "Natural ash glaze ran in the flames and left each bowl its own landscape. It rests in the palm on a slightly raised foot and makes you look forward to breakfast.",
        ),
        maker: Text::new("岐阜県土岐市・炉辺窯", "Robe Kiln, Toki, Gifu"),
        size: Text::new("径12cm × 高さ6.5cm", "12 cm wide, 6.5 cm high"),
        price: 3300,
        stock: 18,
        drawing: pictures::rice_bowl,
    },
    Product {
        slug: "kohiki-plate",
        name: Text::new("粉引の七寸皿「梅枝」", "Kohiki Plate, Plum Branch"),
        lead: Text::new("和にも洋にも合う、余白のある一枚。", "A plate with room to breathe."),
        story: Text::new(
            "白化粧のやわらかな肌に、梅の枝をひと筆。焼き魚にもパスタにもよく映え、使うほどに貫入が育ちます。",
            "A single branch of plum on soft white slip. It flatters grilled fish and pasta alike, and its crackle deepens with use.",
        ),
        maker: Text::new("栃木県益子町・土の音", "Tsuchinone, Mashiko, Tochigi"),
        size: Text::new("径21cm × 高さ2.8cm", "21 cm wide, 2.8 cm high"),
        price: 4400,
        stock: 9,
        drawing: pictures::plate,
    },
    Product {
        slug: "bizen-tokkuri",
        name: Text::new("備前の徳利とぐい呑み", "Bizen Sake Flask and Cup"),
        lead: Text::new("火だけが描いた、ふたつとない肌。", "A surface painted by fire alone."),
        story: Text::new(
            "釉薬をかけず、薪窯で十日間。胡麻と緋色は炎からの贈りものです。お酒の角が取れて、まろやかになると喜ばれています。",
            "Ten days in a wood-fired kiln without any glaze: the specks and the scarlet are gifts of the fire. Sake is said to grow rounder in it.",
        ),
        maker: Text::new("岡山県備前市・炎陶房", "Homura Pottery, Bizen, Okayama"),
        size: Text::new("徳利 280ml・ぐい呑み 60ml", "Flask 280 ml, cup 60 ml"),
        price: 7700,
        stock: 5,
        drawing: pictures::tokkuri,
    },
    Product {
        slug: "iga-donabe",
        name: Text::new("伊賀の土鍋", "Iga Donabe Pot"),
        lead: Text::new("ごはんも鍋も、ふっくらと。", "For rice and stew, slow and gentle."),
        story: Text::new(
            "呼吸する伊賀の土は、熱をゆっくり伝えて逃がしません。二〜三人の鍋に、二合のごはんに。寒い季節の主役です。",
            "Iga's porous clay takes up heat slowly and keeps it. Stew for two or three, or rice for four: the heart of the cold season.",
        ),
        maker: Text::new("三重県伊賀市・山の口窯", "Yamanokuchi Kiln, Iga, Mie"),
        size: Text::new("径24cm × 高さ15cm／1.8L", "24 cm wide, 15 cm high / 1.8 l"),
        price: 13_200,
        stock: 6,
        drawing: pictures::donabe,
    },
    Product {
        slug: "bud-vase",
        name: Text::new("白磁の一輪挿し", "White Porcelain Bud Vase"),
        lead: Text::new("枝ひとつで、部屋に季節が来る。", "One branch, and the season is in the room."),
        story: Text::new(
            "細い首と丸い胴。野の花をひと枝挿すだけで、すっと姿が決まります。藍の二本線がさりげない引き締め役です。",
            "A slender neck on a round body: a single wild branch stands well at once. Two indigo lines hold it all together.",
        ),
        maker: Text::new("長崎県波佐見町・白妙窯", "Shirotae Kiln, Hasami, Nagasaki"),
        size: Text::new("径8.6cm × 高さ14cm", "8.6 cm wide, 14 cm high"),
        price: 3850,
        stock: 14,
        drawing: pictures::bud_vase,
    },
];
