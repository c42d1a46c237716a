//! Texts → the terms by which they are found: the same for products and for what visitors type.

use unicode_normalization::UnicodeNormalization as _;

/// Longest word of an alphabet that is told from others, in bytes.
const LONGEST_WORD: usize = 32;

/// One form for what is one word to people: width, case, accents, katakana or hiragana, the many signs for a long vowel.
pub(super) fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let decomposed = text.nfkd().filter(|c| !matches!(c, '\u{300}'..='\u{36F}'));
    for c in decomposed.nfc() {
        let before = out.chars().next_back();
        match c {
            // Katakana stands 96 places behind hiragana.
            'ァ'..='ヶ' | 'ヽ' | 'ヾ' => out.extend(char::from_u32(c as u32 - 0x60)),
            '-' | '‐' | '‑' | '–' | '—' | '―' | '−' | '~' | '〜' if before.is_some_and(is_kana) => {
                out.push('ー');
            }
            c => out.extend(c.to_lowercase()),
        }
    }
    out
}

/// The terms of a folded text: words of alphabets whole, the scripts that are written without spaces in pairs. Each character of
/// those begins one term, the last one alone.
pub(super) fn terms(folded: &str, mut take: impl FnMut(&str)) {
    let mut run: Option<(Kind, usize)> = None;
    for (at, c) in folded.char_indices().chain([(folded.len(), ' ')]) {
        let kind = kind_of(c);
        match run {
            Some((known, _)) if known == kind => {}
            _ => {
                if let Some((known, from)) = run {
                    run_terms(known, folded.get(from..at).unwrap_or_default(), &mut take);
                }
                run = (kind != Kind::Between).then_some((kind, at));
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    Pairs,
    Between,
}

fn run_terms(kind: Kind, run: &str, take: &mut impl FnMut(&str)) {
    if kind == Kind::Word {
        let mut end = run.len().min(LONGEST_WORD);
        while !run.is_char_boundary(end) {
            end -= 1;
        }
        take(run.get(..end).unwrap_or(run));
        return;
    }
    let mut starts = run.char_indices().map(|(at, _)| at).chain([run.len()]);
    let (mut first, mut second) = (starts.next(), starts.next());
    while let (Some(from), Some(_)) = (first, second) {
        let end = starts.next();
        take(run.get(from..end.unwrap_or(run.len())).unwrap_or_default());
        (first, second) = (second, end);
    }
}

fn kind_of(c: char) -> Kind {
    let is_han =
        matches!(c, '々' | '〆' | '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}');
    let is_hangul_or_thai = matches!(c, '\u{AC00}'..='\u{D7AF}' | '\u{E00}'..='\u{E7F}');
    if is_kana(c) || is_han || is_hangul_or_thai {
        Kind::Pairs
    } else if c.is_alphanumeric() {
        Kind::Word
    } else {
        Kind::Between
    }
}

/// Hiragana, or a katakana sign that has none.
fn is_kana(c: char) -> bool {
    matches!(c, '\u{3041}'..='\u{309F}' | '\u{30A0}'..='\u{30FF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let mut all = Vec::new();
        terms(&folded(text), |term| all.push(term.to_owned()));
        all
    }

    #[test]
    fn one_word_has_one_form_however_it_is_written() {
        for (forms, one) in [
            (&["コーヒー", "ｺｰﾋｰ", "こーひー", "コ−ヒ−", "コ-ヒ-"][..], "こーひー"),
            (&["ガラス", "ｶﾞﾗｽ", "がらす", "カ\u{3099}ラス"], "がらす"),
            (&["Café", "CAFE", "ｃａｆé", "cafe\u{301}"], "cafe"),
            (&["ヴァイオリン", "ｳﾞｧｲｵﾘﾝ"], "ゔぁいおりん"),
            (&["㈱", "(株)"], "(株)"),
        ] {
            for form in forms {
                assert_eq!(folded(form), one, "{form}");
            }
        }
        assert_eq!(folded("T-shirt"), "t-shirt", "a hyphen stays one among letters");
    }

    #[test]
    fn scripts_without_spaces_are_cut_into_pairs_and_others_into_words() {
        assert_eq!(found("お茶とTea cup 12"), ["お茶", "茶と", "と", "tea", "cup", "12"]);
        assert_eq!(found("茶"), ["茶"]);
        assert_eq!(found(" ,.!"), Vec::<String>::new());
    }
}
