//! The shop's sample customers. Anyone may log in as one of them: their passwords stand on the login page.

use super::locale::Text;

/// Somebody with an account.
#[derive(Debug)]
pub(super) struct Customer {
    /// Member number.
    pub(super) id: &'static str,
    /// Login.
    pub(super) email: &'static str,
    /// Their name.
    pub(super) name: Text,
    /// Their rank.
    pub(super) rank: Rank,
    /// `female` or `male`.
    pub(super) gender: &'static str,
    /// In years.
    pub(super) age: u32,
    /// Points at hand.
    pub(super) points: u32,
    /// A sentence on them, for the login page.
    pub(super) note: Text,
}

/// A customer's standing, the lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// Everyone.
    Regular,
    /// Those who come often.
    Silver,
    /// The best.
    Gold,
}

/// The password of all of them.
pub(super) const PASSWORD: &str = "noren";

/// All of them.
pub(super) static CUSTOMERS: &[Customer] = &[
    Customer {
        id: "1001",
        email: "hanako@example.com",
        name: Text::new("山田 花子", "Hanako Yamada"),
        rank: Rank::Silver,
        gender: "female",
        age: 38,
        points: 1240,
        note: Text::new("38歳・女性・銀のれん会員", "38, female, silver member"),
    },
    Customer {
        id: "1002",
        email: "kenji@example.com",
        name: Text::new("佐藤 健司", "Kenji Sato"),
        rank: Rank::Gold,
        gender: "male",
        age: 52,
        points: 5680,
        note: Text::new("52歳・男性・金のれん会員", "52, male, gold member"),
    },
    Customer {
        id: "1003",
        email: "emma@example.com",
        name: Text::new("エマ・ウィルソン", "Emma Wilson"),
        rank: Rank::Regular,
        gender: "female",
        age: 26,
        points: 80,
        note: Text::new("26歳・女性・一般会員", "26, female, regular member"),
    },
];

impl Customer {
    /// Who logs in with these; the e-mail address in any case.
    pub(super) fn authenticate(email: &str, password: &str) -> Option<&'static Self> {
        let customer = CUSTOMERS.iter().find(|customer| customer.email.eq_ignore_ascii_case(email.trim()));
        customer.filter(|_| password == PASSWORD)
    }
}

impl Rank {
    /// Its name in headers.
    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::Regular => "regular",
            Self::Silver => "silver",
            Self::Gold => "gold",
        }
    }

    /// Its name for people.
    pub(super) const fn name(self) -> Text {
        match self {
            Self::Regular => Text::new("一般会員", "Regular member"),
            Self::Silver => Text::new("銀のれん会員", "Silver member"),
            Self::Gold => Text::new("金のれん会員", "Gold member"),
        }
    }
}
