//! Fuzz target: any text as a condition, over any facts, held against the `cel` crate's own evaluator.

#![expect(clippy::expect_used, reason = "a target panics where a promise is broken")]

use super::formula::FactRef;
use super::lower::Lowering;
use super::opaque::to_cel;
use super::{Checked, ConditionProblem, ConditionSetBuilder, Scope, Scratch, check, parse};
use crate::config::diagnostic::Severity;
use crate::facts::FactSource;
use crate::facts::attributes::{ATTRIBUTES, AttributeId, Shape, key};
use crate::facts::value::{Type, Value};
use crate::fuzzing::{Input, Numbers};
use cel::{Context, ExecutionError, Program};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What maps and calls are asked for, besides what the condition itself names.
const KEYS: &[&str] = &["a", "x", "welcome", "utm_source"];
const SEGMENTS: &[&str] = &["a", "b", "c"];
const TEXTS: &[&str] = &["", "a", "ab", "/a", "日本", "\u{301}", "10", "cart", "ja", "2026-11-20", "</script>"];
const INTS: &[i64] = &[0, 1, -1, 2, 3, 7, 22, 1 << 53, (1 << 53) + 1, i64::MAX, i64::MIN];
const DOUBLES: &[f64] = &[0.0, -0.0, 0.5, 1.0, 3.0, 9_007_199_254_740_992.0, 9.3e18, 1e300, f64::NAN, f64::INFINITY];

/// A condition; after empty lines, the segments `a`, `b` and `c`. The last bytes choose the facts.
pub fn conditions(data: &[u8]) {
    let mut input = Input::new(data);
    let seed = u64::from(input.byte()) << 8 | u64::from(input.byte());
    let text = input.text();
    let mut parts = text.split("\n\n");
    let condition = parts.next().unwrap_or_default();
    let segments: BTreeMap<String, String> =
        SEGMENTS.iter().map(|name| (*name).to_owned()).zip(parts.map(str::to_owned)).collect();
    let scope = Scope { segments, scenario_ids: KEYS.iter().map(|key| (*key).to_owned()).collect() };
    let checked = check(condition, &scope);
    let problems = checked.as_ref().map_or_else(Vec::as_slice, Checked::warnings);
    placed(condition, problems);
    match &checked {
        Ok(checked) => {
            assert!(checked.warnings().iter().all(|problem| problem.severity == Severity::Warning));
            for seed in seed..seed + 3 {
                answered(checked, &Table::new(seed, checked));
            }
        }
        Err(problems) => assert!(problems.iter().any(|problem| problem.severity == Severity::Error), "{problems:?}"),
    }
    if scope.segments.is_empty() && (checked.is_ok() || problems.iter().all(|problem| problem.code == "wrong-type")) {
        compared(condition, seed);
    }
}

/// Every problem has a place in the text and one line.
fn placed(text: &str, problems: &[ConditionProblem]) {
    for problem in problems {
        assert!(text.get(problem.span.clone()).is_some(), "no such place: {problem:?}");
        assert!(!problem.message.is_empty() && !problem.code.is_empty(), "{problem:?}");
    }
}

/// The compiled set, the formula and the explanation are of one mind.
fn answered(checked: &Checked, table: &Table) {
    let mut builder = ConditionSetBuilder::default();
    // Twice: what is shared between conditions must not change their answers.
    builder.add(checked);
    builder.add(checked);
    let set = builder.build();
    let mut scratch = Scratch::default();
    let holds = checked.formula.evaluate(table) == Some(true);
    let expected: &[u32] = if holds { &[0, 1] } else { &[] };
    assert_eq!(set.evaluate(table, &mut scratch), expected, "the set and the formula disagree: {:?}", table.0);
    assert_eq!(set.evaluate(table, &mut scratch), expected, "the second answer is another");
    let blamed = checked.clone().into_source().blame(table);
    assert_eq!(blamed.is_empty(), holds, "{blamed:?} is blamed: {:?}", table.0);
    assert!(blamed.iter().all(|part| checked.text.get(part.span.clone()).is_some()), "no such place: {blamed:?}");
}

/// A condition holds if and only if the `cel` crate says `true`, be its types right or wrong.
fn compared(text: &str, seed: u64) {
    let scope = Scope::default();
    let Ok(parsed) = parse::parse(text) else { return };
    let Ok(formula) = Lowering::new(&scope).condition(&parsed, text) else { return };
    // The crate has two parsers, and the one that we use first takes a little more.
    let Ok(program) = Program::compile(text) else { return };
    let checked = Checked { text: text.into(), formula, warnings: Vec::new(), segments: Arc::default() };
    if asks_into_the_cart(&checked) {
        return;
    }
    for seed in seed..seed + 4 {
        let table = Table::new(seed, &checked);
        let said = program.execute(&table.context());
        let holds = said == Ok(cel::Value::Bool(true));
        assert_eq!(checked.formula.evaluate(&table) == Some(true), holds, "cel: {said:?}; {:?}", table.0);
        answered(&checked, &table);
    }
}

/// `cart.contains("…")` is a method on a map to the crate, and an attribute to us.
fn asks_into_the_cart(checked: &Checked) -> bool {
    let mut builder = ConditionSetBuilder::default();
    builder.add(checked);
    builder.build().facts().any(|fact| fact.attribute.name() == "cart.contains")
}

