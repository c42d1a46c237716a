mod oracle;
mod pending;
mod problems;

use super::formula::FactRef;
use crate::facts::FactSource;
use crate::facts::attributes::{AttributeId, find};
use crate::facts::value::Value;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

/// Facts in a table. Counts how often it is asked.
#[derive(Debug, Default, Clone)]
pub(super) struct Table {
    pub(super) facts: BTreeMap<FactRef, Value<'static>>,
    pub(super) asked: Cell<usize>,
    /// Facts that may still come.
    pub(super) pending: BTreeSet<FactRef>,
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

    fn is_pending(&self, attribute: AttributeId, key: Option<&str>) -> bool {
        self.pending.contains(&FactRef { attribute, key: key.map(Into::into) })
    }
}
