//! Robots that name themselves in their user agent: crawlers, link previews, monitors, scanners and HTTP libraries.
//!
//! The one place that decides it. Robots that hide are not found here; what a person types (`curl`, `wget`) is no robot.

use aho_corasick::{AhoCorasick, AhoCorasickBuilder};
use std::sync::LazyLock;

/// Whether a user agent names itself a robot. One without a name is none.
#[must_use]
pub fn is_bot(user_agent: Option<&str>) -> bool {
    user_agent.is_some_and(|agent| names_a_robot(agent.as_bytes()))
}

/// The same of a header's bytes, which need not be text.
pub(super) fn names_a_robot(agent: &[u8]) -> bool {
    MATCHER.find_overlapping_iter(agent).any(|found| {
        let word = WORDS.get(found.pattern().as_usize());
        word.is_some_and(|word| word.stands_in(agent, found.start(), found.end()))
    })
}

/// A part of a robot's user agent, in lower case.
struct Word {
    text: &'static str,
    place: Place,
}

/// Where the text must stand to tell a robot.
#[derive(Clone, Copy)]
enum Place {
    /// Anywhere.
    Anywhere,
    /// Not followed by a letter: `Googlebot/2.1`, but not `Bottle`.
    EndOfWord,
    /// At the beginning: `Java/17`, but not `Mozilla/5.0 … Java/17`.
    Beginning,
}

impl Word {
    fn stands_in(&self, agent: &[u8], start: usize, end: usize) -> bool {
        match self.place {
            Place::Anywhere => true,
            Place::Beginning => start == 0,
            Place::EndOfWord => {
                let followed = agent.get(end).is_some_and(u8::is_ascii_alphabetic);
                // Cubot makes phones.
                let phone = agent.get(start.saturating_sub(2)..start).is_some_and(|by| by.eq_ignore_ascii_case(b"cu"));
                !followed && !phone
            }
        }
    }
}

/// Case-insensitive over bytes; built once, at the first request.
static MATCHER: LazyLock<AhoCorasick> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "fails only past limits that this table is far from")]
    AhoCorasickBuilder::new()
        .ascii_case_insensitive(true)
        .build(WORDS.iter().map(|word| word.text))
        .expect("the table of robots is a valid automaton")
});

const fn anywhere(text: &'static str) -> Word {
    Word { text, place: Place::Anywhere }
}

const fn end_of_word(text: &'static str) -> Word {
    Word { text, place: Place::EndOfWord }
}

const fn beginning(text: &'static str) -> Word {
    Word { text, place: Place::Beginning }
}

