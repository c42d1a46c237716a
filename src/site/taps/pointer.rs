//! Places in JSON, and reading of nothing but what stands there: the rest is passed over without being kept.

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use smallvec::SmallVec;
use std::cell::Cell;
use std::fmt;

/// Most elements of a list that are read.
pub const LONGEST_LIST: usize = 100;
/// Most values that are kept of an answer.
const MOST_VALUES: usize = 4_000;
/// Longest text that is kept, in bytes.
const LONGEST_TEXT: usize = 2_048;

/// A JSON pointer (RFC 6901), in which `*` stands for any element of a list or member of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pointer(Vec<Step>);

/// A step of a pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// To a member, or to the element of that number.
    To(String),
    /// To any.
    Any,
}

impl Pointer {
    /// Reads a pointer; nothing if it neither is empty nor begins with `/`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::default());
        }
        let steps = text.strip_prefix('/')?.split('/').map(|step| match step {
            "*" => Step::Any,
            name => Step::To(name.replace("~1", "/").replace("~0", "~")),
        });
        Some(Self(steps.collect()))
    }

    /// To a member of the whole.
    #[must_use]
    pub fn key(name: &str) -> Self {
        Self(vec![Step::To(name.to_owned())])
    }

    /// This pointer, and another one from there.
    #[must_use]
    pub fn join(&self, rest: &Self) -> Self {
        Self(self.0.iter().chain(&rest.0).cloned().collect())
    }

    /// This pointer, and any element or member from there.
    #[must_use]
    pub fn each(&self) -> Self {
        Self(self.0.iter().cloned().chain([Step::Any]).collect())
    }

    /// Its steps to members by name.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|step| match step {
            Step::To(name) => Some(name.as_str()),
            Step::Any => None,
        })
    }

    /// The values that it points at, in their order.
    pub fn find<'v>(&self, root: &'v Value) -> Vec<&'v Value> {
        let mut found = vec![root];
        for step in &self.0 {
            found = found
                .into_iter()
                .flat_map(|value| -> Vec<&Value> {
                    match (step, value) {
                        (Step::To(name), Value::Object(members)) => members.get(name).into_iter().collect(),
                        (Step::To(name), Value::Array(elements)) => {
                            name.parse::<usize>().ok().and_then(|index| elements.get(index)).into_iter().collect()
                        }
                        (Step::Any, Value::Array(elements)) => elements.iter().collect(),
                        (Step::Any, Value::Object(members)) => members.values().collect(),
                        _ => Vec::new(),
                    }
                })
                .collect();
        }
        found
    }
}

/// Whether a value is something: not null, false, 0 or empty.
#[must_use]
pub fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(elements) => !elements.is_empty(),
        Value::Object(members) => !members.is_empty(),
    }
}

/// Reads JSON, and keeps what some pointers may point at. What they do not is neither kept nor, for texts, unescaped.
pub struct Pick<'p> {
    wanted: SmallVec<[(&'p Pointer, usize); 16]>,
    left: &'p Cell<usize>,
}

impl<'p> Pick<'p> {
    /// Reads a whole text.
    ///
    /// # Errors
    /// When it is no JSON, or nested too deeply.
    pub fn read(pointers: impl IntoIterator<Item = &'p Pointer>, text: &[u8]) -> Result<Value, serde_json::Error> {
        let left = Cell::new(MOST_VALUES);
        let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
        let mut reader = serde_json::Deserializer::from_slice(text);
        let wanted: SmallVec<[(&Pointer, usize); 16]> = pointers.into_iter().map(|pointer| (pointer, 0)).collect();
        let value = Pick { wanted, left: &left }.deserialize(&mut reader)?;
        reader.end()?;
        Ok(value)
    }

    /// What is wanted below a member or an element; `None`: nothing is.
    fn below(&self, is: impl Fn(&str) -> bool) -> Option<Pick<'p>> {
        let wanted: SmallVec<[(&Pointer, usize); 16]> = self
            .wanted
            .iter()
            .filter(|(pointer, depth)| match pointer.0.get(*depth) {
                Some(Step::Any) => true,
                Some(Step::To(name)) => is(name),
                None => false,
            })
            .map(|(pointer, depth)| (*pointer, depth + 1))
            .collect();
        (!wanted.is_empty() && self.left.get() > 0).then_some(Pick { wanted, left: self.left })
    }

    fn is_end(&self) -> bool {
        self.wanted.iter().any(|(pointer, depth)| pointer.0.len() == *depth)
    }

    fn keep(&self, value: Value) -> Value {
        self.left.set(self.left.get().saturating_sub(1));
        if self.is_end() { value } else { Value::Null }
    }
}

impl<'de> DeserializeSeed<'de> for Pick<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Pick<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(self.keep(Value::Bool(value)))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(self.keep(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(self.keep(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(self.keep(value.into()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        let mut end = text.len().min(LONGEST_TEXT);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        Ok(self.keep(text.get(..end).unwrap_or_default().into()))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(self.keep(Value::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut elements = Vec::new();
        loop {
            let index = elements.len();
            let below = if index < LONGEST_LIST { self.below(|name| name.parse() == Ok(index)) } else { None };
            let wanted = index < LONGEST_LIST && self.left.get() > 0;
            let next = match below {
                Some(below) => list.next_element_seed(below)?,
                None => list.next_element::<IgnoredAny>()?.map(|_| Value::Null),
            };
            match next {
                // An element that nobody wants still has its place, so that those after it keep theirs.
                Some(value) if wanted => {
                    self.left.set(self.left.get().saturating_sub(1));
                    elements.push(value);
                }
                Some(_) => {}
                None => return Ok(Value::Array(elements)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(key) = object.next_key::<std::borrow::Cow<'_, str>>()? {
            let below = if members.len() < LONGEST_LIST { self.below(|name| name == key) } else { None };
            match below {
                Some(below) => {
                    let value = object.next_value_seed(below)?;
                    members.insert(key.into_owned(), value);
                }
                // That there is something is all that can be asked of the end of a pointer.
                None if self.is_end() && members.is_empty() => {
                    object.next_value::<IgnoredAny>()?;
                    members.insert(String::new(), Value::Null);
                }
                None => {
                    object.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Value::Object(members))
    }
}
