//! Patterns of paths: `/products/*`, `/blog/**`.

/// A path pattern: `*` stands for anything but `/`, `**` for anything. Behind `?` stand parameters that the query must have.
#[derive(Debug, Clone)]
pub struct PathPattern {
    text: Box<str>,
    /// Where the path ends.
    path: usize,
    /// Names and values; `*` stands for any but the empty one.
    query: Box<[(Box<str>, Box<str>)]>,
}

impl PathPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When it does not begin with `/` or `*`.
    pub fn parse(text: &str) -> Result<Self, InvalidPathPattern> {
        if !text.starts_with(['/', '*']) {
            return Err(InvalidPathPattern { text: text.to_owned() });
        }
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "*")));
        Ok(Self {
            path: path.len(),
            query: pairs.map(|(name, value)| (name.into(), value.into())).collect(),
            text: text.into(),
        })
    }

    /// Whether a page's path and query match.
    #[must_use]
    pub fn matches_page(&self, path: &str, query: &str) -> bool {
        self.matches(path)
            && self.query.iter().all(|(name, wanted)| {
                url::form_urlencoded::parse(query.as_bytes()).any(|(found, value)| {
                    found == **name && if **wanted == *"*" { !value.trim().is_empty() } else { value == **wanted }
                })
            })
    }

    /// Whether a path matches, whatever the query.
    ///
    /// Where the text fails to match, the last `*` takes one byte more, or, where that may not be, the last `**`. Earlier ones need
    /// never be tried again, so the time is bounded by the product of the lengths, whatever a visitor asks for.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let pattern = self.text.as_bytes().get(..self.path).unwrap_or_default();
        let path = path.as_bytes();
        let (mut p, mut at) = (0, 0);
        // Where to go on in the pattern and in the path, when the star has taken one byte more.
        let (mut star, mut stars) = (None, None);
        loop {
            match (pattern.get(p), path.get(at)) {
                (Some(b'*'), _) if pattern.get(p + 1) == Some(&b'*') => {
                    p += 2;
                    (star, stars) = (None, Some((p, at)));
                    continue;
                }
                (Some(b'*'), _) => {
                    p += 1;
                    star = Some((p, at));
                    continue;
                }
                (Some(wanted), Some(found)) if wanted == found => {
                    (p, at) = (p + 1, at + 1);
                    continue;
                }
                (None, None) => return true,
                _ => {}
            }
            let taken = |end: usize| path.get(end).is_some_and(|byte| *byte != b'/');
            (p, at) = match (star, stars) {
                (Some((next, end)), _) if taken(end) => {
                    star = Some((next, end + 1));
                    (next, end + 1)
                }
                (_, Some((next, end))) if end < path.len() => {
                    (star, stars) = (None, Some((next, end + 1)));
                    (next, end + 1)
                }
                _ => return false,
            };
        }
    }

    /// The pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// A path pattern that means nothing.
#[derive(Debug, Clone, thiserror::Error)]
#[error("`{text}` is no path pattern: it must begin with `/` or `*`")]
pub struct InvalidPathPattern {
    /// As written.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The plain meaning of a pattern, too slow to serve with.
    fn oracle(pattern: &str) -> regex::Regex {
        let source = regex::escape(pattern).replace(r"\*\*", ".*").replace(r"\*", "[^/]*");
        regex::Regex::new(&format!("^(?s:{source})$")).unwrap()
    }

    proptest::proptest! {
        #[test]
        fn path_patterns_mean_what_they_say(pattern in "[/*][a/*]{0,9}", path in "/[ab/]{0,14}") {
            let found = PathPattern::parse(&pattern).unwrap().matches(&path);
            proptest::prop_assert_eq!(found, oracle(&pattern).is_match(&path));
        }
    }

    #[test]
    fn a_pattern_with_a_query_wants_its_parameters_in_any_order() {
        let matches =
            |pattern: &str, query: &str| PathPattern::parse(pattern).unwrap().matches_page("/index.php", query);
        assert!(matches("/index.php?main_page=product_info", "x=1&main_page=product_info"));
        assert!(matches("/index.php?name=*&mode", "mode=%E3%81%82&name=a"));
        assert!(!matches("/index.php?name=*", "name=+&x=name"));
        assert!(!matches("/index.php?main_page=product_info", "main_page=product_info_x"));
        assert!(!matches("/other?", "") && matches("/*.php", "anything"));
    }
}
