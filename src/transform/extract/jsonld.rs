//! Reads the JSON of `<script type="application/ld+json">` as shops really write it.

use super::text::decode;
use serde_json::Value;

/// Most documents in one script.
const MOST: usize = 16;

/// The documents in a script. What cannot be read even with leniency is left out.
pub(super) fn documents(script: &str) -> Vec<Value> {
    let bare = bare(script);
    let found = read(bare);
    if !found.is_empty() {
        return found;
    }
    let mended = mend(bare);
    let found = read(&mended);
    if !found.is_empty() {
        return found;
    }
    // Some templates escape the script as if it were text.
    read(&mend(&decode(bare)))
}

/// As many documents as can be read, one after the other.
fn read(text: &str) -> Vec<Value> {
    let documents = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    documents.map_while(Result::ok).filter(|value| value.is_object() || value.is_array()).take(MOST).collect()
}

/// Without the comment or section that hides a script from readers of long ago.
fn bare(script: &str) -> &str {
    let mut text = script.trim_start_matches('\u{FEFF}').trim();
    loop {
        let before = text.len();
        for opening in ["<!--", "//", "/*", "*/", "<![CDATA["] {
            text = text.strip_prefix(opening).unwrap_or(text).trim_start();
        }
        for closing in ["-->", "//", "/*", "*/", "]]>", ";"] {
            text = text.strip_suffix(closing).unwrap_or(text).trim_end();
        }
        if text.len() == before {
            return text;
        }
    }
}

/// Mends what strict readers refuse: line ends and other control characters in strings, commas before a closing bracket.
fn mend(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut in_string, mut escaped) = (false, false);
    for c in text.chars() {
        if in_string {
            let closes = c == '"' && !escaped;
            // Escapes that JSON does not know stand for the character itself.
            if escaped && !matches!(c, '"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't' | 'u') {
                out.pop();
            }
            escaped = c == '\\' && !escaped;
            out.push(if c.is_control() { ' ' } else { c });
            in_string = !closes;
            continue;
        }
        match c {
            '"' => in_string = true,
            '}' | ']' => {
                let kept = out.trim_end().len();
                if out.get(..kept).is_some_and(|kept| kept.ends_with(',')) {
                    out.truncate(kept - 1);
                }
            }
            _ => {}
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_is_read_as_shops_write_it() {
        let wanted = json!({"name": "a b"});
        for script in [
            r#"{"name":"a b"}"#,
            "\u{FEFF} <!-- {\"name\":\"a b\"} -->",
            "/* <![CDATA[ */ {\"name\":\"a b\"}; /* ]]> */",
            "//<![CDATA[\n{\"name\":\"a b\",}\n//]]>",
            "{\"name\":\"a\nb\"}",
            "{&quot;name&quot;:&quot;a b&quot;}",
            r#"{"name":"a\ b"}"#,
        ] {
            assert_eq!(documents(script), std::slice::from_ref(&wanted), "{script}");
        }
        assert_eq!(documents("{\"name\":\"a b\"}\n[{\"name\":\"a b\"}]").len(), 2);
        assert_eq!(documents(r#"{"a":"x,]","b":[1,2 , ],}"#), [json!({"a": "x,]", "b": [1, 2]})]);
    }

    #[test]
    fn what_is_no_json_is_nothing() {
        for script in ["", "null", "1", "{", "{name: 1}", "<p>", "\"", "\\", "{\"a\":\"\\"] {
            assert_eq!(documents(script), [] as [Value; 0], "{script}");
        }
        assert_eq!(documents(&"[".repeat(100_000)), [] as [Value; 0]);
    }
}