static WORDS: &[Word] = &[
    // What most crawlers call themselves: Googlebot, bingbot, Twitterbot, GPTBot, UptimeRobot, Baiduspider …
    end_of_word("bot"),
    end_of_word("bots"),
    anywhere("crawl"),
    anywhere("spider"),
    anywhere("scraper"),
    // A link to an explanation: only robots explain themselves.
    anywhere("+http"),
    // Search engines and what they run besides their crawler.
    anywhere("mediapartners-google"),
    anywhere("google-inspectiontool"),
    anywhere("googleother"),
    anywhere("google-extended"),
    anywhere("google-read-aloud"),
    anywhere("google-site-verification"),
    anywhere("google favicon"),
    anywhere("google-safety"),
    anywhere("google-adwords"),
    anywhere("googleimageproxy"),
    anywhere("feedfetcher"),
    anywhere("apis-google"),
    anywhere("bingpreview"),
    anywhere("microsoftpreview"),
    anywhere("yahoo! slurp"),
    anywhere("y!j-"),
    anywhere("yandeximages"),
    anywhere("yandexmetrika"),
    anywhere("yandexfavicons"),
    anywhere("yandexwebmaster"),
    anywhere("ia_archiver"),
    anywhere("heritrix"),
    anywhere("nutch"),
    beginning("yeti/"),
    anywhere("; yeti/"),
    anywhere("daumoa"),
    anywhere("ichiro/"),
    anywhere("hatena-favicon"),
    anywhere("hatenabookmark/"),
    anywhere("hatena::"),
    // Language models' fetchers that do not end in "bot".
    anywhere("chatgpt-user"),
    anywhere("claude-user"),
    anywhere("claude-web"),
    anywhere("anthropic-ai"),
    anywhere("perplexity-user"),
    anywhere("mistralai-user"),
    anywhere("cohere-ai"),
    anywhere("meta-externalagent"),
    anywhere("meta-externalfetcher"),
    // Link previews.
    anywhere("facebookexternalhit"),
    anywhere("facebookcatalog"),
    anywhere("line-poker"),
    anywhere("skypeuripreview"),
    anywhere("slack-imgproxy"),
    anywhere("vkshare"),
    anywhere("embedly"),
    anywhere("iframely"),
    anywhere("w3c_validator"),
    beginning("whatsapp/"),
    // Audits and monitors.
    anywhere("chrome-lighthouse"),
    anywhere("page speed"),
    anywhere("pagespeed"),
    anywhere("gtmetrix"),
    anywhere("ptst/"),
    anywhere("pingdom"),
    anywhere("statuscake"),
    anywhere("site24x7"),
    anywhere("newrelicpinger"),
    anywhere("datadogsynthetics"),
    anywhere("better uptime"),
    anywhere("check_http"),
    anywhere("elb-healthchecker"),
    anywhere("googlehc/"),
    anywhere("kube-probe"),
    anywhere("blackbox exporter"),
    beginning("prometheus/"),
    beginning("zabbix"),
    anywhere("screaming frog"),
    anywhere("ahrefssiteaudit"),
    // Scanners.
    anywhere("censysinspect"),
    anywhere("zgrab"),
    anywhere("masscan"),
    anywhere("nmap scripting"),
    anywhere("nikto"),
    anywhere("sqlmap"),
    anywhere("wpscan"),
    anywhere("nuclei"),
    anywhere("expanse"),
    // HTTP libraries.
    anywhere("python-requests"),
    anywhere("python-urllib"),
    anywhere("python-httpx"),
    anywhere("aiohttp"),
    anywhere("scrapy"),
    anywhere("go-http-client"),
    anywhere("libwww-perl"),
    anywhere("lwp::"),
    anywhere("www-mechanize"),
    anywhere("mechanize/"),
    anywhere("apache-httpclient"),
    anywhere("httpunit"),
    anywhere("jakarta commons"),
    anywhere("guzzlehttp"),
    anywhere("node-fetch"),
    anywhere("winhttprequest"),
    beginning("java/"),
    beginning("java-http-client"),
    beginning("okhttp/"),
    beginning("axios/"),
    beginning("got ("),
    beginning("undici"),
    beginning("reqwest/"),
    beginning("php/"),
    beginning("ruby"),
    beginning("faraday"),
    beginning("dart/"),
    beginning("postmanruntime"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn robots_are_known_by_their_own_words() {
        for agent in [
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0) Chrome/116.0 Safari/537.36",
            "AdsBot-Google (+http://www.google.com/adsbot.html)",
            "facebookexternalhit/1.1;line-poker/1.0",
            "Mozilla/5.0 (compatible; Y!J-BRW/1.0; https://www.yahoo-help.jp/app/answers/detail/p/595)",
            "TelegramBot (like TwitterBot)",
            "Mozilla/5.0 (compatible; Baiduspider/2.0)",
            "python-requests/2.31.0",
            "Java/17.0.2",
            "Mozilla/5.0 (Linux; Android 11) Chrome/109.0 Mobile Safari/537.36 Chrome-Lighthouse",
            "GPTBot",
        ] {
            assert!(is_bot(Some(agent)), "{agent}");
        }
    }

    #[test]
    fn people_are_not_taken_for_robots() {
        for agent in [
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36",
            "Mozilla/5.0 (Linux; Android 9; CUBOT X19 Build/PPR1) AppleWebKit/537.36 Chrome/96.0 Mobile Safari/537.36",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Line/13.20.0",
            "Mozilla/5.0 (Linux; Android 13) AppleWebKit/537.36 Instagram 312.0.0.0 Android",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/120.0 Safari/537.36",
            "Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 DuckDuckGo/7 Safari/605.1.15",
            "BottleShop/1.0 (iPhone)",
            "curl/8.5.0",
            "",
        ] {
            assert!(!is_bot(Some(agent)), "{agent}");
        }
        assert!(!is_bot(None));
    }

    #[test]
    fn every_word_is_lower_case_and_finds_itself() {
        for word in WORDS {
            assert_eq!(word.text, word.text.to_lowercase());
            assert!(is_bot(Some(word.text)), "{}", word.text);
        }
    }
}
