//! Fields that are never read, whoever names them.

use crate::config::reader::Table;
use std::ops::Range;

/// Words that are of a secret's name wherever they stand alone in it.
const WORDS: [&str; 21] = [
    "pass", "pwd", "passwd", "pw", "pin", "cvc", "cvc2", "cvv", "cvv2", "cvn", "csc", "otp", "totp", "pan", "iban",
    "ssn", "secret", "ccnum", "ccno", "cardno", "mynumber",
];
/// What a secret's name holds, when all signs are left out.
const PARTS: [&str; 19] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "cardnumber",
    "cardnum",
    "cardno",
    "creditcard",
    "ccnumber",
    "ccnum",
    "securitycode",
    "verificationvalue",
    "accountnumber",
    "bankaccount",
    "onetimecode",
    "パスワード",
    "暗証番号",
    "カード番号",
    "セキュリティコード",
];

/// Reports a name that looks like a secret's; answers whether it may be read.
pub(super) fn check(table: &Table<'_, '_>, name: &str, span: &Range<usize>) -> bool {
    let sound = !is_secret(name);
    if !sound {
        table.error(
            "secret-field",
            span.clone(),
            format!("`{name}` looks like a password, a card's number or another secret, which is never read"),
            Some("leave it out: a login is told by the answer that follows, an order by the shop's own page".into()),
        );
    }
    sound
}

fn is_secret(name: &str) -> bool {
    let lower = name.to_lowercase();
    let squashed: String = lower.chars().filter(|c| c.is_alphanumeric() || *c == 'ー').collect();
    words(name).iter().any(|word| WORDS.contains(&word.as_str())) || PARTS.iter().any(|part| squashed.contains(part))
}

/// `login_pass`, `loginPass`, `user[pass]` → its words, without the numbers at their ends.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && before.is_lowercase()) {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    let bare = words.iter().map(|word| word.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned());
    let bare: Vec<String> = bare.collect();
    words.extend(bare);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_names_and_other_fields_are_not_taken_for_them() {
        for name in [
            "password",
            "login_pass",
            "loginPass",
            "user[password]",
            "Passwd1",
            "card_number",
            "cardNumber",
            "credit-card[no]",
            "cc_num",
            "CVC",
            "cvv2",
            "pin",
            "otp",
            "payment[ccNumber]",
            "iban",
            "カード番号",
            "pass2",
            "security-code",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "product_id",
            "quantity",
            "compass",
            "company",
            "pants",
            "spin",
            "passenger",
            "card_id",
            "gift_card",
            "opinion",
            "pincode_area",
            "account",
            "keyword",
            "q",
            "variant[pattern]",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
