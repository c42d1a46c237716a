//! The arguments of an attribute that is called, as one text: that is what a fact is known by.

/// Stands between two arguments; it has no place within one.
const SEPARATOR: char = '\u{1f}';

/// Several arguments as the key of a fact; `None` if one of them cannot be part of it.
#[must_use]
pub fn key(arguments: &[&str]) -> Option<String> {
    arguments.iter().all(|argument| !argument.contains(SEPARATOR)).then(|| arguments.join("\u{1f}"))
}

/// The arguments that a key was made from.
pub fn arguments(key: &str) -> impl Iterator<Item = &str> {
    key.split(SEPARATOR)
}

/// Seconds of a time such as `30m`, `12h`, `7d` or `2w`; `None` if it is none, or longer than ten years.
#[must_use]
pub fn period(text: &str) -> Option<i64> {
    let unit = match text.bytes().last()? {
        b'm' => 60,
        b'h' => 3600,
        b'd' => 86_400,
        b'w' => 7 * 86_400,
        _ => return None,
    };
    let digits = text.get(..text.len() - 1).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    let number: i64 = digits.parse().ok()?;
    number.checked_mul(unit).filter(|seconds| (1..=10 * 366 * 86_400).contains(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_give_back_what_they_were_made_from() {
        let made = key(&["category", "靴", "7d"]).unwrap();
        assert_eq!(arguments(&made).collect::<Vec<_>>(), ["category", "靴", "7d"]);
        assert_eq!(key(&["a\u{1f}b", "c"]), None);
    }

    #[test]
    fn periods_are_a_number_and_a_unit() {
        assert_eq!((period("30m"), period("12h"), period("7d")), (Some(1800), Some(43_200), Some(604_800)));
        for wrong in ["", "7", "d", "0d", "-1d", "+1d", "1.5d", "7日", "99999999999999999999d", "20000w", "7 d"] {
            assert_eq!(period(wrong), None, "{wrong}");
        }
    }
}
