//! What texts of visitors and shops mean: cleaned, bounded, never a card's number.

use super::body::Text;
use crate::commerce::bounded;
use encoding_rs::{Encoding, UTF_8};

/// Decodes a text. UTF-8 wins over the charset of the form: browsers' scripts send it whatever the page is written in.
pub(super) fn decode(text: &Text, charset: Option<&'static Encoding>) -> Option<String> {
    let (whole, cut) = match std::str::from_utf8(&text.bytes) {
        Ok(whole) => (Some(whole), false),
        // Cut within a character.
        Err(error) if text.cut && error.error_len().is_none() => {
            (text.bytes.get(..error.valid_up_to()).and_then(|bytes| std::str::from_utf8(bytes).ok()), true)
        }
        Err(_) => (None, text.cut),
    };
    if let Some(whole) = whole {
        return Some(whole.to_owned());
    }
    let (decoded, failed) = charset.unwrap_or(UTF_8).decode_without_bom_handling(&text.bytes);
    (!failed || (cut && charset.is_some())).then(|| decoded.into_owned())
}

/// A text as it may be kept; nothing if nothing is left of it, or if it may be a card's number.
pub(super) fn clean(text: &str) -> Option<String> {
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let text = bounded(&spaced);
    (!text.is_empty() && !holds_card_number(&text)).then_some(text)
}

/// Whether some digits in a text are a card's number: by issuer, length and check digit.
///
/// The check digit alone is right for one number in ten, and product codes (JAN) are as long as old cards' numbers.
pub(super) fn holds_card_number(text: &str) -> bool {
    let mut digits: Vec<u8> = Vec::new();
    let mut gap = false;
    for c in text.chars().chain([';']) {
        let digit = match c {
            '0'..='9' => Some(c as u32 - '0' as u32),
            '０'..='９' => Some(c as u32 - '０' as u32),
            _ => None,
        };
        match digit {
            Some(digit) => {
                digits.push(u8::try_from(digit).unwrap_or_default());
                gap = false;
            }
            // As they are printed: groups, with one sign between.
            None if !gap && !digits.is_empty() && matches!(c, ' ' | '-' | '\u{3000}' | '‐' | '－' | '−') => {
                gap = true;
            }
            None => {
                if is_card_number(&digits) {
                    return true;
                }
                digits.clear();
                gap = false;
            }
        }
    }
    false
}

fn is_card_number(digits: &[u8]) -> bool {
    let prefix = |length: usize| {
        digits.get(..length).unwrap_or_default().iter().fold(0_u32, |number, digit| number * 10 + u32::from(*digit))
    };
    let (two, three, four, length) = (prefix(2), prefix(3), prefix(4), digits.len());
    let issued = match two {
        40..=49 => matches!(length, 13 | 16 | 19),
        22..=27 => (2221..=2720).contains(&four) && length == 16,
        51..=55 => length == 16,
        34 | 37 => length == 15,
        35 => (3528..=3589).contains(&four) && (16..=19).contains(&length),
        30 => ((300..=305).contains(&three) || four == 3095) && (14..=19).contains(&length),
        36 | 38 | 39 => (14..=19).contains(&length),
        50 | 56..=58 | 60..=69 => (13..=19).contains(&length),
        _ => false,
    };
    issued && passes_luhn(digits) && !(length == 13 && is_article_number(digits))
}

fn passes_luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(*digit);
            if place % 2 == 0 { digit } else { digit * 2 - if digit > 4 { 9 } else { 0 } }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// JAN, EAN: thirteen digits, with a check digit of their own. No card has had so few for decades.
fn is_article_number(digits: &[u8]) -> bool {
    let sum: u32 =
        digits.iter().enumerate().map(|(place, digit)| u32::from(*digit) * if place % 2 == 0 { 1 } else { 3 }).sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use encoding_rs::{EUC_JP, SHIFT_JIS};

    #[test]
    fn card_numbers_are_dropped_and_product_codes_are_not() {
        for card in [
            "4111111111111111",
            "my card 4242 4242 4242 4242 please",
            "3530-1113-3330-0000",
            "378282246310005",
            "４１１１　１１１１　１１１１　１１１１",
            "6200000000000005",
        ] {
            assert_eq!(clean(card), None, "{card}");
        }
        // JAN codes, one of them with a right check digit by the other rule too; a variant's number; a telephone's.
        for code in
            ["4901777018888", "4902370517859", "39897499729985", "090-1234-5678", "4111111111111112", "20261122"]
        {
            assert_eq!(clean(code).as_deref(), Some(code));
        }
    }

    #[test]
    fn charset_of_the_form_is_used_where_a_text_is_not_utf_8() {
        let text = |bytes: &[u8]| Text { bytes: bytes.to_vec(), cut: false };
        assert_eq!(decode(&text("湯呑み".as_bytes()), Some(EUC_JP)).as_deref(), Some("湯呑み"));
        assert_eq!(decode(&text(&EUC_JP.encode("湯呑み").0), Some(EUC_JP)).as_deref(), Some("湯呑み"));
        assert_eq!(decode(&text(&SHIFT_JIS.encode("ｺｰﾋｰ").0), Some(SHIFT_JIS)).as_deref(), Some("ｺｰﾋｰ"));
        assert_eq!(decode(&text(&EUC_JP.encode("湯呑み").0), None), None);
        let cut = Text { bytes: "湯呑み".as_bytes()[..5].to_vec(), cut: true };
        assert_eq!(decode(&cut, None).as_deref(), Some("湯"));
    }
}
