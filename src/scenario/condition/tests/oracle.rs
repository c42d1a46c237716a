//! The engine against the `cel` crate's own evaluator, on random conditions and random facts.

use super::Table;
use crate::facts::FactSource;
use crate::facts::attributes::{ATTRIBUTES, AttributeId, Shape};
use crate::facts::value::Value;
use crate::scenario::condition::formula::FactRef;
use crate::scenario::condition::lower::Lowering;
use crate::scenario::condition::opaque::to_cel;
use crate::scenario::condition::{Checked, ConditionSetBuilder, Scope, Scratch, parse};
use cel::{Context, ExecutionError, Program};
use proptest::prelude::*;
use proptest::sample::select;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

type Facts = BTreeMap<FactRef, Value<'static>>;

const CASES: u32 = 60;
const CONDITIONS: usize = 24;
const REQUESTS: usize = 20;

/// How facts are written, and which fact that is.
const FACTS: &[(&str, &str, Option<&str>)] = &[
    ("visitor.visits", "visitor.visits", None),
    ("visitor.spent", "visitor.spent", None),
    ("visitor.tags", "visitor.tags", None),
    ("visitor.id_known", "visitor.id_known", None),
    ("customer.rank", "customer.rank", None),
    (r#"customer.attr["x"]"#, "customer.attr", Some("x")),
    ("page.path", "page.path", None),
    ("page.query.x", "page.query", Some("x")),
    (r#"page.query["y z"]"#, "page.query", Some("y z")),
    ("source.kind", "source.kind", None),
    ("source.first.kind", "source.first.kind", None),
    ("locale", "locale", None),
    ("is_bot", "is_bot", None),
    (r#"seen("a")"#, "seen", Some("a")),
    (r#"viewed("category", "a", "7d")"#, "viewed", Some("category\u{1f}a\u{1f}7d")),
    (r#"viewed("category", "b", "7d")"#, "viewed", Some("category\u{1f}b\u{1f}7d")),
    (r#"count("search", "2w")"#, "count", Some("search\u{1f}2w")),
    (r#"count("search", "14d")"#, "count", Some("search\u{1f}14d")),
    ("product.price", "product.price", None),
    ("product.categories", "product.categories", None),
];

const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "2",
    "7",
    "0.0",
    "-0.0",
    "0.5",
    "1.0",
    "-1.5",
    "9007199254740992",
    "9007199254740993",
    "9007199254740992.0",
    "9007199254740994.0",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775807.0",
    "1e300",
    "3u",
    "2 * 3",
    "1 - 2",
];
const TEXTS: &[&str] = &["", "a", "ab", "abc", "b", "/a", "/a/b", "日", "日本", "\u{301}", "vip", "10", "é"];
const REGEXES: &[&str] = &["^a", "b$", "a.c", "日+", "^$", "", "[0-9]+", "(?i)VIP"];

fn text() -> impl Strategy<Value = String> {
    select(TEXTS).prop_map(|text| format!("\"{text}\""))
}

fn literal() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => select(NUMBERS).prop_map(str::to_owned),
        4 => text(),
        1 => select(&["true", "false", "null", "1 / 0", "b\"a\""][..]).prop_map(str::to_owned),
    ]
}

fn fact() -> impl Strategy<Value = String> {
    select(FACTS).prop_map(|(written, ..)| written.to_owned())
}

fn comparison() -> impl Strategy<Value = String> {
    let operator = select(&["==", "!=", "<", "<=", ">", ">="][..]);
    let method = select(&["startsWith", "endsWith", "contains"][..]);
    prop_oneof![
        6 => (fact(), operator.clone(), literal()).prop_map(|(f, o, l)| format!("{f} {o} {l}")),
        2 => (literal(), operator.clone(), fact()).prop_map(|(l, o, f)| format!("{l} {o} {f}")),
        2 => fact(),
        2 => (fact(), prop::collection::vec(literal(), 0..4)).prop_map(|(f, l)| format!("{f} in [{}]", l.join(", "))),
        3 => (fact(), method, text()).prop_map(|(f, m, t)| format!("{f}.{m}({t})")),
        2 => (fact(), select(REGEXES)).prop_map(|(f, r)| format!("{f}.matches(\"{r}\")")),
        2 => text().prop_map(|t| format!("{t} in visitor.tags")),
        1 => (literal(), fact()).prop_map(|(l, f)| format!("{l} in {f}")),
        1 => select(&["x", "y z", "w"][..]).prop_map(|k| format!("\"{k}\" in page.query")),
        1 => select(&["visitor.visits", "customer.rank", "page.query.x", "source.first.kind"][..]).prop_map(|f| format!("has({f})")),
        1 => select(&["true", "false", "1 / 0 > 1", "2 > 1"][..]).prop_map(str::to_owned),
        // What has no atom form.
        1 => (fact(), operator.clone(), fact()).prop_map(|(a, o, b)| format!("{a} {o} {b}")),
        1 => (fact(), literal(), operator).prop_map(|(f, l, o)| format!("{f} + {l} {o} {l}")),
        1 => fact().prop_map(|f| format!("size({f}) > 1")),
        1 => text().prop_map(|t| format!("visitor.tags.exists(t, t.startsWith({t}) || page.path == t)")),
        1 => text().prop_map(|t| format!("visitor.tags.all(t, has(customer.rank) && t != {t})")),
    ]
}

fn condition() -> impl Strategy<Value = String> {
    comparison().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 2..5).prop_map(|parts| format!("({})", parts.join(" && "))),
            3 => prop::collection::vec(inner.clone(), 2..5).prop_map(|parts| format!("({})", parts.join(" || "))),
            2 => inner.clone().prop_map(|part| format!("!({part})")),
            1 => (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
        ]
    })
}

fn value() -> impl Strategy<Value = Option<Value<'static>>> {
    let string = || select(TEXTS).prop_map(Cow::Borrowed);
    let int = select(
        &[0, 1, -1, 2, 3, 6, 7, 8, (1 << 53), (1 << 53) + 1, (1 << 53) + 2, i64::MAX, i64::MAX - 1, i64::MIN][..],
    );
    let double = select(
        &[
            0.0,
            -0.0,
            0.5,
            1.0,
            1.5,
            -1.5,
            3.0,
            6.0,
            9_007_199_254_740_992.0,
            9_007_199_254_740_994.0,
            9.3e18,
            1e300,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::MIN_POSITIVE,
        ][..],
    );
    prop_oneof![
        3 => Just(None),
        3 => int.prop_map(|int| Some(Value::Int(int))),
        3 => double.prop_map(|double| Some(Value::Double(double))),
        4 => string().prop_map(|text| Some(Value::String(text))),
        2 => any::<bool>().prop_map(|truth| Some(Value::Bool(truth))),
        2 => prop::collection::vec(string(), 0..4).prop_map(|list| Some(Value::Strings(list))),
    ]
}

