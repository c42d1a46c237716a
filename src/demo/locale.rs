//! The shop's two languages.

use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;

/// A language of the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Lang {
    /// Japanese, the shop's own.
    #[default]
    Ja,
    /// English.
    En,
}

/// A text in both languages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text {
    /// Japanese.
    pub(super) ja: &'static str,
    /// English.
    pub(super) en: &'static str,
}

impl Text {
    /// Pairs the two.
    pub(super) const fn new(ja: &'static str, en: &'static str) -> Self {
        Self { ja, en }
    }

    /// The text in one language.
    pub(super) const fn get(self, lang: Lang) -> &'static str {
        match lang {
            Lang::Ja => self.ja,
            Lang::En => self.en,
        }
    }
}

impl Lang {
    /// Its BCP 47 tag.
    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::Ja => "ja",
            Self::En => "en",
        }
    }

    /// The language of a tag, regions aside.
    pub(super) fn parse(tag: &str) -> Option<Self> {
        match tag.split('-').next() {
            Some(primary) if primary.eq_ignore_ascii_case("ja") => Some(Self::Ja),
            Some(primary) if primary.eq_ignore_ascii_case("en") => Some(Self::En),
            _ => None,
        }
    }

    /// The language a browser likes best among ours; Japanese if it names neither.
    pub(super) fn accepted(headers: &HeaderMap) -> Self {
        let mut best: Option<(f32, Self)> = None;
        for item in headers.get_all(ACCEPT_LANGUAGE).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(',')) {
            let mut parts = item.split(';').map(str::trim);
            let Some(lang) = parts.next().and_then(Self::parse) else { continue };
            let quality = quality(parts);
            if quality > 0.0 && best.is_none_or(|(found, _)| quality > found) {
                best = Some((quality, lang));
            }
        }
        best.map_or_else(Self::default, |(_, lang)| lang)
    }
}

/// The `q` among a header item's parameters; 1 if there is none, 0 if it makes no sense.
pub(super) fn quality<'a>(mut parameters: impl Iterator<Item = &'a str>) -> f32 {
    parameters
        .find_map(|p| p.strip_prefix("q=").or_else(|| p.strip_prefix("Q=")))
        .map_or(1.0, |q| q.trim().parse::<f32>().ok().filter(|q| (0.0..=1.0).contains(q)).unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn the_best_liked_of_our_languages_wins() {
        let accepted = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static(value));
            Lang::accepted(&headers)
        };
        assert_eq!(accepted("fr, en-GB;q=0.8, ja;q=0.5"), Lang::En);
        assert_eq!(accepted("en;q=0.3, ja-JP"), Lang::Ja);
        assert_eq!(accepted("en;q=0, fr"), Lang::Ja);
        assert_eq!(accepted("english;q=nan"), Lang::Ja);
    }
}
