//! The question whether a visitor may be remembered: a bar at the page's end with two answers of equal weight. It needs no script.

use super::escape;
use crate::transform::{Edit, Position, Selector, Target};
use bytes::Bytes;

/// The bar, made when a site's rules are loaded.
#[derive(Debug, Clone)]
pub struct Asking {
    target: Target,
    /// English serves languages that are not here.
    by_language: Vec<(&'static str, Bytes)>,
}

/// What the bar says: the question, the two answers, the name of the policy, what it is called by assistive technology.
const WORDS: &[(&str, [&str; 5])] = &[
    (
        "en",
        [
            "May we remember your visit, to show you offers that fit?",
            "Yes, you may",
            "No, thank you",
            "Privacy policy",
            "Privacy",
        ],
    ),
    (
        "ja",
        [
            "ご案内やクーポンのために、閲覧の記録を保存してもよろしいですか？",
            "許可する",
            "許可しない",
            "プライバシーポリシー",
            "プライバシーの確認",
        ],
    ),
    ("zh", ["为了向您提供合适的优惠，我们可以记录您的访问吗？", "同意", "不同意", "隐私政策", "隐私确认"]),
    ("ko", ["맞춤 혜택을 위해 방문 기록을 저장해도 될까요?", "동의", "거부", "개인정보 처리방침", "개인정보 확인"]),
];

impl Asking {
    /// Makes the bar of a site. `None` only if the page's end could not be named.
    #[must_use]
    pub fn new(prefix: &str, policy: Option<&str>) -> Option<Self> {
        let target = Target::First(Selector::parse("body").ok()?);
        let by_language = WORDS.iter().map(|(language, words)| (*language, bar(prefix, language, words, policy)));
        Some(Self { target, by_language: by_language.collect() })
    }

    /// The edit that asks in a language.
    #[must_use]
    pub fn edit(&self, language: &str) -> Edit {
        let own = self.by_language.iter().find(|(known, _)| *known == language);
        let html = own.or_else(|| self.by_language.first()).map(|(_, html)| html.clone()).unwrap_or_default();
        Edit { target: self.target.clone(), position: Position::Append, html }
    }
}

fn bar(prefix: &str, language: &str, words: &[&str; 5], policy: Option<&str>) -> Bytes {
    let [question, yes, no, policy_name, label] = words.map(|words| {
        let mut escaped = String::new();
        escape::text(&mut escaped, words);
        escaped
    });
    let link = policy.map_or_else(String::new, |address| {
        let mut href = String::new();
        escape::value(&mut href, address);
        format!(" <a class=\"{prefix}-more\" href=\"{href}\">{policy_name}</a>")
    });
    Bytes::from(format!(
        "<div class=\"{prefix} {prefix}-auto {prefix}-ask\" role=\"region\" aria-label=\"{label}\" lang=\"{language}\" \
         data-{prefix}=\"consent\"><p class=\"{prefix}-line\">{question}{link}</p><form class=\"{prefix}-answers\" method=\"post\" \
         action=\"/{prefix}/privacy\"><button class=\"{prefix}-answer\" name=\"do\" value=\"refuse\">{no}</button>\
         <button class=\"{prefix}-answer\" name=\"do\" value=\"allow\">{yes}</button></form></div>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bar_is_ascii_balanced_and_asks_in_the_pages_language() {
        let asking = Asking::new("gw", Some("/privacy?a=\"><script>")).unwrap();
        for (language, words) in WORDS {
            let html = asking.edit(language).html;
            assert!(html.is_ascii(), "{language}");
            let html = String::from_utf8(html.to_vec()).unwrap();
            assert!(html.contains(&format!("lang=\"{language}\"")) && !html.contains("<script>"), "{html}");
            let mut escaped = String::new();
            escape::text(&mut escaped, words[0]);
            assert!(html.contains(&escaped), "{html}");
        }
        assert_eq!(asking.edit("fr").html, asking.edit("en").html);
    }
}
