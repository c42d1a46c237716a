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
            ("words.until", "まで"),
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
            ("words.until", "截止"),
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
            ("words.until", "까지"),
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
            ("words.until", "Until"),
            ("words.left", "Ends in"),
            ("words.days", "d"),
            ("words.new_tab", "opens in a new tab"),
        ],
    }
}
