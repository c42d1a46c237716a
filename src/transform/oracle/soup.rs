//! Pages made of pieces at random: markup that no shop should write, and some do.

use super::*;
use proptest::prelude::*;

const PIECES: &[&str] = &[
    "<div>",
    "</div>",
    "<p>",
    "</p>",
    "<ul>",
    "</ul>",
    "<li>",
    "</li>",
    "<b>",
    "</b>",
    "<b>",
    "<i>",
    "</i>",
    "<a href=x>",
    "</a>",
    "<table>",
    "</table>",
    "<tr>",
    "</tr>",
    "<td>",
    "</td>",
    "<tbody>",
    "<caption>",
    "</caption>",
    "<colgroup>",
    "<col>",
    "<th>",
    "<thead>",
    "<br>",
    "<img src='a>b'>",
    "<input type=hidden>",
    "<input>",
    "<span title=\"<p>\">",
    "</span>",
    "<h1>",
    "</h1>",
    "<h2>",
    "text",
    " ",
    "\n",
    "&amp;",
    "&#32;",
    "&am",
    "a<b",
    "<",
    "</",
    "<!---->",
    "<!-- <p> -->",
    "<!-->",
    "<!--->",
    "<!-- -- --!>",
    "</x y>",
    "<?pi?>",
    "<![CDATA[x]]>",
    "<![CDATA[<p>]]>",
    "<script>",
    "</script>",
    "'<p>'",
    "<!--<script>",
    "<!--",
    "-->",
    "<style>",
    "</style>",
    "<textarea>",
    "</textarea>",
    "<title>",
    "</title>",
    "<noscript>",
    "</noscript>",
    "<svg>",
    "</svg>",
    "<g/>",
    "<svg><title>",
    "<foreignObject>",
    "</foreignObject>",
    "<svg><desc>",
    "</desc>",
    "<math>",
    "</math>",
    "<mi>",
    "</mi>",
    "<annotation-xml>",
    "<annotation-xml encoding=text/html>",
    "<mglyph>",
    "<font>",
    "<font color=x>",
    "</font>",
    "<template>",
    "</template>",
    "<main>",
    "</main>",
    "<html>",
    "<html x=y>",
    "<head>",
    "</head>",
    "<body>",
    "</body>",
    "</html>",
    "<iframe>",
    "</iframe>",
    "<i\0>",
    "<P CLASS=x>",
    "<div class=x>",
    "<span class=x>",
    "<b class=x>",
    "<li class=x>",
    "<td class=x>",
    "\0",
    "<dl>",
    "<dt>",
    "<dd>",
    "<select>",
    "</select>",
    "<option>",
    "<optgroup>",
    "<hr>",
    "<form>",
    "</form>",
    "<button>",
    "</button>",
    "<pre>",
    "</pre>",
    "<nobr>",
    "</nobr>",
    "<object>",
    "</object>",
    "<frameset>",
    "</frameset>",
    "<frame>",
    "<noframes>",
    "</noframes>",
    "<ruby>",
    "<rt>",
    "<rp>",
    "<rb>",
    "<rtc>",
    "</ruby>",
    "<plaintext>",
    "<xmp>",
    "</xmp>",
    "<image>",
    "</br>",
    "<meta charset=utf-8>",
    "<link>",
    "<a x=\"y\"z='/'/>",
    "<a/b=c//>",
    "<section>",
    "</section>",
    "<custom-x>",
    "</custom-x>",
    "<font size=1 a>",
    "<font a size=1>",
    "<em>",
    "</em>",
    "<center>",
    "</center>",
    "<address>",
    "</address>",
];

fn soup() -> impl Strategy<Value = String> {
    let start = prop::sample::select(vec![
        "<!doctype html>",
        "<!doctype html><html><head></head><body>",
        "<!DOCTYPE html PUBLIC \"-//W3C//DTD HTML 4.01 Transitional//EN\"><html><head><title>t</title></head>\n<body>",
        "<html>",
        "<body>",
        "<!-- x --><html><head>",
        "",
    ]);
    (start, prop::collection::vec(prop::sample::select(PIECES), 0..40))
        .prop_map(|(start, pieces)| start.to_owned() + &pieces.concat())
}

fn place() -> impl Strategy<Value = (&'static str, Position)> {
    let at = prop::sample::select(vec![
        "head!", "body", "p", "div", "li", "all:b", "td", "main", "html > *", "a[href]", ".x", "all:dd", "all:span",
        "all:.x", "html", "head", "script", "pre",
    ]);
    let position = prop::sample::select(vec![Position::Before, Position::After, Position::Prepend, Position::Append]);
    (at, position)
}

fn cut() -> impl Strategy<Value = (&'static str, Position)> {
    let at = prop::sample::select(vec![
        "p", "div", "li", "b", "td", "main", "a[href]", ".x", "span", "script", "table", "svg", "br", "form",
    ]);
    (at, prop::sample::select(vec![Position::Replace, Position::Remove]))
}

fn cases(default: u32) -> ProptestConfig {
    #[expect(clippy::disallowed_methods, reason = "how long to try is the runner's choice")]
    let cases = std::env::var("NOREN_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(default);
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 4000, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(3000))]

    #[test]
    fn insertions_are_nodes_and_the_rest_of_the_tree_is_the_shops(
        html in soup(),
        ours in prop::sample::select(OURS),
        places in prop::collection::vec(place(), 1..4),
    ) {
        let edits: Vec<_> = places.iter().map(|(at, position)| edit(at, *position, ours)).collect();
        let judged = judge(&html, &edits, &mut Chunks::new());
        prop_assert!(!matches!(judged, Judged::Wrong(_)), "{:?}", judged);
    }

    #[test]
    fn an_element_that_is_cut_out_takes_nothing_with_it(html in soup(), ours in prop::sample::select(OURS), (at, position) in cut()) {
        let ours = if position == Position::Remove { "" } else { ours };
        let judged = judge(&html, &[edit(at, position, ours)], &mut Chunks::new());
        prop_assert!(!matches!(judged, Judged::Wrong(_)), "{:?}", judged);
    }
}
