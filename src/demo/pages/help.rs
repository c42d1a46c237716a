//! Help, and a small chat with the shop's clerk that answers what is asked most.

use super::super::locale::Text;
use super::super::page::Page;
use super::super::request::Visit;
use super::super::shop::Shop;
use axum::extract::State;
use axum::response::Response;
use minijinja::{Value, context};

struct Answer {
    slug: &'static str,
    question: Text,
    reply: Text,
}

static ANSWERS: &[Answer] = &[
    Answer {
        slug: "delivery",
        question: Text::new("いつ届きますか？", "When will it arrive?"),
        reply: Text::new(
            "正午までのご注文は当日に発送し、多くの地域へ翌日か翌々日にお届けします。日時のご指定も承ります。",
            "Orders placed before noon leave the same day and reach most of Japan within two days.",
        ),
    },
    Answer {
        slug: "shipping",
        question: Text::new("送料はいくらですか？", "What does delivery cost?"),
        reply: Text::new(
            "全国一律550円、6,000円以上のお買い上げで無料です。",
            "¥550 anywhere in Japan, and nothing from ¥6,000.",
        ),
    },
    Answer {
        slug: "gift",
        question: Text::new("贈りものにできますか？", "Can you wrap a gift?"),
        reply: Text::new(
            "はい。和紙の包みと熨斗を無料でご用意します。ご注文時に「贈りもの」とお書き添えください。",
            "Gladly: washi wrapping and a noshi cord are free. Just write “gift” with your order.",
        ),
    },
    Answer {
        slug: "care",
        question: Text::new("うつわは食洗機で洗えますか？", "Are the ceramics dishwasher safe?"),
        reply: Text::new(
            "磁器は食洗機でも大丈夫です。陶器と木のものは、やわらかいスポンジで手洗いをおすすめします。",
            "Porcelain is. Stoneware and wood are happier with a soft sponge.",
        ),
    },
    Answer {
        slug: "returns",
        question: Text::new("返品はできますか？", "May I return something?"),
        reply: Text::new(
            "到着後8日以内、未使用のものに限り承ります。割れや傷はこちらの負担ですぐにお取り替えします。",
            "Within eight days if unused. Anything that arrives broken is replaced at our cost.",
        ),
    },
];

/// Shows the answers.
pub(in super::super) async fn show(State(shop): State<Shop>, visit: Visit) -> Response {
    let context = context! { answers => answers(&visit) };
    Page::new(&shop, &visit, visit.lang.pick("ご利用案内", "Help")).render("help.html", context)
}

/// Shows the chat, with the answer to `?ask=` if there is one.
pub(in super::super) async fn chat(State(shop): State<Shop>, visit: Visit) -> Response {
    let asked = visit.query.get("ask");
    let answer = ANSWERS.iter().find(|answer| answer.slug == asked).map(|answer| describe(answer, &visit));
    let context = context! { answers => answers(&visit), answer };
    Page::new(&shop, &visit, visit.lang.pick("店員に相談する", "Ask our clerk")).bare().render("chat.html", context)
}

fn answers(visit: &Visit) -> Vec<Value> {
    ANSWERS.iter().map(|answer| describe(answer, visit)).collect()
}

fn describe(answer: &Answer, visit: &Visit) -> Value {
    context! {
        slug => answer.slug,
        question => answer.question.get(visit.lang),
        answer => answer.reply.get(visit.lang),
    }
}
