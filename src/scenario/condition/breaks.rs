//! Where the answers of comparisons change along the number line.
//!
//! Between two neighbouring breaks all values of a kind get the same answers, so one of them stands for all.

use super::formula::{Literal, Test};
use std::cmp::Ordering;

/// Breaks along the whole numbers and along the doubles: each is the first value of an interval.
#[derive(Debug, Default, Clone)]
pub(super) struct Breaks {
    /// Ascending, beginning with `i64::MIN`.
    pub(super) ints: Vec<i64>,
    /// Ascending, beginning with minus infinity; NaN stands apart.
    pub(super) doubles: Vec<f64>,
}

impl Breaks {
    /// The breaks of some tests.
    pub(super) fn of<'t>(tests: impl Iterator<Item = &'t Test>) -> Self {
        let mut breaks = Self { ints: vec![i64::MIN], doubles: vec![f64::NEG_INFINITY] };
        for test in tests {
            match test {
                Test::In(literals) => literals.iter().for_each(|literal| breaks.add(literal)),
                Test::Compare(_, literal) => breaks.add(literal),
                _ => {}
            }
        }
        breaks.ints.sort_unstable();
        breaks.ints.dedup();
        breaks.doubles.sort_unstable_by(f64::total_cmp);
        breaks.doubles.dedup_by(|a, b| a.partial_cmp(&b) == Some(Ordering::Equal));
        breaks
    }

    fn add(&mut self, literal: &Literal) {
        match literal {
            Literal::Int(number) => {
                self.ints.push(*number);
                self.ints.extend(number.checked_add(1));
                self.add_double(*number as f64);
            }
            // Whole numbers compare with a double after they are rounded to doubles themselves.
            Literal::Double(number) if !number.is_nan() => {
                self.ints.extend(first_int(|int| int as f64 >= *number));
                self.ints.extend(first_int(|int| int as f64 > *number));
                self.add_double(*number);
            }
            _ => {}
        }
    }

    fn add_double(&mut self, number: f64) {
        self.doubles.push(number);
        self.doubles.push(number.next_up());
    }
}

/// The first whole number of which a monotone predicate holds.
fn first_int(holds: impl Fn(i64) -> bool) -> Option<i64> {
    let (mut low, mut high) = (i128::from(i64::MIN), i128::from(i64::MAX) + 1);
    while low < high {
        // Rounded down: `midpoint` rounds towards zero, and would stand still below it.
        let middle = low + (high - low) / 2;
        if i64::try_from(middle).is_ok_and(&holds) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    i64::try_from(low).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breaks_stand_where_rounding_puts_them() {
        let test = Test::In([Literal::Double(9_007_199_254_740_992.0)].into());
        let breaks = Breaks::of([test].iter());
        // 2^53 + 1 rounds to 2^53 (ties to even), 2^53 + 2 does not.
        assert_eq!(breaks.ints, [i64::MIN, 9_007_199_254_740_992, 9_007_199_254_740_994]);
        let beyond = Test::In([Literal::Double(1e300), Literal::Double(-1e300)].into());
        assert_eq!(Breaks::of([beyond].iter()).ints, [i64::MIN]);
    }
}
