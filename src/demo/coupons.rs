//! The coupon codes that the shop accepts. Who is told of them is not the shop's business.

use super::customers::{Customer, Rank};
use super::locale::Text;

/// A code and what it is worth.
#[derive(Debug)]
pub(super) struct Coupon {
    /// As typed, in capitals.
    pub(super) code: &'static str,
    /// What it is for.
    pub(super) name: Text,
    /// Points on top.
    pub(super) points: u32,
    from: u32,
    rank: Option<Rank>,
    worth: Worth,
}

#[derive(Debug, Clone, Copy)]
enum Worth {
    Yen(u32),
    Percent(u32),
    Shipping,
}

/// Why a coupon does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The cart is below this sum.
    TooLittle(u32),
    /// The customer's rank is too low, or nobody is logged in.
    Rank,
}

static COUPONS: &[Coupon] = &[
    coupon(
        "HAJIMETE",
        "はじめての送料無料＋300ポイント",
        "First order: free delivery and 300 points",
        0,
        Worth::Shipping,
        300,
        None,
    ),
    coupon("MATANE500", "またのご来店 500円引き", "Welcome back: ¥500 off", 5000, Worth::Yen(500), 0, None),
    coupon(
        "OTSUKARE300",
        "今日もお疲れさま 300円引き",
        "Late-night thank you: ¥300 off",
        2000,
        Worth::Yen(300),
        0,
        None,
    ),
    coupon("CHOTTO10", "今だけ 10%引き", "10% off, just now", 0, Worth::Percent(10), 0, None),
    coupon("OKAERI800", "おかえりなさい 800円引き", "Good to see you again: ¥800 off", 6000, Worth::Yen(800), 0, None),
    coupon("SHUMATSU", "週末のお茶会 5%引き", "Weekend tea party: 5% off", 0, Worth::Percent(5), 0, None),
    coupon(
        "KIN1000",
        "金のれん会員さま 1,000円引き",
        "Gold members: ¥1,000 off",
        8000,
        Worth::Yen(1000),
        0,
        Some(Rank::Gold),
    ),
];

const fn coupon(
    code: &'static str,
    ja: &'static str,
    en: &'static str,
    from: u32,
    worth: Worth,
    points: u32,
    rank: Option<Rank>,
) -> Coupon {
    Coupon { code, name: Text::new(ja, en), points, from, rank, worth }
}

impl Coupon {
    /// The coupon of a code; capitals and surrounding blanks do not matter.
    pub(super) fn find(code: &str) -> Option<&'static Self> {
        COUPONS.iter().find(|coupon| coupon.code.eq_ignore_ascii_case(code.trim()))
    }

    /// Whether its terms are met.
    pub(super) fn check(&self, subtotal: u32, customer: Option<&Customer>) -> Result<(), Refusal> {
        if self.rank.is_some_and(|rank| customer.is_none_or(|customer| customer.rank < rank)) {
            return Err(Refusal::Rank);
        }
        if subtotal < self.from { Err(Refusal::TooLittle(self.from)) } else { Ok(()) }
    }

    /// What it takes off; never more than there is.
    pub(super) fn discount(&self, subtotal: u32) -> u32 {
        match self.worth {
            Worth::Yen(amount) => amount.min(subtotal),
            Worth::Percent(share) => subtotal * share / 100,
            Worth::Shipping => 0,
        }
    }

    /// Whether it makes delivery free.
    pub(super) const fn ships_free(&self) -> bool {
        matches!(self.worth, Worth::Shipping)
    }
}
