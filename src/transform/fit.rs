//! Whether markup can stand where an edit puts it, as far as that shows before any page is seen.

use super::outline::Tree;
use super::{Position, Target};

/// Elements that take certain others alone: what is open within one, and beside it.
const PARTS: &[(&str, &str, &str)] = &[
    ("head", "<head>", ""),
    ("body", "<body>", "<body>"),
    ("table", "<body><table>", "<body>"),
    ("caption", "<body><table><caption>", "<body><table>"),
    ("colgroup", "<body><table><colgroup>", "<body><table>"),
    ("thead", "<body><table><thead>", "<body><table>"),
    ("tbody", "<body><table><tbody>", "<body><table>"),
    ("tfoot", "<body><table><tfoot>", "<body><table>"),
    ("tr", "<body><table><tr>", "<body><table><tbody>"),
    ("td", "<body><table><tr><td>", "<body><table><tr>"),
    ("th", "<body><table><tr><th>", "<body><table><tr>"),
];

/// Whether there may be a page that this markup can be put into, as an edit says. Where there is none, browsers would drop a part
/// of it or put it elsewhere, so that it is never delivered.
#[must_use]
pub fn can_stand(html: &[u8], target: &Target, position: Position) -> bool {
    let inside = matches!(position, Position::Prepend | Position::Append);
    let place = |(_, within, beside): &(&str, &'static str, &'static str)| if inside { *within } else { *beside };
    let named = PARTS.iter().find(|(name, ..)| last_name(target).is_some_and(|last| last.eq_ignore_ascii_case(name)));
    let fits = |place: &str| Tree::behind(format!("<!doctype html>{place}").as_bytes()).stands(html);
    match named {
        Some(named) => fits(place(named)),
        // It may be any element.
        None => PARTS.iter().any(|part| fits(place(part))),
    }
}

/// The name of the elements that a selector matches, where it says it plainly.
fn last_name(target: &Target) -> Option<&str> {
    let (Target::First(selector) | Target::All(selector)) = target else { return Some("head") };
    let selector = selector.as_str();
    if selector.contains(['[', '(', ',']) {
        return None;
    }
    let last = selector.rsplit(|c: char| c.is_ascii_whitespace() || matches!(c, '>' | '+' | '~')).next()?;
    last.split(['.', '#', ':']).next().filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::Selector;

    #[test]
    fn markup_fits_where_browsers_leave_it_whole() {
        for (html, at, position, expected) in [
            ("<p>a</p>", "body", Position::Prepend, true),
            ("<tr><td>a</td></tr>", "body", Position::Prepend, false),
            ("<tr><td>a</td></tr>", "#cart tbody", Position::Append, true),
            ("<tr><td>a</td></tr>", "tr.last", Position::After, true),
            ("<tr><td>a</td></tr>", "tr", Position::Append, false),
            ("<tr><td>a</td></tr>", ".row", Position::After, true),
            ("<div>a</div>", "table > tr:first-child", Position::Before, false),
            ("<div>a</div>", "td", Position::Append, true),
            ("<table><div>a</div></table>", ".x", Position::After, false),
            ("<table><tr><td>a</td></tr></table>", "main", Position::Append, true),
            ("<link rel=\"icon\" href=\"/x\">", "head", Position::Append, true),
            ("<div>a</div>", "head", Position::Append, false),
            ("<select><option>a</option></select>", "form", Position::Append, true),
        ] {
            let target = Target::First(Selector::parse(at).unwrap());
            assert_eq!(can_stand(html.as_bytes(), &target, position), expected, "{html} {position:?} {at}");
        }
    }
}
