//! `[imports]` of `site.toml`: who may send members, orders and segments over HTTP.

use crate::config::reader::{Placed, Table};
use crate::config::settings::{REQUIRED, Section, setting};
use crate::site::imports::{ImportSettings, Token};
use std::sync::Arc;

/// `[imports]`.
pub(crate) static IMPORTS: Section = Section {
    file: "site.toml",
    header: "[imports]",
    help: "Imports over HTTP: `POST /PREFIX/import/customers` (or `orders`, `segments`) with `Authorization: Bearer TOKEN` and the CSV file as the \
           body, `Content-Type: text/csv`, in Shift_JIS with `; charset=Shift_JIS`. `?dry_run=1` only says what would come of it. The answer \
           is JSON: rows that are `new`, `changed`, the `same` and `bad`. Without this table there is no such path.",
    settings: &[
        setting(
            "token",
            "text",
            REQUIRED,
            "`file:PATH` of a file with the token in its first line, 16 characters or more, read anew for each import; or `sha256:` and the \
             token's SHA-256 in hexadecimal digits (`printf %s TOKEN | sha256sum`). Never the token itself.",
        ),
        setting("max_size", "size", "\"1GiB\"", "Largest import. What came before that is taken in stays."),
    ],
};

/// Largest import of a site that does not say.
const MAX_SIZE: u64 = 1 << 30;

/// Reads the table; `None` only where there were errors.
pub(super) fn read(table: Table<'_, '_>) -> Option<ImportSettings> {
    let mut table = table.documented(&IMPORTS);
    let text = table.string("token");
    if text.is_none() && !table.has("token") {
        table.missing("token", "the file in which it stands, `file:/run/secrets/import-token`");
    }
    let token = text.and_then(|text| token(&table, &text));
    let max_size = table.size("max_size", 1 << 10..=1 << 40).map_or(MAX_SIZE, |found| found.value);
    table.finish();
    Some(ImportSettings { token: token?, max_size })
}

fn token(table: &Table<'_, '_>, text: &Placed<String>) -> Option<Token> {
    if let Some(path) = text.value.strip_prefix("file:").map(str::trim) {
        if path.is_empty() {
            let help =
                "name the file in which the token stands: `token = \"file:/run/secrets/import-token\"`".to_owned();
            table.error("empty-path", text.span.clone(), "`token` names no file", Some(help));
            return None;
        }
        return Some(Token::File(Arc::new(path.into())));
    }
    if let Some(digits) = text.value.strip_prefix("sha256:") {
        let hash = hash(digits.trim());
        if hash.is_none() {
            let help = "write its 64 hexadecimal digits, as `printf %s TOKEN | sha256sum` prints them".to_owned();
            table.error("bad-hash", text.span.clone(), "this is no SHA-256", Some(help));
        }
        return hash.map(Token::Hash);
    }
    // Not quoted: it may be the token.
    let help = "put it in a file, `token = \"file:/run/secrets/import-token\"`, or write its hash, `token = \"sha256:…\"`; if it is in use, \
                make a new one"
        .to_owned();
    table.error("token-in-clear", text.span.clone(), "a token does not stand in a rule file itself", Some(help));
    None
}

fn hash(digits: &str) -> Option<[u8; 32]> {
    if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut hash = [0; 32];
    for (byte, at) in hash.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()?;
    }
    Some(hash)
}
