//! Which doctypes make browsers keep to the habits of old: there, a table does not end a paragraph.

use super::attributes::is_space;

/// Public identifiers of old, by how they begin.
const OLD: &[&str] = &[
    "-//advasoft ltd//dtd html 3.0 aswedit",
    "-//as//dtd html 3.0 aswedit",
    "-//ietf//dtd html",
    "-//metrius//dtd metrius",
    "-//microsoft//dtd internet explorer",
    "-//netscape comm. corp.//dtd",
    "-//o'reilly and associates//dtd html",
    "-//softquad",
    "-//spyglass//dtd html",
    "-//sq//dtd html 2.0 hotmetal",
    "-//sun microsystems corp.//dtd hotjava",
    "-//w3c//dtd html 3",
    "-//w3c//dtd html 4.0 frameset//",
    "-//w3c//dtd html 4.0 transitional//",
    "-//w3c//dtd html experimental",
    "-//w3c//dtd w3 html//",
    "-//w3o//dtd w3 html",
    "-//webtechs//dtd mozilla html",
];
/// Those that are of old only without a system identifier.
const OLD_ALONE: &[&str] = &["-//w3c//dtd html 4.01 frameset//", "-//w3c//dtd html 4.01 transitional//"];

/// Takes what stands between `<!doctype` and `>`.
pub(super) fn is_quirky(content: &[u8]) -> bool {
    let text = String::from_utf8_lossy(content).to_ascii_lowercase();
    let text = text.trim_start_matches(is_white);
    let (name, rest) = text.split_at(text.find(is_white).unwrap_or(text.len()));
    let rest = rest.trim_start_matches(is_white);
    if name != "html" {
        return true;
    }
    if rest.is_empty() {
        return false;
    }
    if let Some(rest) = rest.strip_prefix("system") {
        return quoted(rest)
            .is_none_or(|(system, _)| system == "http://www.ibm.com/data/dtd/v11/ibmxhtml1-transitional.dtd");
    }
    let Some((public, rest)) = rest.strip_prefix("public").and_then(quoted) else { return true };
    let begins = |list: &[&str]| list.iter().any(|start| public.starts_with(start));
    let rest = rest.trim_start_matches(is_white);
    let system = quoted(rest);
    (!rest.is_empty() && rest.starts_with(['"', '\'']) && system.is_none())
        || begins(OLD)
        || matches!(public, "html" | "-/w3c/dtd html 4.0 transitional/en")
        || (begins(OLD_ALONE) && system.is_none())
        || system.is_some_and(|(system, _)| system == "http://www.ibm.com/data/dtd/v11/ibmxhtml1-transitional.dtd")
}

/// A quoted text, and what follows it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start_matches(is_white);
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    text.get(1..)?.split_once(quote)
}

fn is_white(c: char) -> bool {
    u8::try_from(c).is_ok_and(is_space)
}