fn request() -> impl Strategy<Value = Table> {
    prop::collection::vec(value(), FACTS.len()).prop_map(|values| {
        let mut table = Table::default();
        for ((_, name, key), value) in FACTS.iter().zip(values) {
            let attribute = crate::facts::attributes::find(name).unwrap();
            // A call answers in its own type or not at all; all else may be of any type.
            let called = attribute.get().unwrap().shape == Shape::Call;
            let value = value.filter(|value| !called || value.ty() == attribute.get().unwrap().ty);
            if let Some(value) = value {
                table.facts.insert(FactRef { attribute, key: key.map(Into::into) }, value);
            }
        }
        table
    })
}

/// What a call answers, as the `cel` crate's functions do.
fn called(facts: &Facts, name: &str, arguments: &[&str]) -> Result<cel::Value, ExecutionError> {
    let attribute = crate::facts::attributes::find(name).unwrap();
    let key = crate::facts::attributes::key(arguments).map(Into::into);
    let value = facts.get(&FactRef { attribute, key });
    value.map(to_cel).ok_or_else(|| ExecutionError::function_error(name, "unknown"))
}

/// The facts as the `cel` crate knows them: nested maps, and functions.
fn context(table: &Table) -> Context<'static, 'static> {
    let mut root: HashMap<String, HashMap<String, cel::Value>> = HashMap::new();
    let mut context = Context::default();
    for (index, attribute) in ATTRIBUTES.iter().enumerate() {
        let id = AttributeId(index as u16);
        let value = table.fact(id, None).map(|value| to_cel(&value));
        match (attribute.shape, attribute.name.split('.').collect::<Vec<_>>().as_slice()) {
            (Shape::Plain, [name]) => {
                if let Some(value) = value {
                    context.add_variable_from_value(*name, value);
                }
            }
            (Shape::Plain, [family, name]) => {
                root.entry((*family).to_owned()).or_default().extend(value.map(|value| ((*name).to_owned(), value)));
            }
            (Shape::Map, [family, name]) => {
                let keys = table.facts.iter().filter(|(fact, _)| fact.attribute == id);
                let map: HashMap<String, cel::Value> =
                    keys.map(|(fact, value)| (fact.key.as_deref().unwrap().to_owned(), to_cel(value))).collect();
                root.entry((*family).to_owned()).or_default().insert((*name).to_owned(), map.into());
            }
            _ => {}
        }
    }
    let first = crate::facts::attributes::find("source.first.kind").unwrap();
    let first = table.fact(first, None).map(|value| ("kind".to_owned(), to_cel(&value)));
    let first: HashMap<String, cel::Value> = first.into_iter().collect();
    root.entry("source".into()).or_default().insert("first".into(), first.into());
    for (family, members) in root {
        context.add_variable_from_value(family, members);
    }
    context
        .add_function("seen", {
            let facts = table.facts.clone();
            move |scenario: Arc<String>| called(&facts, "seen", &[&scenario])
        })
        .unwrap();
    context
        .add_function("viewed", {
            let facts = table.facts.clone();
            move |what: Arc<String>, which: Arc<String>, within: Arc<String>| {
                called(&facts, "viewed", &[&what, &which, &within])
            }
        })
        .unwrap();
    context
        .add_function("count", {
            let facts = table.facts.clone();
            move |event: Arc<String>, within: Arc<String>| called(&facts, "count", &[&event, &within])
        })
        .unwrap();
    context
}

