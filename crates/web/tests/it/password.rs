//! A password hash that is cheap to make: tests sign many people in.

use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, Version};

/// The password of everybody in tests.
pub(crate) const PASSWORD: &str = "a good long password";

/// Its hash with the least memory that Argon2 takes.
pub(crate) fn cheap() -> String {
    let params = Params::new(8, 1, 1, None).unwrap();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2
        .hash_password_with_salt(PASSWORD.as_bytes(), b"saltsaltsaltsalt")
        .unwrap()
        .to_string()
}
