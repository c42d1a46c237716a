//! Amounts as shops write them: `¥1,200`, `1.299,00 €`, `１，２００円（税込）`.

/// Signs and words that stand beside an amount of money.
const BEFORE: &[&str] = &["¥", "$", "€", "£", "₩", "₹", "฿", "jpy", "usd", "eur", "gbp", "cny", "krw", "twd", "rmb"];
const AFTER: &[&str] = &["円", "元", "원", "€", "$", "£", "zł", "kr", "jpy", "usd", "eur", "gbp", "cny", "krw", "twd"];
/// No shop's number is larger.
const LARGEST: f64 = 1e12;

/// Reads a number that a program wrote, or else one that a person did.
#[must_use]
pub fn machine(text: &str) -> Option<f64> {
    match text.trim().parse::<f64>() {
        Ok(number) => sound(number),
        Err(_) => human(text),
    }
}

/// Reads the amount in a text for people: the first number beside a currency's sign, else the first one.
#[must_use]
pub fn human(text: &str) -> Option<f64> {
    let text: String = text.chars().map(narrow).collect();
    let (mut first, mut rest) = (None, 0);
    while let Some(start) = text.get(rest..)?.find(|c: char| c.is_ascii_digit()).map(|at| rest + at) {
        let tail = text.get(start..)?;
        let length = extent(tail);
        let (before, after) = (text.get(..start)?, tail.get(length..)?);
        if let Some(number) = tail.get(..length).and_then(value) {
            let (number, has_currency) = beside(number, before, after);
            if has_currency {
                return sound(number);
            }
            first = first.or(Some(number));
        }
        rest = start + length;
    }
    first.and_then(sound)
}

/// A count: nothing below zero, no fraction.
#[must_use]
pub fn count(number: f64) -> Option<u32> {
    (number >= 0.0 && number <= f64::from(u32::MAX)).then_some(number as u32)
}

fn sound(number: f64) -> Option<f64> {
    (number.is_finite() && number.abs() <= LARGEST).then_some(number)
}

/// Full-width forms as ASCII; the signs that mean the same as one.
fn narrow(c: char) -> char {
    match c {
        '\u{FF01}'..='\u{FF5E}' => u32::from(c).checked_sub(0xFEE0).and_then(char::from_u32).unwrap_or(c),
        '￥' => '¥',
        '\u{2212}' => '-',
        '\u{3000}' | '\u{A0}' | '\u{202F}' | '\u{2009}' => ' ',
        '、' => ',',
        '’' => '\'',
        c => c.to_ascii_lowercase(),
    }
}

/// How much of a text that begins with a digit is one number.
fn extent(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
    let mut end = digits(0);
    while let Some(sign) = bytes.get(end) {
        let group = digits(end + 1);
        match sign {
            b'.' | b',' if group > 0 => end += 1 + group,
            b'\'' | b' ' if group == 3 && end <= 3 + 4 * 3 => end += 1 + group,
            _ => break,
        }
    }
    end
}

/// Tells groups of thousands from decimals.
fn value(text: &str) -> Option<f64> {
    let (dots, commas) = (text.matches('.').count(), text.matches(',').count());
    let decimal = match (text.rfind('.'), text.rfind(',')) {
        (Some(dot), Some(comma)) => Some(dot.max(comma)),
        (Some(dot), None) if dots == 1 && !is_group(text, dot) => Some(dot),
        (None, Some(comma)) if commas == 1 && !is_group(text, comma) => Some(comma),
        _ => None,
    };
    let digits = |part: &str| part.chars().filter(char::is_ascii_digit).collect::<String>();
    match decimal.and_then(|at| Some((text.get(..at)?, text.get(at + 1..)?))) {
        Some((whole, fraction)) => format!("{}.{}", digits(whole), digits(fraction)).parse().ok(),
        None => digits(text).parse().ok(),
    }
}

/// Whether what follows a separator is a group of thousands.
fn is_group(text: &str, at: usize) -> bool {
    text.len() - at - 1 == 3 && at <= 3 && !text.starts_with('0')
}

/// What stands beside a number: its minus sign is before or behind the currency's. Whether there is a currency.
fn beside(number: f64, before: &str, after: &str) -> (f64, bool) {
    let minus = |text: &'_ str| text.strip_suffix('-').map(str::len);
    let head = before.trim_end();
    let inner = minus(head).and_then(|end| head.get(..end)).unwrap_or(head).trim_end();
    let sign = BEFORE.iter().find_map(|sign| inner.strip_suffix(sign));
    let outer = sign.unwrap_or(inner);
    let stripped = if inner.len() < head.len() { Some(outer) } else { minus(outer).and_then(|end| outer.get(..end)) };
    // `A-12` is no less than nothing.
    let is_negative = stripped.is_some_and(|rest| !rest.ends_with(|c: char| c.is_alphanumeric()));
    let after = after.trim_start_matches([' ', '-', '.', ',']);
    let has_currency = sign.is_some() || AFTER.iter().any(|sign| after.starts_with(sign));
    (if is_negative { -number } else { number }, has_currency)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        for (text, wanted) in [
            ("¥1,200", 1200.0),
            ("￥１，２００（税込）", 1200.0),
            ("１，２００円（税込）", 1200.0),
            ("1.299,00 €", 1299.0),
            ("1 299,00 €", 1299.0),
            ("CHF 1'299.50", 1299.5),
            ("$12.50", 12.5),
            ("$1,234,567.89", 1_234_567.89),
            ("EUR 0,99", 0.99),
            ("0.125", 0.125),
            ("1.299 €", 1299.0),
            ("12,5 kg", 12.5),
            ("2点 1,980円", 1980.0),
            ("10%OFF ¥1,200", 1200.0),
            ("¥1,000 〜 ¥2,000", 1000.0),
            ("残り3点", 3.0),
            ("-¥500", -500.0),
            ("¥-500", -500.0),
            ("−500円", -500.0),
            ("A-12", 12.0),
            ("合計：12,345円 10点", 12345.0),
            ("5,-", 5.0),
            ("1.200,50 €", 1200.5),
            ("1.234.567", 1_234_567.0),
            ("-3", -3.0),
        ] {
            assert_eq!(human(text), Some(wanted), "{text}");
        }
        for text in ["", "円", "価格はお問い合わせください", "…", "-"] {
            assert_eq!(human(text), None, "{text}");
        }
    }

    #[test]
    fn what_a_program_wrote_is_not_guessed_at() {
        assert_eq!(machine("1.299"), Some(1.299));
        assert_eq!(machine("1299.0000"), Some(1299.0));
        assert_eq!((machine("free"), machine("￥1,200")), (None, Some(1200.0)));
        assert_eq!(machine(" 1,299 "), Some(1299.0));
        for text in ["NaN", "inf", "1e300", "9".repeat(400).as_str()] {
            assert_eq!(machine(text), None, "{text}");
        }
        assert_eq!((count(3.0), count(-1.0), count(1e11)), (Some(3), None, None));
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_strange(text in "\\PC{0,40}") {
            let _ = (machine(&text), human(&text));
        }
    }
}
