//! The few words that actions say of their own accord, by language.

/// Names under which templates print them, and the words. English serves languages that are not here.
pub(super) fn for_language(language: &str) -> &'static [(&'static str, &'static str)] {
    match language {
        "ja" => &[
            ("words.close", "閉じる"),
            ("words.copy", "コピー"),
            ("words.copied", "コピーしました"),
            ("words.code", "クーポンコード"),
            ("words.coupon", "クーポン"),
            ("words.chat", "お問い合わせ"),
            ("words.left", "残り"),
            ("words.days", "日"),
            ("words.new_tab", "新しいタブで開きます"),
        ],
        "zh" => &[
            ("words.close", "关闭"),
            ("words.copy", "复制"),
            ("words.copied", "已复制"),
            ("words.code", "优惠码"),
            ("words.coupon", "优惠券"),
            ("words.chat", "在线咨询"),
            ("words.left", "剩余"),
            ("words.days", "天"),
            ("words.new_tab", "在新标签页中打开"),
        ],
        "ko" => &[
            ("words.close", "닫기"),
            ("words.copy", "복사"),
            ("words.copied", "복사했습니다"),
            ("words.code", "쿠폰 코드"),
            ("words.coupon", "쿠폰"),
            ("words.chat", "문의하기"),
            ("words.left", "남은 시간"),
            ("words.days", "일"),
            ("words.new_tab", "새 탭에서 열립니다"),
        ],
        _ => &[
            ("words.close", "Close"),
            ("words.copy", "Copy"),
            ("words.copied", "Copied"),
            ("words.code", "Coupon code"),
            ("words.coupon", "Coupon"),
            ("words.chat", "Chat with us"),
            ("words.left", "Ends in"),
            ("words.days", "d"),
            ("words.new_tab", "opens in a new tab"),
        ],
    }
}

/// A deadline as people say it: one at midnight is the day before.
pub(super) fn deadline(language: &str, until: jiff::civil::DateTime) -> String {
    let at_midnight = until.time() == jiff::civil::Time::midnight();
    let whole_day = at_midnight || (until.hour() == 23 && until.minute() == 59);
    let day = if at_midnight { until.date().yesterday().unwrap_or(until.date()) } else { until.date() };
    let (month, date) = (day.month(), day.day());
    let time = if whole_day { String::new() } else { format!(" {}:{:02}", until.hour(), until.minute()) };
    match language {
        "ja" => format!("{month}月{date}日{time}まで"),
        "zh" => format!("{month}月{date}日{time}截止"),
        "ko" => format!("{month}월 {date}일{time}까지"),
        _ => {
            const MONTHS: [&str; 12] =
                ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
            let month = usize::try_from(month - 1).ok().and_then(|n| MONTHS.get(n)).unwrap_or(&"");
            let time = if time.is_empty() { time } else { format!(",{time}") };
            format!("Until {month} {date}{time}")
        }
    }
}
