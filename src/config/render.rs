//! Draws problems for people and for tools.
//!
//! The first line is `file:line:col: error[code]: message`, which editors and CI systems turn into links.

use super::diagnostic::{Problem, Problems, Severity};
use super::source::Sources;
use serde::Serialize;
use std::borrow::Cow;
use std::fmt::{self, Write};
use std::path::Path;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How problems are drawn.
#[derive(Debug, Clone, Copy)]
pub struct Style<'a> {
    /// Put before each path, so that it can be opened from where the reader stands.
    pub root: &'a Path,
    /// With ANSI colours: only on a terminal.
    pub colour: bool,
}

/// Draws all problems, an empty line between them.
#[must_use]
pub fn human(problems: &Problems, sources: &Sources, style: Style<'_>) -> String {
    let mut out = String::new();
    for (index, problem) in problems.0.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        // Writing to a String does not fail.
        let _ = draw(&mut out, problem, sources.get(&problem.file), style);
    }
    out
}

/// One problem as tools read it. Lines and columns count from 1, columns in characters; `end` is exclusive.
#[derive(Debug, Serialize)]
pub struct Record {
    /// Path, the root included.
    pub file: String,
    /// Line of the start; none for a problem of a whole file or folder.
    pub line: Option<usize>,
    /// Column of the start.
    pub col: Option<usize>,
    /// Where it ends.
    pub end: Option<End>,
    /// `error` or `warning`.
    pub severity: Severity,
    /// Stable code.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

/// Where a problem ends.
#[derive(Debug, Serialize)]
pub struct End {
    /// Line.
    pub line: usize,
    /// Column.
    pub col: usize,
}

/// All problems as tools read them.
#[must_use]
pub fn records(problems: &Problems, sources: &Sources, root: &Path) -> Vec<Record> {
    let record = |problem: &Problem| {
        let text = sources.get(&problem.file);
        let start = text.map(|text| position(text, problem.span.start));
        let end = text.map(|text| position(text, problem.span.end));
        Record {
            file: shown_path(root, &problem.file),
            line: start.as_ref().map(|at| at.line),
            col: start.as_ref().map(|at| at.col),
            end: end.map(|at| End { line: at.line, col: at.col }),
            severity: problem.severity,
            code: problem.code,
            message: problem.message.clone(),
            help: problem.help.clone(),
        }
    };
    problems.0.iter().map(record).collect()
}

const RED: &str = "\x1b[1;31m";
const YELLOW: &str = "\x1b[1;33m";
const BLUE: &str = "\x1b[1;34m";
const BOLD: &str = "\x1b[1m";
const PLAIN: &str = "\x1b[0m";

fn draw(out: &mut String, problem: &Problem, text: Option<&str>, style: Style<'_>) -> fmt::Result {
    let paint = |colour: &'static str| if style.colour { colour } else { "" };
    let plain = paint(PLAIN);
    let (word, colour) = match problem.severity {
        Severity::Error => ("error", paint(RED)),
        Severity::Warning => ("warning", paint(YELLOW)),
    };
    let bold = paint(BOLD);
    let place = text.map(|text| position(text, problem.span.start));
    write!(out, "{bold}{}:", shown_path(style.root, &problem.file))?;
    if let Some(at) = &place {
        write!(out, "{}:{}:", at.line, at.col)?;
    }
    writeln!(out, "{plain} {colour}{word}[{}]{plain}: {bold}{}{plain}", problem.code, inert(&problem.message))?;
    let mut margin = 5;
    if let (Some(at), Some(text)) = (place, text) {
        let frame = paint(BLUE);
        let number = at.line.to_string();
        margin = number.len().max(4) + 1;
        let excerpt = Excerpt::new(text, &at, problem.span.end, problem.code);
        writeln!(out, "{frame}{number:>width$} |{plain} {}", excerpt.line, width = margin - 1)?;
        let (indent, carets) = (excerpt.indent, "^".repeat(excerpt.width));
        writeln!(out, "{:margin$}{frame}|{plain} {:indent$}{colour}{carets}{plain}", "", "")?;
    }
    if let Some(help) = &problem.help {
        writeln!(out, "{:margin$}{bold}help:{plain} {}", "", inert(help))?;
    }
    Ok(())
}

/// A place as people count.
struct Position {
    line: usize,
    col: usize,
    /// Byte offset of the line's first character.
    line_start: usize,
    offset: usize,
}

fn position(text: &str, offset: usize) -> Position {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = text.get(..offset).unwrap_or_default();
    // A byte order mark is no column.
    let line_start = before.rfind('\n').map_or(if before.starts_with('\u{feff}') { 3 } else { 0 }, |at| at + 1);
    let line = 1 + before.bytes().filter(|byte| *byte == b'\n').count();
    let col = 1 + before.get(line_start..).unwrap_or_default().chars().count();
    Position { line, col, line_start, offset }
}

/// A line of source, cut to what fits a screen, and where the carets go.
struct Excerpt {
    line: String,
    indent: usize,
    width: usize,
}

/// Characters shown before a place in a long line, and in all.
const BEFORE: usize = 60;
const SHOWN: usize = 120;

impl Excerpt {
    fn new(text: &str, at: &Position, end: usize, code: &str) -> Self {
        let line = text.get(at.line_start..).unwrap_or_default();
        let line = line.split('\n').next().unwrap_or_default().trim_end_matches('\r');
        let line = &*conceal(line, code);
        let start = (at.offset - at.line_start).min(line.len());
        let (before, rest) = line.split_at_checked(start).unwrap_or((line, ""));
        let mut end = end.saturating_sub(at.line_start).clamp(start, line.len());
        while !line.is_char_boundary(end) {
            end += 1;
        }
        let (marked, after) = rest.split_at_checked(end - start).unwrap_or((rest, ""));

        let skipped = before.chars().count().saturating_sub(BEFORE);
        let before: String = before.chars().skip(skipped).collect();
        let before = if skipped > 0 { format!("…{}", inert(&before)) } else { inert(&before) };
        let marked: String = inert(marked).chars().take(SHOWN).collect();
        let room = SHOWN.saturating_sub(marked.chars().count());
        let mut tail: String = inert(after).chars().take(room).collect();
        if after.chars().count() > room {
            tail.push('…');
        }
        Self {
            indent: before.width(),
            width: marked.width().max(1),
            line: format!("{before}{marked}{tail}").trim_end().to_owned(),
        }
    }
}

/// The settings whose values may be secrets, how one begins, and what is complained of where a value was to be one.
const SECRETS: [&str; 3] = ["secret", "token", "encryption_key"];
const SECRET: &str = "whsec_";
const COMPLAINTS: [&str; 2] = ["bad-secret", "token-in-clear"];
/// What stands before a place where a secret is kept, or before its hash.
const HARMLESS: [&str; 2] = ["file:", "sha256:"];

/// A line without the secrets in it: what is wrong with one is told on terminals and in logs. Each character keeps its place.
fn conceal<'a>(line: &'a str, code: &str) -> Cow<'a, str> {
    // Wherever it is set: by a dotted key and within a table of one line, too.
    let set = |name: &str| {
        line.match_indices(name).find_map(|(at, _)| {
            let (before, rest) = line.split_at(at);
            let value = rest.strip_prefix(name)?.trim_start_matches([' ', '\t', '"', '\'']).strip_prefix('=')?;
            let is_whole = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '-');
            is_whole.then_some(line.len() - value.len())
        })
    };
    let begin = match SECRETS.into_iter().filter_map(set).min() {
        Some(begin) => begin,
        // A list goes over several lines.
        None if COMPLAINTS.contains(&code) || line.contains(SECRET) => 0,
        None => return line.into(),
    };
    let (name, value) = line.split_at(begin);
    let mut concealed = name.to_owned();
    for part in value.split_inclusive(['"', '\'']) {
        let is_harmless = HARMLESS.iter().any(|begins| part.starts_with(begins));
        concealed.extend(part.chars().map(|c| match c {
            '"' | '\'' | '[' | ']' | ',' => c,
            '!'..='~' if !is_harmless => '*',
            _ => c,
        }));
    }
    concealed.into()
}

