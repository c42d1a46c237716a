mod oracle;
mod problems;

use super::formula::FactRef;
use crate::facts::FactSource;
use crate::facts::attributes::{AttributeId, find};
use crate::facts::value::Value;
use std::cell::Cell;
use std::collections::BTreeMap;

/// Facts in a table. Counts how often it is asked.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) facts: BTreeMap<FactRef, Value<'static>>,
    pub(super) asked: Cell<usize>,
}

impl Table {
    pub(super) fn with(mut self, name: &str, value: Value<'static>) -> Self {
        self.facts.insert(FactRef { attribute: find(name).unwrap(), key: None }, value);
        self
    }
}

impl FactSource for Table {
    fn fact(&self, attribute: AttributeId, key: Option<&str>) -> Option<Value<'_>> {
        self.asked.set(self.asked.get() + 1);
        self.facts.get(&FactRef { attribute, key: key.map(Into::into) }).cloned()
    }
}
