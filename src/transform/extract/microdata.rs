//! Microdata, gathered into the same shape that JSON-LD has.

use super::text::Gathered;
use serde_json::{Map, Value};

/// Deepest nesting of items, and most properties of one.
const DEEPEST: usize = 16;
const MOST: usize = 128;

/// The items that are open.
#[derive(Debug, Default)]
pub(super) struct Microdata {
    open: Vec<Open>,
    /// Distinguishes elements.
    serial: u64,
}

#[derive(Debug)]
struct Open {
    serial: u64,
    /// The property of the item around it that this is the value of.
    property: Option<String>,
    value: Holding,
}

#[derive(Debug)]
enum Holding {
    Item(Map<String, Value>),
    Text(Gathered),
}

impl Microdata {
    /// Begins an item. What is returned closes it; an item that is too deep is none.
    pub(super) fn begin_item(&mut self, kind: Option<String>, property: Option<String>) -> Option<u64> {
        let mut item = Map::new();
        item.extend(kind.map(|kind| ("@type".to_owned(), Value::String(kind))));
        self.begin(property, Holding::Item(item))
    }

    /// Begins a property whose value is the element's text.
    pub(super) fn begin_text(&mut self, property: String) -> Option<u64> {
        self.open.iter().any(|open| matches!(open.value, Holding::Item(_))).then_some(())?;
        self.begin(Some(property), Holding::Text(Gathered::default()))
    }

    fn begin(&mut self, property: Option<String>, value: Holding) -> Option<u64> {
        if self.open.len() >= DEEPEST {
            return None;
        }
        self.serial += 1;
        self.open.push(Open { serial: self.serial, property, value });
        Some(self.serial)
    }

    /// Text within what is open.
    pub(super) fn text(&mut self, piece: &str) {
        for open in &mut self.open {
            if let Holding::Text(gathered) = &mut open.value {
                gathered.push(piece);
            }
        }
    }

    /// A property with its value.
    pub(super) fn put(&mut self, property: &str, value: &Value) {
        let mut items = self.open.iter_mut().rev();
        let item = items.find_map(|open| if let Holding::Item(item) = &mut open.value { Some(item) } else { None });
        let Some(item) = item else { return };
        for name in property.split_ascii_whitespace().take(4) {
            let room = item.len() < MOST;
            match item.get_mut(name) {
                Some(Value::Array(list)) if list.len() < MOST => list.push(value.clone()),
                Some(Value::Array(_)) => {}
                Some(one) => *one = Value::Array(vec![one.take(), value.clone()]),
                None if room => drop(item.insert(name.to_owned(), value.clone())),
                None => {}
            }
        }
    }

    /// Closes an element, and what was left open in it. Returns an item that belongs to no other.
    pub(super) fn close(&mut self, serial: u64) -> Option<Value> {
        let at = self.open.iter().position(|open| open.serial == serial)?;
        let mut whole = None;
        while self.open.len() > at {
            let Some(open) = self.open.pop() else { break };
            let value = match open.value {
                Holding::Item(item) => Value::Object(item),
                Holding::Text(gathered) => Value::String(gathered.text()),
            };
            let is_inner = self.open.iter().any(|outer| matches!(outer.value, Holding::Item(_)));
            match open.property {
                Some(property) if is_inner => self.put(&property, &value),
                _ => whole = Some(value).filter(Value::is_object),
            }
        }
        whole
    }

    /// Closes all that is open: the page is over.
    pub(super) fn close_all(&mut self) -> Option<Value> {
        let first = self.open.first()?.serial;
        self.close(first)
    }
}