/// Facts at random: about half of them known, most of the right type.
#[derive(Debug)]
struct Table(BTreeMap<FactRef, Value<'static>>);

impl FactSource for Table {
    fn fact(&self, attribute: AttributeId, key: Option<&str>) -> Option<Value<'_>> {
        self.0.get(&FactRef { attribute, key: key.map(Into::into) }).cloned()
    }
}

impl Table {
    fn new(seed: u64, checked: &Checked) -> Self {
        let mut numbers = Numbers::new(seed);
        let mut builder = ConditionSetBuilder::default();
        builder.add(checked);
        let mut facts: Vec<FactRef> = builder.build().facts().cloned().collect();
        for (attribute, index) in ATTRIBUTES.iter().zip(0..) {
            let keys: &[Option<&str>] = match attribute.shape {
                Shape::Plain => &[None],
                _ => &[Some("a"), Some("x"), Some("welcome"), Some("utm_source")],
            };
            let fact = |key: Option<&str>| FactRef { attribute: AttributeId(index), key: key.map(Into::into) };
            facts.extend(keys.iter().copied().map(fact));
        }
        let known = facts.into_iter().filter_map(|fact| {
            let attribute = fact.attribute.get()?;
            let types = [Type::Bool, Type::Int, Type::Double, Type::String, Type::Strings];
            // The answer of a call is a truth value or nothing; all else may be of any type.
            let astray = numbers.below(5) == 0 && attribute.shape != Shape::Call;
            let ty = if astray { types.get(numbers.below(5)).copied()? } else { attribute.ty };
            let value = value(ty, attribute.values, &mut numbers);
            (numbers.below(2) == 0).then_some((fact, value))
        });
        Self(known.collect())
    }

    /// The facts as the `cel` crate knows them: nested maps, and functions.
    fn context(&self) -> Context<'static, 'static> {
        let mut context = Context::default();
        let mut families: HashMap<String, HashMap<String, cel::Value>> = HashMap::new();
        let mut first: HashMap<String, cel::Value> = HashMap::new();
        for (attribute, index) in ATTRIBUTES.iter().zip(0..) {
            let id = AttributeId(index);
            let value = self.fact(id, None).map(|value| to_cel(&value));
            match (attribute.shape, attribute.name.split('.').collect::<Vec<_>>().as_slice()) {
                (Shape::Plain, [name]) => {
                    if let Some(value) = value {
                        context.add_variable_from_value(*name, value);
                    }
                }
                (Shape::Plain, ["source", "first", name]) => {
                    first.extend(value.map(|value| ((*name).to_owned(), value)));
                }
                (Shape::Plain, [family, name]) => {
                    let members = families.entry((*family).to_owned()).or_default();
                    members.extend(value.map(|value| ((*name).to_owned(), value)));
                }
                (Shape::Map, [family, name]) => {
                    let keyed = self.0.iter().filter(|(fact, _)| fact.attribute == id);
                    let map: HashMap<String, cel::Value> = keyed
                        .filter_map(|(fact, value)| Some((fact.key.as_deref()?.to_owned(), to_cel(value))))
                        .collect();
                    families.entry((*family).to_owned()).or_default().insert((*name).to_owned(), map.into());
                }
                (Shape::Call, [name]) => {
                    let answers = self.0.iter().filter(|(fact, _)| fact.attribute == id);
                    let answers: HashMap<String, cel::Value> = answers
                        .filter_map(|(fact, value)| Some((fact.key.as_deref()?.to_owned(), to_cel(value))))
                        .collect();
                    let name = *name;
                    let answer = move |arguments: &[&str]| {
                        let answer = key(arguments).and_then(|key| answers.get(&key).cloned());
                        answer.ok_or_else(|| ExecutionError::function_error(name, "unknown"))
                    };
                    let added = match attribute.parameters.len() {
                        1 => context.add_function(name, move |a: Arc<String>| answer(&[&a])),
                        2 => context.add_function(name, move |a: Arc<String>, b: Arc<String>| answer(&[&a, &b])),
                        _ => context.add_function(name, move |a: Arc<String>, b: Arc<String>, c: Arc<String>| {
                            answer(&[&a, &b, &c])
                        }),
                    };
                    added.expect("a function");
                }
                _ => {}
            }
        }
        families.entry("source".to_owned()).or_default().insert("first".to_owned(), first.into());
        for (family, members) in families {
            context.add_variable_from_value(family, members);
        }
        context
    }
}

fn value(ty: Type, values: &'static [&'static str], numbers: &mut Numbers) -> Value<'static> {
    let texts = if values.is_empty() || numbers.below(4) == 0 { TEXTS } else { values };
    let text = |numbers: &mut Numbers| texts.get(numbers.below(texts.len())).copied().unwrap_or_default();
    match ty {
        Type::Bool => Value::Bool(numbers.below(2) == 0),
        Type::Int => Value::Int(INTS.get(numbers.below(INTS.len())).copied().unwrap_or_default()),
        Type::Double => Value::Double(DOUBLES.get(numbers.below(DOUBLES.len())).copied().unwrap_or_default()),
        Type::String => Value::String(text(numbers).into()),
        Type::Strings => Value::Strings((0..numbers.below(4)).map(|_| text(numbers).into()).collect()),
    }
}

#[cfg(test)]
#[test]
fn any_text_is_explained_or_answered_as_cel_answers_it() {
    crate::fuzzing::replay("conditions", 500, conditions);
}