/// Makes a text harmless on a terminal: what a file says must not move the cursor. Each character keeps a width of its own.
fn inert(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c == '\t' {
                ' '
            } else if c.width().is_none() {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

fn shown_path(root: &Path, file: &Path) -> String {
    let path = if root.as_os_str().is_empty() || root == Path::new(".") { file.to_owned() } else { root.join(file) };
    inert(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(text: &str, marked: &str) -> String {
        let file = Path::new("site.toml");
        let start = text.find(marked).unwrap();
        let mut problems = Problems::default();
        problems.error("some-code", file, start..start + marked.len(), "it is wrong", Some("mend it".into()));
        let mut sources = Sources::default();
        sources.insert(file, text.into());
        human(&problems, &sources, Style { root: Path::new("rules"), colour: false })
    }

    #[test]
    fn carets_stand_under_wide_characters() {
        insta::assert_snapshot!(drawn("# 一\nname = \"深夜\" # 感謝\n", "\"深夜\""), @r#"
        rules/site.toml:2:8: error[some-code]: it is wrong
           2 | name = "深夜" # 感謝
             |        ^^^^^^
             help: mend it
        "#);
        let text = drawn("'お疲れ様' = bad", "bad");
        assert!(text.contains(":1:10:") && text.contains("|              ^^^\n"), "{text}");
    }

    #[test]
    fn a_place_over_several_lines_is_marked_on_its_first() {
        assert!(drawn("when = '''a &&\n b'''\n", "'''a &&\n b'''").contains("|        ^^^^^^^\n"));
    }

    #[test]
    fn long_lines_and_control_characters_are_tamed() {
        let text = drawn(&format!("x = \"{}\u{1b}[31mbad{}\"", "a".repeat(5000), "b".repeat(5000)), "bad");
        assert!(text.len() < 600 && !text.contains('\u{1b}'), "{text}");
        let caret = text.lines().nth(2).unwrap().find('^').unwrap();
        let shown: String = text.lines().nth(1).unwrap().chars().skip(caret).take(3).collect();
        assert_eq!(shown, "bad");
    }

    #[test]
    fn secrets_are_not_shown() {
        insta::assert_snapshot!(drawn("secret = [\"whsec_b2xk\", 'file:/run/new']\n", "\"whsec_b2xk\""), @r#"
        rules/site.toml:1:11: error[some-code]: it is wrong
           1 | secret = ["**********", 'file:/run/new']
             |           ^^^^^^^^^^^^
             help: mend it
        "#);
        for line in [
            "token = tok9",
            "secret=\"tok9",
            "  encryption_key = 'a=tok9'",
            "  'whsec_tok9', # or",
            "secret = 'tok9",
            "imports.token = 'tok9'",
            "webhook = [{ name = 'a', \"secret\" = 'tok9' }]",
        ] {
            let text = drawn(line, "tok9");
            assert!(text.contains("****") && !text.contains("tok9"), "{text}");
        }
        assert_eq!(conceal("  'tok9',", "bad-secret"), "  '****',");
        assert!(drawn("name = 'token'", "token").contains("'token'"), "what only looks like one is shown");
    }

    #[test]
    fn tools_get_places_in_characters() {
        let mut problems = Problems::default();
        let file = Path::new("a.toml");
        problems.warning("w", file, 4..10, "m", None);
        let mut sources = Sources::default();
        sources.insert(file, "\u{feff}\n日本\n".into());
        let records = records(&problems, &sources, Path::new(""));
        assert_eq!(
            serde_json::to_string(&records).unwrap(),
            r#"[{"file":"a.toml","line":2,"col":1,"end":{"line":2,"col":3},"severity":"warning","code":"w","message":"m","help":null}]"#
        );
    }
}
