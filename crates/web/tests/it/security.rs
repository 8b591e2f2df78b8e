//! What a hostile browser, a hostile page of another site and a hostile colleague try, and what comes of it.

mod asked;
mod csrf;
mod guessing;
mod objects;
mod sent_elsewhere;
mod sessions;
