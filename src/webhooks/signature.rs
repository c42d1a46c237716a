//! Signs messages by the Standard Webhooks specification, version 1.0.0, symmetric scheme.

use crate::site::webhooks::SigningKey;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The value of `webhook-signature`: one signature a key, each of name, time of sending (Unix seconds) and body.
#[must_use]
pub fn sign(keys: &[SigningKey], id: &str, at: i64, body: &[u8]) -> String {
    let signatures: Vec<String> = keys.iter().map(|key| one(key, id, at, body)).collect();
    signatures.join(" ")
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn one(key: &SigningKey, id: &str, at: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.bytes()).expect("a key of any length");
    mac.update(format!("{id}.{at}.").as_bytes());
    mac.update(body);
    format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The message that the libraries of the specification sign in their tests.
    #[test]
    fn signature_is_the_one_of_the_specification() {
        let key = SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let signed = sign(std::slice::from_ref(&key), id, 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let both = sign(&[key.clone(), key], id, 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(both, format!("{signed} {signed}"));
    }
}
