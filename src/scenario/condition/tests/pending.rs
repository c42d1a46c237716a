//! Conditions over what a page has not said yet.

use super::Table;
use crate::facts::attributes::{ATTRIBUTES, AttributeId, Known, find};
use crate::facts::value::Value;
use crate::scenario::condition::formula::FactRef;
use crate::scenario::condition::{ConditionSet, ConditionSetBuilder, Scope, Scratch, check};

fn set(texts: &[&str]) -> ConditionSet {
    let mut builder = ConditionSetBuilder::default();
    for text in texts {
        builder.add(&check(text, &Scope::default()).unwrap());
    }
    builder.build()
}

fn pending(mut table: Table, name: &str) -> Table {
    table.pending.insert(FactRef { attribute: find(name).unwrap(), key: None });
    table
}

/// What holds, and what is undecided.
fn judged(set: &ConditionSet, table: &Table) -> (Vec<u32>, Vec<u32>) {
    let mut scratch = Scratch::default();
    let judged = set.judge(table, &mut scratch);
    (judged.holds.to_vec(), judged.undecided.to_vec())
}

#[test]
fn what_the_page_may_yet_say_is_undecided_and_all_else_is_decided() {
    let set = set(&[
        "product.price > 5.0",
        "product.price > 5.0 && visitor.visits > 9",
        "product.price > 5.0 || visitor.visits == 3",
        "has(product.price)",
        "!has(product.price)",
        "!(product.price > 5.0)",
        "visitor.visits == 3",
        "product.price * 2.0 > 5.0",
        "product.price * 2.0 > 5.0 && visitor.visits > 9",
        "page.title == \"x\"",
    ]);
    let needs: Vec<bool> = (0..set.len()).map(|condition| set.needs_content(condition)).collect();
    assert_eq!(needs, [true, true, true, true, true, true, false, true, true, true]);

    let table = Table::default().with("visitor.visits", Value::Int(3));
    // The catalogue has a price, which the page may correct.
    let streaming = pending(table.with("product.price", Value::Double(9.0)), "product.price");
    assert_eq!(judged(&set, &streaming), (vec![2, 6], vec![0, 3, 4, 5, 7]));
    let mut ended = streaming;
    ended.pending.clear();
    assert_eq!(judged(&set, &ended), (vec![0, 2, 3, 6, 7], vec![]));
    assert_eq!(set.evaluate(&ended, &mut Scratch::default()), [0, 2, 3, 6, 7]);
}

#[test]
fn a_condition_too_large_for_conjuncts_is_undecided_too() {
    let wide = |price: &str| {
        let part = |n: u32| format!("(page.query.a{n} == \"x\" || page.query.b{n} == \"x\")");
        (0..6).map(part).chain([price.to_owned()]).collect::<Vec<_>>().join(" && ")
    };
    let set = set(&[&wide("product.price > 5.0"), &wide("product.price * 2.0 > 5.0")]);
    let mut table = pending(Table::default(), "product.price");
    assert_eq!(judged(&set, &table), (vec![], vec![]));
    for n in 0..6 {
        let key = Some(format!("a{n}").into());
        table.facts.insert(FactRef { attribute: find("page.query").unwrap(), key }, Value::String("x".into()));
    }
    assert_eq!(judged(&set, &table), (vec![], vec![0, 1]));
}

/// Whatever a page says in the end, what was decided before stands.
#[test]
fn what_was_decided_while_streaming_stands_in_the_end() {
    let facts = ["product.price", "product.in_stock", "cart.items", "page.title", "visitor.visits"];
    let parts = [
        "product.price > 5.0",
        "product.in_stock",
        "!product.in_stock",
        "cart.items in [1, 2]",
        "page.title.startsWith(\"a\")",
        "has(page.title)",
        "visitor.visits > 2",
        "cart.items + 1 > 2",
    ];
    let mut texts = Vec::new();
    for (a, first) in parts.iter().enumerate() {
        for (b, second) in parts.iter().enumerate().filter(|(b, _)| *b > a) {
            let third = parts[(a + b) % parts.len()];
            texts.push(format!("{first} && {second} || !({third})"));
            texts.push(format!("({first} || {second}) && {third}"));
        }
    }
    let scope = Scope::default();
    texts.retain(|text| check(text, &scope).is_ok());
    let set = set(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    let values = |fact: &str| match fact {
        "product.price" => vec![None, Some(Value::Double(4.0)), Some(Value::Double(6.0))],
        "product.in_stock" => vec![None, Some(Value::Bool(false)), Some(Value::Bool(true))],
        "page.title" => vec![None, Some(Value::String("a".into())), Some(Value::String("b".into()))],
        _ => vec![None, Some(Value::Int(1)), Some(Value::Int(3))],
    };
    let mut compared = 0;
    for choice in 0..3_usize.pow(5) {
        let mut table = Table::default();
        for (n, fact) in facts.iter().enumerate() {
            if let Some(value) = &values(fact)[choice / 3_usize.pow(n as u32) % 3] {
                table = table.with(fact, value.clone());
            }
        }
        let finally = set.evaluate(&table, &mut Scratch::default()).to_vec();
        for hidden in 0..16_u32 {
            let mut table = table.clone();
            for (n, fact) in facts.iter().enumerate().take(4).filter(|(n, _)| hidden >> n & 1 == 1) {
                let _ = n;
                table = pending(table, fact);
            }
            let (holds, undecided) = judged(&set, &table);
            for condition in 0..set.len() as u32 {
                let text = &texts[condition as usize];
                let holds_in_the_end = finally.contains(&condition);
                if holds.contains(&condition) {
                    assert!(holds_in_the_end, "{text} was said to hold: {table:?}");
                } else if !undecided.contains(&condition) {
                    assert!(!holds_in_the_end, "{text} was said not to hold: {table:?}");
                }
                compared += 1;
            }
        }
    }
    assert!(compared > 100_000);
}

#[test]
fn only_what_the_page_itself_says_is_ever_pending() {
    let facts = crate::facts::tests::Request::default();
    let facts = crate::facts::Facts { streaming: true, ..facts.facts() };
    for (attribute, index) in ATTRIBUTES.iter().zip(0..) {
        let pending = crate::facts::FactSource::is_pending(&facts, AttributeId(index), None);
        // The address says of what kind this page is.
        let expected = attribute.known == Known::Content && attribute.name != "page.kind";
        assert_eq!(pending, expected, "{}", attribute.name);
    }
}
