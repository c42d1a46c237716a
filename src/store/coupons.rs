//! Coupon codes: who has which, and that none is given twice.
//!
//! Decides nothing about when a code is offered. A code is somebody's from the moment that [`Coupons::reserve`] returns it.

use super::StoreError;
use crate::ids::{SiteId, VisitorId};
use async_trait::async_trait;
use jiff::Timestamp;
use std::sync::Arc;

/// Hands out codes.
#[async_trait]
pub trait Coupons: Send + Sync {
    /// Adds codes to a pool of the site, and says how many were new. One that the site has in any pool is left as it is.
    async fn add_codes(
        &self,
        site: &SiteId,
        pool: &str,
        codes: &[String],
        expires: Option<Timestamp>,
    ) -> Result<usize, StoreError>;

    /// Gives the holder their code of a pool: the one that they have, or else a fresh one. It is committed when this returns.
    /// `None`: there is none left, or theirs has expired or was redeemed: nobody has a second one.
    async fn reserve(&self, ask: &CodeAsk) -> Result<Option<Issued>, StoreError>;

    /// Whether [`Coupons::reserve`] would give a code now. Takes none.
    async fn can_give(&self, ask: &CodeAsk) -> Result<bool, StoreError>;

    /// Takes a step with a holder's code. Steps only lead forward, and taking one again changes nothing. Says whether it was taken.
    async fn mark(&self, ask: &CodeAsk, step: Step) -> Result<bool, StoreError>;

    /// Notes that a code was redeemed with an order; says whether it is one of ours that was not redeemed before. A code that is
    /// everybody's is redeemed once an order. Shops and people write codes in letters of either case.
    async fn redeemed(&self, site: &SiteId, code: &str, order: &str, at: Timestamp) -> Result<bool, StoreError>;

    /// Forgets which codes are a holder's; they stay taken, nobody knows by whom. Says how many they were.
    async fn disown(&self, site: &SiteId, holder: &Holder) -> Result<usize, StoreError>;

    /// How a pool stands.
    async fn pool(&self, site: &SiteId, pool: &str, at: Timestamp) -> Result<PoolState, StoreError>;

    /// All pools of which a code was added or asked for.
    async fn pools(&self) -> Result<Vec<(SiteId, String)>, StoreError>;
}

/// Who asks for a code, and of what supply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeAsk {
    /// The site.
    pub site: SiteId,
    /// Name of the pool.
    pub pool: Arc<str>,
    /// Who it is for.
    pub holder: Holder,
    /// Where fresh codes come from.
    pub supply: Supply,
    /// When. Two asks of one holder differ in it.
    pub at: Timestamp,
    /// When a fresh code ceases to hold, if it does not do so earlier by itself.
    pub expires: Option<Timestamp>,
}

/// Whose a code is: one each.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Holder {
    /// A browser's.
    Visitor(VisitorId),
    /// A member's, on whatever browser.
    Customer(Arc<str>),
}

/// Where a pool's fresh codes come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Supply {
    /// Codes that were added, each given once.
    Listed,
    /// Codes made as they are needed, so many at most: the pattern's `?` become letters or digits that are not mistaken for others.
    Pattern {
        /// Such as `NIGHT-????-????`.
        pattern: Arc<str>,
        /// The most that are given.
        limit: u64,
    },
    /// The same code for everybody, so many times at most.
    Fixed {
        /// The code.
        code: Arc<str>,
        /// The most holders.
        limit: u64,
    },
}

impl CodeAsk {
    /// A fresh code would not hold any more.
    pub(super) fn is_over(&self) -> bool {
        self.expires.is_some_and(|expires| expires <= self.at)
    }
}

/// A code that is the holder's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The code.
    pub code: Arc<str>,
    /// When it ceases to hold.
    pub expires: Option<Timestamp>,
    /// It was given just now.
    pub fresh: bool,
}

/// What becomes of a code that is somebody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing of it left the gateway: it goes back, if this very ask got it fresh and nothing else became of it. A code that was
    /// handed out again meanwhile, in the holder's other tab, stays theirs.
    Returned,
    /// It was on the holder's screen: it is theirs for good.
    Seen,
}

/// A pool in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PoolState {
    /// Codes that can still be given; `None` where there is no pool of that name.
    pub free: Option<u64>,
    /// Given.
    pub given: u64,
    /// Thereof seen.
    pub seen: u64,
    /// Thereof redeemed.
    pub redeemed: u64,
}

impl Holder {
    /// Its form in a backend.
    pub(super) fn key(&self) -> Vec<u8> {
        match self {
            Self::Visitor(visitor) => [b"v".as_slice(), &visitor.0].concat(),
            Self::Customer(id) => [b"c".as_slice(), id.as_bytes()].concat(),
        }
    }
}

/// A code as it is compared with one that was typed.
pub(super) fn folded(code: &str) -> String {
    code.trim().to_uppercase()
}

/// The earlier of two ends.
pub(super) fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

/// The coupons of a store that has none.
pub(super) struct NoCoupons;

#[async_trait]
impl Coupons for NoCoupons {
    async fn add_codes(&self, _: &SiteId, _: &str, _: &[String], _: Option<Timestamp>) -> Result<usize, StoreError> {
        Err(StoreError::Closed)
    }

    async fn reserve(&self, _: &CodeAsk) -> Result<Option<Issued>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn can_give(&self, _: &CodeAsk) -> Result<bool, StoreError> {
        Err(StoreError::Closed)
    }

    async fn mark(&self, _: &CodeAsk, _: Step) -> Result<bool, StoreError> {
        Err(StoreError::Closed)
    }

    async fn redeemed(&self, _: &SiteId, _: &str, _: &str, _: Timestamp) -> Result<bool, StoreError> {
        Err(StoreError::Closed)
    }

    async fn disown(&self, _: &SiteId, _: &Holder) -> Result<usize, StoreError> {
        Err(StoreError::Closed)
    }

    async fn pool(&self, _: &SiteId, _: &str, _: Timestamp) -> Result<PoolState, StoreError> {
        Err(StoreError::Closed)
    }

    async fn pools(&self) -> Result<Vec<(SiteId, String)>, StoreError> {
        Err(StoreError::Closed)
    }
}
