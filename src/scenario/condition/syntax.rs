//! Says in plain words why a text is no condition.
//!
//! The parsers' own words are jargon, and point at where they gave up. Most mistakes are one of a few that can be seen
//! in the text itself: those are looked for first.

use super::parse::{MAX_DEPTH, MAX_TEXT, Unreadable};
use super::{ConditionProblem, Severity};
use std::ops::Range;

/// What is wrong with a text that could not be read.
pub(super) fn explain(text: &str, unreadable: Unreadable) -> Vec<ConditionProblem> {
    match unreadable {
        Unreadable::TooLong => vec![problem(
            0..text.len(),
            "too-long",
            format!("a condition of {} bytes is longer than {MAX_TEXT}", text.len()),
            Some("move parts of it into segments".into()),
        )],
        Unreadable::TooDeep => vec![problem(
            0..text.len(),
            "too-deep",
            format!("this condition is nested more than {MAX_DEPTH} levels deep"),
            Some("move parts of it into segments".into()),
        )],
        Unreadable::Syntax(_) if text.trim().is_empty() => {
            vec![problem(
                0..text.len(),
                "syntax",
                "the condition is empty".into(),
                Some("write `true` for always".into()),
            )]
        }
        Unreadable::Syntax(errors) => {
            let seen = mistakes(text);
            if seen.is_empty() {
                errors.first().map(|error| translated(text, error)).into_iter().collect()
            } else {
                seen
            }
        }
    }
}

fn problem(span: Range<usize>, code: &'static str, message: String, help: Option<String>) -> ConditionProblem {
    ConditionProblem { span, code, message, help, severity: Severity::Error }
}

/// Writing that is common elsewhere and wrong in CEL.
const SLIPS: &[(&str, &str)] = &[
    ("===", "`==`"),
    ("!==", "`!=`"),
    ("<>", "`!=`"),
    ("=>", "`>=`"),
    ("=<", "`<=`"),
    ("=~", "`.matches(\"…\")`"),
    ("=", "`==`"),
    ("&", "`&&`"),
    ("|", "`||`"),
    ("；", "`;` has no place here"),
    ("＝＝", "`==`"),
    ("＝", "`==`"),
    ("！＝", "`!=`"),
    ("！", "`!`"),
    ("≠", "`!=`"),
    ("≥", "`>=`"),
    ("≧", "`>=`"),
    ("≤", "`<=`"),
    ("≦", "`<=`"),
    ("＞", "`>`"),
    ("＜", "`<`"),
    ("＆＆", "`&&`"),
    ("＆", "`&&`"),
    ("｜｜", "`||`"),
    ("｜", "`||`"),
    ("（", "`(`"),
    ("）", "`)`"),
    ("，", "`,`"),
    ("、", "`,`"),
    ("．", "`.`"),
    ("。", "`.`"),
    ("“", "a straight quote `\"`"),
    ("”", "a straight quote `\"`"),
    ("‘", "a straight quote `'`"),
    ("’", "a straight quote `'`"),
    ("「", "a straight quote `\"`"),
    ("」", "a straight quote `\"`"),
    ("　", "an ordinary space"),
];

const OPERATORS: &[&str] = &["==", "!=", "<=", ">=", "&&", "||"];

const WORDS: &[(&str, &str)] = &[("and", "`&&`"), ("or", "`||`"), ("not", "`!`"), ("is", "`==`")];