fn compile(text: &str) -> Checked {
    let parsed = parse::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    let scope = Scope::default();
    // Without the checker, which would refuse ill-typed conditions: their answers must be right too.
    let formula = Lowering::new(&scope).condition(&parsed, text).unwrap();
    Checked { text: text.into(), formula, warnings: Vec::new(), segments: Arc::default() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_agrees_with_cel(
        texts in prop::collection::vec(condition(), CONDITIONS),
        requests in prop::collection::vec(request(), REQUESTS),
    ) {
        let mut builder = ConditionSetBuilder::default();
        let conditions: Vec<Checked> = texts.iter().map(|text| compile(text)).collect();
        for condition in &conditions {
            builder.add(condition);
        }
        let set = builder.build();
        let programs: Vec<Program> = texts.iter().map(|text| Program::compile(text).unwrap()).collect();
        let mut scratch = Scratch::default();
        for request in &requests {
            let context = context(request);
            let expected: Vec<u32> = programs
                .iter()
                .enumerate()
                .filter(|(_, program)| program.execute(&context) == Ok(cel::Value::Bool(true)))
                .map(|(number, _)| number as u32)
                .collect();
            let found = set.evaluate(request, &mut scratch);
            if found != expected.as_slice() {
                let wrong = (0..texts.len() as u32).find(|n| found.contains(n) != expected.contains(n)).unwrap() as usize;
                prop_assert!(false, "{}\nengine {} cel {:?}\n{:?}", texts[wrong], found.contains(&(wrong as u32)), programs[wrong].execute(&context), request.facts);
            }
            for (number, condition) in conditions.iter().enumerate() {
                prop_assert_eq!(condition.formula.evaluate(request) == Some(true), expected.contains(&(number as u32)), "{}", &texts[number]);
            }
        }
    }
}
