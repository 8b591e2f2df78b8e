//! Chat rooms that are reached by the address of a webhook or of a bot: Microsoft Teams, Google Chat, Discord, Telegram.
//!
//! What they have in common stands here once: what is told ([`card`]), how text of others is made harmless
//! ([`escape`]), and the guarded line to an address that a person entered ([`line`]). Each room owns the form of its
//! request and what its answers mean. None follows a redirect, keeps a state, or puts a part of its address into words.

mod card;
mod escape;
mod line;

pub mod discord;
pub mod google_chat;
pub mod teams;
pub mod telegram;