/// Mistakes that can be seen without understanding the text.
fn mistakes(text: &str) -> Vec<ConditionProblem> {
    let mut found = Vec::new();
    let mut open: Vec<(char, usize)> = Vec::new();
    let mut at = 0;
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = text.get(at..).unwrap_or_default();
        match c {
            '"' | '\'' => match string_end(rest, c) {
                Some(length) => {
                    at += length;
                    continue;
                }
                None => {
                    let help = Some(format!("end the text with {}", if c == '"' { "`\"`" } else { "`'`" }));
                    found.push(problem(at..text.len(), "syntax", "this text in quotes never ends".into(), help));
                    return found;
                }
            },
            '(' | '[' | '{' => open.push((c, at)),
            ')' | ']' | '}' => match open.pop() {
                Some((opener, _)) if closing(opener) == c => {}
                Some((opener, from)) => {
                    let message = format!("`{opener}` is closed by `{c}`");
                    found.push(problem(
                        from..at + 1,
                        "syntax",
                        message,
                        Some(format!("close it with `{}`", closing(opener))),
                    ));
                    return found;
                }
                None => {
                    let help = Some("take it away, or open it before".to_owned());
                    found.push(problem(at..at + 1, "syntax", format!("this `{c}` closes nothing"), help));
                    return found;
                }
            },
            _ => {
                let skipped = slip(rest, at, &mut found);
                at += skipped.unwrap_or(c.len_utf8());
                continue;
            }
        }
        at += c.len_utf8();
    }
    if let Some((opener, from)) = open.pop() {
        let help = Some(format!("add `{}`", closing(opener)));
        found.push(problem(from..from + 1, "syntax", format!("this `{opener}` is never closed"), help));
    }
    found
}

/// Reports a slip that the rest of the text begins with; gives the length of what to skip.
fn slip(rest: &str, at: usize, found: &mut Vec<ConditionProblem>) -> Option<usize> {
    let longer = ["===", "!=="].iter().any(|slip| rest.starts_with(slip));
    if let Some(operator) = OPERATORS.iter().find(|operator| rest.starts_with(**operator)).filter(|_| !longer) {
        return Some(operator.len());
    }
    if let Some((written, meant)) = SLIPS.iter().find(|(written, _)| rest.starts_with(written)) {
        let message = format!("`{written}` means nothing here");
        found.push(problem(at..at + written.len(), "syntax", message, Some(format!("write {meant}"))));
        return Some(written.len());
    }
    let word = rest.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.')).next()?;
    if word.is_empty() {
        return None;
    }
    if let Some((written, meant)) = WORDS.iter().find(|(written, _)| word.eq_ignore_ascii_case(written)) {
        let message = format!("`{word}` is no operator");
        found.push(problem(at..at + written.len(), "syntax", message, Some(format!("write {meant}"))));
    }
    Some(word.len())
}

fn closing(opener: char) -> char {
    match opener {
        '(' => ')',
        '[' => ']',
        _ => '}',
    }
}

/// Length of a text in quotes that begins here; `None` if it does not end.
fn string_end(rest: &str, quote: char) -> Option<usize> {
    let triple: String = std::iter::repeat_n(quote, 3).collect();
    if let Some(inner) = rest.strip_prefix(&triple) {
        return inner.find(&triple).map(|end| end + 6);
    }
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\n' => return None,
            c if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// The parser's first error in other words.
fn translated(text: &str, (at, words): &(usize, String)) -> ConditionProblem {
    let at = (*at).min(text.len());
    let next = text.get(at..).unwrap_or_default();
    let token = next.split_whitespace().next().unwrap_or_default();
    // The parser may point at the blanks before.
    let start = at + next.len() - next.trim_start().len();
    let span = if token.is_empty() { trimmed_end(text) } else { start..start + token.len() };
    let (message, help) = if words.contains("recursion limit") || words.contains("OtherError") {
        return problem(
            0..text.len(),
            "too-deep",
            format!("this condition is nested more than {MAX_DEPTH} levels deep"),
            Some("move parts of it into segments".into()),
        );
    } else if words.contains("has() macro") {
        ("`has` asks for a fact with a dot in its name".to_owned(), Some("as in `has(customer.rank)`".to_owned()))
    } else if words.contains("unsupported syntax") {
        ("optional access is not supported".to_owned(), Some("ask `has(…)` before".to_owned()))
    } else if token.is_empty() {
        ("the condition ends too early".to_owned(), Some("something must follow the last operator".to_owned()))
    } else {
        (
            format!("`{token}` was not expected here"),
            Some("is an operator such as `&&` or `==` missing before it?".to_owned()),
        )
    };
    problem(span, "syntax", message, help)
}

/// The last word of a text.
fn trimmed_end(text: &str) -> Range<usize> {
    let end = text.trim_end().len();
    let start = text.get(..end).and_then(|body| body.rfind(char::is_whitespace)).map_or(0, |at| at + 1);
    let start = (start..=end).find(|at| text.is_char_boundary(*at)).unwrap_or(end);
    start..end
}
