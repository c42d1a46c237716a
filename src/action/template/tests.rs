use super::*;
use crate::facts::attributes::AttributeId;
use crate::facts::value::Value as Fact;

/// Facts as pairs of name (with its key, if any) and value; remembers what was asked.
struct Table<'a>(&'a [(&'a str, &'a str)], std::cell::RefCell<Vec<String>>);

impl<'a> Table<'a> {
    fn new(facts: &'a [(&'a str, &'a str)]) -> Self {
        Self(facts, std::cell::RefCell::default())
    }
}

impl FactSource for Table<'_> {
    fn fact(&self, attribute: AttributeId, key: Option<&str>) -> Option<Fact<'_>> {
        let mut name = attribute.name().to_owned();
        if let Some(key) = key {
            name = format!("{name}[{key}]");
        }
        self.1.borrow_mut().push(name.clone());
        let (_, value) = self.0.iter().find(|(known, _)| *known == name)?;
        Some(value.parse().map_or_else(|_| Fact::String((*value).into()), Fact::Int))
    }
}

fn compile(frame: &str, fields: Vec<(&'static str, Field)>) -> Result<Drawn, InvalidTemplate> {
    Drawn::new(&Source { frame, fields, absent: &["title"], marker: " m", language: "en" }).map(|(drawn, _)| drawn)
}

fn draw(frame: &str, facts: &[(&str, &str)]) -> String {
    let html = compile(frame, vec![]).unwrap().draw("html", &Table::new(facts), None).unwrap();
    String::from_utf8(html.to_vec()).unwrap()
}

#[test]
fn facts_are_printed_and_missing_ones_are_empty() {
    let frame = "<p>{{ customer.name | default('お客様') }}: {{ visitor.visits }}</p>";
    assert_eq!(draw(frame, &[("customer.name", "Aki"), ("visitor.visits", "3")]), "<p m>Aki: 3</p>");
    assert_eq!(draw(frame, &[]), "<p m>&#x304a;&#x5ba2;&#x69d8;: </p>");
}

#[test]
fn a_fact_with_a_key_is_found_however_it_is_written() {
    let facts = [("customer.attr[shoe.size]", "25"), ("customer.attr[color]", "red")];
    assert_eq!(draw("<p>{{ customer.attr[\"shoe.size\"] }} {{ customer.attr.color }}</p>", &facts), "<p m>25 red</p>");
}

#[test]
fn only_the_facts_that_are_used_are_looked_up() {
    let drawn = compile("<p>{{ customer.name }}</p>", vec![]).unwrap();
    let facts = Table::new(&[]);
    drawn.draw("html", &facts, None).unwrap();
    assert_eq!(*facts.1.borrow(), ["customer.name"]);
}

#[test]
fn a_hostile_fact_is_inert_in_text_attribute_address_and_script() {
    let evil = "\"></script><img src=x onerror=alert(1)>\u{1}\u{2}";
    let frame = "<p title='{{ customer.name }}'>{{ customer.name }}</p><a href=\"{{ customer.name }}\">x</a>\
                 <a href=\"/?q={{ customer.name }}\">x</a><script>x=\"{{ customer.name }}\"</script>";
    let html = draw(frame, &[("customer.name", evil)]);
    assert!(!html.contains("<img"), "{html}");
    assert_eq!(html.matches("</script").count(), 1, "{html}");
    assert!(html.is_ascii() && !html.contains(['\u{1}', '\u{2}']), "{html}");
    let html = draw("<a href=\"{{ customer.name }}\">x</a>", &[("customer.name", "javascript:alert(1)")]);
    assert_eq!(html, "<a m href=\"#\">x</a>");
}

#[test]
fn no_block_or_filter_turns_escaping_off() {
    for frame in [
        "<p>{% autoescape false %}{{ customer.name }}{% endautoescape %}</p>",
        "<p>{% set x %}{{ customer.name }}{% endset %}{{ x }}</p>",
        "<p>{% filter upper %}{{ customer.name }}{% endfilter %}</p>",
        "<p>{{ [customer.name] | join(',') }}</p>",
        "<p>{{ customer.name ~ '' }}</p>",
        "<p>{{ '%s' | format(customer.name) }}</p>",
        "<p>{% for c in customer.name %}{{ c }}{% endfor %}</p>",
    ] {
        let html = draw(frame, &[("customer.name", "<img src=x>")]);
        assert!(!html.to_lowercase().contains("<img"), "{frame}: {html}");
    }
    for filter in ["safe", "escape", "e", "tojson"] {
        let problem = compile(&format!("<p>{{{{ customer.name | {filter} }}}}</p>"), vec![]).unwrap_err();
        assert!(problem.help.is_some(), "{filter}: {problem:?}");
    }
}

#[test]
fn a_text_with_facts_is_escaped_once_within_the_frame() {
    let fields = vec![
        ("title", Field::Text("A & {{ customer.name }}".into())),
        ("button.href", Field::Url("/s?q={{ customer.name }}".into())),
    ];
    let drawn = compile("<a href=\"{{ button.href }}\">{{ title }}</a>", fields).unwrap();
    let html = drawn.draw("html", &Table::new(&[("customer.name", "<b>&")]), None).unwrap();
    assert_eq!(html, "<a m href=\"/s?q=%3Cb%3E%26\">A &amp; &lt;b&gt;&amp;</a>");
}

#[test]
fn what_a_template_cannot_know_is_refused_with_a_suggestion() {
    let problem = compile("<p>{{ customer.nmae }}</p>", vec![]).unwrap_err();
    assert_eq!((problem.code, problem.help.unwrap().as_str()), ("unknown-attribute", "did you mean `customer.name`?"));
    for frame in [
        "<p>{{ customer }}</p>",
        "<p>{{ seen('x') }}</p>",
        "<p>{{ customer.attr[locale] }}</p>",
        "<p>{{ chat.open }}</p>",
    ] {
        assert!(compile(frame, vec![]).is_err(), "{frame}");
    }
}

#[test]
fn money_is_grouped() {
    assert_eq!(draw("<p>{{ visitor.visits | money }}</p>", &[("visitor.visits", "1280000")]), "<p m>1,280,000</p>");
    assert_eq!((money(-999.6), money(0.0), money(-0.2)), ("-1,000".into(), "0".into(), "0".into()));
}
