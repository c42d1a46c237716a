//! Tells robots that name themselves. Those that do not are not looked for: content never branches on a guess.

use http::{HeaderMap, header};

/// Words that robots and link previewers put into their user agents, in lower case. Command-line clients are no robots:
/// they are how people look at what the gateway does.
const WORDS: &[&str] = &[
    "bot/",
    "bot;",
    "bot ",
    "bot)",
    "-bot",
    "bot-",
    "robot",
    "googlebot",
    "crawl",
    "spider",
    "slurp",
    "archiver",
    "facebookexternalhit",
    "embedly",
    "bingpreview",
    "lighthouse",
    "google-inspectiontool",
    "googleother",
    "google-extended",
    "mediapartners-google",
    "feedfetcher",
    "apis-google",
    "yandeximages",
    "ichiro",
    "hatena::",
    "y!j-",
    "yeti/",
    "daum",
    "chatgpt-user",
    "claude-user",
    "perplexity-user",
    "meta-external",
    "bytespider",
    "scrapy",
    "uptimerobot",
    "pingdom",
    "statuscake",
    "site24x7",
    "ahrefs",
    "semrush",
    "skypeuripreview",
    "slack-imgproxy",
    "vkshare",
    "w3c_validator",
];

/// A phone's maker whose name ends like a robot's.
const INNOCENT: &[u8] = b"cubot";

/// Whether the user agent names itself a robot.
#[must_use]
pub fn is_bot(headers: &HeaderMap) -> bool {
    let Some(agent) = headers.get(header::USER_AGENT) else { return false };
    let agent = agent.as_bytes().to_ascii_lowercase();
    let names = |word: &[u8]| memchr::memmem::find(&agent, word).is_some();
    !names(INNOCENT) && (agent.ends_with(b"bot") || WORDS.iter().any(|word| names(word.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn named(agent: &'static str) -> bool {
        is_bot(&HeaderMap::from_iter([(header::USER_AGENT, HeaderValue::from_static(agent))]))
    }

    #[test]
    fn robots_that_say_so_are_believed() {
        assert!(named("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"));
        assert!(named(
            "Mozilla/5.0 (Linux; Android 6.0.1) AppleWebKit/537.36 Chrome/142 Mobile Safari/537.36 (compatible; Googlebot/2.1)"
        ));
        assert!(named("facebookexternalhit/1.1"));
        assert!(named("Mozilla/5.0 (compatible; Y!J-BRW/1.0)"));
        assert!(named("Twitterbot/1.0"));
        assert!(named("SomeBot"));
    }

    #[test]
    fn people_are_not_robots() {
        assert!(!named("curl/8.14.1"));
        assert!(!is_bot(&HeaderMap::new()));
        assert!(!named(
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
        ));
        assert!(!named(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari Line/15.1.0"
        ));
        assert!(!named(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Instagram 400.0.0"
        ));
        assert!(!named(
            "Mozilla/5.0 (Linux; Android 13; CUBOT P80) AppleWebKit/537.36 Chrome/142.0 Mobile Safari/537.36"
        ));
    }
}
